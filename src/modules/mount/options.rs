use schemars::JsonSchema;
use serde::Deserialize;

use crate::modules::ArgumentError;
use crate::modules::args::{Flag, Text};

/// Sees to it what is mounted at a place on the node, now and after a boot (`/etc/fstab`).
///
/// When something cannot be mounted its new line is taken out of the file again, lest the next boot fail over it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// The mount point; `none` or `swap` for swap space.
    pub(super) path: Text,
    /// What is mounted. Needed for `mounted` and `present`.
    pub(super) src: Option<Text>,
    /// The type of its file system. Needed for `mounted` and `present`.
    pub(super) fstype: Option<Text>,
    /// Options. Default: `defaults`.
    pub(super) opts: Option<Text>,
    /// The fifth field of the file. Default: 0.
    #[serde(default = "zero")]
    #[schemars(default = "zero_text")]
    pub(super) dump: Text,
    /// The sixth: when it is looked over at boot. Default: 0.
    #[serde(default = "zero")]
    #[schemars(default = "zero_text")]
    pub(super) passno: Text,
    /// What it is to be.
    pub(super) state: Wish,
    /// The file. Default: `/etc/fstab`.
    #[serde(default = "default_fstab")]
    #[schemars(default = "default_fstab_name")]
    pub(super) fstab: Text,
    /// Mounts it at boot; `false` adds the option `noauto`. Default: true.
    #[serde(default = "yes")]
    pub(super) boot: Flag,
    /// Keeps the file as it was under another name, with the time in it. Default: false.
    #[serde(default)]
    pub(super) backup: Flag,
}

/// What is to be at a mount point.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Nothing: no line in the file, nothing mounted, no directory. Without such a line nothing is done.
    Absent,
    /// No line in the file; what is mounted stays.
    AbsentFromFstab,
    /// As `absent`, but the directory stays.
    AbsentMount,
    /// A line in the file, and it is mounted; the directory is made where it is missing.
    Mounted,
    /// A line in the file; what is mounted stays as it is.
    Present,
    /// Nothing is mounted; the file stays as it is.
    Unmounted,
    /// It is mounted anew, with `opts` where they are given; always a change.
    Remounted,
}

const FSTAB: &str = "/etc/fstab";

fn default_fstab() -> Text {
    Text(FSTAB.to_owned())
}

fn default_fstab_name() -> &'static str {
    FSTAB
}

fn zero() -> Text {
    Text("0".to_owned())
}

fn zero_text() -> &'static str {
    "0"
}

fn yes() -> Flag {
    Flag(true)
}

impl Mount {
    /// Finds options that do not go together.
    pub(super) fn check_together(&self) -> Result<(), ArgumentError> {
        if self.path.is_empty() || self.path.starts_with('-') {
            return Err(ArgumentError::option("path", "this is no mount point"));
        }
        if self.is_line_wanted() {
            for (option, value) in [("src", &self.src), ("fstype", &self.fstype)] {
                if value.is_none() {
                    return Err(ArgumentError::option(
                        option,
                        format!("`state: mounted` and `state: present` need `{option}`"),
                    ));
                }
            }
        }
        for (option, value) in [
            ("path", Some(&self.path)),
            ("src", self.src.as_ref()),
            ("fstype", self.fstype.as_ref()),
            ("opts", self.opts.as_ref()),
            ("dump", Some(&self.dump)),
            ("passno", Some(&self.passno)),
        ] {
            if value.is_some_and(|value| value.contains(['\n', '\t'])) {
                return Err(ArgumentError::option(option, "a line break or a tab cannot be in it"));
            }
        }
        Ok(())
    }

    pub(super) fn is_line_wanted(&self) -> bool {
        matches!(self.state, Wish::Mounted | Wish::Present)
    }

    pub(super) fn is_line_unwanted(&self) -> bool {
        matches!(self.state, Wish::Absent | Wish::AbsentFromFstab | Wish::AbsentMount)
    }

    /// The mount point as the kernel has it.
    pub(super) fn point(&self) -> &str {
        let trimmed = self.path.trim_end_matches('/');
        if trimmed.is_empty() { &self.path } else { trimmed }
    }

    /// The options as the file has them.
    pub(super) fn line_options(&self) -> String {
        let opts = self.opts.as_deref().unwrap_or("defaults");
        if *self.boot || opts.split(',').any(|option| option == "noauto") {
            opts.to_owned()
        } else {
            format!("{opts},noauto")
        }
    }
}
