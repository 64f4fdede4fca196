use crate::lint::acts::{commands_of, module, option_place, uncordons};
use crate::lint::{Found, Ground, Rule};
use crate::playbook::Task;
use crate::syntax::Place;
use crate::syntax::Severity;

pub(super) const RULE: Rule = Rule {
    id: "sleep-before-uncordon",
    severity: Severity::Hint,
    about: "a node gets pods again after a fixed time instead of when it is ready",
    check,
};

fn check(ground: &Ground<'_>, found: &mut Found<'_>) {
    for play in &ground.plays {
        for pair in play.steps.windows(2) {
            if let (Some(place), Some(_)) = (sleeps(&pair[0].task), uncordons(&pair[1].task)) {
                found.add(
                    &place,
                    Some(&pair[0].task.place),
                    "the node gets pods again after a fixed time, ready or not",
                    "use the module `wait-ready`, or `uncordon` alone, which waits until the node is ready",
                );
            }
        }
    }
}

fn sleeps(task: &Task) -> Option<Place> {
    if let Some(("pause", options, _)) = module(task) {
        let option = ["seconds", "minutes"]
            .into_iter()
            .find(|option| options.contains_key(*option))?;
        return Some(option_place(task, option));
    }
    let commands = commands_of(task);
    let last = commands.last().filter(|(command, _)| command.program() == "sleep")?;
    Some(last.1.clone())
}
