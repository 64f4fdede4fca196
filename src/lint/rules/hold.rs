use crate::lint::{Found, Ground, Rule};
use crate::syntax::Severity;
use serde_json::Value;

use crate::lint::acts::{module, option_place, runs};
use crate::playbook::Task;
use crate::syntax::Place;

pub(super) const RULE: Rule = Rule {
    id: "hold-left-open",
    severity: Severity::Hint,
    about: "a held package stays free when a task in between fails",
    check,
};

fn check(ground: &Ground<'_>, found: &mut Found<'_>) {
    for play in &ground.plays {
        if play.steps.iter().any(|step| step.always && holds(&step.task)) {
            continue;
        }
        for step in &play.steps {
            // One command that does all of it leaves nothing open but in its own middle.
            if let Some(place) = frees(&step.task).filter(|_| !holds(&step.task)) {
                found.add(
                    &place,
                    Some(&step.task.place),
                    "when a task fails before the packages are held again, the next `apt upgrade` takes the node along",
                    "let the module `package` do it, which holds what it installed; or hold them again under `always`",
                );
            }
        }
    }
}

fn frees(task: &Task) -> Option<Place> {
    if let Some(("dpkg-selections", options, _)) = module(task) {
        let free = options.get("selection") == Some(&Value::from("install"));
        return free.then(|| option_place(task, "selection"));
    }
    runs(task, "apt-mark", &["unhold"]).pop().map(|(_, place)| place)
}

fn holds(task: &Task) -> bool {
    let module = matches!(module(task), Some(("dpkg-selections", options, _))
        if options.get("selection") == Some(&Value::from("hold")));
    module || !runs(task, "apt-mark", &["hold"]).is_empty()
}
