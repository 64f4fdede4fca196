//! The order of events: hosts go through a window each at its own pace, and what is told is told task by task.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::playbook::Task;
use crate::runner::event::{Event, EventSink};

/// What a task is called on a host.
pub(in crate::runner) type Title<'a> = &'a (dyn Fn(&Task, &str) -> String + Sync);

/// Hosts on their way through the tasks of a window.
pub(in crate::runner) struct Stage<'a> {
    tasks: &'a [Arc<Task>],
    title: Title<'a>,
    events: Mutex<EventSink>,
    state: Mutex<State>,
}

struct State {
    hosts: Vec<String>,
    /// The task that is being told of.
    current: usize,
    /// How many tasks a host has ended.
    ended: HashMap<String, usize>,
    /// The task that a host was lost at.
    lost: HashMap<String, usize>,
    /// What is to be told of later tasks, by task.
    waiting: HashMap<usize, Vec<(String, Vec<Event>)>>,
}

impl State {
    /// Hosts that a task is run on, as far as is known.
    fn hosts_of(&self, task: usize) -> Vec<String> {
        let takes_part = |host: &&String| self.lost.get(*host).is_none_or(|lost| *lost >= task);
        self.hosts.iter().filter(takes_part).cloned().collect()
    }

    fn has_ended(&self, host: &str, task: usize) -> bool {
        self.ended.get(host).is_some_and(|ended| *ended > task)
    }
}

impl<'a> Stage<'a> {
    /// Tells of the first task.
    pub(in crate::runner) fn new(
        tasks: &'a [Arc<Task>],
        hosts: &[String],
        title: Title<'a>,
        events: EventSink,
    ) -> Self {
        let stage = Self {
            tasks,
            title,
            events: Mutex::new(events),
            state: Mutex::new(State {
                hosts: hosts.to_vec(),
                current: 0,
                ended: HashMap::new(),
                lost: HashMap::new(),
                waiting: HashMap::new(),
            }),
        };
        stage.start(0, hosts);
        stage
    }

    /// A host has ended a task, with these events.
    pub(super) fn ended(&self, host: &str, task: usize, events: Vec<Event>, is_lost: bool) {
        let mut state = self.lock();
        state.ended.insert(host.to_owned(), task + 1);
        if is_lost {
            state.lost.insert(host.to_owned(), task);
        }
        if task > state.current {
            state.waiting.entry(task).or_default().push((host.to_owned(), events));
            return;
        }
        self.send(events);
        loop {
            let current = state.current;
            if !state
                .hosts_of(current)
                .iter()
                .all(|host| state.has_ended(host, current))
            {
                return;
            }
            let next = current + 1;
            let hosts = state.hosts_of(next);
            if next >= self.tasks.len() || hosts.is_empty() {
                return;
            }
            state.current = next;
            self.start(next, &hosts);
            let waiting = state.waiting.remove(&next).unwrap_or_default();
            for (_, events) in waiting {
                self.send(events);
            }
        }
    }

    /// A host tells this of the task that it is at.
    pub(super) fn tell(&self, host: &str, task: usize, event: Event) {
        let mut state = self.lock();
        if task > state.current {
            let waiting = state.waiting.entry(task).or_default();
            waiting.push((host.to_owned(), vec![event]));
        } else {
            self.send([event]);
        }
    }

    /// True when all other hosts that are still there have ended all tasks before this one.
    pub(super) fn others_have_reached(&self, host: &str, task: usize) -> bool {
        let state = self.lock();
        let there = |other: &&String| *other != host && !state.lost.contains_key(*other);
        state
            .hosts
            .iter()
            .filter(there)
            .all(|other| task == 0 || state.has_ended(other, task - 1))
    }

    /// Tells what has not been told yet, when hosts were stopped on their way.
    pub(in crate::runner) fn finish(&self) {
        let mut state = self.lock();
        for task in state.current + 1..self.tasks.len() {
            let waiting = state.waiting.remove(&task).unwrap_or_default();
            if !waiting.is_empty() {
                let mut hosts: Vec<_> = waiting.iter().map(|(host, _)| host.clone()).collect();
                hosts.dedup();
                self.start(task, &hosts);
                for (_, events) in waiting {
                    self.send(events);
                }
            }
        }
    }

    fn start(&self, number: usize, hosts: &[String]) {
        if let (Some(task), Some(first)) = (self.tasks.get(number), hosts.first()) {
            self.send([Event::TaskStarted {
                name: (self.title)(task, first),
                handler: false,
                place: task.place.to_string(),
                hosts: hosts.to_vec(),
            }]);
        }
    }

    fn send(&self, events: impl IntoIterator<Item = Event>) {
        let sink = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            // The receiver is gone only when the run is over.
            let _ = sink.send(event);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
