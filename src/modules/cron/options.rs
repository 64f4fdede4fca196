use schemars::JsonSchema;
use serde::Deserialize;

use crate::modules::ArgumentError;
use crate::modules::args::{Flag, Presence, Text};

/// Sees to it that cron runs a command at certain times, or that a variable is set in a table of cron.
///
/// A job is found again by the comment with its name above it, which is Ansible's: jobs that Ansible made are known.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cron {
    /// What the job is called; with `env` the variable's name.
    pub(super) name: Text,
    /// Whether it is there.
    #[serde(default)]
    pub(super) state: Presence,
    /// The command; with `env` the variable's value. Needed unless `state` is `absent`.
    pub(super) job: Option<Text>,
    /// Whose table it is; with `cron_file` the user whom the job runs as. Default: the user who is logged in.
    pub(super) user: Option<Text>,
    /// A file of tables instead of a user's table: a name in `/etc/cron.d` or a full path. Needs `user`.
    #[serde(rename = "cron_file")]
    pub(super) table_file: Option<Text>,
    /// Minute. Default: `*`.
    #[serde(default = "any")]
    #[schemars(default = "any_text")]
    pub(super) minute: Text,
    /// Hour. Default: `*`.
    #[serde(default = "any")]
    #[schemars(default = "any_text")]
    pub(super) hour: Text,
    /// Day of the month. Default: `*`.
    #[serde(default = "any")]
    #[schemars(default = "any_text")]
    pub(super) day: Text,
    /// Month. Default: `*`.
    #[serde(default = "any")]
    #[schemars(default = "any_text")]
    pub(super) month: Text,
    /// Day of the week: 0 to 6 from Sunday on. Default: `*`.
    #[serde(default = "any")]
    #[schemars(default = "any_text")]
    pub(super) weekday: Text,
    /// A time by its name instead of the five.
    pub(super) special_time: Option<Special>,
    /// Leaves the job in the table as a comment. Default: false.
    #[serde(default)]
    pub(super) disabled: Flag,
    /// It is about a variable, not a job. Default: false.
    #[serde(default)]
    pub(super) env: Flag,
    /// With `env`: behind which variable a new one goes. Default: it becomes the first line.
    pub(super) insertafter: Option<Text>,
    /// With `env`: before which variable a new one goes.
    pub(super) insertbefore: Option<Text>,
    /// Keeps the table as it was under another name: beside a `cron_file`, in `/tmp` for a user's. Default: false.
    #[serde(default)]
    pub(super) backup: Flag,
}

/// Times that have a name.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Special {
    /// After each boot.
    Reboot,
    /// Once a year.
    Yearly,
    /// Once a year.
    Annually,
    /// Once a month.
    Monthly,
    /// Once a week.
    Weekly,
    /// Once a day.
    Daily,
    /// Once an hour.
    Hourly,
}

impl Special {
    fn name(self) -> &'static str {
        match self {
            Self::Reboot => "reboot",
            Self::Yearly => "yearly",
            Self::Annually => "annually",
            Self::Monthly => "monthly",
            Self::Weekly => "weekly",
            Self::Daily => "daily",
            Self::Hourly => "hourly",
        }
    }
}

fn any() -> Text {
    Text("*".to_owned())
}

fn any_text() -> &'static str {
    "*"
}

impl Cron {
    fn times(&self) -> [&Text; 5] {
        [&self.minute, &self.hour, &self.day, &self.month, &self.weekday]
    }

    /// Finds options that do not go together.
    pub(super) fn check_together(&self) -> Result<(), ArgumentError> {
        let refused = |option: &str, why: &str| Err(ArgumentError::option(option, why));
        if self.name.contains('\n') || (*self.env && self.name.contains([' ', '='])) {
            return refused("name", "this cannot be the name");
        }
        if self.special_time.is_some() && self.times().iter().any(|time| &***time != "*") {
            return refused(
                "special_time",
                "give either `special_time` or minute, hour and so on, not both",
            );
        }
        if self
            .times()
            .iter()
            .any(|time| time.is_empty() || time.contains(char::is_whitespace))
        {
            return refused("", "a time is one word, such as `*/5`");
        }
        if self.insertafter.is_some() && self.insertbefore.is_some() {
            return refused("insertbefore", "give either `insertafter` or `insertbefore`, not both");
        }
        if (self.insertafter.is_some() || self.insertbefore.is_some()) && !*self.env {
            return refused("insertafter", "`insertafter` and `insertbefore` are for `env: true`");
        }
        if self.table_file.as_deref() == Some("/etc/crontab") {
            return refused(
                "cron_file",
                "/etc/crontab belongs to the system: take a file in /etc/cron.d",
            );
        }
        if self.state == Presence::Present {
            if self.job.is_none() {
                return refused("job", "say with `job` what is run, or what the variable holds");
            }
            if self.table_file.is_some() && self.user.is_none() {
                return refused("user", "a `cron_file` needs the `user` whom the job runs as");
            }
        }
        if self
            .job
            .as_ref()
            .is_some_and(|job| job.trim_matches(['\r', '\n']).contains('\n'))
        {
            return refused("job", "a job is one line");
        }
        if self
            .user
            .as_ref()
            .is_some_and(|user| user.is_empty() || user.starts_with('-'))
        {
            return refused("user", "this is no user");
        }
        Ok(())
    }

    /// The path of a file of tables.
    pub(super) fn file(&self) -> Option<String> {
        let file = self.table_file.as_deref()?;
        Some(if file.starts_with('/') {
            file.to_owned()
        } else {
            format!("/etc/cron.d/{file}")
        })
    }

    /// The line of the job.
    pub(super) fn line(&self) -> String {
        let job = self.job.as_deref().unwrap_or_default().trim_matches(['\r', '\n']);
        let time = match self.special_time {
            Some(special) => format!("@{}", special.name()),
            None => self.times().map(|time| time.0.as_str()).join(" "),
        };
        let user = match (&self.table_file, &self.user) {
            (Some(_), Some(user)) => format!("{user} "),
            _ => String::new(),
        };
        format!("{}{time} {user}{job}", if *self.disabled { "#" } else { "" })
    }
}
