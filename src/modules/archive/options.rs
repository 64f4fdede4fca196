use schemars::JsonSchema;
use serde::Deserialize;

use crate::modules::ArgumentError;
use crate::modules::args::{Flag, List, Mode, Text};

/// How it is packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    /// tar, through gzip.
    #[default]
    Gz,
    /// tar, through bzip2.
    Bz2,
    /// tar, through xz.
    Xz,
    /// tar alone.
    Tar,
    /// zip.
    Zip,
}

impl Format {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gz => "gz",
            Self::Bz2 => "bz2",
            Self::Xz => "xz",
            Self::Tar => "tar",
            Self::Zip => "zip",
        }
    }
}

/// Packs files and directories of the node into an archive there; a single file is compressed and not packed.
///
/// An archive that holds the same already stays as it is; times of files do not count for that.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// Files and directories, with `*`, `?` and `[…]`. A directory with `/` at its end means what is in it.
    pub(super) path: List,
    /// The archive. Default, for a single path: the path with the format's ending.
    pub(super) dest: Option<Text>,
    /// How it is packed. Default: gz.
    #[serde(default)]
    pub(super) format: Format,
    /// Paths that are left out, with `*`, `?` and `[…]`.
    #[serde(default)]
    pub(super) exclude_path: List,
    /// Patterns of full paths that are left out, at any depth; `*` stands for `/` too.
    #[serde(default)]
    pub(super) exclusion_patterns: List,
    /// Packs a single file too, instead of only compressing it. Default: false.
    #[serde(default)]
    #[expect(clippy::struct_field_names, reason = "as Ansible calls it")]
    pub(super) force_archive: Flag,
    /// Removes what was packed. Default: false.
    #[serde(default)]
    pub(super) remove: Flag,
    /// Mode of the archive. Default: as it is; for a new one what the umask leaves of 0666.
    pub(super) mode: Option<Mode>,
    /// Owner of the archive. Default: as it is.
    pub(super) owner: Option<Text>,
    /// Group of the archive. Default: as it is.
    pub(super) group: Option<Text>,
}

impl Archive {
    /// Finds options that do not go together.
    pub(super) fn check_together(&self) -> Result<(), ArgumentError> {
        let Some(first) = self.path.first() else {
            return Err(ArgumentError::option("path", "name what is to be packed"));
        };
        let has_wildcard = first.contains(['*', '?', '[']);
        if self.dest.is_none() && (self.path.len() > 1 || has_wildcard) {
            return Err(ArgumentError::option(
                "dest",
                "it is needed, as there may be more than one path",
            ));
        }
        let mut words = self
            .path
            .iter()
            .chain(self.exclude_path.iter())
            .chain(self.exclusion_patterns.iter());
        if words.any(|path| path.contains('\n')) {
            return Err(ArgumentError::option("path", "a path holds a line break"));
        }
        if self.remove.0 && (!self.exclude_path.is_empty() || !self.exclusion_patterns.is_empty()) {
            return Err(ArgumentError::option(
                "remove",
                "it would remove what is left out, too: remove it with `file` in a task behind this one",
            ));
        }
        if self.remove.0
            && self
                .path
                .iter()
                .any(|path| matches!(path.trim_end_matches('/'), "" | "~" | "*"))
        {
            return Err(ArgumentError::option("remove", "this would remove everything"));
        }
        Ok(())
    }
}
