//! One task on the hosts of a batch: whether it is run, on how many at once, and what its ends come to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use rayon::prelude::*;
use serde_json::Value;

use super::company::Gate;
use super::endpoint::diagnostic;
use super::event::{Event, Status};
use super::failed_task::about_failure;
use super::host_task::Ended;
use super::includes::Include;
use super::items::{Batch, Lost};
use crate::modules::{Answer, Failure, Question};
use crate::playbook::{Action, Task};
use crate::vars::VarMap;

impl Batch<'_> {
    pub(super) fn run_task(&mut self, task: &Arc<Task>, hosts: &[String], handler: bool) {
        if !handler && !self.is_chosen(task) {
            return;
        }
        if matches!(task.action, Action::Module { .. } | Action::Unsupported(_)) && !self.is_agreed_to(task) {
            return;
        }
        match &task.action {
            Action::Meta(meta) => self.meta(*meta, task, hosts),
            Action::IncludeTasks(include) => self.include(task, hosts, &Include::Tasks(include)),
            Action::IncludeRole(include) => self.include(task, hosts, &Include::Role(include)),
            Action::Module { .. } | Action::Unsupported(_) => self.run_module(task, hosts, handler),
        }
        if let Some(budget) = &mut self.budget {
            budget.task_ended();
        }
    }

    pub(super) fn is_chosen(&mut self, task: &Task) -> bool {
        let options = &self.machinery.options;
        if !self.started {
            let wanted = options.start_at_task.as_deref();
            if wanted.is_some_and(|wanted| task.is_called(wanted)) {
                self.started = true;
            } else {
                return false;
            }
        }
        options.tags.selects(&task.keywords.tags)
    }

    /// Asks whether a task is to run, when `--step` wants that.
    fn is_agreed_to(&mut self, task: &Task) -> bool {
        if !self.machinery.options.step {
            return true;
        }
        // One question after the other, where hosts do not wait for one another.
        let mut goes_on = self.goes_on.lock().unwrap_or_else(PoisonError::into_inner);
        if *goes_on {
            return true;
        }
        let answer = self.machinery.ask(&Question {
            text: format!("Perform task: {} (N)o/(y)es/(c)ontinue: ", task.title()),
            echo: true,
            terminal_only: false,
        });
        match answer {
            Answer::Text(answer) => match answer.trim().to_lowercase().as_str() {
                "y" | "yes" => true,
                "c" | "continue" => {
                    *goes_on = true;
                    true
                }
                _ => false,
            },
            Answer::Interrupted => false,
            Answer::Nobody(reason) => {
                self.machinery.send(Event::Warning {
                    message: format!("--step: {reason}; the run ends here"),
                });
                self.machinery.options.interrupted.store(true, Ordering::Relaxed);
                false
            }
        }
    }

    fn run_module(&mut self, task: &Arc<Task>, hosts: &[String], handler: bool) {
        let always_once = matches!(&task.action, Action::Module { definition, .. } if definition.runs_once);
        let run_once = task.keywords.run_once.as_ref().zip(self.scope(&hosts[0], task));
        let once = match run_once.map(|(setting, scope)| setting.flag(&scope)).transpose() {
            Ok(once) => always_once || once.unwrap_or(false),
            Err(error) => {
                let failure = diagnostic(&error);
                for host in hosts {
                    self.fail(task, host, failure.clone());
                }
                return;
            }
        };
        if once && self.company.is_some() {
            for host in hosts {
                let failure = Failure::new("what is done once for all hosts does not go with the play's strategy");
                self.fail(
                    task,
                    host,
                    failure.help("take the strategy `linear`, or let `when` choose one host"),
                );
            }
            return;
        }
        let throttle = match self.throttle(task, &hosts[0]) {
            Ok(throttle) => throttle,
            Err(failure) => {
                for host in hosts {
                    self.fail(task, host, failure.clone());
                }
                return;
            }
        };
        let running = if once { &hosts[..1] } else { hosts };
        self.machinery.send(Event::TaskStarted {
            name: self.machinery.title(task, &hosts[0]),
            handler,
            place: task.place.to_string(),
            hosts: running.to_vec(),
        });
        let results = match self.company {
            None => self.on_hosts(task, running, throttle, handler),
            Some(company) => {
                let gate = (throttle > 0).then(|| company.throttle(task, throttle));
                let _throttled = gate.as_deref().map(Gate::enter);
                let _begun = company.begin_task();
                // Much may have happened while the host waited for its turn.
                if self.active(running).is_empty() {
                    return;
                }
                self.on_hosts(task, running, 0, handler)
            }
        };
        for (host, ended) in results {
            self.settle(
                task,
                &host,
                &ended,
                if once { hosts } else { std::slice::from_ref(&host) },
            );
        }
    }

    /// How many hosts a task may be at work on at once; 0 for all.
    fn throttle(&self, task: &Task, host: &str) -> Result<usize, Failure> {
        let Some((setting, scope)) = task.keywords.throttle.as_ref().zip(self.scope(host, task)) else {
            return Ok(0);
        };
        let number = setting.number(&scope).map_err(|error| diagnostic(&error))?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number from 0 up"
        )]
        Ok(number as usize)
    }

    /// Runs a task on hosts in parallel; at most `throttle` at once when that is not 0.
    fn on_hosts(&self, task: &Task, hosts: &[String], throttle: usize, handler: bool) -> Vec<(String, Ended)> {
        let none = VarMap::new();
        let run = |host: &String| {
            let before = self.rescue_vars.get(host).unwrap_or(&none);
            (host.clone(), self.machinery.perform(task, host, before, handler))
        };
        if hosts.len() == 1 {
            return hosts.iter().map(run).collect();
        }
        if throttle == 0 {
            return self
                .pool
                .install(|| hosts.par_iter().with_max_len(1).map(run).collect());
        }
        // Each of `throttle` workers takes the next host until none is left.
        let next = AtomicUsize::new(0);
        let mut results: Vec<(usize, (String, Ended))> = self.pool.install(|| {
            (0..throttle.min(hosts.len()))
                .into_par_iter()
                .with_max_len(1)
                .flat_map_iter(|_| {
                    std::iter::from_fn(|| {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        hosts.get(index).map(|host| (index, run(host)))
                    })
                })
                .collect()
        });
        results.sort_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// Takes over what a task leaves behind on a host; `shared` are the hosts that its result holds for.
    fn settle(&mut self, task: &Arc<Task>, host: &str, ended: &Ended, shared: &[String]) {
        for other in shared {
            self.machinery.learn(task, other, ended);
        }
        if let Some(about) = &ended.facts_of {
            self.machinery.learn_of(task, about, ended);
        }
        self.count(task, host, ended, shared);
    }

    /// Draws the consequences of how a task ended on a host.
    pub(super) fn count(&mut self, task: &Arc<Task>, host: &str, ended: &Ended, shared: &[String]) {
        let counts = self.recap.entry(host.to_owned()).or_default();
        counts.add(ended.status, ended.ignored);
        // A failure that does not count may have changed something.
        let has_touched = ended.result.get("changed") == Some(&Value::Bool(true));
        counts.changed += u64::from(ended.ignored && has_touched);
        if ended.interrupted {
            self.is_cut_short.store(true, Ordering::Relaxed);
        }
        let has_changed = matches!(ended.status, Status::Changed | Status::Failed | Status::Unreachable);
        for touched in shared.iter().chain(&ended.delegated_to) {
            self.machinery.options.undos.task_ended(touched, has_changed);
        }
        if let (Some(role), Status::Ok | Status::Changed | Status::Failed) = (&task.role, ended.status) {
            for host in shared {
                self.roles.ran(role, host);
            }
        }
        if ended.lost() {
            let fatal = self.flag(task.keywords.any_errors_fatal.as_ref(), host, task);
            self.fatal |= fatal;
            for other in shared {
                self.lose(other, task, ended, other == host);
            }
            self.others_have_changed();
        } else if ended.status == Status::Changed || ended.changed_before {
            self.notify(task, host);
        }
    }

    fn lose(&mut self, host: &str, task: &Task, ended: &Ended, is_own: bool) {
        let lost = if ended.status == Status::Unreachable {
            Lost::Unreachable
        } else {
            if let Some(budget) = &mut self.budget {
                budget.failed(host);
            }
            Lost::Failed {
                vars: about_failure(task, Value::Object(ended.result.clone())),
                is_own,
            }
        };
        self.lost.insert(host.to_owned(), lost);
    }

    fn notify(&mut self, task: &Arc<Task>, host: &str) {
        for notified in &task.notify {
            let names = match self.scope(host, task).map(|scope| notified.rendered(&scope)) {
                Some(Ok(Value::String(name))) => vec![name],
                Some(Ok(Value::Array(names))) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                Some(Err(error)) => {
                    self.fail(task, host, diagnostic(&error).at(&notified.place));
                    continue;
                }
                _ => Vec::new(),
            };
            for name in names {
                let handlers = self.handlers.notify(host, &name);
                if handlers.is_empty() {
                    let failure = Failure::new(format!("there is no handler `{name}`")).at(&notified.place);
                    self.fail(task, host, failure);
                    continue;
                }
                self.machinery.send(Event::Notified {
                    host: host.to_owned(),
                    handlers,
                });
            }
        }
    }

    /// Runs the handlers that are pending on the hosts, in definition order; what they notify runs too.
    pub(super) fn flush_handlers(&mut self, hosts: &[String]) {
        self.handlers.rewind();
        loop {
            let active = self.active(hosts);
            let Some((handler, notified)) = self.handlers.next(&active) else {
                return;
            };
            self.run_task(&handler, &notified, true);
        }
    }
}
