use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::kube::{BlockedBudget, Hop, Repository};

/// What a look at a cluster before its upgrade came to: what `krun plan` shows and what the later plays read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// The version that the cluster is to have in the end.
    pub target: String,
    /// The way there; empty where everything is there already.
    pub hops: Vec<Hop>,
    /// All nodes of the cluster; those that no host of the inventory stands for have an empty `host`.
    pub nodes: Vec<NodeReport>,
    /// `PodDisruptionBudgets` that would hold drains up.
    pub budgets: Vec<BlockedBudget>,
    /// What was found, blocking first.
    pub findings: Vec<Finding>,
    /// Hosts of the control plane in the order of their upgrade: those that are further already, then those that are not
    /// etcd's leader, the leader last.
    pub control_plane_order: Vec<String>,
    /// Nothing stands in the way but what was waived.
    pub may_start: bool,
}

/// A node as an upgrade sees it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NodeReport {
    /// Its name in the cluster.
    pub name: String,
    /// Its host in the inventory.
    pub host: String,
    /// `control-plane` or `worker`.
    pub role: String,
    /// It is Ready.
    pub ready: bool,
    /// It is cordoned.
    pub cordoned: bool,
    /// The run of krun that cordoned it.
    pub cordoned_by: Option<String>,
    /// Version of the program kubeadm.
    pub kubeadm: Option<String>,
    /// The version that its kubelet runs in.
    pub kubelet: Option<String>,
    /// Version of the program kubectl.
    pub kubectl: Option<String>,
    /// Version of its API server.
    pub api_server: Option<String>,
    /// Version of its etcd.
    pub etcd: Option<String>,
    /// Its etcd leads.
    pub etcd_leader: bool,
    /// Its container runtime.
    pub runtime: String,
    /// Its distribution.
    pub os: String,
    /// Its kernel.
    pub kernel: String,
    /// Its labels.
    pub labels: IndexMap<String, String>,
    /// Where it takes Kubernetes' packages from.
    pub repository: Option<Repository>,
    /// Its certificate that ends first.
    pub certificates: Option<Expiry>,
}

/// When a certificate ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Expiry {
    /// Its name.
    pub name: String,
    /// The date: 2027-11-27.
    pub expires: String,
}

/// How much something matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The upgrade does not start.
    #[default]
    Block,
    /// It may start; somebody should know this first.
    Warn,
    /// Good to know.
    Note,
}

impl Severity {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Warn => "warn",
            Self::Note => "note",
        }
    }
}

/// Something that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The check that found it: the name to waive it by.
    pub name: String,
    /// How much it matters.
    pub severity: Severity,
    /// It blocks, and was waived by name.
    pub waived: bool,
    /// The host or node that it is about; `None` for the cluster.
    pub node: Option<String>,
    /// What is so.
    pub text: String,
    /// What to do about it.
    pub remedy: String,
}

impl Finding {
    /// It keeps the upgrade from starting.
    pub fn is_in_the_way(&self) -> bool {
        self.severity == Severity::Block && !self.waived
    }

    /// As people read it: what, where, and below it what to do.
    pub fn lines(&self) -> Vec<String> {
        let place = self.node.as_ref().map(|node| format!(" ({node})")).unwrap_or_default();
        let waived = if self.waived { " [waived]" } else { "" };
        let mut lines = vec![format!("{}{place}{waived}: {}", self.name, self.text)];
        let mut remedy = self.remedy.lines();
        lines.extend(remedy.next().map(|line| format!("  → {line}")));
        lines.extend(remedy.map(|line| format!("    {line}")));
        lines
    }
}

/// Takes findings while they are made.
pub(in crate::kube) struct Findings<'a> {
    waivers: &'a [String],
    pub(in crate::kube) list: Vec<Finding>,
}

impl<'a> Findings<'a> {
    pub(in crate::kube) fn new(waivers: &'a [String]) -> Self {
        Self {
            waivers,
            list: Vec::new(),
        }
    }

    pub(in crate::kube) fn add(
        &mut self,
        severity: Severity,
        name: &str,
        node: Option<&str>,
        text: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.list.push(Finding {
            name: name.to_owned(),
            severity,
            waived: severity == Severity::Block && self.waivers.iter().any(|waiver| waiver == name),
            node: node.map(ToOwned::to_owned),
            text: text.into(),
            remedy: remedy.into(),
        });
    }

    pub(super) fn block(&mut self, name: &str, node: Option<&str>, text: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Block, name, node, text, remedy);
    }

    pub(super) fn warn(&mut self, name: &str, node: Option<&str>, text: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Warn, name, node, text, remedy);
    }

    pub(super) fn note(&mut self, name: &str, node: Option<&str>, text: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Note, name, node, text, remedy);
    }
}
