use schemars::JsonSchema;
use serde::Deserialize;

use crate::modules::ArgumentError;
use crate::modules::args::{Count, Flag, List, Presence, Text};
use crate::modules::group::check_name;

/// Sees to it that a user is on the node, with these groups, this home directory and this shell, or that he is not.
///
/// The password travels on standard input and is in no list of processes. The node needs the shadow utilities (useradd,
/// usermod, userdel).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The user's name.
    pub(super) name: Text,
    /// Whether he is there.
    #[serde(default)]
    pub(super) state: Presence,
    /// His number. Default: as it is; for a new user the next one that is free.
    pub(super) uid: Option<Count>,
    /// Allows a number that another user has. Default: false.
    #[serde(default)]
    pub(super) non_unique: Flag,
    /// His primary group, by name or number.
    pub(super) group: Option<Text>,
    /// Further groups; an empty list takes him out of all. Default: as they are.
    pub(super) groups: Option<List>,
    /// Adds him to `groups` and leaves him in the others. Default: false.
    #[serde(default)]
    pub(super) append: Flag,
    /// What is said of him (the GECOS field).
    pub(super) comment: Option<Text>,
    /// His home directory.
    pub(super) home: Option<Text>,
    /// His shell.
    pub(super) shell: Option<Text>,
    /// His password, encrypted as in the shadow file (the filter `password_hash` makes it); `*` or `!` for none.
    pub(super) password: Option<Text>,
    /// Sets the password of a user who is there already too (`always`), or of a new one only. Default: `always`.
    #[serde(default)]
    pub(super) update_password: Update,
    /// Locks the password, or unlocks it.
    pub(super) password_lock: Option<Flag>,
    /// Days after which the password has to be changed.
    pub(super) password_expire_max: Option<Count>,
    /// Days before which the password cannot be changed.
    pub(super) password_expire_min: Option<Count>,
    /// Days before the password expires on which he is warned.
    pub(super) password_expire_warn: Option<Count>,
    /// When the account expires: seconds since 1970; a negative number for never.
    pub(super) expires: Option<Text>,
    /// Makes the home directory where it is missing. Default: true.
    #[serde(default = "yes")]
    pub(super) create_home: Flag,
    /// Moves what is in the old home directory to the new one. Default: false.
    #[serde(default)]
    pub(super) move_home: Flag,
    /// What a new home directory is a copy of. Default: that of the node.
    pub(super) skeleton: Option<Text>,
    /// The umask of a new home directory. Default: that of the node.
    pub(super) umask: Option<Text>,
    /// Makes a new user one of the system, with a number from that range. Default: false.
    #[serde(default)]
    pub(super) system: Flag,
    /// The user of SELinux that stands for him.
    pub(super) seuser: Option<Text>,
    /// For `absent`: removes his home directory and his mail too. Default: false.
    #[serde(default)]
    pub(super) remove: Flag,
    /// For `absent`: removes him although he is logged in. Default: false.
    #[serde(default)]
    pub(super) force: Flag,
    /// The least number for a new user. Default: that of the node's `login.defs`.
    pub(super) uid_min: Option<Count>,
    /// The greatest number for a new user. Default: that of the node's `login.defs`.
    pub(super) uid_max: Option<Count>,
}

/// When a password is set.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Update {
    /// Whenever it is another one.
    #[default]
    Always,
    /// For a new user only.
    OnCreate,
}

fn yes() -> Flag {
    Flag(true)
}

impl User {
    /// Finds options that do not go together.
    pub(super) fn check_together(&self) -> Result<(), ArgumentError> {
        let refused = |option: &str, why: &str| Err(ArgumentError::option(option, why));
        check_name(&self.name)?;
        if *self.append && self.groups.is_none() {
            return refused("append", "`append` goes with `groups`");
        }
        if self
            .groups
            .iter()
            .flat_map(|groups| groups.iter())
            .any(|group| check_name(group).is_err())
        {
            return refused("groups", "this is not a list of groups");
        }
        for (option, value) in [
            ("comment", &self.comment),
            ("home", &self.home),
            ("shell", &self.shell),
            ("password", &self.password),
        ] {
            if value.as_ref().is_some_and(|value| value.contains([':', '\n'])) {
                return refused(option, "a colon or a line break cannot be in it");
            }
        }
        if let Some(mask) = &self.umask {
            if mask.is_empty() || mask.len() > 4 || !mask.bytes().all(|byte| (b'0'..=b'7').contains(&byte)) {
                return refused("umask", "a umask is an octal number such as \"027\"");
            }
            if !*self.create_home {
                return refused("umask", "`umask` is for a home directory, and `create_home` is false");
            }
        }
        match self.expiry() {
            Some(Err(())) => refused("expires", "this is no number of seconds"),
            _ => Ok(()),
        }
    }

    /// The day on which the account expires, counted from 1970; none for never.
    pub(super) fn expiry(&self) -> Option<Result<Option<i64>, ()>> {
        let text = self.expires.as_ref()?;
        let seconds = text.split('.').next().unwrap_or_default().trim().parse::<i64>();
        Some(
            seconds
                .map_err(drop)
                .map(|seconds| (seconds >= 0).then_some(seconds / 86400)),
        )
    }
}
