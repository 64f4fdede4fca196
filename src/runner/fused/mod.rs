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

/// True for a task that may travel with the tasks before and behind it.
pub(super) fn may_fuse(task: &Task) -> bool {
    let Action::Module { definition, .. } = &task.action else {
        return false;
    };
    let keywords = &task.keywords;
    let crosses_hosts = keywords.delegate_to.is_some()
        || is_set(keywords.run_once.as_ref())
        || is_set(keywords.any_errors_fatal.as_ref())
        || keywords.throttle.is_some();
    // A host that goes on after it was lost would be sent again what may have run already.
    let goes_on_blindly = is_set(keywords.ignore_unreachable.as_ref());
    let tries_again = !task.until.is_empty() || task.retries.is_some();
    let waits = task.loop_over.as_ref().is_some_and(|over| over.pause.is_some());
    definition.fuses != Fuses::Never
        && !definition.runs_once
        && !crosses_hosts
        && !goes_on_blindly
        && !tries_again
        && !waits
}

/// False also for what is plainly written to be off.
fn is_set(setting: Option<&Setting>) -> bool {
    setting.is_some_and(|setting| setting.value != Value::Bool(false))
}
