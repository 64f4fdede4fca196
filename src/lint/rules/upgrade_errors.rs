use crate::lint::acts::{commands_of, ignores_errors, restarts, upgrades};
use crate::lint::{Found, Ground, Rule};
use crate::syntax::Severity;

pub(super) const RULE: Rule = Rule {
    id: "upgrade-errors-ignored",
    severity: Severity::Warning,
    about: "a failed kubeadm upgrade or kubelet restart does not stop the roll",
    check,
};

fn check(ground: &Ground<'_>, found: &mut Found<'_>) {
    for play in &ground.plays {
        for task in play.steps.iter().map(|step| &step.task).chain(&play.handlers) {
            let act = upgrades(task).map(|(_, place)| ("`kubeadm upgrade`".to_owned(), place));
            let act =
                act.or_else(|| restarts(task).map(|(service, place)| (format!("the restart of `{service}`"), place)));
            let Some((what, place)) = act else { continue };
            let has_or = || {
                let commands = commands_of(task);
                commands
                    .iter()
                    .any(|(command, at)| command.has_or && at.line == place.line)
                    .then_some(place)
            };
            if let Some(place) = ignores_errors(task).or_else(has_or) {
                found.add(
                    &place,
                    Some(&task.place),
                    format!("{what} may fail unseen, and the next node is begun on a cluster that is not well"),
                    "let it fail: krun stops there, and the same command goes on when the cause is mended",
                );
            }
        }
    }
}
