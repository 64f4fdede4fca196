//! A drain that did not get done: why, and what becomes of the node.

use serde_json::{Value, json};

use crate::connection::Output;
use crate::kube::{Budget, Pod};
use crate::modules::node::{self, NodeView};
use crate::modules::{Context, Failure, Outcome};

use super::live::blocked_by;
use super::{Drain, OnTimeout, ended, leaving};

/// kubectl's words for a drain whose time is up.
const OUT_OF_TIME: [&str; 3] = [
    "global timeout reached",
    "did not complete within",
    "timed out waiting for the condition",
];

impl Drain {
    /// Does what the task says when the time is up; else, and for everything that is no matter of time, fails.
    pub(super) fn after_failure(
        &self,
        context: &mut Context<'_>,
        view: &NodeView,
        mark: &str,
        before: &[Pod],
        output: Output,
    ) -> Result<Outcome, Failure> {
        let name = &view.node.name;
        let selector = self.selector();
        let after = self.target(&selector).query(context, true);
        let left: Vec<_> = match &after {
            Ok(after) if is_out_of_time(&output) => leaving(after).cloned().collect(),
            _ => Vec::new(),
        };
        let budgets = after.as_ref().map_or(&[][..], |after| &after.budgets);
        let lines = reasons(&left, budgets);
        let list = lines.join("; ");
        match self.on_timeout {
            _ if left.is_empty() => {}
            OnTimeout::Fail => {}
            OnTimeout::Leave => {
                let warning = format!(
                    "{name} is not empty: after {} s these were left on it, and are hit by whatever comes next: {list}",
                    self.timeout.0
                );
                context.report(&warning);
                let gone = gone(before, &left);
                return Ok(ended(view, &gone, &output)
                    .with("escalation", "leave")
                    .with("left", json!(lines))
                    .with_warning(warning));
            }
            OnTimeout::DisableEviction => {
                let warning = format!(
                    "{name} was not empty after {} s: these were DELETED, past their budgets: {list}",
                    self.timeout.0
                );
                context.report(&format!(
                    "the drain of {name} did not end in {} s: DELETING what is left, past all PodDisruptionBudgets: {list}",
                    self.timeout.0
                ));
                let harder = Self {
                    disable_eviction: crate::modules::args::Flag(true),
                    ..self.clone()
                };
                let forced = harder.run(context, "-delete", view, mark, &left)?;
                if forced.success() {
                    return Ok(ended(view, before, &forced)
                        .with("escalation", "disable_eviction")
                        .with("deleted", json!(left.iter().map(Pod::full_name).collect::<Vec<_>>()))
                        .with_warning(warning));
                }
                let after = self.target(&selector).query(context, true);
                let failure = self.failed(context, name, before, after, &forced);
                return Err(failure.with("escalation", "disable_eviction"));
            }
        }
        Err(self.failed(context, name, before, after, &output))
    }

    /// Says why a drain failed, by what is left on the node, and ends krun's own cordon.
    fn failed(
        &self,
        context: &mut Context<'_>,
        name: &str,
        before: &[Pod],
        after: Result<NodeView, Failure>,
        output: &Output,
    ) -> Failure {
        let mut failure = match after {
            Err(error) => Failure::of_program(&format!("draining {name}"), output)
                .help(format!("what is left on the node is not known: {}", error.message)),
            Ok(view) => {
                let remaining: Vec<_> = leaving(&view).cloned().collect();
                let gone: Vec<_> = gone(before, &remaining).iter().map(Pod::full_name).collect();
                let failure = stuck(name, &remaining, &view.budgets, output).with("evicted", json!(gone));
                if *self.uncordon_on_failure && view.node.is_cordoned && view.node.cordoned_by.is_some() {
                    match node::uncordon(context, &self.kubeconfig, name) {
                        Ok(()) => failure
                            .help(format!(
                                "{name} was uncordoned again, nothing else was changed on it; make room for its pods or ease \
                                 the budget, then run this again (`timeout` gives it more time, `on_timeout` says what else \
                                 to do then)"
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

fn is_out_of_time(output: &Output) -> bool {
    let said = output.stderr_text();
    OUT_OF_TIME.iter().any(|words| said.contains(words))
}

/// Those that were there before and are not any more.
fn gone(before: &[Pod], remaining: &[Pod]) -> Vec<Pod> {
    let is_there = |pod: &&Pod| remaining.iter().any(|other| other.full_name() == pod.full_name());
    before.iter().filter(|pod| !is_there(pod)).cloned().collect()
}

/// The pods, each with the budget that holds it.
fn reasons(pods: &[Pod], budgets: &[Budget]) -> Vec<String> {
    pods.iter()
        .map(|pod| match blocked_by(pod, budgets) {
            Some(reason) => format!("{}: {reason}", pod.full_name()),
            None => pod.full_name(),
        })
        .collect()
}

/// A drain that did not end, with the pods that remain and the budgets that hold them.
fn stuck(name: &str, remaining: &[Pod], budgets: &[Budget], output: &Output) -> Failure {
    let failure = Failure::of_program(&format!("draining {name}"), output);
    if remaining.is_empty() {
        return failure;
    }
    let lines = reasons(remaining, budgets);
    let message = format!("draining {name} did not end; still on it: {}", lines.join("; "));
    Failure { message, ..failure }.with("remaining", Value::from(lines))
}
