//! The `sysctl` module.

mod edit;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::Deserialize;

use super::args::{Flag, Mode, Presence, Text};
use super::remote_file::{Attributes, Besides, FilePlan, Installation, Original, refuse_preserve};
use super::{ArgumentError, Context, Failure, Fuses, Module, Outcome, Pending, State};
use crate::connection::Script;

const LOOK: Script = Script {
    name: "sysctl/look",
    text: concat!(include_str!("look.sh"), include_str!("../remote_file/query.sh")),
};

const WRITE: Script = Script {
    name: "sysctl/write",
    text: concat!(
        include_str!("begin.sh"),
        include_str!("../remote_file/install.sh"),
        include_str!("end.sh")
    ),
};

const SET: Script = Script {
    name: "sysctl/set",
    text: concat!(include_str!("begin.sh"), include_str!("end.sh")),
};

/// Sees to it that a setting of the kernel is in a file that is read at each boot, and that it is in force.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sysctl {
    /// The setting, for example `net.ipv4.ip_forward`.
    name: Text,
    /// Its value. Needed unless `state` is `absent`; `true` and `yes` are 1, `false` and `no` are 0.
    value: Option<Text>,
    /// Whether the file has it. What is in force stays when it is removed.
    #[serde(default)]
    state: Presence,
    /// The file. Default: `/etc/sysctl.conf`.
    #[serde(rename = "sysctl_file", default = "default_file")]
    #[schemars(default = "default_file_name")]
    file: Text,
    /// Also sets the value at once, when it is another one now. Default: false.
    #[serde(rename = "sysctl_set", default)]
    set_now: Flag,
    /// Has all of the file read anew when something is changed or the value that is in force is another one.
    /// Default: true.
    #[serde(default = "yes")]
    reload: Flag,
    /// Passes over settings that the kernel does not know. Default: false.
    #[serde(default)]
    ignoreerrors: Flag,
    /// Mode of the file. Default: as it is; for a new file what the umask leaves of 0666.
    mode: Option<Mode>,
    /// Owner of the file. Default: as it is.
    owner: Option<Text>,
    /// Group of the file. Default: as it is.
    group: Option<Text>,
}

const FILE: &str = "/etc/sysctl.conf";

fn default_file() -> Text {
    Text(FILE.to_owned())
}

fn default_file_name() -> &'static str {
    FILE
}

fn yes() -> Flag {
    Flag(true)
}

/// What has to be done.
pub enum Plan {
    /// The file is to be written or gets other attributes; the words for begin.sh where they do not travel with its content.
    Write(Box<FilePlan>, Option<Vec<String>>),
    /// The file is right; these are the words for begin.sh.
    Set(Vec<String>),
}

impl Module for Sysctl {
    const NAME: &'static str = "sysctl";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[("key", "name"), ("val", "value")];
    const FUSES: Fuses = Fuses::Whole;
    const EXAMPLE: &'static str = "\
- name: Packets are forwarded, as Kubernetes needs it
  sysctl:
    name: net.ipv4.ip_forward
    value: 1
    sysctl_file: /etc/sysctl.d/99-kubernetes.conf
    sysctl_set: true
";

    type Plan = Plan;

    fn validate(&self) -> Result<(), ArgumentError> {
        Self::check_option("name", &self.name)?;
        if self.state == Presence::Present && self.value.is_none() {
            return Err(ArgumentError::option("value", "say with `value` what it is to be"));
        }
        if self.value.as_ref().is_some_and(|value| value.contains('\n')) {
            return Err(ArgumentError::option("value", "a value is one line"));
        }
        refuse_preserve(self.mode.as_ref())
    }

    fn check_option(name: &str, value: &str) -> Result<(), ArgumentError> {
        let value = value.trim();
        if name == "name" && (value.is_empty() || value.starts_with('-') || value.contains(['=', '\n'])) {
            return Err(ArgumentError::option("name", "this is not the name of a setting"));
        }
        Ok(())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Plan>, Failure> {
        let name = self.name.trim();
        let besides = Besides {
            script: LOOK,
            words: &[name],
        };
        let original = Original::read_with(context, &self.file, Some(besides))?;
        let text = String::from_utf8(original.content().unwrap_or_default().to_vec())
            .map_err(|_| Failure::new(format!("{} is no text in UTF-8", original.path())))?;
        let in_file = edit::value(&text, name).map(ToOwned::to_owned);
        let live = original.answer("live").map(str::to_owned);
        let value = self.wanted();
        let is_present = self.state == Presence::Present;
        let is_live = live.as_deref().is_some_and(|live| same(live, &value));
        let is_written = if is_present {
            in_file.as_deref() == Some(&*value)
        } else {
            in_file.is_none()
        };
        let sets_now = is_present && *self.set_now && !is_live;
        let reloads = *self.reload && (!is_written || (is_present && !is_live));
        let words = |reload: bool| {
            vec![
                name.to_owned(),
                value.clone(),
                if sets_now && live.is_some() { "yes" } else { "no" }.to_owned(),
                if reload {
                    original.path().to_owned()
                } else {
                    String::new()
                },
                if *self.ignoreerrors { "-e" } else { "" }.to_owned(),
            ]
        };
        let (with_file, set_words) = (words(reloads), words(*self.reload));
        let change = format!("{} in force: {} → {value}", name, live.as_deref().unwrap_or("unknown"));
        let content = if is_written {
            text.into_bytes()
        } else {
            edit::put(&text, name, is_present.then_some(&*value)).into_bytes()
        };
        if original.content().is_none() && is_written && !is_present {
            return Ok(State::Satisfied(Outcome::ok()));
        }
        let message = format!("{name} in the file");
        let installation = Installation {
            attributes: Attributes::new(self.mode.as_ref(), self.owner.as_ref(), self.group.as_ref()),
            backup: false,
            validate: None,
        };
        Ok(match original.compare(context, content, &message, installation)? {
            State::Pending(mut pending) => {
                if is_present && (sets_now || *self.reload) && !is_live {
                    pending.changes.push(change);
                }
                Pending {
                    plan: Plan::Write(
                        Box::new(pending.plan.along_with(WRITE, with_file, self.what())),
                        (is_written && (sets_now || reloads)).then_some(set_words),
                    ),
                    changes: pending.changes,
                    diff: pending.diff,
                    result: pending.result,
                }
                .into()
            }
            State::Satisfied(_) if sets_now || reloads => Pending::new(Plan::Set(set_words), [change]).into(),
            State::Satisfied(_) | State::Unknown { .. } => State::Satisfied(Outcome::ok()),
        })
    }

    fn apply(&self, context: &mut Context<'_>, plan: Plan) -> Result<Outcome, Failure> {
        match plan {
            Plan::Write(plan, words) => {
                let outcome = plan.apply(context)?;
                if let Some(words) = words {
                    self.set(context, words)?;
                }
                Ok(outcome)
            }
            Plan::Set(words) => {
                self.set(context, words)?;
                Ok(Outcome {
                    changed: true,
                    ..Outcome::default()
                })
            }
        }
    }
}

impl Sysctl {
    fn set(&self, context: &mut Context<'_>, words: Vec<String>) -> Result<(), Failure> {
        let output = context.run(SET, words)?;
        if output.success() {
            Ok(())
        } else {
            Err(Failure::of_program(&self.what(), &output))
        }
    }

    /// What failures are about.
    fn what(&self) -> String {
        match self.state {
            Presence::Present => format!("setting {} to {}", self.name.trim(), self.wanted()),
            Presence::Absent => format!("removing {}", self.name.trim()),
        }
    }

    /// The value as the file has it.
    fn wanted(&self) -> String {
        let value = self.value.as_deref().unwrap_or_default().trim();
        match value.to_lowercase().as_str() {
            "yes" | "on" | "true" | "y" | "t" | "1" | "1.0" => "1".to_owned(),
            "no" | "off" | "false" | "n" | "f" | "0" | "0.0" => "0".to_owned(),
            _ => value.to_owned(),
        }
    }
}

/// The kernel separates several values by tabs, people by spaces.
fn same(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}
