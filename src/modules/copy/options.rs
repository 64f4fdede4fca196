use schemars::JsonSchema;
use serde::Deserialize;

use crate::modules::ArgumentError;
use crate::modules::args::{Flag, Mode, Text};
use crate::modules::remote_file::check_validation;

/// Puts a file, a directory with all that is in it, or a text on the node. What is there already with the same content
/// is not sent; a new content is put in place in one step, so that nobody ever sees half of it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Copy {
    /// The file or directory. Without a full path it is looked for in `files/` of the role, beside the task's file and
    /// beside the playbook. A directory that ends in `/` means what is in it; without, the directory itself.
    pub(super) src: Option<Text>,
    /// A text to put into `dest`, instead of `src`. A list or a mapping is written as JSON.
    #[schemars(with = "Option<String>")]
    pub(super) content: Option<serde_json::Value>,
    /// The file or directory on the node. For a file: when it is a directory, or ends in `/`, the file's name in it.
    pub(super) dest: Text,
    /// `src` is on the node. Default: false.
    #[serde(default)]
    pub(super) remote_src: Flag,
    /// Keeps a file that is replaced under another name, with the time in it. Default: false.
    #[serde(default)]
    pub(super) backup: Flag,
    /// Replaces files that have another content. Default: true.
    #[serde(default = "yes")]
    pub(super) force: Flag,
    /// When `dest` is a symbolic link, replaces the file that it points to. Default: false, replaces the link.
    #[serde(default)]
    pub(super) follow: Flag,
    /// Mode of the files (`"0644"`, `u=rw,go=r`), or `preserve` for that of the source. Default: as it is; for a new file
    /// what the umask leaves of 0666.
    pub(super) mode: Option<Mode>,
    /// Mode of directories that are made. Default: what the umask leaves of 0777.
    pub(super) directory_mode: Option<Mode>,
    /// Owner of the files, as a name or a number. Default: as it is.
    pub(super) owner: Option<Text>,
    /// Group of the files, as a name or a number. Default: as it is.
    pub(super) group: Option<Text>,
    /// A command on the node that has to accept a new file before it is put in place; `%s` stands for its path.
    pub(super) validate: Option<Text>,
}

fn yes() -> Flag {
    Flag(true)
}

impl Copy {
    /// Finds options that do not go together.
    pub(super) fn check_together(&self) -> Result<(), ArgumentError> {
        match (&self.src, &self.content) {
            (None, None) => return Err(ArgumentError::option("", "say what to copy, with `src` or `content`")),
            (Some(_), Some(_)) => {
                return Err(ArgumentError::option(
                    "content",
                    "give either `src` or `content`, not both",
                ));
            }
            (None, Some(_)) if self.dest.ends_with('/') => {
                return Err(ArgumentError::option(
                    "dest",
                    "a text needs the full path of a file, without `/` at the end",
                ));
            }
            (None, Some(_)) if *self.remote_src => {
                return Err(ArgumentError::option("remote_src", "`remote_src` needs `src`"));
            }
            (None, Some(_)) if self.mode.as_ref().is_some_and(|mode| &**mode == "preserve") => {
                return Err(ArgumentError::option("mode", "`preserve` needs `src`"));
            }
            _ => {}
        }
        check_validation(self.validate.as_ref())
    }

    /// The text of `content`.
    pub(super) fn text(&self) -> Option<Vec<u8>> {
        self.content.as_ref().map(|content| match content {
            serde_json::Value::String(text) => text.clone().into_bytes(),
            serde_json::Value::Bool(true) => b"True".to_vec(),
            serde_json::Value::Bool(false) => b"False".to_vec(),
            // As Ansible writes them, so that a file of its is left as it is.
            other => crate::template::python_json(other).into_bytes(),
        })
    }
}
