//! One task on one host: conditions, loop, retries, delegation, and what its result means.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::endpoint::diagnostic;
use super::event::{Event, EventSink, HostReport, Status};
use super::fused::Ahead;
use super::loops::{item_variables, label_of, names_of_item, worse};
use super::options::RunOptions;
use super::world::{PlayVars, World};
use crate::connection::SessionPool;
use crate::modules::{Answer, Failure, Outcome, Question};
use crate::playbook::{Action, Expression, Loop, Play, Task};
use crate::vars::{Scope, VarMap, Variable, Watch};

/// Longest time for a task that names no `timeout`: above all that kubeadm may take, and still finite.
pub(super) const DEFAULT_TASK_TIMEOUT: Duration = Duration::from_secs(3600);
/// Ansible's defaults for `until`.
const DEFAULT_RETRIES: u64 = 3;
const DEFAULT_DELAY: f64 = 5.0;

/// What running a task needs, the same for all hosts.
pub(super) struct Machinery<'a, 'p> {
    pub(super) world: Arc<World>,
    pub(super) pool: &'p SessionPool,
    pub(super) options: Arc<RunOptions>,
    pub(super) events: EventSink,
    pub(super) play: Arc<Play>,
    pub(super) play_vars: Arc<PlayVars>,
    /// Where tasks find their nodes when they are run ahead.
    pub(super) ahead: Option<&'a Ahead<'p>>,
    /// Over what they read then.
    pub(super) watch: Option<Arc<Watch>>,
}

/// How a task ended on a host, and what it leaves behind.
pub(super) struct Ended {
    pub(super) status: Status,
    pub(super) ignored: bool,
    /// What `register` keeps.
    pub(super) result: Map<String, Value>,
    pub(super) facts: Map<String, Value>,
    /// Host that the facts are about, when not the task's own (`delegate_facts`).
    pub(super) facts_of: Option<String>,
    pub(super) variables: Map<String, Value>,
    /// Variables that were read from files.
    pub(super) included: Arc<VarMap>,
    pub(super) message: Option<String>,
    /// Where it ran instead.
    pub(super) delegated_to: Option<String>,
    /// The user ended the run while the task waited for something.
    pub(super) interrupted: bool,
}

impl Ended {
    pub(super) fn lost(&self) -> bool {
        !self.ignored && matches!(self.status, Status::Failed | Status::Unreachable)
    }
}

/// One try's end, before `ignore_errors` and the report.
struct Tried {
    status: Status,
    outcome: Outcome,
    message: Option<String>,
    help: Option<String>,
    delegated_to: Option<String>,
    attempts: u64,
    interrupted: bool,
}

impl Tried {
    fn failed(failure: Failure) -> Self {
        Self {
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

    fn skipped(reason: String) -> Self {
        Self {
            status: Status::Skipped,
            outcome: Outcome::default(),
            message: Some(reason),
            help: None,
            delegated_to: None,
            attempts: 0,
            interrupted: false,
        }
    }

    /// What `register` keeps.
    fn registered(&self) -> Map<String, Value> {
        let mut result = self.outcome.result.clone();
        result.insert("changed".to_owned(), json!(self.status == Status::Changed));
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
        if self.attempts > 1 {
            result.insert("attempts".to_owned(), json!(self.attempts));
        }
        result
    }
}

impl<'p> Machinery<'_, 'p> {
    /// The same machinery for running tasks ahead: they tell `events`, and reach their nodes through `ahead`.
    pub(super) fn ahead<'b>(&self, events: EventSink, ahead: &'b Ahead<'p>, watch: Arc<Watch>) -> Machinery<'b, 'p> {
        Machinery {
            world: Arc::clone(&self.world),
            pool: self.pool,
            options: Arc::clone(&self.options),
            events,
            play: Arc::clone(&self.play),
            play_vars: Arc::clone(&self.play_vars),
            ahead: Some(ahead),
            watch: Some(watch),
        }
    }

    /// Keeps what a task leaves behind on its host for the tasks that come.
    pub(super) fn learn(&self, task: &Task, host: &str, ended: &Ended) {
        if let Some(name) = &task.register {
            self.world
                .set(host, [(name.clone(), Value::Object(ended.result.clone()))]);
        }
        self.world.set(host, ended.variables.clone());
        self.world.include(host, &ended.included);
        if ended.facts_of.is_none() {
            self.world.learn_facts(host, ended.facts.clone());
        }
    }

    /// What a task is called on a host.
    pub(super) fn title(&self, task: &Task, host: &str) -> String {
        let title = task.title();
        let scope = self.world.scope(host, &self.play_vars, Some(task)).ok();
        let rendered = scope.and_then(|scope| scope.render_text(&title).ok());
        rendered.unwrap_or(title)
    }

    /// Runs a task that is a module on a host, and reports its end.
    pub(super) fn run_on_host(&self, task: &Task, host: &str, failed_before: &VarMap) -> Ended {
        let scope = match self.world.scope(host, &self.play_vars, Some(task)) {
            Ok(scope) if failed_before.is_empty() => scope,
            Ok(scope) => scope.with_layer(failed_before.clone()),
            Err(errors) => {
                return self.finish(
                    task,
                    host,
                    None,
                    Tried::failed(Failure::new(errors.to_string())),
                    false,
                    None,
                );
            }
        };
        let scope = match &self.watch {
            Some(watch) => scope.watched(Arc::clone(watch)),
            None => scope,
        };
        let hidden = flag_or_false(task.keywords.no_log.as_ref(), &scope).unwrap_or(true);
        match &task.loop_over {
            None => {
                let tried = self.guarded(task, host, &scope);
                self.finish(task, host, None, tried, hidden, Some(&scope))
            }
            Some(over) => self.run_loop(task, host, &scope, over, hidden),
        }
    }

    fn run_loop(&self, task: &Task, host: &str, scope: &Scope, over: &Loop, hidden: bool) -> Ended {
        let items = match self.loop_items(task, over, scope) {
            Ok(items) => items,
            // A condition that does not need the item may say that the list is not to be looked at.
            Err(failure) => {
                let tried = match condition(&task.keywords.when, scope) {
                    Ok(Some(reason)) => Tried::skipped(reason),
                    _ => Tried::failed(failure),
                };
                return self.finish(task, host, None, tried, hidden, Some(scope));
            }
        };
        let mut results = Vec::new();
        let mut whole = Tried::skipped("No items in the list".to_owned());
        let (mut facts, mut variables, mut included) = (Map::new(), Map::new(), VarMap::new());
        for (index, item) in items.iter().enumerate() {
            let item_scope = scope.with_layer(item_variables(over, &items, index));
            if index > 0
                && let Some(pause) = &over.pause
                && let Ok(seconds) = pause.number(&item_scope)
            {
                self.pause(Duration::from_secs_f64(seconds.min(DEFAULT_TASK_TIMEOUT.as_secs_f64())));
            }
            let tried = self.guarded(task, host, &item_scope);
            // Label and end may look at the item's result.
            let after = with_result(task, &item_scope, &tried);
            let breaks = match condition(&over.break_when, &after) {
                Ok(unmet) => !over.break_when.is_empty() && unmet.is_none(),
                Err(failure) => return self.finish(task, host, None, Tried::failed(failure), hidden, Some(scope)),
            };
            let label = match &over.label {
                Some(label) => label.text(&after).unwrap_or_else(|error| error.message().to_owned()),
                None => label_of(item),
            };
            let ended = self.finish(task, host, Some(label), tried, hidden, Some(&item_scope));
            whole.status = worse(whole.status, ended.status, index == 0);
            if ended.lost() {
                whole.message = Some("one or more items failed".to_owned());
            } else if index == 0 {
                whole.message = ended.message.filter(|_| ended.status == Status::Skipped);
            }
            facts.extend(ended.facts);
            variables.extend(ended.variables);
            included.extend(
                ended
                    .included
                    .iter()
                    .map(|(name, value)| (name.clone(), Arc::clone(value))),
            );
            let mut result = ended.result;
            result.insert(over.variable.clone(), item.clone());
            result.extend(names_of_item(over, &items, index));
            let is_last = breaks || ended.status == Status::Unreachable || ended.interrupted;
            whole.interrupted |= ended.interrupted;
            results.push(Value::Object(result));
            if is_last {
                break;
            }
        }
        if whole.status != Status::Skipped {
            whole.message = whole
                .message
                .filter(|_| matches!(whole.status, Status::Failed | Status::Unreachable));
        }
        whole.outcome.result.insert("results".to_owned(), Value::Array(results));
        whole.outcome.facts = facts;
        whole.outcome.variables = variables;
        whole.outcome.included = Arc::new(included);
        self.finish(task, host, None, whole, hidden, Some(scope))
    }

    /// A bug in a module fails its task on its host, and nothing else.
    fn guarded(&self, task: &Task, host: &str, scope: &Scope) -> Tried {
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
            tried.attempts = attempt;
            let last = attempt > retries;
            match Self::is_done(task, scope, &tried) {
                Ok(true) => return tried,
                Ok(false) if last => {
                    if !task.until.is_empty() && tried.message.is_none() {
                        tried.message = Some(format!("the condition of `until` did not hold after {attempt} tries"));
                    }
                    tried.status = if tried.status == Status::Unreachable {
                        tried.status
                    } else {
                        Status::Failed
                    };
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
                attempts: 1,
                interrupted: false,
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
    fn pause(&self, time: Duration) {
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

    /// Reports the end of a task or an item, and applies `ignore_errors`.
    fn finish(
        &self,
        task: &Task,
        host: &str,
        item: Option<String>,
        tried: Tried,
        hidden: bool,
        scope: Option<&Scope>,
    ) -> Ended {
        let keywords = &task.keywords;
        let ignores = |setting| scope.is_some_and(|scope| flag_or_false(setting, scope).unwrap_or(false));
        let ignored = match tried.status {
            Status::Failed => ignores(keywords.ignore_errors.as_ref()),
            Status::Unreachable => ignores(keywords.ignore_unreachable.as_ref()),
            _ => false,
        };
        let result = tried.registered();
        let about_facts = match (&tried.delegated_to, scope) {
            (Some(delegate), Some(scope))
                if flag_or_false(keywords.delegate_facts.as_ref(), scope).unwrap_or(false) =>
            {
                Some(delegate.clone())
            }
            _ => None,
        };
        let censored = |text: Option<String>| {
            text.map(|text| {
                if hidden {
                    "hidden because of no_log".to_owned()
                } else {
                    text
                }
            })
        };
        let report = HostReport {
            host: host.to_owned(),
            delegated_to: tried.delegated_to.clone(),
            item: item
                .as_ref()
                .map(|label| if hidden { "(hidden)".to_owned() } else { label.clone() }),
            status: tried.status,
            changes: tried.outcome.changes,
            message: censored(tried.message.clone()),
            help: tried.help.filter(|_| !hidden),
            ignored,
            result: if hidden { Map::new() } else { result.clone() },
            diff: if hidden { Vec::new() } else { tried.outcome.diff },
            warnings: tried.outcome.warnings,
            place: task.place.to_string(),
            module: task.action.name().to_owned(),
        };
        self.send(if item.is_some() {
            Event::ItemFinished(report)
        } else {
            Event::HostFinished(report)
        });
        Ended {
            status: tried.status,
            ignored,
            result,
            facts: tried.outcome.facts,
            facts_of: about_facts,
            variables: tried.outcome.variables,
            included: tried.outcome.included,
            message: tried.message,
            delegated_to: tried.delegated_to,
            interrupted: tried.interrupted,
        }
    }

    /// Asks the person at the terminal.
    pub(super) fn ask(&self, question: &Question) -> Answer {
        let Some(answers) = &self.options.answers else {
            return Answer::Nobody("there is nobody to ask".to_owned());
        };
        // The output prints it, after everything that was printed before.
        self.send(Event::Asked {
            question: question.text.clone(),
        });
        answers(question)
    }

    pub(super) fn send(&self, event: Event) {
        // The receiver is gone only when the run is over.
        let _ = self.events.send(event);
    }
}

/// A flag that is not set is false; `None` when it has no value.
fn flag_or_false(setting: Option<&crate::playbook::Setting>, scope: &Scope) -> Option<bool> {
    setting.map_or(Some(false), |setting| setting.flag(scope).ok())
}

/// `Some(reason)` when a condition does not hold.
pub(super) fn condition(conditions: &[Expression], scope: &Scope) -> Result<Option<String>, Failure> {
    for condition in conditions {
        if !condition.holds(scope).map_err(|error| diagnostic(&error))? {
            return Ok(Some(condition.text.clone()));
        }
    }
    Ok(None)
}

fn all_hold(conditions: &[Expression], scope: &Scope) -> Result<bool, Failure> {
    condition(conditions, scope).map(|unmet| unmet.is_none())
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
