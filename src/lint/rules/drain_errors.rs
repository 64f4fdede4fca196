use crate::lint::acts::{drains, ignores_errors, runs};
use crate::lint::{Found, Ground, Rule};
use crate::syntax::Severity;

pub(super) const RULE: Rule = Rule {
    id: "drain-errors-ignored",
    severity: Severity::Warning,
    about: "a node that could not be drained is upgraded all the same",
    check,
};

fn check(ground: &Ground<'_>, found: &mut Found<'_>) {
    for step in ground.plays.iter().flat_map(|play| &play.steps) {
        let Some(drain) = drains(&step.task) else { continue };
        let has_or = || {
            let drains = runs(&step.task, "kubectl", &["drain"]);
            drains.iter().any(|(command, _)| command.has_or).then_some(drain)
        };
        if let Some(place) = ignores_errors(&step.task).or_else(has_or) {
            found.add(
                &place,
                Some(&step.task.place),
                "a drain that fails is passed over, and the node is upgraded with its pods on it",
                "let it fail: `rescue` can uncordon the node, and the time-out can be longer",
            );
        }
    }
}
