//! What the modules that work on one node of a cluster share: finding it, cordons and their mark, and waiting.

mod undo;
mod wait;

use indexmap::IndexMap;
use serde_json::Value;

use crate::connection::{Output, Script};
use crate::kube::{Budget, Node, Pod};
use crate::vars::Scope;

use super::args::Text;
use super::{Context, Failure};

use undo::EndCordon;
pub(super) use wait::wait_until;

/// The prelude of scripts that look for a node.
macro_rules! find_and {
    ($script:literal) => {
        concat!(include_str!("../node/find.sh"), include_str!($script))
    };
}
pub(super) use find_and;

const QUERY: Script = Script {
    name: "node/query",
    text: find_and!("query.sh"),
};

const CORDON: Script = Script {
    name: "node/cordon",
    text: include_str!("cordon.sh"),
};

const UNCORDON: Script = Script {
    name: "node/uncordon",
    text: include_str!("uncordon.sh"),
};

/// Where a control plane keeps the kubeconfig that may do everything.
pub(super) const ADMIN_CONF: &str = "/etc/kubernetes/admin.conf";

/// Statuses of find.sh that waiting does not mend: no node has one of the names; this host cannot ask the cluster.
const NO_SUCH_NODE: i32 = 3;
const NO_WAY_TO_ASK: i32 = 4;

/// True when asking the cluster again later would not help.
pub(super) fn is_final(failure: &Failure) -> bool {
    let status = failure.result.get("rc").and_then(Value::as_i64);
    failure.unreachable || [NO_SUCH_NODE, NO_WAY_TO_ASK].map(i64::from).map(Some).contains(&status)
}

/// Which node, and how to ask the cluster about it.
pub(super) struct Target<'a> {
    pub(super) kubeconfig: &'a str,
    /// Its name, when the task gives one.
    pub(super) node: Option<&'a Text>,
    /// Only these pods count; empty for all.
    pub(super) selector: &'a str,
}

/// A node and what runs on it.
#[derive(Clone, Debug)]
pub struct NodeView {
    pub(super) node: Node,
    pub(super) pods: Vec<Pod>,
    /// Empty unless asked for.
    pub(super) budgets: Vec<Budget>,
}

impl Target<'_> {
    /// Asks the cluster; one exchange.
    pub(super) fn query(&self, context: &mut Context<'_>, with_budgets: bool) -> Result<NodeView, Failure> {
        let budgets = if with_budgets { "budgets" } else { "" };
        let names = node_names(context, self.node)?;
        let fixed = [self.kubeconfig, self.selector, budgets].map(ToOwned::to_owned);
        let output = context.run(QUERY, fixed.into_iter().chain(names))?;
        if !output.success() {
            return Err(cannot_ask(self.kubeconfig, &output));
        }
        let sections = sections(&output);
        let node = Node::read(&json(&sections, "node")?)
            .ok_or_else(|| Failure::new("kubectl's answer about the node has no name in it"))?;
        Ok(NodeView {
            node,
            pods: Pod::list(&json(&sections, "pods")?),
            budgets: if with_budgets {
                Budget::list(&json(&sections, "budgets")?)
            } else {
                Vec::new()
            },
        })
    }
}

/// Cordons a node and marks the cordon as krun's own; an interrupted run ends it.
pub(super) fn cordon(context: &mut Context<'_>, kubeconfig: &Text, node: &Node) -> Result<(), Failure> {
    let mark = mark(context);
    keep_undo(context, kubeconfig, node, &mark);
    let output = context.run(CORDON, [&**kubeconfig, &node.name, &mark])?;
    done(&format!("cordoning {}", node.name), &output)
}

/// Lets an interrupted run end the cordon that a task is about to make, or to mark anew as krun's own.
pub(super) fn keep_undo(context: &Context<'_>, kubeconfig: &Text, node: &Node, mark: &str) {
    let undo = EndCordon {
        node: Text(node.name.clone()),
        kubeconfig: kubeconfig.clone(),
        marks: std::iter::once(mark.to_owned())
            .chain(node.cordoned_by.clone())
            .collect(),
        kubelet: node.kubelet.clone(),
        was_ours: node.is_cordoned,
    };
    let name = EndCordon::name(&node.name);
    if undo.was_ours {
        context.keep_undo_of_found(name, undo);
    } else {
        context.keep_undo(name, undo);
    }
}

/// The same for a node that a task found cordoned and leaves as it is; a cordon that is not krun's is not touched.
pub(super) fn keep_undo_of_found(context: &Context<'_>, kubeconfig: &Text, node: &Node) {
    if let Some(mark) = &node.cordoned_by
        && node.is_cordoned
        && !context.check_mode
    {
        keep_undo(context, kubeconfig, node, mark);
    }
}

/// The cordon is to stay as it is, whatever becomes of the run.
pub(super) fn withdraw_undo(context: &Context<'_>, node: &str) {
    context.withdraw_undo(EndCordon::name(node));
}

/// Ends a node's cordon and takes krun's mark away.
pub(super) fn uncordon(context: &mut Context<'_>, kubeconfig: &str, node: &str) -> Result<(), Failure> {
    let output = context.run(UNCORDON, [kubeconfig, node])?;
    done(&format!("uncordoning {node}"), &output)?;
    withdraw_undo(context, node);
    Ok(())
}

fn done(what: &str, output: &Output) -> Result<(), Failure> {
    if output.success() {
        Ok(())
    } else {
        Err(Failure::of_program(what, output))
    }
}

/// What krun's own cordons are marked with: the run's identity where there is one, in letters that JSON takes as they are.
pub(super) fn mark(context: &Context<'_>) -> String {
    let run = context.scope.get_text("krun_run_id").ok().flatten().unwrap_or_default();
    let run: String = run
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || "-_.:".contains(*letter))
        .collect();
    if run.is_empty() { "krun".to_owned() } else { run }
}

/// Names that the task's node may have in the cluster, the best first: the one that the task gives, or what the
/// inventory and the facts know of the host.
pub(super) fn node_names(context: &Context<'_>, given: Option<&Text>) -> Result<Vec<String>, Failure> {
    if let Some(name) = given {
        return Ok(vec![name.0.clone()]);
    }
    names_of_host(context.host, context.scope)
}

/// The same for any host, by what it sees.
pub(super) fn names_of_host(host: &str, scope: &Scope) -> Result<Vec<String>, Failure> {
    let mut names = vec![host.to_owned()];
    names.extend(scope.get_text("ansible_host")?);
    if let Some(Value::Object(facts)) = scope.get("ansible_facts")? {
        let known = ["hostname", "nodename", "fqdn"]
            .iter()
            .filter_map(|fact| facts.get(*fact));
        names.extend(known.filter_map(Value::as_str).map(ToOwned::to_owned));
    }
    // A node is often known by the first part of the host's full name.
    if let Some((short, _)) = host.split_once('.')
        && short.parse::<u32>().is_err()
    {
        names.push(short.to_owned());
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| !name.is_empty() && seen.insert(name.clone()));
    Ok(names)
}

/// The pieces of an answer, each under a line `== NAME`.
pub(super) fn sections(output: &Output) -> IndexMap<String, String> {
    let mut sections: IndexMap<String, String> = IndexMap::new();
    let mut current = String::new();
    for line in output.stdout_text().lines() {
        match line.strip_prefix("== ") {
            Some(name) => {
                name.clone_into(&mut current);
                sections.insert(current.clone(), String::new());
            }
            None => {
                if let Some(text) = sections.get_mut(&current) {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
    }
    sections
}

pub(super) fn json(sections: &IndexMap<String, String>, name: &str) -> Result<Value, Failure> {
    let text = sections.get(name).map_or("", String::as_str);
    serde_json::from_str(text).map_err(|error| Failure::new(format!("kubectl's answer ({name}) is not JSON: {error}")))
}

/// The cluster could not be asked, or has no such node.
pub(super) fn cannot_ask(kubeconfig: &str, output: &Output) -> Failure {
    let failure = Failure::of_program("asking the cluster for the node", output);
    if output.status == NO_SUCH_NODE {
        failure.help("give the node's name in the cluster with the option `node`")
    } else {
        failure.help(format!(
            "this works on a host with kubectl and {kubeconfig}: delegate the task to a control plane (`delegate_to`), or \
             set `kubeconfig`"
        ))
    }
}
