//! The `group` module.

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::Deserialize;

use super::args::{Count, Flag, Presence, Text};
use super::{ArgumentError, Context, Failure, Fuses, Module, Outcome, Pending, State};
use crate::connection::Script;

const QUERY: Script = Script {
    name: "group/query",
    text: include_str!("query.sh"),
};

const APPLY: Script = Script {
    name: "group/apply",
    text: include_str!("apply.sh"),
};

/// Sees to it that a group of users is on the node, or that it is not. Who is in it is said with `user`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The group's name.
    name: Text,
    /// Whether it is there.
    #[serde(default)]
    state: Presence,
    /// Its number. Default: as it is; for a new group the next one that is free.
    gid: Option<Count>,
    /// Makes a new group one of the system, with a number from that range. Default: false.
    #[serde(default)]
    system: Flag,
    /// Allows a number that another group has. Default: false.
    #[serde(default)]
    non_unique: Flag,
    /// Removes the group although it is the primary group of a user. Default: false.
    #[serde(default)]
    force: Flag,
    /// The least number for a new group. Default: that of the node's `login.defs`.
    gid_min: Option<Count>,
    /// The greatest number for a new group. Default: that of the node's `login.defs`.
    gid_max: Option<Count>,
}

impl Module for Group {
    const NAME: &'static str = "group";
    const REFUSED_OPTIONS: &'static [(&'static str, &'static str)] =
        &[("local", "groups are made with the node's groupadd")];
    const FUSES: Fuses = Fuses::Whole;
    const EXAMPLE: &'static str = "\
- name: The group of those who may read etcd's data
  group:
    name: etcd
    system: true
";

    /// The program and its words.
    type Plan = Vec<String>;

    fn validate(&self) -> Result<(), ArgumentError> {
        check_name(&self.name)?;
        if *self.non_unique && self.gid.is_none() {
            return Err(ArgumentError::option("non_unique", "`non_unique` goes with a `gid`"));
        }
        Ok(())
    }

    fn check_option(name: &str, value: &str) -> Result<(), ArgumentError> {
        if name == "name" { check_name(value) } else { Ok(()) }
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let output = context.run(QUERY, [&*self.name])?;
        if !output.success() {
            return Err(Failure::of_program(
                &format!("looking for the group {}", self.name),
                &output,
            ));
        }
        let found = gid(output.pairs().get("group"));
        let (words, change) = match (self.state, found) {
            (Presence::Absent, None) => return Ok(State::Satisfied(self.outcome(None))),
            (Presence::Absent, Some(_)) => (self.removal(), "removed".to_owned()),
            (Presence::Present, None) => (self.addition(), "new group".to_owned()),
            (Presence::Present, Some(found)) => match self.gid {
                Some(Count(wanted)) if wanted != found => (self.alteration(), format!("gid {found} → {wanted}")),
                _ => return Ok(State::Satisfied(self.outcome(Some(found)))),
            },
        };
        let mut pending = Pending::new(words, [change]);
        pending.result = self.outcome(found).result;
        Ok(pending.into())
    }

    fn apply(&self, context: &mut Context<'_>, plan: Self::Plan) -> Result<Outcome, Failure> {
        let program = plan.first().cloned().unwrap_or_default();
        let output = context.run(APPLY, std::iter::once(self.name.0.clone()).chain(plan))?;
        if !output.success() {
            return Err(Failure::of_program(&format!("{program} {}", self.name), &output));
        }
        Ok(Outcome {
            changed: true,
            ..self.outcome(gid(output.pairs().get("group")))
        })
    }
}

impl Group {
    fn outcome(&self, gid: Option<u64>) -> Outcome {
        let state = match self.state {
            Presence::Present => "present",
            Presence::Absent => "absent",
        };
        let outcome = Outcome::ok().with("name", &*self.name).with("state", state);
        match gid {
            Some(gid) => outcome.with("gid", gid).with("system", *self.system),
            None => outcome,
        }
    }

    fn number(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(Count(gid)) = self.gid {
            words.extend(["-g".to_owned(), gid.to_string()]);
            if *self.non_unique {
                words.push("-o".to_owned());
            }
        }
        words
    }

    fn addition(&self) -> Vec<String> {
        let mut words = vec!["groupadd".to_owned()];
        words.extend(self.number());
        if *self.system {
            words.push("-r".to_owned());
        }
        for (key, limit) in [("GID_MIN", self.gid_min), ("GID_MAX", self.gid_max)] {
            if let Some(Count(limit)) = limit {
                words.extend(["-K".to_owned(), format!("{key}={limit}")]);
            }
        }
        words.push(self.name.0.clone());
        words
    }

    fn alteration(&self) -> Vec<String> {
        let mut words = vec!["groupmod".to_owned()];
        words.extend(self.number());
        words.push(self.name.0.clone());
        words
    }

    fn removal(&self) -> Vec<String> {
        let mut words = vec!["groupdel".to_owned()];
        if *self.force {
            words.push("-f".to_owned());
        }
        words.push(self.name.0.clone());
        words
    }
}

/// A name that programs do not take for an option or for two fields.
pub(super) fn check_name(name: &str) -> Result<(), ArgumentError> {
    if name.is_empty() || name.starts_with('-') || name.contains([':', ',', '/', '\n', ' ']) {
        return Err(ArgumentError::option("name", format!("`{name}` cannot be a name here")));
    }
    Ok(())
}

/// The number in a line of the group file.
fn gid(line: Option<&String>) -> Option<u64> {
    line?.split(':').nth(2)?.parse().ok()
}
