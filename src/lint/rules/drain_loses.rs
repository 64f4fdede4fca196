use crate::lint::{Found, Ground, Rule};
use crate::syntax::Severity;
use serde_json::Value;

use crate::lint::acts::{drains, module, option_place, runs};
use crate::syntax::{Place, parse_bool};

pub(super) const RULE: Rule = Rule {
    id: "drain-loses-pods",
    severity: Severity::Hint,
    about: "a drain deletes pods that nothing makes anew, or goes past disruption budgets",
    check,
};

fn check(ground: &Ground<'_>, found: &mut Found<'_>) {
    for step in ground.plays.iter().flat_map(|play| &play.steps) {
        if drains(&step.task).is_none() {
            continue;
        }
        let mut risks: Vec<(&str, &str, Place)> = Vec::new();
        let kinds = [
            ("force", "deletes pods that nothing makes anew, for good"),
            ("disable_eviction", "deletes pods past their PodDisruptionBudgets"),
        ];
        for (option, what) in kinds {
            if let Some((_, options, _)) = module(&step.task)
                && options.get(option).is_some_and(is_true)
            {
                risks.push((option, what, option_place(&step.task, option)));
            }
            let flag = format!("--{}", option.replace('_', "-"));
            for (command, place) in runs(&step.task, "kubectl", &["drain"]) {
                if command.has(&[&flag]) {
                    risks.push((option, what, place));
                }
            }
        }
        for (option, what, place) in risks {
            if !has_comment(&step.task.place, &place) {
                found.add(
                    &place,
                    Some(&step.task.place),
                    format!("`{}` {what}", option.replace('_', "-")),
                    "leave it out, so that such pods are reported; or say in a comment above why it has to be",
                );
            }
        }
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::String(text) => parse_bool(text) == Some(true),
        _ => false,
    }
}

/// Somebody thought about it: a comment stands above the task or in it.
fn has_comment(task: &Place, place: &Place) -> bool {
    let lines: Vec<&str> = task.source.text().lines().collect();
    let above = task.line.checked_sub(2).and_then(|index| lines.get(index));
    let inside = lines.get(task.line - 1..place.line).unwrap_or_default();
    let begins = |line: &&str| line.trim_start().starts_with('#');
    above.is_some_and(begins) || inside.iter().any(|line| begins(line) || line.contains(" # "))
}
