//! One host on its way through a window of tasks: what is sent next, and what has come of it.

mod plan;

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};

use plan::{Plan, Planned};

use super::ahead::{Ahead, Asked, Prediction, Unit};
use super::stage::Stage;
use crate::connection::{ConnectionError, Step, StepAnswer, StepKind};
use crate::modules::Fuses;
use crate::playbook::{Action, Task};
use crate::runner::event::{Event, EventSink};
use crate::runner::host_task::{Ended, Machinery};
use crate::runner::journalled::refused;
use crate::runner::record::TaskKey;
use crate::template::{random_draws, without_lookups};
use crate::vars::{VarMap, Watch};

/// How a host left a window, for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::runner) enum WindowEnd {
    /// All tasks are done, or the host is lost.
    Done,
    /// The next task reads what other hosts leave behind, and those are not that far.
    Waits,
    /// The user has interrupted the run.
    Interrupted,
}

/// One host on its way through the tasks of a window.
pub(in crate::runner) struct HostWindow<'a, 'p> {
    machinery: &'a Machinery<'a, 'p>,
    stage: &'a Stage<'a>,
    tasks: &'a [Arc<Task>],
    host: &'a str,
    failed_before: &'a VarMap,
    ahead: Ahead<'p>,
    /// The first task that has not ended.
    position: usize,
    /// How the tasks ended, in order.
    results: Vec<Ended>,
    /// Numbers of looks, and how many requests have acted so far.
    keys: usize,
    epoch: usize,
    /// No chain was sent yet that this one could refer to.
    afresh: bool,
    /// Names of the tasks' records, as far as they are begun.
    records: Vec<TaskKey>,
    /// A look has led to a change: others will.
    changes: bool,
    /// The first request of the chain that was sent last.
    sent_first: Option<(Unit, usize)>,
    link: Link,
}

/// How a host's connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// Not asked for yet by this window.
    New,
    Up,
    /// Lost over something that may be asked again: the task that asked sees to that by itself.
    Cut,
}

/// A task that was run with what is known.
struct Attempt {
    ended: Ended,
    events: Vec<Event>,
    asked: Vec<Asked>,
    /// It has to be run by itself: it moves much data, or goes elsewhere, or throws dice.
    alone: bool,
    /// It looked at a variable that a task before it has yet to set.
    reads_unset: bool,
    /// It looked at other hosts' variables.
    reads_others: bool,
}

impl<'a, 'p> HostWindow<'a, 'p> {
    pub(in crate::runner) fn new(
        machinery: &'a Machinery<'a, 'p>,
        stage: &'a Stage<'a>,
        tasks: &'a [Arc<Task>],
        host: &'a str,
        failed_before: &'a VarMap,
    ) -> Self {
        Self {
            machinery,
            stage,
            tasks,
            host,
            failed_before,
            ahead: Ahead::new(machinery.pool),
            position: 0,
            results: Vec::new(),
            keys: 0,
            epoch: 0,
            afresh: true,
            records: Vec::new(),
            changes: false,
            sent_first: None,
            link: Link::New,
        }
    }

    /// The host.
    pub(in crate::runner) fn host(&self) -> &'a str {
        self.host
    }

    /// How its tasks ended, in order.
    pub(in crate::runner) fn into_results(mut self) -> Vec<Ended> {
        let not_run = self.records.split_off(self.position.min(self.records.len()));
        self.machinery.write_not_run(not_run);
        self.results
    }

    /// Goes on until nothing more can be done.
    pub(in crate::runner) fn run(&mut self) -> WindowEnd {
        loop {
            let plan = self.plan();
            let interrupted = self.machinery.options.interrupted.load(Ordering::Relaxed);
            match plan {
                Plan::End(end) => return end,
                Plan::Send(_) | Plan::RunAlone if interrupted => return WindowEnd::Interrupted,
                Plan::Send(_) | Plan::RunAlone if !self.write_begin(&plan) => {}
                // How far it is decides what is sent, and connecting tells.
                Plan::Send(steps) if self.link == Link::New => self.set_up(&steps),
                // A request that was answered and is asked again would be asked for ever.
                Plan::Send(steps) if !self.is_sent_again(&steps) => self.send(&steps),
                Plan::Send(_) | Plan::RunAlone => self.run_alone(),
            }
        }
    }

    /// Writes down the tasks that the plan begins. When that is not possible the first of them has failed, unbegun.
    fn write_begin(&mut self, plan: &Plan) -> bool {
        let end = match plan {
            Plan::Send(steps) => steps.iter().map(|planned| planned.unit.0 + 1).max(),
            Plan::RunAlone => Some(self.position + 1),
            Plan::End(_) => None,
        };
        let begun = self.records.len();
        let new = self.tasks.get(begun..end.unwrap_or_default()).unwrap_or_default();
        let keys = new.iter().map(|task| self.machinery.met.key(task, self.host));
        self.records.extend(keys);
        let tasks: Vec<(&Task, &TaskKey)> = new
            .iter()
            .map(Arc::as_ref)
            .zip(self.records.get(begun..).unwrap_or_default())
            .collect();
        let Err(failure) = self.machinery.write_begin(&tasks) else {
            return true;
        };
        let (ended, event) = refused(&self.tasks[self.position], self.host, failure);
        self.settle(Attempt {
            ended,
            events: vec![event],
            asked: Vec::new(),
            alone: false,
            reads_unset: false,
            reads_others: false,
        });
        false
    }

    /// Runs the next task as it would be run if nothing were fused, telling of it as it goes.
    fn run_alone(&mut self) {
        let (events, told) = mpsc::channel();
        let (stage, host, number) = (self.stage, self.host, self.position);
        let attempt = std::thread::scope(|scope| {
            scope.spawn(move || {
                for event in told {
                    stage.tell(host, number, event);
                }
            });
            self.run_with(number, HashSet::new(), true, events)
        });
        self.epoch += 1;
        self.settle(attempt);
    }

    /// Connects; when that fails the first request has failed.
    fn set_up(&mut self, plan: &[Planned]) {
        self.link = Link::Up;
        let Some((target, mut lease)) = self.ahead.take() else {
            return;
        };
        // A session that was used before shows that it is lost only then, and is opened anew.
        let is_new = lease.exchanges() == 0;
        if is_new
            && let Err(error) = lease.connection().set_up(target.become_user.as_ref())
            && let Some(first) = plan.first()
        {
            self.take_in(first, true, Err(error), &[]);
        }
        self.ahead.give_back(lease);
    }

    fn is_sent_again(&mut self, steps: &[Planned]) -> bool {
        let first = steps.first().map(|planned| (planned.unit, planned.position));
        std::mem::replace(&mut self.sent_first, first) == first
    }

    fn is_over(&self) -> bool {
        self.position >= self.tasks.len() || self.results.last().is_some_and(Ended::lost)
    }

    /// Runs a task with what is known.
    fn attempt(&self, number: usize, unset: HashSet<String>) -> Attempt {
        let (events, told) = mpsc::channel();
        let mut attempt = self.run_with(number, unset, false, events);
        attempt.events = told.try_iter().collect();
        attempt
    }

    fn run_with(&self, number: usize, unset: HashSet<String>, live: bool, events: EventSink) -> Attempt {
        let watch = Arc::new(Watch::over(unset));
        let machinery = self.machinery.ahead(events, &self.ahead, Arc::clone(&watch));
        self.ahead.begin(number, live);
        let draws = random_draws();
        let run = || machinery.run_on_host(&self.tasks[number], self.host, self.failed_before);
        // What asks this machine is asked when its turn has come, and once.
        let ended = if live { run() } else { without_lookups(run) };
        let (asked, alone) = self.ahead.end();
        drop(machinery);
        Attempt {
            ended,
            events: Vec::new(),
            asked,
            alone: alone || random_draws() != draws,
            reads_unset: watch.saw_name(),
            reads_others: watch.saw_others(),
        }
    }

    /// Sends a chain, takes in the answers as they come, and ends the tasks that they complete.
    fn send(&mut self, plan: &[Planned]) {
        let Some((target, mut lease)) = self.ahead.take() else {
            return;
        };
        let steps: Vec<Step> = plan.iter().map(|planned| planned.step.clone()).collect();
        let afresh = std::mem::replace(&mut self.afresh, false);
        let interrupted = Arc::clone(&self.machinery.options.interrupted);
        let was_there = lease.exchanges() > 0;
        // Once a second look finds something else, what is behind it has not its turn yet.
        let mut only_looks = false;
        let mut answered = |number: usize, answer: Result<StepAnswer, ConnectionError>| {
            let Some(planned) = plan.get(number) else { return };
            let rest = plan.get(number + 1..).unwrap_or_default();
            if let Err(error) = &answer
                && (was_there || number > 0)
                && error.may_pass()
                // What of a chain the node has run is unknown: it may be asked again when it has done nothing.
                && (error.was_before() || plan[number..].iter().all(|planned| self.only_looks(planned)))
            {
                self.link = Link::Cut;
                return;
            }
            let is_certain = planned.is_certain && !only_looks;
            only_looks |= matches!(
                (planned.step.kind, &answer),
                (StepKind::Again(_), Ok(StepAnswer::Ran(_)))
            );
            self.take_in(planned, is_certain, answer, rest);
            // Tasks up to that of the next request may be complete.
            let next = rest.first().map_or(planned.unit.0 + 1, |next| next.unit.0);
            if next > planned.unit.0 {
                self.end_tasks_before(next);
            }
        };
        lease
            .connection()
            .chain(target.become_user.as_ref(), &steps, afresh, &interrupted, &mut answered);
        self.ahead.give_back(lease);
    }

    fn take_in(
        &mut self,
        planned: &Planned,
        is_certain: bool,
        answer: Result<StepAnswer, ConnectionError>,
        rest: &[Planned],
    ) {
        let Planned {
            unit, position, step, ..
        } = planned;
        if !self.only_looks(planned) && !matches!(answer, Ok(StepAnswer::NotRun)) {
            self.epoch += 1;
        }
        let prediction = match step.kind {
            StepKind::Look(key) | StepKind::Again(key) if !is_certain => Some(Prediction { key, epoch: self.epoch }),
            _ => None,
        };
        match answer {
            Ok(StepAnswer::NotRun) => {}
            Ok(StepAnswer::Same) => self.ahead.confirm(*unit, *position, prediction),
            Ok(StepAnswer::Ran(output)) => {
                self.ahead
                    .learn(*unit, *position, step.request.clone(), Ok(output), prediction);
            }
            Err(error) => {
                let error = self.with_unknown(error, unit.0, rest);
                self.ahead
                    .learn(*unit, *position, step.request.clone(), Err(error), None);
            }
        }
    }

    fn only_looks(&self, planned: &Planned) -> bool {
        planned.step.kind != StepKind::Act || fuses(&self.tasks[planned.unit.0]) == Fuses::Looks
    }

    /// What was sent behind a request that lost the connection may have run.
    fn with_unknown(&self, error: ConnectionError, task: usize, rest: &[Planned]) -> ConnectionError {
        let ConnectionError::Lost { address, what, cause } = error else {
            return error;
        };
        let mut titles = Vec::new();
        for planned in rest {
            let title = self.tasks[planned.unit.0].title();
            if !self.only_looks(planned) && planned.unit.0 != task && titles.last() != Some(&title) {
                titles.push(title);
            }
        }
        let cause = if titles.is_empty() {
            cause
        } else {
            format!(
                "{cause}; the tasks behind it were sent with it, and how far the node got is unknown: {}",
                titles.join(", ")
            )
        };
        ConnectionError::Lost { address, what, cause }
    }

    /// Ends tasks whose answers are all certain.
    fn end_tasks_before(&mut self, end: usize) {
        while self.position < end && !self.is_over() {
            let reached = self.stage.others_have_reached(self.host, self.position);
            let attempt = self.attempt(self.position, HashSet::new());
            let must_wait = attempt.reads_others && !reached;
            let is_open = attempt.asked.iter().any(|asked| !self.is_certain(asked, 0));
            if attempt.alone || must_wait || is_open {
                return;
            }
            self.settle(attempt);
        }
    }

    /// A task has ended.
    fn settle(&mut self, attempt: Attempt) {
        let Attempt { ended, events, .. } = attempt;
        let task = &self.tasks[self.position];
        self.machinery.learn(task, self.host, &ended);
        if self.records.len() <= self.position {
            self.records.push(self.machinery.met.key(task, self.host));
        }
        if let Some(key) = self.records.get(self.position) {
            self.machinery.write_end(task, key.clone(), &ended);
        }
        self.stage.ended(self.host, self.position, events, ended.lost());
        self.results.push(ended);
        self.position += 1;
        self.ahead.forget_before(self.position);
    }
}

fn fuses(task: &Task) -> Fuses {
    match &task.action {
        Action::Module { definition, .. } => definition.fuses,
        _ => Fuses::Never,
    }
}
