//! What drains would run into.

use indexmap::IndexMap;

use super::Seen;
use super::report::{Findings, Severity};

/// Pods that are named.
const SHOWN: usize = 8;

pub(super) fn check(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    if seen.hops.is_empty() {
        return;
    }
    let cluster = &seen.question.cluster;
    for budget in &cluster.budgets {
        findings.warn(
            "budgets",
            None,
            format!(
                "PodDisruptionBudget {}/{} needs {} healthy, has {}, and lets no pod go: {} on {}",
                budget.namespace,
                budget.name,
                budget.needs,
                budget.has,
                shown(&budget.pods),
                budget.nodes.join(", ")
            ),
            format!(
                "give the application another replica, or ease the budget: kubectl -n {} edit pdb {}",
                budget.namespace, budget.name
            ),
        );
    }
    let mut by_node: IndexMap<&str, [Vec<String>; 2]> = IndexMap::new();
    for pod in &cluster.pods_at_risk {
        let entry = by_node.entry(pod.node.as_str()).or_default();
        if pod.is_bare {
            entry[0].push(pod.name.clone());
        }
        if pod.has_local_data {
            entry[1].push(pod.name.clone());
        }
    }
    let settings = &seen.question.settings;
    for (node, [bare, local]) in &by_node {
        let cases = [
            (
                bare,
                settings.force_drain,
                "Pods that no controller would make anew",
                "drain_force: true lets them be lost; better: delete them or make a Deployment of them",
            ),
            (
                local,
                settings.delete_emptydir_data,
                "Pods whose data in an emptyDir goes with them",
                "drain_delete_emptydir_data: true lets it be lost",
            ),
        ];
        for (pods, is_allowed, what, remedy) in cases {
            if pods.is_empty() {
                continue;
            }
            let (severity, text) = if is_allowed {
                (Severity::Note, format!("{what} will be lost: {}", shown(pods)))
            } else {
                (Severity::Warn, format!("{what} hold the drain up: {}", shown(pods)))
            };
            findings.add(severity, "pods", Some(node), text, if is_allowed { "" } else { remedy });
        }
    }
}

fn shown(pods: &[String]) -> String {
    let mut text = pods
        .iter()
        .take(SHOWN)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    if pods.len() > SHOWN {
        text.push_str(&format!(" and {} more", pods.len() - SHOWN));
    }
    text
}
