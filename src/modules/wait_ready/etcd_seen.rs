use serde_json::{Value, json};

use crate::kube::{EtcdAnswer, EtcdAnswers};
use crate::modules::Outcome;

/// etcdctl's words for a member that is there and does not answer, as opposed to one that nobody can ask.
const SILENT: [&str; 3] = ["connection refused", "deadline exceeded", "no leader"];

/// What one look showed of etcd's members.
#[derive(Debug, Default)]
pub(super) enum EtcdSeen {
    /// Nobody was there to be asked.
    #[default]
    Nothing,
    /// They could not be asked; why.
    Unasked(String),
    /// Their own word.
    Members(EtcdAnswers),
}

impl EtcdSeen {
    /// Reads what query.sh shows of them.
    pub(super) fn read(status: Option<&String>, list: Option<&String>) -> Self {
        let (Some(status), Some(list)) = (status, list) else {
            return Self::Nothing;
        };
        match EtcdAnswers::read(status.trim(), list.trim()) {
            Some(members) => Self::Members(members),
            None => Self::Unasked(super::last_line(list).to_owned()),
        }
    }

    pub(super) fn lacks(&self) -> Vec<String> {
        match self {
            Self::Members(members) => members.lack(),
            Self::Unasked(reason) if SILENT.iter().any(|words| reason.contains(words)) => {
                vec![format!("etcd's member does not answer ({reason})")]
            }
            Self::Nothing | Self::Unasked(_) => Vec::new(),
        }
    }

    /// What was checked, and what was not.
    pub(super) fn add_to(&self, outcome: Outcome) -> Outcome {
        let least = "only what the API server says of etcd, and its pods";
        match self {
            Self::Nothing => outcome.with(
                "etcd_checked",
                format!("{least}: it runs elsewhere, or its pods are not shown"),
            ),
            Self::Unasked(reason) => outcome.with(
                "etcd_checked",
                format!("{least}: its members cannot be asked ({reason})"),
            ),
            Self::Members(members) => {
                let show = |member: &EtcdAnswer| json!({"endpoint": member.endpoint, "version": member.version, "leader": member.is_leader()});
                outcome
                    .with(
                        "etcd_checked",
                        "all members: they answer, are agreed on a leader, and have no alarm",
                    )
                    .with("etcd_members", members.members.iter().map(show).collect::<Vec<Value>>())
            }
        }
    }
}
