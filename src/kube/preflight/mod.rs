//! May the upgrade start? Judges what was seen of the nodes and of the cluster; asks nobody.

mod cluster;
mod etcd;
mod machine;
mod masters;
mod nodes;
pub(super) mod report;
#[cfg(test)]
pub(super) mod tests;
mod versions;
mod workload;

use serde::{Deserialize, Serialize};

use super::known_problems;
use super::{ClusterSurvey, Hop, NodeSurvey, Offered, SkewError, Standing, Target, Version, plan_hops};

use report::Findings;
pub use report::{Expiry, Finding, NodeReport, Report, Severity};

/// The checks, with what each looks at. Known problems have names of their own.
pub const CHECKS: &[(&str, &str)] = &[
    ("os", "a package manager that krun knows is on the node"),
    ("clock", "the clocks of the nodes agree"),
    ("swap", "swap is off, or the kubelet is told to put up with it"),
    (
        "disk",
        "there is room for packages and images, and on masters for copies of etcd's data",
    ),
    ("kubelet", "the kubelet runs"),
    (
        "manifests",
        "the control plane runs as static pods on every host of the group `masters`",
    ),
    ("admin-conf", "the first master has /etc/kubernetes/admin.conf"),
    (
        "inventory",
        "every node is in the inventory, and every host has one node",
    ),
    ("ready", "every node is Ready"),
    ("cordons", "no node was left cordoned"),
    ("lock", "no other run of krun works on the cluster"),
    ("kubeadm-config", "kubeadm's configuration in the cluster can be read"),
    (
        "hop",
        "the target can be reached without a skipped minor version and without going back",
    ),
    ("packages", "the repositories serve every version on the way"),
    (
        "repository",
        "the node's repository is not the frozen one, or krun is told to write another",
    ),
    ("api-versions", "the API servers have one version"),
    (
        "kubelet-skew",
        "no kubelet is newer than an API server, or too old for one on the way",
    ),
    ("etcd", "etcd is healthy: all members, one leader, no learner, no alarm"),
    ("images", "kubeadm can name the control plane's images"),
    ("certificates", "no certificate is at its end"),
    (
        "drift",
        "kubeadm would not undo manual edits of the control plane's manifests",
    ),
    (
        "coredns",
        "kubeadm would not undo manual edits of CoreDNS and kube-proxy",
    ),
    ("budgets", "no PodDisruptionBudget holds drains up"),
    ("pods", "no pod is lost by a drain, nor its data"),
    ("webhooks", "webhooks of the cluster have somebody who answers"),
    ("deprecated-apis", "nobody uses an API that the target no longer has"),
    ("survey", "the cluster answered every question"),
    ("plan", "the installed kubeadm agrees (`kubeadm upgrade plan`)"),
];

/// What the playbook is set to do, as far as it matters here.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// MiB that are to stay free.
    pub free_mib: u64,
    /// krun writes the repository of each hop itself (`repository_baseurl`, `repository_apt_url`).
    pub switches_repository: bool,
    /// kubeadm renews its certificates.
    pub renews_certificates: bool,
    /// Drains may lose data in emptyDirs.
    pub delete_emptydir_data: bool,
    /// Drains may lose pods without a controller.
    pub force_drain: bool,
    /// kubeadm upgrades etcd.
    pub etcd_upgrade: bool,
    /// krun takes flags out that the next kubelet does not know.
    pub removes_flags: bool,
    /// A file is given to kubeadm with `--config`.
    pub has_config_file: bool,
    /// Patches are given to kubeadm.
    pub has_patches: bool,
    /// Each master is finished before the next is begun.
    pub per_node: bool,
    /// Nodes are drained before kubeadm works on them.
    pub drains_before_kubeadm: bool,
    /// This run of krun, so that its own lock does not stop it.
    pub run: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            free_mib: 1024,
            switches_repository: false,
            renews_certificates: true,
            delete_emptydir_data: false,
            force_drain: false,
            etcd_upgrade: true,
            removes_flags: true,
            has_config_file: false,
            has_patches: false,
            per_node: false,
            drains_before_kubeadm: false,
            run: String::new(),
        }
    }
}

/// Everything that is judged.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The version to upgrade to, as the user wrote it.
    pub target: String,
    /// What the repositories serve; `None` where nobody looked.
    pub offered: Option<Vec<Offered>>,
    /// Patch versions that the user chose.
    pub pins: Vec<Version>,
    /// Hosts of the control plane, in the order of the inventory.
    pub masters: Vec<String>,
    /// The hosts.
    pub nodes: Vec<NodeSurvey>,
    /// The cluster.
    pub cluster: ClusterSurvey,
    /// Names of checks whose findings do not block.
    pub waivers: Vec<String>,
    /// What the playbook is set to do.
    pub settings: Settings,
}

/// A name that `preflight_skip` may hold: a check's, or a known problem's.
pub fn is_check(name: &str) -> bool {
    CHECKS.iter().any(|(check, _)| *check == name) || known_problems::all().iter().any(|problem| problem.id == name)
}

/// What the checks work with.
pub(super) struct Seen<'a> {
    pub(super) question: &'a Question,
    pub(super) hops: &'a [Hop],
    /// The hops are those that will be gone, not those that one would expect.
    pub(super) is_planned: bool,
    /// The nodes of the cluster, each with its host where it has one.
    pub(super) pairs: Vec<(&'a super::ClusterNode, Option<&'a NodeSurvey>)>,
}

impl<'a> Seen<'a> {
    /// Hosts of the control plane.
    pub(super) fn masters(&self) -> impl Iterator<Item = &'a NodeSurvey> {
        let masters = &self.question.masters;
        self.question.nodes.iter().filter(|node| masters.contains(&node.host))
    }

    /// The version of the API server on a node of the cluster.
    pub(super) fn api_server(&self, node: &str) -> Option<Version> {
        let pods = &self.question.cluster.control_plane;
        let pod = pods
            .iter()
            .find(|pod| pod.component == "kube-apiserver" && pod.node == node)?;
        Version::of_image(&pod.image)
    }

    /// The versions of all API servers.
    pub(super) fn api_servers(&self) -> Vec<Version> {
        api_servers(&self.question.cluster)
    }

    /// The last version on the way.
    pub(super) fn last(&self) -> Option<&'a Version> {
        self.hops.last().map(|hop| &hop.version)
    }
}

fn api_servers(cluster: &ClusterSurvey) -> Vec<Version> {
    let pods = cluster
        .control_plane
        .iter()
        .filter(|pod| pod.component == "kube-apiserver");
    pods.filter_map(|pod| Version::of_image(&pod.image)).collect()
}

/// Judges.
pub fn preflight(question: &Question) -> Report {
    let mut findings = Findings::new(&question.waivers);
    let planned = way(question);
    // What is wrong on the way is told also where it cannot be gone yet.
    let hops = planned.as_ref().map_or_else(|_| likely_way(question), Clone::clone);
    let seen = Seen {
        question,
        hops: &hops,
        is_planned: planned.is_ok(),
        pairs: nodes::pairs(question),
    };
    if let Err(error) = &planned {
        findings.block("hop", None, &error.message, &error.help);
    }
    machine::check(&seen, &mut findings);
    masters::check(&seen, &mut findings);
    nodes::check(&seen, &mut findings);
    cluster::check(&seen, &mut findings);
    versions::check(&seen, &mut findings);
    etcd::check(&seen, &mut findings);
    workload::check(&seen, &mut findings);
    known_problems::check(&seen, &mut findings);
    findings.list.sort_by_key(|finding| (finding.severity, finding.waived));
    let last = seen.last().filter(|_| seen.is_planned);
    Report {
        target: last.map_or_else(|| question.target.clone(), ToString::to_string),
        nodes: nodes::report(&seen),
        budgets: question.cluster.budgets.clone(),
        control_plane_order: nodes::control_plane_order(&seen),
        may_start: !findings.list.iter().any(Finding::is_in_the_way),
        findings: findings.list,
        hops: planned.unwrap_or_default(),
    }
}

/// The way to the target.
fn way(question: &Question) -> Result<Vec<Hop>, SkewError> {
    let target: Target = question.target.parse()?;
    let kubelets: Vec<Version> = question
        .cluster
        .nodes
        .iter()
        .filter_map(|node| node.kubelet.parse().ok())
        .collect();
    let standing = Standing {
        api_servers: &api_servers(&question.cluster),
        kubelets: &kubelets,
    };
    plan_hops(
        &standing,
        &target,
        question.offered.as_deref().unwrap_or(&[]),
        &question.pins,
    )
}

/// The way as it would be, if every minor version were served up to a late patch.
fn likely_way(question: &Question) -> Vec<Hop> {
    const LATE_PATCH: u64 = 99;
    let servers = api_servers(&question.cluster);
    let (Some(oldest), Ok(target)) = (servers.iter().min(), question.target.parse::<Target>()) else {
        return Vec::new();
    };
    let (last, exact) = match &target {
        Target::Exact(version) => (version.minor, Some(version)),
        Target::Newest { minor, .. } => (*minor, None),
    };
    let version = |minor| Version {
        minor,
        patch: LATE_PATCH,
        ..oldest.clone()
    };
    let mut hops: Vec<Hop> = Vec::new();
    let first = if last == oldest.minor { last } else { oldest.minor + 1 };
    for minor in first..=last {
        hops.push(Hop {
            from: hops.last().map_or(oldest, |hop| &hop.version).clone(),
            version: exact
                .filter(|_| minor == last)
                .cloned()
                .unwrap_or_else(|| version(minor)),
            package: None,
            source: None,
            pinned: false,
        });
    }
    hops
}
