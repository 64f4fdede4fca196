//! One task on one host: conditions, loop, retries, delegation, and what its result means.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::conditions::{condition, flag_or_false};
use super::event::{Event, EventSink, HostReport, Status};
use super::fused::Ahead;
use super::loops::{item_variables, label_of, loop_items, worse};
use super::options::RunOptions;
use super::tries::Tried;
use super::world::{PlayVars, World};
use crate::connection::SessionPool;
use crate::modules::{Answer, Failure, Question};
use crate::playbook::{Loop, Play, Task};
use crate::vars::{Scope, VarMap, Watch};

/// Longest time for a task that names no `timeout`: above all that kubeadm may take, and still finite.
pub(super) const DEFAULT_TASK_TIMEOUT: Duration = Duration::from_secs(3600);

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
        self.world.include(host, &ended.included);
        if ended.facts_of.is_none() {
            self.world.set(host, ended.variables.clone());
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
        let scope = match self.scope_of(task, host, failed_before) {
            Ok(scope) => scope,
            Err(failure) => return self.finish(task, host, None, Tried::failed(failure), false, None),
        };
        let hidden = flag_or_false(task.keywords.no_log.as_ref(), &scope).unwrap_or(true);
        match &task.loop_over {
            None => {
                let tried = self.guarded(task, host, &scope);
                self.finish(task, host, None, tried, hidden, Some(&scope))
            }
            Some(over) => self.run_loop(task, (host, failed_before), &scope, over, hidden),
        }
    }

    fn scope_of(&self, task: &Task, host: &str, failed_before: &VarMap) -> Result<Scope, Failure> {
        let scope = self
            .world
            .scope(host, &self.play_vars, Some(task))
            .map_err(|errors| Failure::new(errors.to_string()))?;
        let scope = if failed_before.is_empty() {
            scope
        } else {
            scope.with_layer(failed_before.clone())
        };
        Ok(match &self.watch {
            Some(watch) => scope.watched(Arc::clone(watch)),
            None => scope,
        })
    }

    fn run_loop(
        &self,
        task: &Task,
        (host, failed_before): (&str, &VarMap),
        scope: &Scope,
        over: &Loop,
        hidden: bool,
    ) -> Ended {
        let items = match loop_items(over, scope) {
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
        let mut scope = scope.clone();
        for (index, item) in items.iter().enumerate() {
            let item_scope = scope.with_layer(item_variables(over, &items, index));
            if index > 0
                && let Some(pause) = &over.pause
                && let Ok(seconds) = pause.number(&item_scope)
            {
                self.pause(Duration::from_secs_f64(seconds.min(DEFAULT_TASK_TIMEOUT.as_secs_f64())));
            }
            let label = match &over.label {
                Some(label) => label
                    .text(&item_scope)
                    .unwrap_or_else(|error| error.message().to_owned()),
                None => label_of(item),
            };
            let tried = self.guarded(task, host, &item_scope);
            let ended = self.finish(task, host, Some(label), tried, hidden, Some(&item_scope));
            whole.status = worse(whole.status, ended.status, index == 0);
            if ended.lost() {
                whole.message = Some("one or more items failed".to_owned());
            } else if index == 0 {
                whole.message = ended.message.filter(|_| ended.status == Status::Skipped);
            }
            facts.extend(ended.facts);
            if self.ahead.is_none() && ended.facts_of.is_none() && !ended.variables.is_empty() {
                // The next item sees what this one has set.
                self.world.set(host, ended.variables.clone());
                scope = match self.scope_of(task, host, failed_before) {
                    Ok(scope) => scope,
                    Err(failure) => return self.finish(task, host, None, Tried::failed(failure), hidden, None),
                };
            }
            variables.extend(ended.variables);
            included.extend(
                ended
                    .included
                    .iter()
                    .map(|(name, value)| (name.clone(), Arc::clone(value))),
            );
            let mut result = ended.result;
            result.insert(over.variable.clone(), item.clone());
            result.insert("ansible_loop_var".to_owned(), json!(over.variable));
            if let Some(name) = &over.index_variable {
                result.insert(name.clone(), json!(index));
                result.insert("ansible_index_var".to_owned(), json!(name));
            }
            let is_last = ended.status == Status::Unreachable || ended.interrupted;
            whole.interrupted |= ended.interrupted;
            whole.touched |= result.get("changed") == Some(&json!(true));
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
        self.finish(task, host, None, whole, hidden, Some(&scope))
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
