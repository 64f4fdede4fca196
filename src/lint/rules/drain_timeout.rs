use crate::lint::acts::runs;
use crate::lint::{Found, Ground, Rule};
use crate::syntax::Severity;

pub(super) const RULE: Rule = Rule {
    id: "drain-without-timeout",
    severity: Severity::Warning,
    about: "kubectl drain waits for ever for a pod that may not be evicted",
    check,
};

fn check(ground: &Ground<'_>, found: &mut Found<'_>) {
    for step in ground.plays.iter().flat_map(|play| &play.steps) {
        for (command, place) in runs(&step.task, "kubectl", &["drain"]) {
            let limit = command.value("--timeout").unwrap_or("0");
            let endless = ["0", "0s", "0m"].contains(&limit);
            if endless && !command.is_timed && step.task.keywords.timeout.is_none() {
                found.add(
                    &place,
                    Some(&step.task.place),
                    "this drain has no time-out: a pod that its PodDisruptionBudget protects stops the roll for ever",
                    "add `--timeout=600s`, or use the module `drain`, which also says what it waits for",
                );
            }
        }
    }
}
