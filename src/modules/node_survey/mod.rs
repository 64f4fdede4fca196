//! The `node-survey` module: what an upgrade has to know of a machine.

mod certificates;
mod read;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::args::Text;
use super::etcd::with_etcd;
use super::node;
use super::{Again, Context, Failure, Module, Outcome, State};
use crate::connection::{Request, Script};

const QUERY: Script = Script {
    name: "node-survey/query",
    text: with_etcd!("../node_survey/query.sh"),
};

/// Some programs in it ask the cluster, and each has a limit of its own.
const LIMIT: Duration = Duration::from_secs(240);

/// Finds out what an upgrade has to know of a node's machine: its clock, swap, control groups, room on disks, versions of
/// kubeadm, kubelet and kubectl, the kubelet's flags, package repositories, certificates, and on masters the manifests, what
/// was edited in them by hand, the images and how their etcd is. Changes nothing; one exchange.
///
/// What it found is in `survey`, for the module `preflight`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NodeSurveyModule {
    /// The node's name in the cluster. Default: it is known by the host's names and addresses.
    node: Option<Text>,
    /// Folder of Kubernetes' files. Default: /etc/kubernetes.
    kubernetes: Text,
    /// Folder of the kubelet's files. Default: /var/lib/kubelet.
    kubelet: Text,
    /// Folder of the machine's settings. Default: /etc.
    etc: Text,
}

impl Default for NodeSurveyModule {
    fn default() -> Self {
        let text = |text: &str| Text(text.to_owned());
        Self {
            node: None,
            kubernetes: text("/etc/kubernetes"),
            kubelet: text("/var/lib/kubelet"),
            etc: text("/etc"),
        }
    }
}

impl Module for NodeSurveyModule {
    const NAME: &'static str = "node-survey";
    const AGAIN: Again = Again::Run;
    const EXAMPLE: &'static str = "\
- name: The machine
  node-survey:
  register: machine

- debug:
    msg: \"{{ machine.survey.os }}, kubelet {{ machine.survey.kubelet }}\"
";

    type Plan = std::convert::Infallible;

    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let names = node::node_names(context, self.node.as_ref())?;
        let words = [&self.kubernetes, &self.kubelet, &self.etc].map(|word| word.0.clone());
        let before = seconds_now();
        let output = context.request(Request::new(QUERY, words).with_timeout(LIMIT))?;
        let after = seconds_now();
        if !output.success() {
            return Err(Failure::of_program("looking at the machine", &output));
        }
        let sections = node::sections(&output);
        let mut survey = read::survey(&sections);
        context.host.clone_into(&mut survey.host);
        survey.identities = names;
        if self.node.is_none() {
            for name in read::own_name(&sections) {
                if !survey.identities.contains(&name) {
                    survey.identities.push(name);
                }
            }
        }
        if let Some(end) = sections.get("end").and_then(|text| text.trim().parse::<i64>().ok()) {
            (survey.clock_offset, survey.clock_margin) = clock(before, after, survey.time, end);
        }
        Ok(State::Satisfied(Outcome::ok().with("survey", json!(survey))))
    }

    fn apply(&self, _: &mut Context<'_>, plan: Self::Plan) -> Result<Outcome, Failure> {
        match plan {}
    }
}

fn seconds_now() -> f64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0.0, |time| time.as_secs_f64())
}

/// How far the node's clock is ahead of this machine's, and how far off that may be.
///
/// It read `start` after `before`, and `end`, in whole seconds both, before `after`.
#[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
fn clock(before: f64, after: f64, start: i64, end: i64) -> (f64, f64) {
    let most = start as f64 + 1.0 - before;
    let least = end as f64 - after;
    (f64::midpoint(most, least), (most - least) / 2.0)
}
