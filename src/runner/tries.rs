//! The tries of a task on a host: condition, module, judgement, and whether it is tried again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::conditions::{all_hold, condition};
use super::endpoint::diagnostic;
use super::event::{Event, Status};
use super::host_task::{DEFAULT_TASK_TIMEOUT, Machinery};
use crate::modules::{Failure, Outcome};
use crate::playbook::{Action, Task};
use crate::vars::{Scope, VarMap, Variable};

/// Ansible's defaults for `until`.
const DEFAULT_RETRIES: u64 = 3;
const DEFAULT_DELAY: f64 = 5.0;

/// One try's end, before `ignore_errors` and the report.
pub(super) struct Tried {
    pub(super) status: Status,
    pub(super) outcome: Outcome,
    pub(super) message: Option<String>,
    pub(super) help: Option<String>,
    pub(super) delegated_to: Option<String>,
    /// How many there were, for tasks that are tried again; else 0.
    pub(super) attempts: u64,
    pub(super) interrupted: bool,
    /// It failed, and changed something all the same.
    pub(super) touched: bool,
}

impl Tried {
    pub(super) fn failed(failure: Failure) -> Self {
        Self {
            touched: failure.result.get("changed") == Some(&Value::Bool(true)),
            status: if failure.unreachable {
                Status::Unreachable
            } else if failure.interrupted {
                // Nothing was changed, and nothing failed: the host stands where it stood.
                Status::Skipped
            } else {
                Status::Failed
            },
            outcome: Outcome {
                result: failure.result,
                ..Outcome::default()
            },
            message: Some(failure.message),
            help: failure.help,
            delegated_to: None,
            attempts: 0,
            interrupted: failure.interrupted,
        }
    }

    pub(super) fn skipped(reason: String) -> Self {
        Self {
            status: Status::Skipped,
            outcome: Outcome::default(),
            message: Some(reason),
            help: None,
            delegated_to: None,
            attempts: 0,
            interrupted: false,
            touched: false,
        }
    }

    /// What `register` keeps.
    pub(super) fn registered(&self) -> Map<String, Value> {
        let mut result = self.outcome.result.clone();
        let has_changed = self.status == Status::Changed || (self.status == Status::Failed && self.touched);
        result.insert("changed".to_owned(), json!(has_changed));
        result.insert(
            "failed".to_owned(),
            json!(matches!(self.status, Status::Failed | Status::Unreachable)),
        );
        if self.status == Status::Unreachable {
            result.insert("unreachable".to_owned(), json!(true));
        }
        if self.status == Status::Skipped {
            result.insert("skipped".to_owned(), json!(true));
            result.insert("skip_reason".to_owned(), json!(self.message));
        }
        if let Some(message) = &self.message {
            result.entry("msg").or_insert_with(|| json!(message));
        }
        if !self.outcome.changes.is_empty() {
            result.entry("changes").or_insert_with(|| json!(self.outcome.changes));
        }
        if self.attempts > 0 {
            result.insert("attempts".to_owned(), json!(self.attempts));
        }
        result
    }
}

impl Machinery<'_, '_> {
    /// A bug in a module fails its task on its host, and nothing else.
    pub(super) fn guarded(&self, task: &Task, host: &str, scope: &Scope) -> Tried {
        catch_unwind(AssertUnwindSafe(|| self.tries(task, host, scope))).unwrap_or_else(|_| {
            Tried::failed(
                Failure::new("krun made a mistake in this task (its text is on standard error)")
                    .help("please report it; the state of the host is as the task left it"),
            )
        })
    }

    fn tries(&self, task: &Task, host: &str, scope: &Scope) -> Tried {
        match condition(&task.keywords.when, scope) {
            Ok(None) => {}
            Ok(Some(reason)) => return Tried::skipped(reason),
            Err(failure) => return Tried::failed(failure),
        }
        let number = |setting: Option<&crate::playbook::Setting>, default: f64| {
            setting.map_or(Ok(default), |setting| {
                setting.number(scope).map_err(|error| diagnostic(&error))
            })
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to be a number from 0 up"
        )]
        let retries = match number(task.retries.as_ref(), 0.0) {
            Ok(_) if task.until.is_empty() && task.retries.is_none() => 0,
            Ok(_) if task.retries.is_none() => DEFAULT_RETRIES,
            Ok(retries) => retries as u64,
            Err(failure) => return Tried::failed(failure),
        };
        let delay = match number(task.delay.as_ref(), DEFAULT_DELAY) {
            Ok(delay) => Duration::from_secs_f64(delay.min(DEFAULT_TASK_TIMEOUT.as_secs_f64())),
            Err(failure) => return Tried::failed(failure),
        };
        let mut attempt = 1;
        loop {
            let mut tried = self.once(task, host, scope);
            let repeats = task.retries.is_some() || !task.until.is_empty();
            tried.attempts = if repeats { attempt } else { 0 };
            let last = attempt > retries;
            match Self::is_done(task, scope, &tried) {
                Ok(true) => return tried,
                Ok(false) if last => {
                    if !task.until.is_empty() && tried.message.is_none() {
                        tried.message = Some(format!("the condition of `until` did not hold after {attempt} tries"));
                    }
                    // Ansible counts them like this: those that were tried again.
                    tried.attempts = tried.attempts.min(retries.max(1));
                    if tried.status != Status::Unreachable {
                        tried.touched |= tried.status == Status::Changed;
                        tried.status = Status::Failed;
                    }
                    return tried;
                }
                Ok(false) => {}
                Err(failure) => return Tried::failed(failure),
            }
            // What is in flight is finished; another try would be begun.
            if self.options.interrupted.load(Ordering::Relaxed) {
                tried.status = Status::Failed;
                let reason = tried.message.take().unwrap_or_default();
                tried.message = Some(format!("interrupted before try {} ({reason})", attempt + 1));
                return tried;
            }
            self.send(Event::Retrying {
                host: host.to_owned(),
                task: task.title(),
                left: retries - attempt + 1,
            });
            self.pause(delay);
            attempt += 1;
        }
    }

    /// Without `until`, retries go on until the task succeeds.
    fn is_done(task: &Task, scope: &Scope, tried: &Tried) -> Result<bool, Failure> {
        if tried.status == Status::Unreachable || tried.interrupted {
            return Ok(true);
        }
        if task.until.is_empty() {
            return Ok(task.retries.is_none() || tried.status != Status::Failed);
        }
        let scope = with_result(task, scope, tried);
        all_hold(&task.until, &scope)
    }

    fn once(&self, task: &Task, host: &str, scope: &Scope) -> Tried {
        let Action::Module {
            definition, options, ..
        } = &task.action
        else {
            return Tried::failed(Failure::new("only modules run on hosts"));
        };
        let mut delegated_to = None;
        let ran = self.delegate(task, scope).and_then(|delegate| {
            delegated_to.clone_from(&delegate);
            let mut outcome = self.module(task, host, delegate.as_deref(), scope, definition, options)?;
            if let Some(change) = outcome.inventory.take() {
                outcome.changed = self.world.change_inventory(host, &change)?;
            }
            Ok(outcome)
        });
        let mut tried = match ran {
            Ok(outcome) => Tried {
                status: match (&outcome.skipped, outcome.changed) {
                    (Some(_), _) => Status::Skipped,
                    (None, true) => Status::Changed,
                    (None, false) => Status::Ok,
                },
                message: outcome.skipped.clone(),
                help: None,
                delegated_to: None,
                attempts: 0,
                interrupted: false,
                touched: false,
                outcome,
            },
            Err(failure) => Tried::failed(failure),
        };
        tried.delegated_to = delegated_to;
        Self::judge(task, scope, &mut tried);
        tried
    }

    /// `changed_when` and `failed_when` have the last word.
    fn judge(task: &Task, scope: &Scope, tried: &mut Tried) {
        if matches!(tried.status, Status::Unreachable | Status::Skipped) {
            return;
        }
        if let Some(conditions) = &task.failed_when {
            match all_hold(conditions, &with_result(task, scope, tried)) {
                Ok(true) => {
                    tried.touched |= tried.status == Status::Changed;
                    tried.status = Status::Failed;
                    let texts: Vec<_> = conditions.iter().map(|c| c.text.as_str()).collect();
                    tried.message = Some(format!("failed_when: {}", texts.join(" and ")));
                }
                Ok(false) => {
                    if tried.status == Status::Failed {
                        // A command that is said not to have failed did run.
                        tried.status = Status::Changed;
                        tried.message = None;
                        tried.help = None;
                    }
                }
                Err(failure) => {
                    *tried = Tried::failed(failure);
                    return;
                }
            }
        }
        if let (Some(conditions), Status::Ok | Status::Changed) = (&task.changed_when, tried.status) {
            match all_hold(conditions, &with_result(task, scope, tried)) {
                Ok(changed) => {
                    tried.status = if changed { Status::Changed } else { Status::Ok };
                    if !changed {
                        tried.outcome.changes.clear();
                    }
                }
                Err(failure) => *tried = Tried::failed(failure),
            }
        }
    }

    fn delegate(&self, task: &Task, scope: &Scope) -> Result<Option<String>, Failure> {
        let Some(setting) = &task.keywords.delegate_to else {
            return Ok(None);
        };
        let host = setting.text(scope).map_err(|error| diagnostic(&error))?;
        if self.world.ground().knows(&host) {
            Ok(Some(host))
        } else {
            Err(Failure::new(format!(
                "delegate_to names `{host}`, which is not in the inventory"
            )))
        }
    }

    /// Waits, until Ctrl-C at most.
    pub(super) fn pause(&self, time: Duration) {
        const STEP: Duration = Duration::from_millis(200);
        let end = Instant::now() + time;
        while !self.options.interrupted.load(Ordering::Relaxed) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(STEP.min(left));
        }
    }
}

/// `until`, `changed_when` and `failed_when` see the result under its registered name, and its keys by themselves.
fn with_result(task: &Task, scope: &Scope, tried: &Tried) -> Scope {
    let result = tried.registered();
    let mut layer: VarMap = VarMap::new();
    if let Some(name) = &task.register {
        layer.insert(name.clone(), Variable::data(Value::Object(result)));
    }
    scope.with_layer(layer)
}
