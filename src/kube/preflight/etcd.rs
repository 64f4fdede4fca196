//! Is etcd well enough that one member after the other may go away for a moment?

use std::collections::HashSet;

use super::Seen;
use super::report::Findings;
use crate::kube::{EtcdSurvey, NodeSurvey};

impl EtcdSurvey {
    /// It is the leader.
    pub fn leads(&self) -> bool {
        !self.id.is_empty() && self.id == self.leader
    }
}

pub(super) fn check(seen: &Seen<'_>, findings: &mut Findings<'_>) {
    let asked: Vec<(&NodeSurvey, &EtcdSurvey)> = seen
        .masters()
        .filter_map(|node| node.etcd.as_ref().map(|etcd| (node, etcd)))
        .collect();
    if asked.is_empty() {
        if seen.question.cluster.kubeadm_config["etcd"]["external"].is_object() {
            findings.note(
                "etcd",
                None,
                "etcd is outside of the cluster: kubeadm does not upgrade it, and krun takes no snapshot of it",
                "back it up yourself before the upgrade, and see that its version goes with the target",
            );
        }
        return;
    }
    for (node, etcd) in &asked {
        let host = Some(node.host.as_str());
        if let Some(error) = &etcd.error {
            findings.block(
                "etcd",
                host,
                format!("The member of etcd on this master does not answer: {error}"),
                "crictl ps -a --name etcd; crictl logs its container",
            );
        }
        if let Some(alarms) = (!etcd.alarms.is_empty()).then(|| etcd.alarms.join(", ")) {
            findings.block(
                "etcd",
                host,
                format!("etcd has raised an alarm: {alarms}"),
                "for NOSPACE: compact, `etcdctl defrag`, then `etcdctl alarm disarm`",
            );
        }
    }
    let well: Vec<&(&NodeSurvey, &EtcdSurvey)> = asked.iter().filter(|(_, etcd)| etcd.error.is_none()).collect();
    let leaders: HashSet<&str> = well.iter().map(|(_, etcd)| etcd.leader.as_str()).collect();
    if leaders.contains("0") || leaders.contains("") {
        findings.block("etcd", None, "etcd has no leader", "etcdctl endpoint status --cluster");
    } else if leaders.len() > 1 {
        findings.block(
            "etcd",
            None,
            "The members of etcd do not agree on a leader: they are not of one cluster, or it changes right now",
            "etcdctl endpoint status --cluster, on each master; run this again when it has settled",
        );
    }
    let Some((_, any)) = well.first() else { return };
    let answering: HashSet<&str> = well.iter().map(|(_, etcd)| etcd.id.as_str()).collect();
    let voters = any.members.iter().filter(|member| !member.is_learner).count();
    for member in &any.members {
        let name = if member.name.is_empty() {
            member.id.as_str()
        } else {
            member.name.as_str()
        };
        if member.is_learner {
            findings.block(
                "etcd",
                None,
                format!("The member {name} of etcd is a learner still: it does not count for the quorum"),
                format!(
                    "etcdctl member promote {0}, or etcdctl member remove {0}",
                    hexadecimal(&member.id)
                ),
            );
        } else if !answering.contains(member.id.as_str()) && !asked.iter().any(|(_, etcd)| etcd.error.is_some()) {
            findings.block(
                "etcd",
                None,
                format!("etcd has a member {name} that no host of the group `masters` runs"),
                format!(
                    "add its host to `masters`, or, if it is gone: etcdctl member remove {}",
                    hexadecimal(&member.id)
                ),
            );
        }
    }
    if well.len() < voters / 2 + 1 {
        findings.block(
            "etcd",
            None,
            format!(
                "{} of {voters} members of etcd answer, which is no majority",
                well.len()
            ),
            "bring the others back first",
        );
    }
}

/// As etcdctl writes identities.
fn hexadecimal(id: &str) -> String {
    id.parse::<u64>().map_or_else(|_| id.to_owned(), |id| format!("{id:x}"))
}
