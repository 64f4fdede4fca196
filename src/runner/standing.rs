//! What is done beside the tasks of a run: things that modules took for its time are renewed, and given back at its end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::event::Event;
use super::way::{Outside, Way};
use crate::connection::Lease;
use crate::modules::{Failure, Held, Renewed, Service};

/// Longest time for one renewal: an API server that restarts answers the next one.
const RENEWAL: Duration = Duration::from_secs(15);
/// Pause before a renewal is tried again.
const AGAIN: Duration = Duration::from_secs(3);
/// Longest time for giving one thing back, and the pause between two tries.
const RELEASE: Duration = Duration::from_secs(30);
const RELEASE_PAUSE: Duration = Duration::from_secs(2);

/// What is held for the time of the run.
#[derive(Default)]
pub struct Standing {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    held: Vec<Entry>,
    is_over: bool,
    /// Why the run must not go on.
    lost: Option<String>,
}

struct Entry {
    name: String,
    held: Arc<dyn Held>,
    way: Way,
    due: Instant,
    renewed: Instant,
    is_told: bool,
}

impl Standing {
    /// What would be left when krun ended now, for people.
    pub fn titles(&self) -> Vec<String> {
        let held = self.lock();
        held.held
            .iter()
            .map(|entry| format!("release {}", entry.held.title()))
            .collect()
    }

    /// Why the run must not go on.
    pub(super) fn lost(&self) -> Option<String> {
        self.lock().lost.clone()
    }

    /// Takes over what a module left.
    pub(super) fn note(&self, service: Service, way: Way) {
        let Service::Hold(name, held) = service;
        let now = Instant::now();
        let mut state = self.lock();
        state
            .held
            .retain(|entry| (&entry.name, &entry.way.endpoint.host) != (&name, &way.endpoint.host));
        state.held.push(Entry {
            name,
            due: now + held.period(),
            held,
            way,
            renewed: now,
            is_told: false,
        });
        self.changed.notify_all();
    }

    /// Ends the renewing.
    pub(super) fn end(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    /// Waits for the next renewal; `None` when the run is over.
    fn next(&self) -> Option<(Arc<dyn Held>, Way)> {
        let mut state = self.lock();
        loop {
            if state.is_over {
                return None;
            }
            let now = Instant::now();
            let first = state.held.iter().min_by_key(|entry| entry.due);
            match first {
                None => {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                Some(entry) if entry.due <= now => return Some((Arc::clone(&entry.held), entry.way.clone())),
                Some(entry) => {
                    let left = entry.due - now;
                    let waited = self.changed.wait_timeout(state, left);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    /// Notes how a renewal ended; gives what the user has to know of it.
    fn renewed(&self, held: &Arc<dyn Held>, result: Result<Renewed, Failure>) -> Option<String> {
        let mut state = self.lock();
        let position = state.held.iter().position(|entry| Arc::ptr_eq(&entry.held, held))?;
        let entry = &mut state.held[position];
        let now = Instant::now();
        match result {
            Ok(Renewed::Kept) => {
                entry.renewed = now;
                entry.due = now + held.period();
                std::mem::take(&mut entry.is_told).then(|| format!("{} is renewed again", held.title()))
            }
            Ok(Renewed::Lost(reason)) => {
                state.held.remove(position);
                state.lost.get_or_insert(reason.clone());
                Some(reason)
            }
            Err(failure) => {
                entry.due = now + AGAIN.min(held.period());
                let is_late = now.duration_since(entry.renewed) > held.lasts();
                let is_news = is_late && !std::mem::replace(&mut entry.is_told, true);
                is_news.then(|| {
                    format!(
                        "{} could not be renewed for {} s, so that others take it for stale ({}); it is tried again",
                        held.title(),
                        held.lasts().as_secs(),
                        failure.message
                    )
                })
            }
        }
    }

    fn take_last(&self) -> Option<Entry> {
        self.lock().held.pop()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the renewing when it is dropped, also where krun made a mistake.
pub(super) struct EndsWithIt<'a>(pub(super) &'a Standing);

impl Drop for EndsWithIt<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Outside<'_> {
    /// Renews what is held, until the run is over.
    pub(super) fn keep_up(&self) {
        let standing = &self.options.standing;
        // A session of its own: a task that takes long holds it up as little as it does the task.
        let mut session: Option<(String, Lease<'_>)> = None;
        while let Some((held, way)) = standing.next() {
            let host = &way.endpoint.host;
            if session.as_ref().is_none_or(|(of, _)| of != host) {
                session = Some((host.clone(), self.sessions.fresh(&way.endpoint)));
            }
            let Some((_, lease)) = &mut session else { continue };
            let connection = lease.connection();
            let result = catch_unwind(AssertUnwindSafe(|| {
                self.over(&way, connection, RENEWAL, |context| {
                    let result = held.renew(context);
                    if result.is_err() {
                        context.reset_connection();
                    }
                    result
                })
            }))
            .unwrap_or_else(|_| Err(mistake()));
            if let Some(message) = standing.renewed(&held, result) {
                self.send(Event::Warning { message });
            }
            if standing.lost().is_some() {
                self.options.interrupted.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Gives back what is held, the newest first.
    pub(super) fn give_back(&self) {
        while let Some(Entry { held, way, .. }) = self.options.standing.take_last() {
            let mut lease = self.sessions.lease(&way.endpoint);
            let connection = lease.connection();
            let result = catch_unwind(AssertUnwindSafe(|| {
                self.over(&way, connection, RELEASE, |context| {
                    loop {
                        let result = held.release(context);
                        if result.is_ok() || context.wait(RELEASE_PAUSE).is_err() {
                            return result;
                        }
                    }
                })
            }))
            .unwrap_or_else(|_| Err(mistake()));
            if let Err(failure) = result {
                let help = failure.help.map(|help| format!("; {help}")).unwrap_or_default();
                let message = format!("{} was not given back: {}{help}", held.title(), failure.message);
                self.send(Event::Warning { message });
            }
        }
    }

    fn send(&self, event: Event) {
        // The receiver is gone only when the run is over.
        let _ = self.events.send(event);
    }
}

fn mistake() -> Failure {
    Failure::new("krun made a mistake (its text is on standard error)")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::connection::scripted::{Log, ScriptedConnection};
    use crate::connection::{Endpoint, SessionPool};
    use crate::modules::{Context, FileFinder};
    use crate::runner::RunOptions;
    use crate::vars::ScopeBuilder;
    use crate::vars::vault::VaultPasswords;

    /// Answers its renewals by a list, and then is kept; counts what is asked of it.
    struct Listed {
        answers: Mutex<Vec<Result<Renewed, Failure>>>,
        asked: mpsc::Sender<&'static str>,
    }

    impl Held for Listed {
        fn title(&self) -> String {
            "the thing".to_owned()
        }

        fn period(&self) -> Duration {
            Duration::from_millis(1)
        }

        fn lasts(&self) -> Duration {
            Duration::ZERO
        }

        fn renew(&self, _: &mut Context<'_>) -> Result<Renewed, Failure> {
            let answer = self.answers.lock().unwrap().pop().unwrap_or(Ok(Renewed::Kept));
            let _ = self.asked.send("renew");
            answer
        }

        fn release(&self, _: &mut Context<'_>) -> Result<(), Failure> {
            let _ = self.asked.send("release");
            Ok(())
        }
    }

    fn way() -> Way {
        Way {
            host: "w1".to_owned(),
            endpoint: Endpoint::ssh("m1"),
            become_user: None,
            environment: Vec::new(),
            scope: ScopeBuilder::default().build(),
            files: FileFinder::default(),
        }
    }

    /// Holds something until it was asked so often for, then ends; gives what was said and what was asked.
    fn hold(
        answers: Vec<Result<Renewed, Failure>>,
        renewals: usize,
    ) -> (Vec<String>, Vec<&'static str>, Arc<RunOptions>) {
        let options = Arc::new(RunOptions::default());
        let (asked, asks) = mpsc::channel();
        let (events, receiver) = mpsc::channel();
        let answers = Mutex::new(answers.into_iter().rev().collect());
        options.standing.note(
            Service::Hold("lock".to_owned(), Arc::new(Listed { answers, asked })),
            way(),
        );
        let pool = SessionPool::with_opener(Arc::new(|endpoint: &Endpoint| {
            Box::new(ScriptedConnection::new(&endpoint.host, [], Log::default()))
        }));
        let passwords = VaultPasswords::default();
        let outside = Outside {
            options: Arc::clone(&options),
            passwords: &passwords,
            sessions: &pool,
            events,
        };
        let mut seen = Vec::new();
        std::thread::scope(|scope| {
            let _end = EndsWithIt(&options.standing);
            scope.spawn(|| outside.keep_up());
            seen.extend(asks.iter().take(renewals));
        });
        outside.give_back();
        drop(outside);
        seen.extend(asks.try_iter().filter(|ask| *ask == "release"));
        let said = receiver
            .iter()
            .filter_map(|event| match event {
                Event::Warning { message } => Some(message),
                _ => None,
            })
            .collect();
        (said, seen, options)
    }

    #[test]
    fn what_is_held_is_renewed_and_given_back() {
        let (said, asked, options) = hold(vec![], 2);
        assert_eq!(asked, ["renew", "renew", "release"]);
        assert!(said.is_empty() && options.standing.lost().is_none(), "{said:?}");
        assert!(!options.interrupted.load(Ordering::Relaxed));
    }

    #[test]
    fn a_renewal_that_fails_is_tried_again_and_told_once() {
        let failed = || Err(Failure::new("connection refused"));
        let (said, asked, options) = hold(vec![failed(), failed(), Ok(Renewed::Kept), Ok(Renewed::Kept)], 4);
        assert_eq!(asked.len(), 5);
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            said[0].contains("connection refused") && said[1].contains("renewed again"),
            "{said:?}"
        );
        assert!(!options.interrupted.load(Ordering::Relaxed));
    }

    #[test]
    fn what_is_in_other_hands_ends_the_run_and_is_not_given_back() {
        let (said, asked, options) = hold(vec![Ok(Renewed::Lost("bob has it".to_owned()))], 1);
        assert_eq!(asked, ["renew"]);
        assert_eq!(said, ["bob has it"]);
        assert_eq!(options.standing.lost().unwrap(), "bob has it");
        assert!(options.interrupted.load(Ordering::Relaxed));
    }

    #[test]
    fn where_nothing_is_held_nothing_is_waited_for() {
        let options = Standing::default();
        options.end();
        assert!(options.next().is_none());
        assert!(options.titles().is_empty());
    }
}
