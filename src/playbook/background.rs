//! `async` and `poll`.

use super::action::Action;
use super::model::Task;
use super::setting::Setting;
use crate::modules::{BackgroundKind, background_of};
use crate::syntax::{Diagnostic, Diagnostics, Fields};
use crate::template;

/// A task whose work goes on beside krun.
#[derive(Clone, Debug)]
pub struct InBackground {
    /// Seconds that it may take at most; 0 makes an ordinary task of it.
    pub limit: Setting,
    /// Seconds between two looks; 0 leaves it on the node.
    pub poll: Option<Setting>,
}

/// Reads the two keys.
pub(super) fn in_background(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Option<InBackground> {
    let limit = fields.take("async").map(|node| Setting::of(node, diagnostics));
    let poll = fields.take("poll").map(|node| Setting::of(node, diagnostics));
    if let (None, Some(poll)) = (&limit, &poll) {
        let message = "`poll` says how often the work of a task with `async` is looked at, and there is no `async`";
        let help = "add `async` with the longest time in seconds, or leave `poll` out";
        diagnostics.push(Diagnostic::error(message).at(&poll.place).help(help).without_gap());
    }
    for setting in limit.iter().chain(&poll) {
        if setting.value.as_str().is_some_and(template::holds_template) {
            continue;
        }
        if seconds(setting).is_none() {
            let message = format!("this must be a number of seconds from 0 up, it is `{}`", setting.value);
            diagnostics.push(Diagnostic::error(message).at(&setting.place).without_gap());
        }
    }
    limit.map(|limit| InBackground { limit, poll })
}

/// Says where a module cannot be left alone, as far as that is known before the run.
pub(super) fn check_background(task: &Task, diagnostics: &mut Diagnostics) {
    let Some(InBackground { limit, poll }) = &task.in_background else {
        return;
    };
    if seconds(limit) == Some(0.0) {
        return;
    }
    let Action::Module { definition, .. } = &task.action else {
        diagnostics.push(refused(task.action.name(), "it is no module").at(&limit.place));
        return;
    };
    match (background_of(definition), poll) {
        (BackgroundKind::Senseless(reason), _) => {
            diagnostics.push(refused(definition.name, reason).at(&limit.place));
        }
        (BackgroundKind::Followed, Some(poll)) if seconds(poll) == Some(0.0) => {
            diagnostics.push(not_left(definition.name).at(&poll.place));
        }
        _ => {}
    }
}

/// The module cannot run in the background at all.
fn refused(name: &str, reason: &str) -> Diagnostic {
    Diagnostic::error(format!("`{name}` does not go with `async`: {reason}"))
        .help("leave `async` and `poll` out")
        .without_gap()
}

/// It can be limited, but not left.
fn not_left(name: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "`{name}` cannot be left on the node (`poll: 0`): what it does there is more than one command"
    ))
    .help("leave `poll` out: then the task is followed to its end, for as long as `async` says")
    .without_gap()
}

fn seconds(setting: &Setting) -> Option<f64> {
    let number = match &setting.value {
        serde_json::Value::Number(number) => number.as_f64(),
        serde_json::Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite() && *number >= 0.0)
}
