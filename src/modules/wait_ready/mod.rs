//! `wait-ready`: the next step of an upgrade begins when node, API server, control plane and etcd are well again.

mod etcd_seen;
mod lacking;
#[cfg(test)]
mod tests;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::connection::Script;
use crate::kube::{Node, Pod, Version, Workload};

use super::args::{Count, Flag, List, Text};
use super::etcd::MANIFEST;
use super::node::{self, find_and, wait_until};
use super::{Again, ArgumentError, Context, Failure, Module, Outcome, Pending, State};
use etcd_seen::EtcdSeen;
use lacking::Seen;

const QUERY: Script = Script {
    name: "wait-ready/query",
    text: find_and!("query.sh"),
};

/// Waits until a node is Ready and, on a control plane, until its part of it works, through kubectl on the host that
/// the task runs on (`delegate_to` a control plane).
///
/// While it waits it says what for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WaitReady {
    /// The node's name in the cluster. Default: the node whose name, hostname label or address is the task's host's
    /// inventory name, `ansible_host`, or host name by its facts.
    node: Option<Text>,
    /// Version of the control plane's pods on the node, and with `kubelet` of its kubelet. Default: any.
    version: Option<Text>,
    /// Wait for the kubelet to report the version too. Default: true.
    kubelet: Flag,
    /// Wait for the API server to say that it is ready. Default: true.
    api: Flag,
    /// Wait for etcd: the API server has to reach it, and all its pods have to be ready. Its members are asked as well, by
    /// `etcdctl` of this host where it carries one, or inside of a member's pod (`kubectl exec`): all have to answer, be agreed
    /// on a leader and without an alarm (NOSPACE). Where they cannot be asked the result says so (`etcd_checked`). Default: true.
    etcd: Flag,
    /// Wait for these to have all their pods ready again: `NAMESPACE/KIND/NAME` of `ReplicaSets`, `StatefulSets` and
    /// `ReplicationControllers`, as a drain's result names those whose pods it evicted (`workloads`).
    workloads: List,
    /// Wait for the control plane's pods on the node to be ready, at the version. Default: true.
    pods: Flag,
    /// Seconds to wait at most. Default: 300.
    timeout: Count,
    /// Path of the kubeconfig on the host that the task runs on. Default: /etc/kubernetes/admin.conf.
    kubeconfig: Text,
}

impl Default for WaitReady {
    fn default() -> Self {
        Self {
            node: None,
            version: None,
            kubelet: Flag(true),
            api: Flag(true),
            etcd: Flag(true),
            workloads: List::default(),
            pods: Flag(true),
            timeout: Count(300),
            kubeconfig: Text(node::ADMIN_CONF.to_owned()),
        }
    }
}

impl Module for WaitReady {
    const NAME: &'static str = "wait-ready";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[("name", "node")];
    const AGAIN: Again = Again::Run;
    const EXAMPLE: &'static str = "\
- name: The control plane's components are back, the kubelet follows later
  wait-ready:
    version: 1.28.2
    kubelet: false
  delegate_to: \"{{ groups.masters[0] }}\"
";

    type Plan = Vec<String>;

    fn validate(&self) -> Result<(), ArgumentError> {
        self.wanted()
            .map_err(|error| ArgumentError::option("version", error.to_string()))?;
        self.awaited()
            .map(drop)
            .map_err(|reason| ArgumentError::option("workloads", reason))
    }

    /// Waits, as nothing is changed by it; in check mode it only looks once.
    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        if context.check_mode {
            let lacking = self.lacking(context, &mut EtcdSeen::default())?;
            return Ok(if lacking.is_empty() {
                State::Satisfied(Outcome::ok())
            } else {
                Pending::new(Vec::new(), lacking).into()
            });
        }
        let limit = Duration::from_secs(self.timeout.0);
        let mut etcd = EtcdSeen::default();
        wait_until(context, limit, |context| self.lacking(context, &mut etcd)).map_err(|failure| {
            match failure.help {
                None => failure
                    .help("look at the pods and at `journalctl -u kubelet` on the node; `timeout` gives it more time"),
                Some(_) => failure,
            }
        })?;
        let outcome = Outcome::ok();
        Ok(State::Satisfied(if *self.etcd {
            etcd.add_to(outcome)
        } else {
            outcome
        }))
    }

    fn apply(&self, _: &mut Context<'_>, lacking: Vec<String>) -> Result<Outcome, Failure> {
        Err(Failure::new(format!("still lacking: {}", lacking.join("; "))))
    }
}

impl WaitReady {
    fn wanted(&self) -> Result<Option<Version>, crate::kube::VersionError> {
        self.version.as_ref().map(|text| text.parse()).transpose()
    }

    fn awaited(&self) -> Result<Vec<Workload>, String> {
        self.workloads.iter().map(|text| text.parse()).collect()
    }

    /// One look at the cluster.
    fn lacking(&self, context: &mut Context<'_>, etcd: &mut EtcdSeen) -> Result<Vec<String>, Failure> {
        let names = node::node_names(context, self.node.as_ref())?;
        let awaited = self.awaited().map_err(Failure::new)?;
        let manifest = if *self.etcd { MANIFEST } else { "" };
        let workloads = if awaited.is_empty() { "" } else { "workloads" };
        let words = [&*self.kubeconfig.0, manifest, workloads].map(ToOwned::to_owned);
        let output = context.run(QUERY, words.into_iter().chain(names))?;
        if !output.success() {
            let failure = node::cannot_ask(&self.kubeconfig, &output);
            if node::is_final(&failure) {
                return Err(failure);
            }
            return Ok(vec![format!(
                "the API server does not answer ({})",
                last_line(&output.stderr_text())
            )]);
        }
        let sections = node::sections(&output);
        let text = |name: &str| sections.get(name).map_or("", |text| text.trim());
        let node = Node::read(&node::json(&sections, "node")?)
            .ok_or_else(|| Failure::new("kubectl's answer about the node has no name in it"))?;
        let seen = Seen {
            api: text("api"),
            etcd: text("etcd"),
            node: &node,
            pods: &Pod::list(&node::json(&sections, "pods")?),
        };
        let version = self.wanted().map_err(|error| Failure::new(error.to_string()))?;
        let mut lacking = self.judge(&seen, version.as_ref());
        if *self.etcd {
            *etcd = EtcdSeen::read(sections.get("etcd-status"), sections.get("etcd-members"));
            lacking.extend(etcd.lacks());
        }
        lacking.extend(awaited.iter().filter_map(|workload| workload.lacks(text("workloads"))));
        Ok(lacking)
    }

    fn judge(&self, seen: &Seen<'_>, version: Option<&Version>) -> Vec<String> {
        let mut lacking = Vec::new();
        if *self.api {
            lacking.extend(seen.api_lacks());
        }
        lacking.extend(seen.node.lacks(version.filter(|_| *self.kubelet)));
        if *self.pods {
            lacking.extend(seen.pods_lack(version));
        }
        if *self.etcd {
            lacking.extend(seen.etcd_lacks());
        }
        lacking
    }
}

fn last_line(text: &str) -> &str {
    text.lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("no reason given")
        .trim()
}
