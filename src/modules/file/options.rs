use schemars::JsonSchema;
use serde::Deserialize;

use crate::modules::ArgumentError;
use crate::modules::args::{Flag, Mode, Text};

/// Makes, links or removes files and directories on the node, and sets their owner, group and mode. For contents see
/// `copy` and `template`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The file, directory or link.
    pub(super) path: Text,
    /// What it is to be. Default: what it is; with `recurse` a directory.
    pub(super) state: Option<FileState>,
    /// What a link points to (`link`, `hard`). For `link` it may be relative to the link's directory.
    pub(super) src: Option<Text>,
    /// Sets owner, group and mode of everything in a directory too. Default: false.
    #[serde(default)]
    pub(super) recurse: Flag,
    /// Makes a link although what it points to does not exist, or in the place of a file or an empty directory.
    /// Default: false.
    #[serde(default)]
    pub(super) force: Flag,
    /// When `path` is a symbolic link, works on what it points to (never for `absent`, `link`, `hard`). Default: true.
    #[serde(default = "yes")]
    pub(super) follow: Flag,
    /// Mode (`"0750"`, `u=rwX,go=rX`). Default: as it is; for something new what the umask leaves.
    pub(super) mode: Option<Mode>,
    /// Owner, as a name or a number. Default: as it is.
    pub(super) owner: Option<Text>,
    /// Group, as a name or a number. Default: as it is.
    pub(super) group: Option<Text>,
    /// For `touch`: what becomes of the access time. Default: `now`.
    pub(super) access_time: Option<Time>,
    /// For `touch`: what becomes of the modification time. Default: `now`.
    pub(super) modification_time: Option<Time>,
}

/// What a path is to be.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// Not there; a directory goes with all that is in it.
    Absent,
    /// A directory, made with its parents where it is missing.
    Directory,
    /// A file that is there already.
    File,
    /// Another name of the file `src`.
    Hard,
    /// A symbolic link to `src`.
    Link,
    /// A file, made empty where it is missing; its times are set.
    Touch,
}

/// What becomes of a file's time.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Time {
    /// It is set to the present.
    Now,
    /// It stays.
    Preserve,
}

fn yes() -> Flag {
    Flag(true)
}

impl FileState {
    /// Its name in playbooks.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Directory => "directory",
            Self::File => "file",
            Self::Hard => "hard",
            Self::Link => "link",
            Self::Touch => "touch",
        }
    }
}

impl File {
    /// Finds options that do not go together.
    pub(super) fn check_together(&self) -> Result<(), ArgumentError> {
        let links = matches!(self.state, Some(FileState::Link | FileState::Hard));
        if links && self.src.is_none() {
            return Err(ArgumentError::option("src", "say with `src` what the link points to"));
        }
        if !links && self.src.is_some() {
            return Err(ArgumentError::option(
                "src",
                "`src` is for `state: link` and `state: hard`",
            ));
        }
        if *self.recurse && !matches!(self.state, None | Some(FileState::Directory)) {
            return Err(ArgumentError::option("recurse", "`recurse` is for `state: directory`"));
        }
        let times = self.access_time.is_some() || self.modification_time.is_some();
        if times && self.state != Some(FileState::Touch) {
            return Err(ArgumentError::option("", "the times are for `state: touch`"));
        }
        if self.mode.as_ref().is_some_and(|mode| &**mode == "preserve") {
            return Err(ArgumentError::option(
                "mode",
                "`preserve` is for `copy`; give the mode of the file",
            ));
        }
        if self.state == Some(FileState::Absent) && self.path.trim_end_matches('/').is_empty() {
            return Err(ArgumentError::option(
                "path",
                "the root of the file system cannot be removed",
            ));
        }
        Ok(())
    }

    /// Whether a symbolic link stands for what it points to.
    pub(super) fn follows_links(&self) -> bool {
        *self.follow && !matches!(self.state, Some(FileState::Absent | FileState::Link | FileState::Hard))
    }

    /// Where on the node a link's target is.
    pub(super) fn source_path(&self) -> Option<String> {
        let src = self.src.as_deref()?;
        let folder = self.path.rsplit_once('/').map(|(folder, _)| folder);
        Some(match folder {
            Some(folder) if self.state == Some(FileState::Link) && !src.starts_with(['/', '~']) => {
                format!("{folder}/{src}")
            }
            _ => src.to_owned(),
        })
    }
}
