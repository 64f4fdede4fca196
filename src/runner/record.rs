//! What is told to the journal while a run goes on, and what an earlier run's journal tells this one.

use std::collections::{HashMap, HashSet};
use std::sync::mpsc::{SyncSender, sync_channel};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::event::{Event, EventSink, Status};
use crate::modules::Failure;

/// One execution of a task on a host. The same text may be met several times in a play: by a role that is used twice, by
/// an include in a loop, by a handler.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskKey {
    /// Number of the play in the run, from 0.
    pub play: u32,
    /// Inventory name.
    pub host: String,
    /// Where the task stands.
    pub place: String,
    /// How often the host had met it in the play before.
    pub occurrence: u32,
}

/// How a task ended on a host, and what it left behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// How it ended.
    pub status: Status,
    /// The failure did not count.
    pub ignored: bool,
    /// What `register` keeps.
    pub result: Map<String, Value>,
    /// Facts that it found.
    pub facts: Map<String, Value>,
    /// Host that they are about, when it is another one.
    pub facts_of: Option<String>,
    /// Variables that it set.
    pub variables: Map<String, Value>,
    /// Something of it may not be written (`no_log`, secrets), so that it cannot be put in the place of the task.
    pub is_partial: bool,
}

/// What the journal is told of tasks; in the same stream as the events, for their order.
#[derive(Clone, Debug)]
pub enum Record {
    /// Tasks are about to be run on a host.
    Begun {
        /// Which, with title and module.
        tasks: Vec<(TaskKey, String, &'static str)>,
        /// Told when it is written, or cannot be.
        written: SyncSender<Result<(), String>>,
    },
    /// A task has ended on a host.
    Ended {
        /// Which.
        key: TaskKey,
        /// Its title.
        title: String,
        /// Its module.
        module: &'static str,
        /// How it ended.
        record: Box<TaskRecord>,
    },
    /// These were to be run and were not, since something before them failed.
    NotRun(Vec<TaskKey>),
}

/// Writes down that tasks are about to be run; they may be begun when this returns.
pub(super) fn begin(events: &EventSink, tasks: Vec<(TaskKey, String, &'static str)>) -> Result<(), Failure> {
    let (written, answer) = sync_channel(1);
    // The receiver is gone only when the run is over.
    let _ = events.send(Event::Record(Record::Begun { tasks, written }));
    match answer.recv() {
        Ok(Ok(())) => Ok(()),
        Ok(Err(reason)) => Err(Failure::new(format!("the journal cannot be written: {reason}"))
            .help("the task was not begun; make room, or run with --no-journal")),
        // Nobody keeps a journal.
        Err(_) => Ok(()),
    }
}

/// What an earlier run did, for the run that goes on from it.
#[derive(Debug, Default)]
pub struct Earlier {
    /// Name of that run.
    pub run: String,
    tasks: HashMap<TaskKey, Known>,
    /// Plays, hosts and places of these tasks.
    met: HashSet<(u32, String, String)>,
    /// Hosts on which a play ended with a judgement of what tasks before had found.
    judged: HashSet<(u32, String)>,
    /// The end of the last task of a module on a host, by host and module, as a number that grows.
    last: HashMap<(String, String), i64>,
}

/// What is known of a task of the earlier run.
#[derive(Clone, Debug)]
pub enum Known {
    /// It was begun; its end is not known.
    Begun,
    /// It ended.
    Ended {
        /// How.
        record: Box<TaskRecord>,
        /// Ends in their order.
        number: i64,
    },
}

impl Earlier {
    /// What an earlier run knows: its tasks with their modules.
    pub fn new(run: String, tasks: impl IntoIterator<Item = (TaskKey, String, Known)>) -> Self {
        let mut earlier = Self { run, ..Self::default() };
        for (key, module, known) in tasks {
            let judges = ["assert", "fail"].contains(&module.as_str());
            if judges
                && matches!(&known, Known::Ended { record, .. } if record.status == Status::Failed && !record.ignored)
            {
                earlier.judged.insert((key.play, key.host.clone()));
            }
            if let Known::Ended { record, number } = &known
                && went_well(record)
            {
                let last = earlier.last.entry((key.host.clone(), module)).or_insert(*number);
                *last = (*last).max(*number);
            }
            earlier.met.insert((key.play, key.host.clone(), key.place.clone()));
            // To look again whether all is as it was left is nothing new that could have been cut.
            let stays = matches!(known, Known::Begun)
                && matches!(earlier.tasks.get(&key), Some(Known::Ended { record, .. }) if went_well(record));
            if !stays {
                earlier.tasks.insert(key, known);
            }
        }
        earlier
    }

    /// What is known of a task.
    pub(super) fn known(&self, key: &TaskKey) -> Option<&Known> {
        self.tasks.get(key)
    }

    /// True when a host has met a task in a play, however often.
    pub(super) fn has_met(&self, play: u32, host: &str, place: &str) -> bool {
        self.met.contains(&(play, host.to_owned(), place.to_owned()))
    }

    /// True when what was found on a host in a play was judged, and the host failed for it: somebody may have mended that.
    pub(super) fn was_judged(&self, key: &TaskKey) -> bool {
        self.judged.contains(&(key.play, key.host.clone()))
    }

    /// Whether a module has well ended on a host after something else did.
    pub(super) fn was_done_after(&self, host: &str, module: &str, number: i64) -> bool {
        let last = self.last.get(&(host.to_owned(), module.to_owned()));
        last.is_some_and(|last| *last > number)
    }
}

pub(super) fn went_well(record: &TaskRecord) -> bool {
    matches!(record.status, Status::Ok | Status::Changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(host: &str, place: &str) -> TaskKey {
        TaskKey {
            play: 0,
            host: host.to_owned(),
            place: place.to_owned(),
            occurrence: 0,
        }
    }

    fn ended(status: Status, number: i64) -> Known {
        let record = TaskRecord {
            status,
            ignored: false,
            result: Map::new(),
            facts: Map::new(),
            facts_of: None,
            variables: Map::new(),
            is_partial: false,
        };
        Known::Ended {
            record: Box::new(record),
            number,
        }
    }

    #[test]
    fn what_undoes_a_step_counts_when_it_came_later_and_went_well() {
        let earlier = Earlier::new(
            "r".to_owned(),
            [
                (key("a", "p:1"), "drain".to_owned(), ended(Status::Changed, 1)),
                (key("a", "p:9"), "uncordon".to_owned(), ended(Status::Changed, 7)),
                (key("b", "p:9"), "uncordon".to_owned(), ended(Status::Failed, 8)),
            ],
        );
        assert!(earlier.was_done_after("a", "uncordon", 1));
        assert!(!earlier.was_done_after("a", "uncordon", 7));
        assert!(!earlier.was_done_after("b", "uncordon", 1));
        assert!(matches!(earlier.known(&key("a", "p:1")), Some(Known::Ended { .. })));
        assert!(earlier.known(&key("b", "p:1")).is_none());
    }
}
