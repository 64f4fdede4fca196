//! What the hosts of a batch share that go through a play each at its own pace (`free`, `host_pinned`).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::playbook::{Strategy, Task};

/// Hosts that are under way at once by the strategy `free`, however many tasks run at once: each needs a thread.
pub(super) const MOST_UNDER_WAY: usize = 500;

/// The hosts of a batch that do not wait for one another.
pub(super) struct Company {
    /// Lets as many tasks run at once as there are forks; by `host_pinned` the number of hosts sees to that.
    tasks: Option<Gate>,
    /// By task, for `throttle`.
    throttles: Mutex<HashMap<String, Arc<Gate>>>,
    /// `any_errors_fatal` struck on one host.
    fatal: AtomicBool,
    /// `meta: end_play` was met.
    end_play: AtomicBool,
    /// `meta: end_batch` was met.
    end_batch: AtomicBool,
}

impl Company {
    pub(super) fn new(strategy: Strategy, forks: usize) -> Self {
        Self {
            tasks: (strategy == Strategy::Free).then(|| Gate::new(forks)),
            throttles: Mutex::default(),
            fatal: AtomicBool::new(false),
            end_play: AtomicBool::new(false),
            end_batch: AtomicBool::new(false),
        }
    }

    /// Waits until one more task may run.
    pub(super) fn begin_task(&self) -> Option<Pass<'_>> {
        self.tasks.as_ref().map(Gate::enter)
    }

    /// The gate of a task with `throttle`.
    pub(super) fn throttle(&self, task: &Task, places: usize) -> Arc<Gate> {
        let mut throttles = self.throttles.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = throttles.entry(task.place.to_string());
        Arc::clone(gate.or_insert_with(|| Arc::new(Gate::new(places))))
    }

    pub(super) fn strike(&self) {
        self.fatal.store(true, Ordering::Relaxed);
    }

    pub(super) fn end_play(&self) {
        self.end_play.store(true, Ordering::Relaxed);
    }

    pub(super) fn end_batch(&self) {
        self.end_batch.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_struck(&self) -> bool {
        self.fatal.load(Ordering::Relaxed)
    }

    pub(super) fn has_play_ended(&self) -> bool {
        self.end_play.load(Ordering::Relaxed)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_play_ended() || self.end_batch.load(Ordering::Relaxed)
    }
}

/// Lets so many through at once, in the order in which they come.
pub(super) struct Gate {
    places: usize,
    state: Mutex<Crowd>,
    left: Condvar,
}

#[derive(Default)]
struct Crowd {
    inside: usize,
    /// The ticket of whoever comes next, and of whoever goes in next.
    next: u64,
    called: u64,
}

/// A place behind a gate, given back when dropped.
pub(super) struct Pass<'a>(&'a Gate);

impl Gate {
    fn new(places: usize) -> Self {
        Self {
            places: places.max(1),
            state: Mutex::default(),
            left: Condvar::new(),
        }
    }

    pub(super) fn enter(&self) -> Pass<'_> {
        let mut crowd = self.lock();
        let ticket = crowd.next;
        crowd.next += 1;
        while crowd.inside >= self.places || crowd.called != ticket {
            crowd = self.left.wait(crowd).unwrap_or_else(PoisonError::into_inner);
        }
        crowd.inside += 1;
        crowd.called += 1;
        drop(crowd);
        // There may be room for the next one too.
        self.left.notify_all();
        Pass(self)
    }

    fn lock(&self) -> MutexGuard<'_, Crowd> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.lock().inside -= 1;
        self.0.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn no_more_are_inside_than_there_are_places() {
        let gate = Gate::new(3);
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let pass = gate.enter();
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(pass);
                    }
                });
            }
        });
        let most = most.load(Ordering::SeqCst);
        assert!((1..=3).contains(&most), "{most}");
    }
}
