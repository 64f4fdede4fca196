//! `drain`, and Ansible's `k8s_drain`: a node without pods, before its kubelet is upgraded.

mod ending;
mod live;
mod options;
mod rehearsal;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use crate::connection::{Beside, Output, Request, Script};
use crate::kube::{DrainOptions, Pod};

use super::capacity::check_limit;
use super::node::{self, NodeView, Target};
use super::{Again, ArgumentError, Context, Failure, Module, Outcome, Pending, State};
use live::{LEFT, Live, blocked_by};
pub use options::Drain;
use options::{OnTimeout, Wanted};

const DRAIN: Script = Script {
    name: "drain/drain",
    text: concat!(include_str!("arguments.sh"), include_str!("drain.sh")),
};

/// How often it is looked what is left on the node.
const LOOK: Duration = Duration::from_secs(if cfg!(test) { 0 } else { 3 });

/// Why options about the way to the cluster are refused.
const BY_KUBECTL: &str = "krun asks the cluster with kubectl and a `kubeconfig` on the host that the task runs on";

impl Module for Drain {
    const NAME: &'static str = "drain";
    const ALIASES: &'static [&'static str] = &["k8s-drain"];
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] =
        &[("name", "node"), ("pod_selectors", "pod_selector")];
    const AGAIN: Again = Again::UndoneBy("uncordon");
    const REFUSED_OPTIONS: &'static [(&'static str, &'static str)] = &[
        ("context", BY_KUBECTL),
        ("host", BY_KUBECTL),
        ("api_key", BY_KUBECTL),
        ("username", BY_KUBECTL),
        ("password", BY_KUBECTL),
        ("proxy", BY_KUBECTL),
        ("proxy_headers", BY_KUBECTL),
        ("no_proxy", BY_KUBECTL),
        ("ca_cert", BY_KUBECTL),
        ("client_cert", BY_KUBECTL),
        ("client_key", BY_KUBECTL),
        ("validate_certs", BY_KUBECTL),
        ("impersonate_user", BY_KUBECTL),
        ("impersonate_groups", BY_KUBECTL),
        ("persist_config", BY_KUBECTL),
    ];
    const EXAMPLE: &'static str = "\
- name: The worker is empty
  drain:
    delete_emptydir_data: true
    timeout: 900
  delegate_to: \"{{ groups.masters[0] }}\"
";

    type Plan = NodeView;

    fn validate(&self) -> Result<(), ArgumentError> {
        if self.flattened().timeout.0 == 0 {
            return Err(ArgumentError::option(
                "timeout",
                "a drain needs an end: 1 second or more",
            ));
        }
        self.max_unavailable
            .as_ref()
            .map_or(Ok(()), |most| check_limit(most).map(drop))
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<NodeView>, Failure> {
        let options = self.flattened();
        let selector = options.selector();
        let with_budgets = options.state == Wanted::Drain;
        let view = options.target(&selector).query(context, with_budgets)?;
        Ok(match options.state {
            Wanted::Drain => options.check_drain(context, view)?,
            Wanted::Cordon if view.node.is_cordoned => {
                node::keep_undo_of_found(context, &options.kubeconfig, &view.node);
                State::Satisfied(about(Outcome::ok(), &view))
            }
            Wanted::Cordon => Pending::new(view, ["cordoned"]).into(),
            Wanted::Uncordon if !view.node.is_cordoned => State::Satisfied(about(Outcome::ok(), &view)),
            Wanted::Uncordon => Pending::new(view, ["uncordoned"]).into(),
        })
    }

    fn apply(&self, context: &mut Context<'_>, view: NodeView) -> Result<Outcome, Failure> {
        let options = self.flattened();
        let changed = about(Outcome::changed(Vec::<String>::new()), &view);
        match options.state {
            Wanted::Drain => return options.drain(context, &view),
            Wanted::Cordon => match options.limit() {
                Some(limit) => limit.cordon(context, &view.node)?,
                None => node::cordon(context, &options.kubeconfig, &view.node)?,
            },
            Wanted::Uncordon => node::uncordon(context, &options.kubeconfig, &view.node.name)?,
        }
        Ok(changed)
    }
}

impl Drain {
    fn target<'a>(&'a self, selector: &'a str) -> Target<'a> {
        Target {
            kubeconfig: &self.kubeconfig,
            node: self.node.as_ref(),
            selector,
        }
    }

    fn check_drain(&self, context: &mut Context<'_>, view: NodeView) -> Result<State<NodeView>, Failure> {
        let leaving: Vec<_> = leaving(&view).cloned().collect();
        if view.node.is_cordoned && leaving.is_empty() {
            node::keep_undo_of_found(context, &self.kubeconfig, &view.node);
            return Ok(State::Satisfied(about(Outcome::ok(), &view)));
        }
        let allowed = DrainOptions {
            ignore_daemonsets: *self.ignore_daemonsets,
            delete_emptydir_data: *self.delete_emptydir_data,
            force: *self.force,
        };
        let objections = allowed.objections(&view.pods);
        if !objections.is_empty() {
            return Err(Failure::new(format!(
                "node {} cannot be drained: {}",
                view.node.name,
                objections.join("; ")
            ))
            .help("nothing was changed; allow it in the task, or move these pods yourself first")
            .with("node", view.node.name));
        }
        let mut changes = Vec::new();
        if !view.node.is_cordoned {
            changes.push("cordoned".to_owned());
        }
        if !leaving.is_empty() {
            changes.push(format!("{} evicted", count(leaving.len(), "pod")));
        }
        changes.extend(losses(&leaving));
        changes.extend(self.held_now(&leaving, &view));
        // A cordon of krun's own tells that this was tried already, and that a drain may be at work.
        let is_begun = view.node.is_cordoned && view.node.cordoned_by.is_some();
        if !leaving.is_empty() && !is_begun {
            self.rehearse(context, &view)?;
        }
        Ok(Pending::new(view, changes).into())
    }

    /// Pods that could not leave at this moment: no reason to refuse, as their budgets may be freed.
    fn held_now(&self, leaving: &[Pod], view: &NodeView) -> Option<String> {
        if *self.disable_eviction {
            return None;
        }
        let held: Vec<_> = leaving
            .iter()
            .filter_map(|pod| blocked_by(pod, &view.budgets).map(|reason| format!("{}: {reason}", pod.full_name())))
            .collect();
        (!held.is_empty()).then(|| format!("held right now: {}", held.join("; ")))
    }

    fn drain(&self, context: &mut Context<'_>, view: &NodeView) -> Result<Outcome, Failure> {
        let leaving: Vec<_> = leaving(view).cloned().collect();
        for line in losses(&leaving).into_iter().chain(self.held_now(&leaving, view)) {
            context.report(&line);
        }
        // Where it counts how many are away it cordons before it drains, so that the next one sees it.
        if let Some(limit) = self.limit().filter(|_| !view.node.is_cordoned) {
            limit.cordon(context, &view.node)?;
        }
        let is_ours = !view.node.is_cordoned || view.node.cordoned_by.is_some();
        let mark = if is_ours { node::mark(context) } else { String::new() };
        if is_ours {
            // Before the cordon: the connection may be lost right after it.
            node::keep_undo(context, &self.kubeconfig, &view.node, &mark);
        }
        let output = self.run(context, "", view, &mark, &leaving)?;
        if !output.success() {
            return self.after_failure(context, view, &mark, &leaving, output);
        }
        Ok(ended(view, &leaving, &output))
    }

    /// Runs kubectl's drain, and shows what is left on the node meanwhile.
    fn run(
        &self,
        context: &mut Context<'_>,
        step: &str,
        view: &NodeView,
        mark: &str,
        leaving: &[Pod],
    ) -> Result<Output, Failure> {
        let name = &view.node.name;
        let words = [self.kubeconfig.0.as_str(), name, mark].map(ToOwned::to_owned);
        let request = Request::new(DRAIN, words.into_iter().chain(self.arguments()));
        let reporter = context.reporter;
        let mut live = Live::new(name, leaving, &view.budgets);
        let mut show = |output: &Output| {
            if let Some(line) = live.take(output) {
                reporter(&line);
            }
        };
        let beside = Beside {
            every: LOOK,
            request: Request::new(LEFT, [&*self.kubeconfig.0, &self.selector(), name]),
            answer: &mut show,
        };
        // kubectl says so of each pod every five seconds; the look tells it once, with the reason.
        let shows = |line: &str| !line.contains("will retry after");
        context.run_detached_beside(&format!("drain{step}-{}", identity(name)), request, &shows, beside)
    }
}

/// Pods that leave with a drain.
fn leaving(view: &NodeView) -> impl Iterator<Item = &Pod> {
    view.pods.iter().filter(|pod| !pod.stays())
}

/// What is gone for good after the drain, for the user to read before it is.
fn losses(leaving: &[Pod]) -> Vec<String> {
    let list = |concerns: fn(&Pod) -> bool| -> Vec<String> {
        leaving.iter().filter(|pod| concerns(pod)).map(Pod::full_name).collect()
    };
    let mut losses = Vec::new();
    let bare = list(Pod::is_lost_by_drain);
    if !bare.is_empty() {
        losses.push(format!(
            "lost for good, as nothing makes them anew: {}",
            bare.join(", ")
        ));
    }
    let data = list(Pod::loses_data_by_drain);
    if !data.is_empty() {
        losses.push(format!("emptyDir data lost: {}", data.join(", ")));
    }
    losses
}

/// The result of a drain that got done.
fn ended(view: &NodeView, leaving: &[Pod], output: &Output) -> Outcome {
    let names: Vec<_> = leaving.iter().map(Pod::full_name).collect();
    let workloads: BTreeSet<_> = leaving
        .iter()
        .filter(|pod| !pod.is_finished)
        .filter_map(|pod| pod.workload.as_ref().map(ToString::to_string))
        .collect();
    about(Outcome::changed(Vec::<String>::new()), view)
        .with("evicted", json!(names))
        .with("workloads", json!(workloads))
        .with("stdout", output.stdout_text().trim_end_matches('\n'))
        .with("stderr", output.stderr_text().trim_end_matches('\n'))
}

fn about(outcome: Outcome, view: &NodeView) -> Outcome {
    let by_others = view.node.is_cordoned && view.node.cordoned_by.is_none();
    outcome
        .with("node", view.node.name.as_str())
        .with("was_cordoned", view.node.is_cordoned)
        .with("cordoned_by_others", by_others)
}

fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// A node's name with only the letters that a detached job's identity may have.
fn identity(name: &str) -> String {
    name.chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .collect()
}
