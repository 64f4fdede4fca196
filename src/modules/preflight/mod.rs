//! The `preflight` module: may the upgrade start?

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::args::{Flag, List, Text};
use super::{Again, ArgumentError, Context, Failure, Module, Outcome, RunsOn, State};
use crate::kube::preflight::{Finding, Question, Report, Settings, Severity, is_check, preflight};
use crate::kube::{Offered, Version};

/// Judges what `node-survey`, `cluster-survey` and `package-versions` found: plans the way to the target version, and fails
/// with everything that stands in it, each with a remedy. Opens no connection and changes nothing.
///
/// The result has `hops`, `nodes`, `budgets`, `findings`, `control_plane_order` and `may_start`, also when it fails.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Preflight {
    /// The version to upgrade to: `1.31.1`, or `1.31` for its newest patch.
    target: Text,
    /// Hosts of the control plane, in the order of the inventory.
    masters: List,
    /// What `node-survey` found on each host (`survey` of its result).
    nodes: Vec<Value>,
    /// Other hosts of the inventory, which nobody looked at (`--limit`).
    #[serde(default)]
    elsewhere: List,
    /// What `cluster-survey` found.
    #[serde(default)]
    cluster: Option<Value>,
    /// Why it found nothing; that stands in the way then.
    #[serde(default)]
    cluster_error: Option<Text>,
    /// What `package-versions` found (`versions` of its result). Without it nothing is said about packages, and there is no
    /// way over several minor versions.
    #[serde(default)]
    offered: Option<Vec<Value>>,
    /// Versions to go by instead of the newest patches of their minor versions.
    #[serde(default)]
    pins: List,
    /// Checks that do not block, by name.
    #[serde(default)]
    skip: List,
    /// What the upgrade is set to do, as far as it matters here.
    #[serde(default)]
    settings: Settings,
    /// Fail when something stands in the way. Without it `may_start` tells.
    #[serde(default = "yes")]
    #[schemars(default = "yes")]
    enforce: Flag,
}

fn yes() -> Flag {
    Flag(true)
}

impl Module for Preflight {
    const NAME: &'static str = "preflight";
    const RUNS_ON: RunsOn = RunsOn::Controller;
    // A run that goes on has to go the way that it was on.
    const AGAIN: Again = Again::Once;
    const EXAMPLE: &'static str = "\
- node-survey:
  register: machine
- cluster-survey:
  delegate_to: \"{{ groups.masters[0] }}\"
  run_once: true
  register: cluster
- preflight:
    target: 1.28.2
    masters: \"{{ groups.masters }}\"
    nodes: \"{{ ansible_play_hosts | map('extract', hostvars, ['machine', 'survey']) | list }}\"
    cluster: \"{{ cluster.survey }}\"
  run_once: true
";

    type Plan = std::convert::Infallible;

    fn validate(&self) -> Result<(), ArgumentError> {
        if let Some(name) = self.skip.iter().find(|name| !is_check(name)) {
            return Err(ArgumentError::option("skip", no_such_check(name)));
        }
        if self.cluster.is_none() && self.cluster_error.is_none() {
            return Err(ArgumentError::option(
                "",
                "one of `cluster` and `cluster_error` is needed",
            ));
        }
        Ok(())
    }

    fn check(&self, _: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let report = preflight(&self.question()?);
        let result = as_map(&report);
        if *self.enforce && !report.may_start {
            return Err(Failure {
                result,
                ..refusal(&report)
            });
        }
        let mut outcome = Outcome {
            result,
            ..Outcome::ok()
        };
        let is_told = |finding: &&Finding| finding.severity != Severity::Note;
        for finding in report.findings.iter().filter(is_told) {
            outcome = outcome.with_warning(finding.lines().join("\n"));
        }
        Ok(State::Satisfied(outcome))
    }

    fn apply(&self, _: &mut Context<'_>, plan: Self::Plan) -> Result<Outcome, Failure> {
        match plan {}
    }
}

impl Preflight {
    fn question(&self) -> Result<Question, Failure> {
        let pins = self.pins.iter().map(|pin| pin.parse::<Version>());
        let offered = self
            .offered
            .as_ref()
            .map(|offered| read_all::<Offered>("offered", offered));
        Ok(Question {
            target: self.target.0.clone(),
            offered: offered.transpose()?,
            pins: pins
                .collect::<Result<_, _>>()
                .map_err(|error| Failure::new(format!("pins: {error}")))?,
            masters: self.masters.0.clone(),
            nodes: read_all("nodes", &self.nodes)?,
            elsewhere: self.elsewhere.0.clone(),
            cluster: self
                .cluster
                .as_ref()
                .map(|cluster| read("cluster", cluster))
                .transpose()?
                .unwrap_or_default(),
            cluster_error: self.cluster_error.as_ref().map(|error| error.0.clone()),
            waivers: self.skip.0.clone(),
            settings: self.settings.clone(),
        })
    }
}

fn read<T: DeserializeOwned>(option: &str, value: &Value) -> Result<T, Failure> {
    serde_json::from_value(value.clone()).map_err(|error| {
        Failure::new(format!("{option}: this is not what the module for it finds: {error}"))
            .help("`nodes` takes the `survey`s of node-survey, `cluster` that of cluster-survey, `offered` the `versions` of package-versions")
    })
}

fn read_all<T: DeserializeOwned>(option: &str, values: &[Value]) -> Result<Vec<T>, Failure> {
    values.iter().map(|value| read(option, value)).collect()
}

fn as_map(report: &Report) -> Map<String, Value> {
    match serde_json::to_value(report) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn no_such_check(name: &str) -> String {
    format!("there is no check `{name}`; docs/preflight.md lists them, docs/known-problems.md the known problems")
}

/// Everything that stands in the way at once, and below it what else was seen.
fn refusal(report: &Report) -> Failure {
    let blocking: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.is_in_the_way())
        .collect();
    let others = report
        .findings
        .iter()
        .filter(|finding| !finding.is_in_the_way() && finding.severity != Severity::Note);
    let mut lines = vec![match blocking.len() {
        1 => "One thing stands in the way of the upgrade:".to_owned(),
        number => format!("{number} things stand in the way of the upgrade:"),
    }];
    lines.extend(blocking.iter().flat_map(|finding| finding.lines()));
    let others: Vec<_> = others.flat_map(Finding::lines).collect();
    if !others.is_empty() {
        lines.push("This was seen, too:".to_owned());
        lines.extend(others);
    }
    let mut names: Vec<&str> = blocking.iter().map(|finding| finding.name.as_str()).collect();
    names.dedup();
    Failure::new(lines.join("\n")).help(format!(
        "mend it and run this again; nothing was changed. To go on all the same, by name: preflight_skip: [{}]",
        names.join(", ")
    ))
}
