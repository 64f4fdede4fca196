//! The `modprobe` module.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::args::{Presence, Text};
use super::{ArgumentError, Context, Failure, Fuses, Module, Outcome, Pending, State};
use crate::connection::{Output, Script};

const QUERY: Script = Script {
    name: "modprobe/query",
    text: include_str!("query.sh"),
};

const APPLY: Script = Script {
    name: "modprobe/apply",
    text: include_str!("apply.sh"),
};

/// The root of the file system, as scripts take it; tests have another one.
const ROOT: &str = "";

/// Loads a module of the kernel, or unloads it, now and after the next boots.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Modprobe {
    /// The module, for example `br_netfilter`.
    name: Text,
    /// Whether it is loaded. One that is built into the kernel is.
    #[serde(default)]
    state: Presence,
    /// Its parameters, for example `numdummies=2`. They count when it is loaded, not for one that is loaded already.
    #[serde(default)]
    params: Text,
    /// What holds after the next boot: `present` writes name and parameters to `/etc/modules-load.d` and
    /// `/etc/modprobe.d`, `absent` makes comments of such lines, `disabled` leaves both folders alone.
    #[serde(default)]
    persistent: Persistence,
}

/// What holds after the next boot.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Persistence {
    /// What held before.
    #[default]
    Disabled,
    /// The module is not loaded.
    Absent,
    /// It is loaded.
    Present,
}

/// What apply.sh is to do.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    load: &'static str,
    place: &'static str,
    options: &'static str,
}

impl Module for Modprobe {
    const NAME: &'static str = "modprobe";
    const FUSES: Fuses = Fuses::Whole;
    const EXAMPLE: &'static str = "\
- name: Bridged packets pass the packet filter
  modprobe:
    name: br_netfilter
    persistent: present
";

    type Plan = Plan;

    fn validate(&self) -> Result<(), ArgumentError> {
        Self::check_option("name", &self.name)?;
        if shlex::split(&self.params).is_none() {
            return Err(ArgumentError::option("params", "a quote is not closed"));
        }
        Ok(())
    }

    fn check_option(name: &str, value: &str) -> Result<(), ArgumentError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if name == "name" && (value.is_empty() || value.starts_with('-') || !value.bytes().all(is_plain)) {
            return Err(ArgumentError::option(
                "name",
                "a module's name has letters, digits, `_` and `-`",
            ));
        }
        Ok(())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Plan>, Failure> {
        let output = context.run(QUERY, [ROOT, &*self.name])?;
        if !output.success() {
            return Err(Failure::of_program(
                &format!("looking for the kernel module {}", self.name),
                &output,
            ));
        }
        let (plan, changes) = self.compare(&output);
        if changes.is_empty() {
            return Ok(State::Satisfied(self.outcome()));
        }
        let mut pending = Pending::new(plan, changes);
        pending.result = self.outcome().result;
        Ok(pending.into())
    }

    fn apply(&self, context: &mut Context<'_>, plan: Plan) -> Result<Outcome, Failure> {
        let is_more = plan.place != "leave" || plan.options != "leave";
        let output = context.run(APPLY, self.words(ROOT, &plan)?)?;
        if !output.success() {
            let what = format!("`state: {}` for the kernel module {}", self.state_name(), self.name);
            return Err(Failure::of_program(&what, &output));
        }
        let is_missing = output.pairs().get("loaded").is_some_and(|loaded| loaded == "no");
        let outcome = Outcome {
            changed: is_more || !is_missing,
            ..self.outcome()
        };
        Ok(if is_missing {
            outcome.with_warning(format!(
                "modprobe was content, but {} is not among the modules that are loaded",
                self.name
            ))
        } else {
            outcome
        })
    }
}

impl Modprobe {
    fn state_name(&self) -> &'static str {
        match self.state {
            Presence::Present => "present",
            Presence::Absent => "absent",
        }
    }

    fn outcome(&self) -> Outcome {
        Outcome::ok()
            .with("name", &*self.name)
            .with("params", &*self.params)
            .with("state", self.state_name())
    }

    fn compare(&self, output: &Output) -> (Plan, Vec<String>) {
        let text = output.stdout_text();
        let says = |line: &str| text.lines().any(|other| other == line);
        let kept: BTreeSet<&str> = text.lines().filter_map(|line| line.strip_prefix("param=")).collect();
        let wanted: BTreeSet<&str> = self.params.split_whitespace().collect();
        let mut changes = Vec::new();
        let mut name = |change: &str| changes.push(change.to_owned());
        let load = match (self.state, says("loaded=yes")) {
            (Presence::Present, false) => {
                name("loaded");
                "load"
            }
            (Presence::Absent, true) => {
                name("unloaded");
                "unload"
            }
            _ => "leave",
        };
        let place = match (self.persistent, says("persistent=yes")) {
            (Persistence::Present, false) => {
                name("loaded at boot");
                "write"
            }
            (Persistence::Absent, true) => {
                name("not loaded at boot");
                "forget"
            }
            _ => "leave",
        };
        let options = match self.persistent {
            Persistence::Present if kept != wanted => {
                name("parameters at boot");
                if wanted.is_empty() { "forget" } else { "write" }
            }
            Persistence::Absent if !kept.is_empty() => {
                name("no parameters at boot");
                "forget"
            }
            _ => "leave",
        };
        (Plan { load, place, options }, changes)
    }

    fn words(&self, root: &str, plan: &Plan) -> Result<Vec<String>, Failure> {
        let lines: Vec<String> = self
            .params
            .split_whitespace()
            .map(|param| format!("options {} {param}", self.name))
            .collect();
        let mut words: Vec<String> = [root, &self.name, plan.load, plan.place, plan.options, &lines.join("\n")]
            .map(ToOwned::to_owned)
            .to_vec();
        let params = shlex::split(&self.params).ok_or_else(|| Failure::new("a quote is not closed in `params`"))?;
        words.extend(params);
        Ok(words)
    }
}
