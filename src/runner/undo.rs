//! What modules left to be taken back when the run is interrupted.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::event::{CleanUp, Event};
use super::run::Run;
use super::way::Way;
use crate::modules::{Failure, Since, Undo, UndoNote, Undone};

/// Longest time for taking one thing back.
const LIMIT: Duration = Duration::from_secs(90);

struct Kept {
    name: String,
    undo: Arc<dyn Undo>,
    way: Way,
    since: Since,
    /// The task that left it is not at its end yet.
    is_new: bool,
}

/// All that is kept, the oldest first.
#[derive(Default)]
pub struct Undos(Mutex<Vec<Kept>>);

impl Undos {
    /// What would be taken back, for people.
    pub fn titles(&self) -> Vec<String> {
        self.lock().iter().map(|kept| kept.undo.title()).collect()
    }

    /// Takes over what a module said.
    pub(super) fn note(&self, note: UndoNote, way: Way) {
        let mut all = self.lock();
        let (UndoNote::Keep(name, _) | UndoNote::KeepFirst(name, _) | UndoNote::Withdraw(name)) = &note;
        let is_kept = |kept: &Kept| (&kept.name, &kept.way.host) == (name, &way.host);
        if matches!(note, UndoNote::KeepFirst(..)) && all.iter().any(is_kept) {
            return;
        }
        all.retain(|kept| !is_kept(kept));
        if let UndoNote::Keep(name, undo) | UndoNote::KeepFirst(name, undo) = note {
            all.push(Kept {
                name,
                undo,
                way,
                since: Since::default(),
                is_new: true,
            });
        }
    }

    /// A task has ended on a host; it changed something there, or may have.
    pub(super) fn task_ended(&self, host: &str, has_changed: bool) {
        for kept in self.lock().iter_mut().filter(|kept| kept.way.host == host) {
            kept.since.changed |= has_changed && !kept.is_new;
            kept.is_new = false;
        }
    }

    /// Something on the host was begun and is not at its end.
    pub(super) fn is_unfinished(&self, host: &str) {
        for kept in self.lock().iter_mut().filter(|kept| kept.way.host == host) {
            kept.since.unfinished = true;
        }
    }

    fn newest(&self) -> Option<(Arc<dyn Undo>, Way, Since)> {
        let all = self.lock();
        let kept = all.last()?;
        Some((Arc::clone(&kept.undo), kept.way.clone(), kept.since))
    }

    fn forget_newest(&self) {
        self.lock().pop();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run<'_> {
    /// Takes back what modules left for this case, the newest first.
    pub(super) fn clean_up(&self) {
        if let Some(reason) = self.options.standing.lost() {
            self.leave_all(&reason);
        }
        while let Some((undo, way, since)) = self.options.undos.newest() {
            let result = catch_unwind(AssertUnwindSafe(|| self.take_back(&*undo, &way, since)))
                .unwrap_or_else(|_| Err(Failure::new("krun made a mistake (its text is on standard error)")));
            // Until now it was among what is told to whoever stops krun at once.
            self.options.undos.forget_newest();
            let (state, message, help) = match result {
                Ok(Undone::Done(message)) => (CleanUp::Done, message, None),
                Ok(Undone::Needless) => continue,
                Ok(Undone::Left(message)) => (CleanUp::Left, message, None),
                Err(failure) => (CleanUp::Failed, failure.message, failure.help),
            };
            self.send(Event::CleanedUp {
                host: way.host,
                what: undo.title(),
                state,
                message,
                help,
            });
        }
    }

    /// Somebody else is at work there now, and must not be disturbed.
    fn leave_all(&self, reason: &str) {
        while let Some((undo, way, _)) = self.options.undos.newest() {
            self.options.undos.forget_newest();
            self.send(Event::CleanedUp {
                host: way.host,
                what: undo.title(),
                state: CleanUp::Left,
                message: format!("left as it is: {reason}"),
                help: None,
            });
        }
    }

    fn take_back(&self, undo: &dyn Undo, way: &Way, since: Since) -> Result<Undone, Failure> {
        let mut lease = self.sessions.lease(&way.endpoint);
        self.outside()
            .over(way, lease.connection(), LIMIT, |context| undo.undo(context, since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Endpoint;
    use crate::modules::{Context, FileFinder};
    use crate::vars::ScopeBuilder;

    struct Named(&'static str);

    impl Undo for Named {
        fn title(&self) -> String {
            self.0.to_owned()
        }

        fn undo(&self, _: &mut Context<'_>, _: Since) -> Result<Undone, Failure> {
            Ok(Undone::Needless)
        }
    }

    fn way(host: &str) -> Way {
        Way {
            host: host.to_owned(),
            endpoint: Endpoint::ssh(host),
            become_user: None,
            environment: Vec::new(),
            scope: ScopeBuilder::default().build(),
            files: FileFinder::default(),
        }
    }

    fn keep(title: &'static str) -> UndoNote {
        UndoNote::Keep("cordon".to_owned(), Arc::new(Named(title)))
    }

    #[test]
    fn only_what_came_after_it_counts_as_a_change() {
        let undos = Undos::default();
        let since = || undos.newest().unwrap().2;
        undos.note(keep("a"), way("w1"));
        undos.task_ended("w1", true);
        assert!(!since().changed, "the task that left it");
        undos.task_ended("w2", true);
        undos.task_ended("w1", false);
        assert!(!since().changed);
        undos.task_ended("w1", true);
        undos.is_unfinished("w2");
        assert_eq!(
            since(),
            Since {
                changed: true,
                unfinished: false
            }
        );
    }

    #[test]
    fn a_later_undo_replaces_an_earlier_one_and_each_host_has_its_own() {
        let undos = Undos::default();
        undos.note(keep("a"), way("w1"));
        undos.note(keep("b"), way("w2"));
        undos.note(keep("c"), way("w1"));
        assert_eq!(undos.titles(), ["b", "c"]);
        undos.note(UndoNote::Withdraw("cordon".to_owned()), way("w1"));
        assert_eq!(undos.titles(), ["b"]);
    }

    #[test]
    fn what_was_found_done_replaces_no_undo_of_this_run() {
        let undos = Undos::default();
        let found = |title| UndoNote::KeepFirst("cordon".to_owned(), Arc::new(Named(title)));
        undos.note(keep("a"), way("w1"));
        undos.note(found("b"), way("w1"));
        undos.note(found("c"), way("w2"));
        assert_eq!(undos.titles(), ["a", "c"]);
    }
}
