use schemars::JsonSchema;
use serde::Deserialize;

use crate::modules::ArgumentError;
use crate::modules::args::{Flag, List, Mode, Text};

/// Unpacks an archive on the node: one of tar, however compressed (what the node's GNU tar knows), or a zip archive (with
/// the node's unzip).
///
/// What is unpacked already is not unpacked again: tar and unzip compare. An archive of this machine of more than 64 KB is
/// sent for that each time; `creates` spares it where it can tell.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unarchive {
    /// The archive. Without a full path it is looked for in `files/` of the role, beside the task's file and beside the
    /// playbook. With `remote_src` a file of the node, or an address (`https://…`) that the node fetches it from.
    pub(super) src: Text,
    /// The directory on the node to unpack it into; it has to be there.
    pub(super) dest: Text,
    /// `src` is on the node, or an address. Default: false.
    #[serde(default)]
    pub(super) remote_src: Flag,
    /// Does nothing when this is there.
    pub(super) creates: Option<Text>,
    /// Owner of all that is in the archive. Default: as the archive has it.
    pub(super) owner: Option<Text>,
    /// Group of all that is in the archive. Default: as the archive has it.
    pub(super) group: Option<Text>,
    /// Mode of all that is in the archive, directories too: `u=rwX,go=rX` suits both. Default: as the archive has it.
    pub(super) mode: Option<Mode>,
    /// Patterns of names that are left out.
    #[serde(default)]
    pub(super) exclude: List,
    /// Names that are unpacked, and nothing else. Default: everything.
    #[serde(default)]
    pub(super) include: List,
    /// Options for tar or unzip, each a word of its own.
    #[serde(default)]
    pub(super) extra_opts: List,
    /// Leaves files alone that are newer than those of the archive. Default: false.
    #[serde(default)]
    pub(super) keep_newer: Flag,
    /// Names in the result's `files` what is in the archive. Default: false.
    #[serde(default)]
    pub(super) list_files: Flag,
    /// Checks the server's certificate where `src` is an address. Default: true.
    #[serde(default = "yes")]
    pub(super) validate_certs: Flag,
}

fn yes() -> Flag {
    Flag(true)
}

impl Unarchive {
    /// Finds options that do not go together.
    pub(super) fn check_together(&self) -> Result<(), ArgumentError> {
        if self.dest.is_empty() {
            return Err(ArgumentError::option("dest", "name a directory"));
        }
        if self.src.contains("://") && !*self.remote_src {
            return Err(ArgumentError::option(
                "src",
                "this is an address: the node fetches it with `remote_src: true`",
            ));
        }
        if !self.exclude.is_empty() && !self.include.is_empty() {
            return Err(ArgumentError::option("exclude", "give either `include` or `exclude`"));
        }
        let is_option = |name: &String| name.starts_with('-');
        if self.include.iter().any(is_option) {
            return Err(ArgumentError::option(
                "include",
                "a name cannot begin with `-`: write `./-x`",
            ));
        }
        Ok(())
    }
}
