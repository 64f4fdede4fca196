//! Counting nodes that are away, and the guard that counts at the moment of a cordon.

use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::connection::Script;
use crate::kube::{Capacity, Member, MostUnavailable, Node};
use crate::modules::args::Text;
use crate::modules::node;
use crate::modules::{ArgumentError, Context, Failure};

const NODES: Script = Script {
    name: "capacity/nodes",
    text: include_str!("nodes.sh"),
};

/// Which nodes count.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::modules) enum CountedNodes {
    /// Those of the play's hosts.
    #[default]
    Play,
    /// All of the cluster.
    Cluster,
}

/// A limit as a task gives it.
#[derive(Clone, Copy, Debug)]
pub(in crate::modules) struct Limit<'a> {
    pub(in crate::modules) most: &'a Text,
    pub(in crate::modules) of: CountedNodes,
    pub(in crate::modules) kubeconfig: &'a Text,
}

/// Finds a limit that is none, before the run.
pub(in crate::modules) fn check_limit(text: &str) -> Result<MostUnavailable, ArgumentError> {
    text.parse()
        .map_err(|reason: String| ArgumentError::option("max_unavailable", reason))
}

/// Only one task of krun's at a time counts and cordons: between the two, another one would not be seen.
static TURN: Mutex<()> = Mutex::new(());

/// Pause between two attempts to get the turn.
const PAUSE: Duration = Duration::from_millis(100);

impl Limit<'_> {
    /// Asks the cluster, and counts what is away beside the batch; one exchange. Nodes of the batch whose kubelet has this
    /// version already are not counted to it: nothing takes them away.
    pub(in crate::modules) fn count(self, context: &mut Context<'_>, batch: &Batch<'_>) -> Result<Capacity, Failure> {
        let most = self.most.parse().map_err(|reason: String| Failure::new(reason))?;
        let output = context.run(NODES, [self.kubeconfig.0.as_str()])?;
        if !output.success() {
            return Err(node::cannot_ask(self.kubeconfig, &output));
        }
        let all: Vec<_> = output.stdout_text().lines().filter_map(Member::read).collect();
        let mut lost = Vec::new();
        let counted: Vec<_> = match self.of {
            CountedNodes::Cluster => all.iter().collect(),
            CountedNodes::Play => {
                let mut found: Vec<&Member> = Vec::new();
                for host in hosts(context, "ansible_play_hosts_all")? {
                    match Member::find(&all, &names(context, &host)?) {
                        Some(member) if found.iter().any(|other| other.name == member.name) => {}
                        Some(member) => found.push(member),
                        None => lost.push(host),
                    }
                }
                found
            }
        };
        let batch = match batch {
            Batch::One(name) => vec![(*name).to_owned()],
            Batch::OfPlay { there } => {
                let mut nodes = Vec::new();
                for host in hosts(context, "ansible_play_batch")? {
                    // One that the cluster does not know is found out by the task that needs it.
                    let member = Member::find(&all, &names(context, &host)?);
                    nodes.extend(
                        member
                            .filter(|member| there.is_none_or(|there| member.kubelet.trim_start_matches('v') != there))
                            .map(|member| member.name.clone()),
                    );
                }
                nodes
            }
        };
        let mut capacity = Capacity::count(most, &counted, batch);
        capacity.total += lost.len();
        capacity.most = most.of(capacity.total);
        let not_there = |host| (host, "not a node of the cluster".to_owned());
        let in_batch = hosts(context, "ansible_play_batch").unwrap_or_default();
        lost.retain(|host| !in_batch.contains(host));
        capacity.away.extend(lost.into_iter().map(not_there));
        Ok(capacity)
    }

    /// Cordons a node, unless too many are away at this moment.
    pub(in crate::modules) fn cordon(self, context: &mut Context<'_>, node: &Node) -> Result<(), Failure> {
        let _turn = turn(context)?;
        let capacity = self.count(context, &Batch::One(&node.name))?;
        if capacity.away.len() < capacity.most {
            return node::cordon(context, self.kubeconfig, node);
        }
        Err(Failure::new(format!(
            "{} was not cordoned: at most {} of {} nodes may be unavailable (max_unavailable: {}), and these are: {}",
            node.name,
            capacity.most,
            capacity.total,
            self.most,
            capacity.away_list()
        ))
        .help("nothing was changed; bring them back (`kubectl uncordon`, or mend their kubelets), or raise `max_unavailable`")
        .with("unavailable", list(&capacity)))
    }
}

/// Whose being away is asked about.
pub(in crate::modules) enum Batch<'a> {
    /// One node.
    One(&'a str),
    /// The play's batch, without the nodes that are at this version.
    OfPlay { there: Option<&'a str> },
}

/// The nodes that are away, for a task's result.
pub(in crate::modules) fn list(capacity: &Capacity) -> Value {
    let away = capacity.away.iter();
    away.map(|(name, reason)| serde_json::json!({"name": name, "reason": reason}))
        .collect()
}

fn turn(context: &Context<'_>) -> Result<MutexGuard<'static, ()>, Failure> {
    loop {
        match TURN.try_lock() {
            Ok(turn) => return Ok(turn),
            // It guards nothing but the order.
            Err(TryLockError::Poisoned(turn)) => return Ok(turn.into_inner()),
            Err(TryLockError::WouldBlock) => context.wait(PAUSE)?,
        }
    }
}

fn hosts(context: &Context<'_>, variable: &str) -> Result<Vec<String>, Failure> {
    let Some(Value::Array(hosts)) = context.scope.get(variable)? else {
        return Ok(vec![context.host.to_owned()]);
    };
    Ok(hosts.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// A host's names in the cluster, the best first.
fn names(context: &Context<'_>, host: &str) -> Result<Vec<String>, Failure> {
    let other = context.scope.of_host(host);
    let scope = match &other {
        Some(scope) => scope,
        None if host == context.host => context.scope,
        None => return Ok(vec![host.to_owned()]),
    };
    let mut names: Vec<_> = scope
        .get_text("node_name")?
        .into_iter()
        .filter(|name| !name.is_empty())
        .collect();
    if names.is_empty() {
        names = node::names_of_host(host, scope)?;
    }
    Ok(names)
}
