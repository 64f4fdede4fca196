//! Tasks and the journal: what is written down around a task, and what a run that goes on from an earlier one does again.
//!
//! A run that goes on meets every task once more. What the earlier run had ended well is looked at again and repeated only
//! where the node is not as it was left; what only doing can tell (a shell command), a step that was undone on purpose
//! later (a drain before an uncordon) and handlers are not repeated. Results that were registered are those of the earlier
//! run, so that conditions come out as they did.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Map;

use super::event::{Event, HostReport, Status};
use super::host_task::{Ended, Machinery};
use super::record::{self, Earlier, Known, Record, TaskKey, TaskRecord};
use crate::modules::{Again, Before, Failure, RunsOn};
use crate::playbook::{Action, Task};
use crate::vars::VarMap;

/// How often hosts have met the tasks of a play.
#[derive(Default)]
pub(super) struct Met {
    play: u32,
    place: InPasses,
    counts: Mutex<HashMap<(String, String), u32>>,
}

/// Where a play stands among the passes of imports that are repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum InPasses {
    /// In none.
    #[default]
    Outside,
    /// In one that may be the run's last.
    Current,
    /// In one after which the earlier run had begun the next: what it left is meant to be different by now.
    Behind,
}

impl Met {
    /// Nothing of a play, by its number in the run.
    pub(super) fn in_play(play: u32, place: InPasses) -> Self {
        Self {
            play,
            place,
            ..Self::default()
        }
    }

    /// Meetings that did not come to pass, the last ones of their hosts.
    pub(super) fn forget(&self, keys: &[TaskKey]) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            if let Some(count) = counts.get_mut(&(key.host.clone(), key.place.clone())) {
                *count = count.saturating_sub(1);
            }
        }
    }

    /// The name of this meeting.
    pub(super) fn key(&self, task: &Task, host: &str) -> TaskKey {
        let place = task.place.to_string();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry((host.to_owned(), place.clone())).or_default();
        let occurrence = *count;
        *count += 1;
        TaskKey {
            play: self.play,
            host: host.to_owned(),
            place,
            occurrence,
        }
    }
}

/// What is to be done with a task that the earlier run had ended well.
enum Repeat<'e> {
    /// Run it as if it were new.
    Anew,
    /// Look whether all is as it was left.
    Verify(&'e TaskRecord),
    /// Take the earlier result.
    Take(&'e TaskRecord),
}

impl Machinery<'_, '_> {
    /// Runs a task on a host, with its record before and behind it, or takes over what an earlier run has done.
    pub(super) fn perform(&self, task: &Task, host: &str, failed_before: &VarMap, handler: bool) -> Ended {
        let key = self.met.key(task, host);
        let repeat = match &self.options.earlier {
            Some(earlier) => repeat(earlier, &key, task, handler, self.met.place),
            None => Repeat::Anew,
        };
        if let Repeat::Take(record) = repeat {
            let ended = self.taken(task, host, record);
            self.write_end(task, key, &ended);
            return ended;
        }
        if let Err(failure) = self.write_begin(&[(task, &key)]) {
            let (ended, event) = refused(task, host, failure);
            self.send(event);
            return ended;
        }
        let ended = match repeat {
            Repeat::Verify(record) => {
                let mut ended = self.after(Before::Done).run_on_host(task, host, failed_before);
                if matches!(ended.status, Status::Ok | Status::Changed) {
                    ended.changed_before = record.status == Status::Changed;
                    if ended.status == Status::Ok {
                        ended.result.clone_from(&record.result);
                    }
                }
                ended
            }
            _ if self.was_cut(&key) => self.after(Before::Begun).run_on_host(task, host, failed_before),
            _ => self.run_on_host(task, host, failed_before),
        };
        self.write_end(task, key, &ended);
        ended
    }

    /// Writes down that tasks are about to be run on a host.
    pub(super) fn write_begin(&self, tasks: &[(&Task, &TaskKey)]) -> Result<(), Failure> {
        if !self.options.journalled || tasks.is_empty() {
            return Ok(());
        }
        let tasks = tasks
            .iter()
            .map(|(task, key)| ((*key).clone(), task.title(), task.action.name().to_owned()))
            .collect();
        record::begin(&self.events, tasks)
    }

    /// Writes down how a task ended.
    pub(super) fn write_end(&self, task: &Task, key: TaskKey, ended: &Ended) {
        if !self.options.journalled {
            return;
        }
        // In a pass it may be what a run that goes on takes for the task.
        let is_taken = again(task) != Again::Run || self.met.place != InPasses::Outside;
        let is_needed = is_taken && !ended.hidden;
        let part = |map: &Map<_, _>| if is_needed { map.clone() } else { Map::new() };
        let record = Box::new(TaskRecord {
            status: match ended.status {
                Status::Ok if ended.changed_before => Status::Changed,
                status => status,
            },
            ignored: ended.ignored,
            result: part(&ended.result),
            facts: part(&ended.facts),
            facts_of: ended.facts_of.clone(),
            variables: part(&ended.variables),
            is_partial: !is_needed,
        });
        self.send(Event::Record(Record::Ended {
            key,
            title: task.title(),
            module: task.action.name().to_owned(),
            record,
        }));
    }

    /// Writes down that tasks which were to be run were not.
    pub(super) fn write_not_run(&self, keys: Vec<TaskKey>) {
        self.met.forget(&keys);
        if self.options.journalled && !keys.is_empty() {
            self.send(Event::Record(Record::NotRun(keys)));
        }
    }

    fn was_cut(&self, key: &TaskKey) -> bool {
        let earlier = self.options.earlier.as_ref();
        earlier.is_some_and(|earlier| matches!(earlier.known(key), Some(Known::Begun)))
    }

    /// True when an earlier run has met the task on the host: it is then run by itself.
    pub(super) fn was_met(&self, task: &Task, host: &str) -> bool {
        let earlier = self.options.earlier.as_ref();
        earlier.is_some_and(|earlier| earlier.has_met(self.met.play, host, &task.place.to_string()))
    }

    /// The end of a task that an earlier run has done.
    fn taken(&self, task: &Task, host: &str, record: &TaskRecord) -> Ended {
        let report = HostReport {
            result: record.result.clone(),
            ..plain_report(task, host, Status::Ok)
        };
        self.send(Event::HostFinished(HostReport {
            done_before: true,
            ..report
        }));
        Ended {
            status: Status::Ok,
            ignored: false,
            result: record.result.clone(),
            facts: record.facts.clone(),
            facts_of: record.facts_of.clone(),
            variables: record.variables.clone(),
            included: Arc::default(),
            message: None,
            delegated_to: None,
            interrupted: false,
            hidden: false,
            changed_before: record.status == Status::Changed,
        }
    }
}

/// The end of a task that was not begun.
pub(super) fn refused(task: &Task, host: &str, failure: Failure) -> (Ended, Event) {
    let event = Event::HostFinished(HostReport {
        message: Some(failure.message.clone()),
        help: failure.help,
        ..plain_report(task, host, Status::Failed)
    });
    let ended = Ended {
        status: Status::Failed,
        ignored: false,
        result: Map::new(),
        facts: Map::new(),
        facts_of: None,
        variables: Map::new(),
        included: Arc::default(),
        message: Some(failure.message),
        delegated_to: None,
        interrupted: false,
        hidden: false,
        changed_before: false,
    };
    (ended, event)
}

fn plain_report(task: &Task, host: &str, status: Status) -> HostReport {
    HostReport {
        host: host.to_owned(),
        delegated_to: None,
        item: None,
        status,
        changes: Vec::new(),
        message: None,
        help: None,
        ignored: false,
        result: Map::new(),
        diff: Vec::new(),
        warnings: Vec::new(),
        place: task.place.to_string(),
        excerpt: None,
        module: task.action.name().to_owned(),
        done_before: false,
    }
}

/// What a task's module says about its being done again.
fn again(task: &Task) -> Again {
    match &task.action {
        Action::Module { definition, .. } => definition.again,
        _ => Again::Run,
    }
}

fn repeat<'e>(earlier: &'e Earlier, key: &TaskKey, task: &Task, handler: bool, place: InPasses) -> Repeat<'e> {
    let Some(Known::Ended { record, number }) = earlier.known(key) else {
        return Repeat::Anew;
    };
    let leaves_something = task.register.is_some() || task.action.name() == "set-fact";
    let is_partial = record.is_partial && leaves_something;
    let is_local =
        matches!(&task.action, Action::Module { definition, .. } if definition.runs_on == RunsOn::Controller);
    if place == InPasses::Behind && record::went_well(record) && !is_partial {
        // To look again, or to make it so again, would take back what the passes since have done. Only what krun itself is to
        // know (hosts, groups, variables of files) is found anew.
        return match (&task.action, again(task)) {
            (Action::Module { .. }, Again::Verify) if is_local => Repeat::Anew,
            (Action::Module { .. }, _) => Repeat::Take(record),
            _ => Repeat::Anew,
        };
    }
    let is_look = record.status == Status::Ok && earlier.was_judged(key);
    if !record::went_well(record) || is_look || is_partial {
        return Repeat::Anew;
    }
    match again(task) {
        Again::Run => Repeat::Anew,
        _ if handler => Repeat::Take(record),
        Again::Once => Repeat::Take(record),
        Again::UndoneBy(module) if earlier.was_done_after(&key.host, module, *number) => Repeat::Take(record),
        Again::UndoneBy(_) => Repeat::Anew,
        Again::Verify if is_local => Repeat::Anew,
        Again::Verify => Repeat::Verify(record),
    }
}
