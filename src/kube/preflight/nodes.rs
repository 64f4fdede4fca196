//! Which node is which host, and how the nodes are.

use std::collections::HashSet;

use super::report::{Expiry, Findings, NodeReport};
use super::{Question, Seen};
use crate::kube::{ClusterNode, NodeSurvey, Repository, Version};

/// The nodes of the cluster, each with its host: by the host's best name that one node, and only one, answers to.
pub(super) fn pairs(question: &Question) -> Vec<(&ClusterNode, Option<&NodeSurvey>)> {
    let node_of = |host: &NodeSurvey| -> Option<&str> {
        host.identities.iter().find_map(|name| {
            let mut found = question.cluster.nodes.iter().filter(|node| node.answers_to(name));
            let first = found.next()?;
            found.next().is_none().then_some(first.name.as_str())
        })
    };
    let hosts: Vec<_> = question.nodes.iter().map(|host| (host, node_of(host))).collect();
    question
        .cluster
        .nodes
        .iter()
        .map(|node| {
            let is_it = |(_, name): &&(&NodeSurvey, Option<&str>)| *name == Some(node.name.as_str());
            (node, hosts.iter().find(is_it).map(|(host, _)| *host))
        })
        .collect()
}

pub(super) fn check(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    let known: HashSet<&str> = seen
        .pairs
        .iter()
        .filter_map(|(_, host)| host.map(|host| host.host.as_str()))
        .collect();
    for host in seen
        .question
        .nodes
        .iter()
        .filter(|host| !known.contains(host.host.as_str()))
    {
        findings.block(
            "inventory",
            Some(&host.host),
            format!(
                "No node of the cluster is called like this host ({})",
                host.identities.join(", ")
            ),
            "set node_name for this host in the inventory to the name that `kubectl get nodes` shows",
        );
    }
    let strangers: Vec<&str> = seen
        .pairs
        .iter()
        .filter(|(_, host)| host.is_none())
        .map(|(node, _)| node.name.as_str())
        .collect();
    if !strangers.is_empty() {
        findings.block(
            "inventory",
            None,
            format!(
                "The cluster has nodes that are not in the inventory: {}. They would keep their old kubelet",
                strangers.join(", ")
            ),
            "add them to `masters` or `workers`, or take them out of the cluster: kubectl delete node NAME",
        );
    }
    for (node, host) in &seen.pairs {
        let place = Some(host.map_or(node.name.as_str(), |host| host.host.as_str()));
        if let Some(host) = host
            && node.is_control_plane() != seen.question.masters.contains(&host.host)
        {
            let (is, group) = if node.is_control_plane() {
                ("a part of the control plane", "masters")
            } else {
                ("no part of the control plane", "workers")
            };
            findings.block(
                "inventory",
                place,
                format!("The node {} is {is}", node.name),
                format!("put the host into the group `{group}`"),
            );
        }
        if !node.is_ready {
            let reason = if node.reason.is_empty() {
                String::new()
            } else {
                format!(" ({})", node.reason)
            };
            findings.block(
                "ready",
                place,
                format!(
                    "Not Ready: {}{reason}. With fewer nodes there is no room for the pods that a drain moves",
                    node.name
                ),
                format!(
                    "kubectl describe node {0}; or take it out of the cluster: kubectl delete node {0}",
                    node.name
                ),
            );
        }
        match (&node.cordoned_by, node.is_cordoned) {
            (Some(run), true) => findings.warn(
                "cordons",
                place,
                format!("{} is cordoned, by an earlier run of krun ({run})", node.name),
                format!(
                    "krun uncordons it when the node is done; at once: kubectl uncordon {}",
                    node.name
                ),
            ),
            (None, true) => findings.note(
                "cordons",
                place,
                format!(
                    "{} is cordoned already; what krun did not cordon stays cordoned",
                    node.name
                ),
                format!("kubectl uncordon {}", node.name),
            ),
            _ => {}
        }
    }
}

pub(super) fn report(seen: &Seen<'_>) -> Vec<NodeReport> {
    seen.pairs
        .iter()
        .map(|(node, host)| {
            let plain = |text: &str| text.trim_start_matches('v').to_owned();
            let etcd = host.and_then(|host| host.etcd.as_ref());
            let first = host.and_then(|host| host.certificates.iter().min_by_key(|certificate| certificate.expires));
            NodeReport {
                name: node.name.clone(),
                host: host.map(|host| host.host.clone()).unwrap_or_default(),
                role: if node.is_control_plane() {
                    "control-plane"
                } else {
                    "worker"
                }
                .to_owned(),
                ready: node.is_ready,
                cordoned: node.is_cordoned,
                cordoned_by: node.cordoned_by.clone(),
                kubeadm: host.and_then(|host| host.kubeadm.as_deref()).map(plain),
                kubelet: Some(plain(&node.kubelet)),
                kubectl: host.and_then(|host| host.kubectl.as_deref()).map(plain),
                api_server: seen.api_server(&node.name).map(|version| version.to_string()),
                etcd: etcd
                    .map(|etcd| etcd.version.clone())
                    .filter(|version| !version.is_empty()),
                etcd_leader: etcd.is_some_and(|etcd| etcd.leads()),
                runtime: node.runtime.clone(),
                os: node.os.clone(),
                kernel: node.kernel.clone(),
                labels: node.labels.clone(),
                repository: host.and_then(|host| Repository::of_node(host)),
                certificates: first.map(|certificate| Expiry {
                    name: certificate.name.clone(),
                    expires: date(certificate.expires),
                }),
            }
        })
        .collect()
}

fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(
        |_| String::new(),
        |time| time.to_zoned(jiff::tz::TimeZone::UTC).date().to_string(),
    )
}

/// Those that are further already come first, etcd's leader last: so leadership moves once, and not with each master.
pub(super) fn control_plane_order(seen: &Seen<'_>) -> Vec<String> {
    let about = |host: &String| -> (Option<Version>, bool) {
        let pair = seen
            .pairs
            .iter()
            .find(|(_, survey)| survey.is_some_and(|survey| survey.host == *host));
        let version = pair.and_then(|(node, _)| seen.api_server(&node.name));
        let survey = seen.question.nodes.iter().find(|node| node.host == *host);
        let leads = survey
            .and_then(|node| node.etcd.as_ref())
            .is_some_and(|etcd| etcd.leads());
        (version, leads)
    };
    let mut order: Vec<(usize, &String)> = seen.question.masters.iter().enumerate().collect();
    order.sort_by_cached_key(|(index, host)| {
        let (version, leads) = about(host);
        (std::cmp::Reverse(version), leads, *index)
    });
    order.into_iter().map(|(_, host)| host.clone()).collect()
}
