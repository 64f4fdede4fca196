//! Where a run asks somebody: nobody is there when it is started by a clock.

use super::acts::module;
use super::steps::PlaySteps;
use crate::playbook::{Loader, Playbook, TagSelection, Task};
use crate::syntax::{Diagnostic, Diagnostics};

/// Tasks that wait for an answer: an error for those that are always reached, a warning for those under a condition.
pub fn questions(playbooks: &[Playbook], loader: &Loader<'_>, tags: &TagSelection) -> Diagnostics {
    let mut found = Diagnostics::default();
    for play in playbooks.iter().flat_map(|playbook| &playbook.plays) {
        let steps = PlaySteps::of(play, 0, loader, None);
        let tasks = steps.steps.iter().map(|step| &step.task);
        for task in tasks.chain(steps.notified_handlers()) {
            if asks(task) && tags.selects(&task.keywords.tags) {
                found.push(finding(task));
            }
        }
    }
    found
}

fn asks(task: &Task) -> bool {
    let times = ["seconds", "minutes"];
    matches!(module(task), Some(("pause", options, _)) if !times.iter().any(|time| options.contains_key(*time)))
}

fn finding(task: &Task) -> Diagnostic {
    let help = "take it out of this run: with a tag and `--skip-tags`, by a condition, or with `seconds` in place of an answer";
    let finding = if task.keywords.when.is_empty() {
        Diagnostic::error("this waits for an answer, and nobody is there to give one")
    } else {
        Diagnostic::warning("this waits for an answer, which nobody is there to give: a run that gets here fails")
    };
    finding.at(&task.place).help(help)
}
