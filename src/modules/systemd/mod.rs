//! The `systemd` module.

use std::time::Duration;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::connection::{Request, Script};

use super::args::{Flag, Text};
use super::{ArgumentError, Before, Context, Disturbs, Failure, Fuses, Module, NewKubelet, Outcome, Pending, State};

const QUERY: Script = Script {
    name: "systemd/query",
    text: include_str!("query.sh"),
};
const APPLY: Script = Script {
    name: "systemd/apply",
    text: include_str!("apply.sh"),
};

/// systemd gives a unit 90 s to stop and as long to start unless the unit says otherwise.
const APPLY_LIMIT: Duration = Duration::from_secs(600);

/// Units without which a node's part of the cluster does not work.
const UNITS: [&str; 6] = ["kubelet", "etcd", "containerd", "docker", "crio", "cri-docker"];

/// Starts, stops, enables and masks units of systemd, and has systemd read its files anew.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Systemd {
    /// The unit; without an ending it is a service.
    name: Option<Text>,
    /// What is wanted of it. `restarted` and `reloaded` act every time.
    state: Option<Wish>,
    /// Whether it starts at boot.
    enabled: Option<Flag>,
    /// Whether it is masked: a masked unit cannot be started by anything.
    masked: Option<Flag>,
    /// Has systemd read changed unit files first.
    daemon_reload: Flag,
    /// Starts systemd itself anew first, keeping its state.
    daemon_reexec: Flag,
    /// Whose systemd: the system's, the login user's, or the settings of all users.
    scope: Scope,
    /// Does not wait until the unit has started or stopped.
    no_block: Flag,
}

/// What is wanted of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Wish {
    /// Running.
    Started,
    /// Not running.
    Stopped,
    /// Stopped and started, or just started.
    Restarted,
    /// Told to read its configuration anew, or started when it is not running.
    Reloaded,
}

/// Whose systemd.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Scope {
    /// The system's.
    #[default]
    System,
    /// The login user's.
    User,
    /// The settings for all users.
    Global,
}

impl Scope {
    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Global => "global",
        }
    }
}

/// Steps of systemctl, in order.
pub struct Steps(Vec<&'static str>);

impl Systemd {
    fn unit(&self) -> &str {
        self.name.as_deref().unwrap_or("")
    }

    /// The steps that the unit needs, and the names of the changes.
    fn steps(
        &self,
        unit: &IndexMap<String, String>,
        before: Before,
    ) -> Result<(Vec<&'static str>, Vec<String>), Failure> {
        let property = |name: &str| unit.get(name).map_or("", String::as_str);
        let mut steps = Vec::new();
        let mut changes = Vec::new();
        let mut change = |step, text: &str| {
            steps.push(step);
            changes.push(text.to_owned());
        };
        let is_masked = property("LoadState") == "masked" || property("UnitFileState").starts_with("masked");
        if property("LoadState") == "not-found" && !*self.daemon_reload {
            return Err(
                Failure::new(format!("there is no unit `{}` on the node", self.unit())).help(
                    "is its package installed? After a unit file was put there, `daemon_reload: true` makes it known",
                ),
            );
        }
        match self.masked {
            Some(Flag(false)) if is_masked => change("unmask", "unmasked"),
            Some(Flag(true)) if !is_masked => change("mask", "masked"),
            _ => {}
        }
        let stays_masked = self.masked.map_or(is_masked, |masked| *masked);
        let wants_it_running = self.enabled.is_some_and(|enabled| *enabled)
            || matches!(self.state, Some(Wish::Started | Wish::Restarted | Wish::Reloaded));
        if stays_masked && wants_it_running {
            return Err(Failure::new(format!("`{}` is masked", self.unit())).help("set `masked: false` to unmask it"));
        }
        // Static and generated units cannot be enabled; indirect ones and aliases are.
        let file_state = property("UnitFileState");
        let is_enabled = matches!(
            file_state,
            "enabled" | "enabled-runtime" | "alias" | "static" | "indirect" | "generated"
        );
        match self.enabled {
            Some(Flag(true)) if !is_enabled => change("enable", "enabled"),
            Some(Flag(false)) if matches!(file_state, "enabled" | "enabled-runtime" | "indirect") => {
                change("disable", "disabled");
            }
            _ => {}
        }
        let is_running = matches!(
            property("ActiveState"),
            "active" | "activating" | "reloading" | "refreshing"
        );
        let is_stopped = matches!(property("ActiveState"), "inactive" | "failed" | "deactivating" | "");
        match self.state {
            Some(Wish::Started) if !is_running => change("start", "started"),
            Some(Wish::Stopped) if !is_stopped => change("stop", "stopped"),
            // It was restarted for a reason that an earlier run has seen to.
            Some(Wish::Restarted | Wish::Reloaded) if before == Before::Done && is_running => {}
            Some(Wish::Restarted) => change("restart", "restarted"),
            Some(Wish::Reloaded) if is_running => change("reload", "reloaded"),
            Some(Wish::Reloaded) => change("start", "started"),
            _ => {}
        }
        Ok((steps, changes))
    }

    fn outcome(&self, outcome: Outcome, unit: &IndexMap<String, String>) -> Outcome {
        let status: Map<String, Value> = unit
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect();
        outcome.with("name", self.unit()).with("status", Value::Object(status))
    }
}

impl Module for Systemd {
    const NAME: &'static str = "systemd";
    const ALIASES: &'static [&'static str] = &["systemd-service", "service"];
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[
        ("service", "name"),
        ("unit", "name"),
        ("daemon-reload", "daemon_reload"),
        ("daemon-reexec", "daemon_reexec"),
    ];
    const REFUSED_OPTIONS: &'static [(&'static str, &'static str)] = &[
        (
            "arguments",
            "systemd has no arguments of a start: put them into the unit",
        ),
        ("args", "systemd has no arguments of a start: put them into the unit"),
        ("force", "remove the link that is in the way with the `file` module"),
        ("pattern", "krun asks systemd what runs"),
        (
            "runlevel",
            "systemd has targets instead: `enabled` says whether a unit starts at boot",
        ),
        ("sleep", "systemd knows when a unit has stopped"),
        ("use", "krun knows systemd and nothing else"),
    ];
    const FUSES: Fuses = Fuses::Whole;
    const EXAMPLE: &'static str = "\
- name: Restart the kubelet with its new unit file
  systemd:
    name: kubelet
    state: restarted
    daemon_reload: true

- name: The time service runs, now and after a boot
  systemd:
    name: chronyd
    state: started
    enabled: true
";

    type Plan = Steps;

    fn validate(&self) -> Result<(), ArgumentError> {
        if self.name.is_none() {
            if self.state.is_some() || self.enabled.is_some() || self.masked.is_some() {
                return Err(ArgumentError::option("name", "no unit is named"));
            }
            if !*self.daemon_reload && !*self.daemon_reexec {
                return Err(ArgumentError::option(
                    "",
                    "there is nothing to do: name a unit, or set `daemon_reload`",
                ));
            }
        }
        if self.unit().starts_with('-') || self.name.as_ref().is_some_and(|name| name.trim().is_empty()) {
            return Err(ArgumentError::option("name", "this is not the name of a unit"));
        }
        if self.scope == Scope::Global && (self.state.is_some() || *self.daemon_reload || *self.daemon_reexec) {
            return Err(ArgumentError::option(
                "scope",
                "with `global` units can only be enabled or masked",
            ));
        }
        Ok(())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let mut steps = Vec::new();
        // As in Ansible these two are no change of the node.
        if *self.daemon_reexec {
            steps.push("daemon-reexec");
        }
        if *self.daemon_reload {
            steps.push("daemon-reload");
        }
        if self.name.is_none() {
            return Ok(State::Unknown {
                plan: Steps(steps),
                reason: "systemd would read its files anew".to_owned(),
            });
        }
        let output = context.run(QUERY, [self.scope.name(), self.unit()])?;
        if !output.success() {
            return Err(
                Failure::of_program(&format!("asking systemd for `{}`", self.unit()), &output)
                    .help("the module needs a node that systemd runs"),
            );
        }
        let unit = output.pairs();
        let (unit_steps, changes) = self.steps(&unit, context.before)?;
        if unit_steps.is_empty() && steps.is_empty() {
            return Ok(State::Satisfied(self.outcome(Outcome::ok(), &unit)));
        }
        if unit_steps.is_empty() {
            return Ok(State::Unknown {
                plan: Steps(steps),
                reason: "systemd would read its files anew".to_owned(),
            });
        }
        steps.extend(unit_steps);
        Ok(Pending::new(Steps(steps), changes).into())
    }

    fn disturbs(&self, _: &Self::Plan) -> Option<Disturbs> {
        let unit = self.unit().trim_end_matches(".service");
        let state = self.state.filter(|_| UNITS.contains(&unit))?;
        let verb = match state {
            Wish::Started => "starting",
            Wish::Stopped => "stopping",
            Wish::Restarted => "restarting",
            Wish::Reloaded => "reloading",
        };
        let starts_kubelet = unit == "kubelet" && state != Wish::Stopped;
        Some(Disturbs {
            act: format!("{verb} {unit}"),
            // What is started was not there before.
            stops: state != Wish::Started,
            kubelet: if starts_kubelet {
                NewKubelet::Installed
            } else {
                NewKubelet::Same
            },
        })
    }

    fn may_disturb(options: &Map<String, Value>) -> bool {
        let mut units = ["name", "service", "unit"].iter().filter_map(|name| options.get(*name));
        let is_of_cluster = |unit: &Value| {
            let unit = unit.as_str().unwrap_or_default();
            unit.contains("{{") || UNITS.contains(&unit.trim_end_matches(".service"))
        };
        options.contains_key("state") && units.any(is_of_cluster)
    }

    fn apply(&self, context: &mut Context<'_>, plan: Steps) -> Result<Outcome, Failure> {
        let is_change = plan.0.iter().any(|step| !step.starts_with("daemon-"));
        let mut args = vec![
            self.scope.name(),
            self.unit(),
            if *self.no_block { "yes" } else { "no" },
        ];
        args.extend(&plan.0);
        let output = context.request(Request::new(APPLY, args).with_timeout(APPLY_LIMIT))?;
        if !output.success() {
            let what = format!("systemctl {} {}", plan.0.join(", "), self.unit());
            return Err(Failure::of_program(what.trim(), &output));
        }
        let outcome = Outcome {
            changed: is_change,
            ..Outcome::default()
        };
        Ok(self.outcome(outcome, &output.pairs()))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::connection::scripted::Answer;
    use crate::modules::testing::{asked, run_module, scripted};

    const RUNNING: &str = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n";
    const STOPPED: &str = "LoadState=loaded\nActiveState=inactive\nUnitFileState=disabled\n";
    const MASKED: &str = "LoadState=masked\nActiveState=inactive\nUnitFileState=masked\n";

    #[rstest]
    #[case(json!({"state": "started", "enabled": true}), RUNNING)]
    #[case(json!({"state": "stopped", "enabled": false}), STOPPED)]
    #[case(json!({"masked": true}), MASKED)]
    fn satisfied_states_cost_one_exchange(#[case] mut options: Value, #[case] state: &str) {
        options["name"] = json!("kubelet");
        let (mut connection, log) = scripted([Answer::stdout(state)]);
        assert!(!run_module("service", options, &mut connection).unwrap().changed);
        assert_eq!(asked(&log), ["systemd/query system kubelet"]);
    }

    #[rstest]
    #[case(json!({"state": "started", "enabled": true}), STOPPED, "enable start", true)]
    #[case(json!({"state": "restarted", "daemon_reload": true}), RUNNING, "daemon-reload restart", true)]
    #[case(json!({"state": "reloaded"}), STOPPED, "start", true)]
    #[case(json!({"state": "stopped", "enabled": false}), RUNNING, "disable stop", true)]
    #[case(json!({"masked": false, "state": "started"}), MASKED, "unmask start", true)]
    #[case(json!({"daemon_reload": true, "state": "started"}), RUNNING, "daemon-reload", false)]
    fn what_is_wrong_is_put_right(
        #[case] mut options: Value,
        #[case] state: &str,
        #[case] steps: &str,
        #[case] changed: bool,
    ) {
        options["name"] = json!("kubelet");
        let (mut connection, log) = scripted([Answer::stdout(state), Answer::stdout(RUNNING)]);
        let outcome = run_module("systemd", options, &mut connection).unwrap();
        assert_eq!(outcome.changed, changed);
        assert_eq!(asked(&log)[1], format!("systemd/apply system kubelet no {steps}"));
    }

    #[test]
    fn a_reload_alone_needs_no_unit() {
        let (mut connection, log) = scripted([Answer::stdout("")]);
        assert!(
            !run_module("systemd", json!({"daemon_reload": true}), &mut connection)
                .unwrap()
                .changed
        );
        assert_eq!(asked(&log), ["systemd/apply system  no daemon-reload"]);
    }

    #[test]
    fn a_missing_unit_is_a_failure_of_the_check() {
        let (mut connection, _) = scripted([Answer::stdout("LoadState=not-found\nActiveState=inactive\n")]);
        let options = json!({"name": "kubelet", "state": "started"});
        let failure = run_module("systemd", options, &mut connection).unwrap_err();
        assert_eq!(failure.message, "there is no unit `kubelet` on the node");
    }

    #[test]
    fn a_masked_unit_is_not_started() {
        let (mut connection, _) = scripted([Answer::stdout(MASKED)]);
        let options = json!({"name": "kubelet", "state": "restarted"});
        assert!(
            run_module("systemd", options, &mut connection)
                .unwrap_err()
                .message
                .contains("masked")
        );
    }
}
