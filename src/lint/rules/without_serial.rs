use crate::lint::acts::{drains, is_for_one, module, option_place, restarts, upgrades};
use crate::lint::{Found, Ground, Rule};
use crate::playbook::Task;
use crate::syntax::Place;
use crate::syntax::Severity;

pub(super) const RULE: Rule = Rule {
    id: "without-serial",
    severity: Severity::Warning,
    about: "all hosts of a play are drained, upgraded, rebooted or restarted at once",
    check,
};

fn check(ground: &Ground<'_>, found: &mut Found<'_>) {
    for play in ground.plays.iter().filter(|play| play.goes_all_at_once()) {
        let handlers = play.notified_handlers();
        for task in play.steps.iter().map(|step| &step.task).chain(handlers) {
            let delegated = task.keywords.delegate_to.is_some();
            let Some((what, place)) = act(task, delegated).filter(|_| !is_for_one(task)) else {
                continue;
            };
            found.add(
                &place,
                Some(&task.place),
                format!("{what} on all hosts of the play `{}` at the same time", play.play.name),
                "give the play `serial: 1`, or as many hosts as the cluster can do without; or the task `throttle: 1`",
            );
        }
    }
}

fn act(task: &Task, delegated: bool) -> Option<(String, Place)> {
    // A drain is told to the API server from somewhere else; the others happen where they are told.
    if let Some(place) = drains(task) {
        return Some(("this drains nodes".to_owned(), place));
    }
    if delegated {
        return None;
    }
    if let Some((_, place)) = upgrades(task) {
        return Some(("this upgrades with kubeadm".to_owned(), place));
    }
    if let Some((service, place)) = restarts(task) {
        return Some((format!("this restarts `{service}`"), place));
    }
    matches!(module(task), Some(("reboot", ..)))
        .then(|| ("this reboots".to_owned(), option_place(task, "reboot_timeout")))
}
