//! Fused tasks: consecutive tasks of a play whose requests travel together, so that a task costs no exchange of its own.
//!
//! A module is not written for this. It is run *ahead* on a connection that knows some answers and not others
//! ([`Ahead`]): what it then asks for is what has to be sent. Requests that only look are sent before their turn, and
//! what they find is a prediction; when its turn comes the node looks again, and acts only when it finds the same. When
//! all of a task's answers are certain it is run once more with them, and that run is the one that counts: its events,
//! its result and its failure are those of a task that ran by itself.

mod ahead;
mod stage;
#[cfg(test)]
mod tests;
mod window;

pub(super) use ahead::Ahead;
pub(super) use stage::Stage;
pub(super) use window::{HostWindow, WindowEnd};

use serde_json::Value;

use crate::modules::Fuses;
use crate::playbook::{Action, Setting, Task};

/// True for a task that may travel with the tasks before and behind it; `alone` where no host waits for another one.
pub(super) fn may_fuse(task: &Task, alone: bool) -> bool {
    let Action::Module {
        definition, options, ..
    } = &task.action
    else {
        return false;
    };
    let keywords = &task.keywords;
    let crosses_hosts = keywords.delegate_to.is_some()
        || is_set(keywords.run_once.as_ref())
        || (!alone && is_set(keywords.any_errors_fatal.as_ref()))
        || keywords.throttle.is_some();
    // Its limit is held to when the node's answer is there, and answers of a chain are looked at seconds apart.
    let is_timed = keywords.timeout.is_some();
    // They are worked out when all hosts have ended the tasks that travel together.
    let is_notify_worked_out = task.notify.iter().any(|names| mentions(&names.value, "{{"));
    // A host that goes on after it was lost would be sent again what may have run already.
    let goes_on_blindly = is_set(keywords.ignore_unreachable.as_ref());
    let tries_again = !task.until.is_empty() || task.retries.is_some();
    // What an item sets the next one sees, which is known when it was run.
    let builds_up = task.loop_over.is_some() && definition.name == "set-fact";
    let waits = task.loop_over.as_ref().is_some_and(|over| over.pause.is_some());
    definition.fuses != Fuses::Never
        && !definition.may_disturb(options)
        && task.in_background.is_none()
        && !definition.runs_once
        && !crosses_hosts
        && !goes_on_blindly
        && !is_timed
        && !is_notify_worked_out
        && !reads_other_hosts(task)
        && !tries_again
        && !waits
        && !builds_up
}

/// False also for what is plainly written to be off.
fn is_set(setting: Option<&Setting>) -> bool {
    setting.is_some_and(|setting| setting.value != Value::Bool(false))
}

/// True for a task that says itself that it reads other hosts' variables, or who is still in the play: those must not be
/// further on than it is.
fn reads_other_hosts(task: &Task) -> bool {
    const NAMES: [&str; 3] = ["hostvars", "play_hosts", "ansible_play_batch"];
    let Action::Module { options, .. } = &task.action else {
        return false;
    };
    let names_one = |text: &str| NAMES.iter().any(|name| text.contains(name));
    let mentions_one = |value: &Value| NAMES.iter().any(|name| mentions(value, name));
    let keywords = &task.keywords;
    let judged = task.changed_when.iter().chain(&task.failed_when).flatten();
    let mut conditions = keywords.when.iter().chain(judged);
    let mut vars = keywords.vars.iter().flat_map(|vars| vars.values());
    options.values().any(mentions_one)
        || conditions.any(|condition| names_one(&condition.text))
        || vars.any(|variable| mentions_one(variable.raw()))
        || keywords.environment.iter().any(|setting| mentions_one(&setting.value))
        || task
            .loop_over
            .as_ref()
            .is_some_and(|over| mentions_one(&over.list.value))
}

fn mentions(value: &Value, part: &str) -> bool {
    match value {
        Value::String(text) => text.contains(part),
        Value::Array(values) => values.iter().any(|value| mentions(value, part)),
        Value::Object(map) => map.values().any(|value| mentions(value, part)),
        _ => false,
    }
}
