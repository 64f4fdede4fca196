//! `drain`, and Ansible's `k8s_drain`: a node without pods, before its kubelet is upgraded.

mod options;
#[cfg(test)]
mod tests;

use serde_json::json;

use crate::connection::{Output, Request, Script};
use crate::kube::{Budget, DrainOptions, Pod};

use super::node::{self, NodeView, Target};
use super::{Again, ArgumentError, Context, Failure, Module, Outcome, Pending, State};
pub use options::Drain;
use options::Wanted;

const DRAIN: Script = Script {
    name: "drain/drain",
    text: include_str!("drain.sh"),
};

impl Module for Drain {
    const NAME: &'static str = "drain";
    const ALIASES: &'static [&'static str] = &["k8s-drain"];
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] =
        &[("name", "node"), ("pod_selectors", "pod_selector")];
    const AGAIN: Again = Again::UndoneBy("uncordon");
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
        Ok(())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<NodeView>, Failure> {
        let options = self.flattened();
        let selector = options.selector();
        let view = options.target(&selector).query(context, false)?;
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
            Wanted::Cordon => node::cordon(context, &options.kubeconfig, &view.node)?,
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

    fn check_drain(&self, context: &Context<'_>, view: NodeView) -> Result<State<NodeView>, Failure> {
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
        Ok(Pending::new(view, changes).into())
    }

    fn drain(&self, context: &mut Context<'_>, view: &NodeView) -> Result<Outcome, Failure> {
        let name = &view.node.name;
        let leaving: Vec<_> = leaving(view).cloned().collect();
        for loss in losses(&leaving) {
            context.report(&loss);
        }
        let is_ours = !view.node.is_cordoned || view.node.cordoned_by.is_some();
        let mark = if is_ours { node::mark(context) } else { String::new() };
        if is_ours {
            // Before the cordon: the connection may be lost right after it.
            node::keep_undo(context, &self.kubeconfig, &view.node, &mark);
        }
        let words = [self.kubeconfig.0.clone(), name.clone(), mark];
        let request = Request::new(DRAIN, words.into_iter().chain(self.arguments()));
        let output = context.run_detached(&format!("drain-{}", identity(name)), request)?;
        if !output.success() {
            return Err(self.failed(context, name, &leaving, &output));
        }
        let names: Vec<_> = leaving.iter().map(Pod::full_name).collect();
        Ok(about(Outcome::changed(Vec::<String>::new()), view)
            .with("evicted", json!(names))
            .with("stdout", output.stdout_text().trim_end_matches('\n'))
            .with("stderr", output.stderr_text().trim_end_matches('\n')))
    }

    /// Says why a drain failed, by what is left on the node, and ends krun's own cordon.
    fn failed(&self, context: &mut Context<'_>, name: &str, before: &[Pod], output: &Output) -> Failure {
        let selector = self.selector();
        let mut failure = match self.target(&selector).query(context, true) {
            Err(error) => Failure::of_program(&format!("draining {name}"), output)
                .help(format!("what is left on the node is not known: {}", error.message)),
            Ok(view) => {
                let remaining: Vec<_> = leaving(&view).cloned().collect();
                let is_gone = |pod: &&Pod| !remaining.iter().any(|other| other.full_name() == pod.full_name());
                let gone: Vec<_> = before.iter().filter(is_gone).map(Pod::full_name).collect();
                let failure = stuck(name, &remaining, &view.budgets, output).with("evicted", json!(gone));
                if *self.uncordon_on_failure && view.node.is_cordoned && view.node.cordoned_by.is_some() {
                    match node::uncordon(context, &self.kubeconfig, name) {
                        Ok(()) => failure
                            .help(format!(
                                "{name} was uncordoned again, nothing else was changed on it; make room for its pods or ease \
                                 the budget, then run this again (`timeout` gives it more time)"
                            ))
                            .with("uncordoned", true),
                        Err(error) => failure.help(format!("it is still cordoned: {}", error.message)),
                    }
                } else {
                    node::withdraw_undo(context, name);
                    failure.help(format!("{name} is left cordoned, nothing else was changed on it"))
                }
            }
        };
        failure.result.insert("node".to_owned(), name.into());
        failure
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

/// A drain that did not end, with the pods that remain and the budgets that hold them.
fn stuck(name: &str, remaining: &[Pod], budgets: &[Budget], output: &Output) -> Failure {
    let failure = Failure::of_program(&format!("draining {name}"), output);
    if remaining.is_empty() {
        return failure;
    }
    let lines: Vec<_> = remaining
        .iter()
        .map(|pod| {
            let reason = budgets.iter().find_map(|budget| budget.blocks(pod));
            match reason {
                Some(reason) => format!("{}: {reason}", pod.full_name()),
                None => pod.full_name(),
            }
        })
        .collect();
    let message = format!("draining {name} did not end; still on it: {}", lines.join("; "));
    Failure { message, ..failure }.with("remaining", json!(lines))
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
