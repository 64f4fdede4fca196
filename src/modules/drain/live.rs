//! What is still on the node while it is drained, and why.

use std::collections::HashSet;

use crate::connection::{Output, Script};
use crate::kube::{Budget, Pod};

pub(super) const LEFT: Script = Script {
    name: "drain/left",
    text: include_str!("left.sh"),
};

/// How many pods are named that are merely ending; those that are held all are.
const NAMED: usize = 8;

/// Turns looks at a node into lines for people, one only when something has changed.
pub(super) struct Live<'a> {
    node: &'a str,
    /// The pods that are to leave.
    pods: &'a [Pod],
    budgets: Vec<Budget>,
    shown: String,
}

impl<'a> Live<'a> {
    pub(super) fn new(node: &'a str, pods: &'a [Pod], budgets: &[Budget]) -> Self {
        Self {
            node,
            pods,
            budgets: budgets.to_vec(),
            shown: String::new(),
        }
    }

    /// Takes the answer of left.sh; gives the line to show.
    pub(super) fn take(&mut self, output: &Output) -> Option<String> {
        if !output.success() {
            return None;
        }
        let text = output.stdout_text();
        let mut there = HashSet::new();
        for line in text.lines() {
            let words: Vec<_> = line.split(' ').collect();
            match words[..] {
                ["pod", namespace, name] => {
                    there.insert((namespace, name));
                }
                ["budget", namespace, name, needed, healthy, allowed] => {
                    self.note(namespace, name, [needed, healthy, allowed]);
                }
                _ => {}
            }
        }
        let left: Vec<_> = self
            .pods
            .iter()
            .filter(|pod| there.contains(&(pod.namespace.as_str(), pod.name.as_str())))
            .collect();
        let line = self.line(&left)?;
        if line == self.shown {
            return None;
        }
        self.shown.clone_from(&line);
        Some(line)
    }

    fn note(&mut self, namespace: &str, name: &str, numbers: [&str; 3]) {
        let is_it = |budget: &&mut Budget| budget.namespace == namespace && budget.name == name;
        if let Some(budget) = self.budgets.iter_mut().find(is_it) {
            let [needed, healthy, allowed] = numbers.map(|text| text.parse().unwrap_or(0));
            (budget.needed, budget.healthy, budget.allowed) = (needed, healthy, allowed);
        }
    }

    fn line(&self, left: &[&Pod]) -> Option<String> {
        if left.is_empty() {
            return None;
        }
        let (held, ending): (Vec<_>, Vec<_>) = left
            .iter()
            .map(|pod| (pod.full_name(), blocked_by(pod, &self.budgets)))
            .partition(|(_, reason)| reason.is_some());
        let mut parts: Vec<_> = held
            .into_iter()
            .map(|(pod, reason)| format!("{pod}: {}", reason.unwrap_or_default()))
            .collect();
        let more = ending.len().saturating_sub(NAMED);
        parts.extend(ending.into_iter().take(NAMED).map(|(pod, _)| pod));
        if more > 0 {
            parts.push(format!("and {more} more"));
        }
        let (number, node) = (left.len(), self.node);
        let plural = if number == 1 { "" } else { "s" };
        Some(format!("still on {node}, {number} pod{plural}: {}", parts.join("; ")))
    }
}

/// Why a pod cannot leave right now, when a budget is the reason.
pub(super) fn blocked_by(pod: &Pod, budgets: &[Budget]) -> Option<String> {
    budgets.iter().find_map(|budget| budget.blocks(pod))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_is_shown_when_something_has_changed() {
        let pods: Vec<_> = (1..=10)
            .map(|number| {
                json!({"metadata": {"name": format!("web-{number}"), "namespace": "d", "labels": {"n": number.to_string()}}})
            })
            .collect();
        let pods = Pod::list(&json!({"items": pods}));
        let budgets = Budget::list(&json!({"items": [{
            "metadata": {"name": "web", "namespace": "d"},
            "spec": {"selector": {"matchLabels": {"n": "1"}}},
            "status": {"desiredHealthy": 1, "currentHealthy": 2, "disruptionsAllowed": 1},
        }]}));
        let mut live = Live::new("w1", &pods, &budgets);
        let mut look = |text: &str| {
            live.take(&Output {
                stdout: text.into(),
                ..Output::default()
            })
        };
        let all: Vec<_> = (1..=10).map(|number| format!("pod d web-{number}\n")).collect();
        let all = all.concat();
        assert_eq!(
            look(&all).unwrap(),
            "still on w1, 10 pods: d/web-1; d/web-2; d/web-3; d/web-4; d/web-5; d/web-6; d/web-7; d/web-8; and 2 more"
        );
        assert_eq!(look(&all), None);
        assert_eq!(
            look("pod d web-1\npod d other\nbudget d web 1 1 0\n").unwrap(),
            "still on w1, 1 pod: d/web-1: PodDisruptionBudget d/web needs 1 healthy, has 1"
        );
        assert_eq!(look("pod d web-1\nbudget d web 1 1 0\n"), None);
        assert_eq!(
            look("pod d web-1\nbudget d web 1 2 1\n").unwrap(),
            "still on w1, 1 pod: d/web-1"
        );
        assert_eq!(look("pod d other\n"), None);
    }
}
