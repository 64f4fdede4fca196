//! The `cluster-survey` module: what an upgrade has to know of the cluster.

mod read;
#[cfg(test)]
mod tests;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::args::Text;
use super::node;
use super::{Again, Context, Failure, Module, Outcome, State};
use crate::connection::{Request, Script};

const QUERY: Script = Script {
    name: "cluster-survey/query",
    text: include_str!("query.sh"),
};

/// Each of its questions has a limit of its own.
const LIMIT: Duration = Duration::from_secs(300);

/// How often an API server is asked that does not answer, and how long is waited before the next time: it may be on its way
/// back.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_secs(3);

/// Finds out what an upgrade has to know of the cluster, through kubectl on the host that the task runs on: nodes, the control
/// plane's pods, what would hold drains up, kubeadm's configuration, CoreDNS and kube-proxy, krun's lock, webhooks and
/// deprecated APIs in use. Changes nothing; one exchange.
///
/// What it found is in `survey`, for the module `preflight`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterSurveyModule {
    /// Path of the kubeconfig on the host that the task runs on. Default: /etc/kubernetes/admin.conf.
    kubeconfig: Text,
}

impl Default for ClusterSurveyModule {
    fn default() -> Self {
        Self {
            kubeconfig: Text(node::ADMIN_CONF.to_owned()),
        }
    }
}

impl Module for ClusterSurveyModule {
    const NAME: &'static str = "cluster-survey";
    const AGAIN: Again = Again::Run;
    const EXAMPLE: &'static str = "\
- name: The cluster
  cluster-survey:
  delegate_to: \"{{ groups.masters[0] }}\"
  run_once: true
  register: cluster

- debug:
    msg: \"{{ cluster.survey.nodes | map(attribute='name') | list }}\"
";

    type Plan = std::convert::Infallible;

    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let mut tries = 1;
        loop {
            let request = Request::new(QUERY, [self.kubeconfig.0.clone()]).with_timeout(LIMIT);
            let output = context.request(request)?;
            if output.success() {
                let survey = read::survey(&node::sections(&output));
                return Ok(State::Satisfied(Outcome::ok().with("survey", json!(survey))));
            }
            let failure = node::cannot_ask(&self.kubeconfig, &output);
            if tries == TRIES || node::is_final(&failure) {
                return Err(failure);
            }
            tries += 1;
            context.report(&format!("the API server does not answer yet ({})", failure.message));
            context.wait(PAUSE)?;
        }
    }

    fn apply(&self, _: &mut Context<'_>, plan: Self::Plan) -> Result<Outcome, Failure> {
        match plan {}
    }
}
