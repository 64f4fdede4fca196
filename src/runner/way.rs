//! The way to a node that a task had, and what is done over it when no task is run.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::event::{Event, EventSink};
use super::options::RunOptions;
use crate::connection::{Become, Connection, Endpoint, SessionPool};
use crate::modules::{Answer, Before, Context, FileFinder};
use crate::vars::Scope;
use crate::vars::vault::VaultPasswords;

/// The way to the node that a task had.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) host: String,
    pub(super) endpoint: Endpoint,
    pub(super) become_user: Option<Become>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) scope: Scope,
    pub(super) files: FileFinder,
}

/// What work outside of tasks needs.
pub(super) struct Outside<'a> {
    pub(super) options: Arc<RunOptions>,
    pub(super) passwords: &'a VaultPasswords,
    pub(super) sessions: &'a SessionPool,
    pub(super) events: EventSink,
}

impl Outside<'_> {
    /// Works over a way, within a time. Neither Ctrl-C ends that nor is a lost connection waited for.
    pub(super) fn over<T>(
        &self,
        way: &Way,
        connection: &mut dyn Connection,
        limit: Duration,
        work: impl FnOnce(&mut Context<'_>) -> T,
    ) -> T {
        let report = |line: &str| {
            // The receiver is gone only when the run is over.
            let _ = self.events.send(Event::Progress {
                host: way.host.clone(),
                line: line.to_owned(),
            });
        };
        work(&mut Context {
            host: &way.host,
            check_mode: false,
            diff: false,
            scope: &way.scope,
            files: &way.files,
            run: &self.options.run,
            passwords: self.passwords,
            connection: Some(connection),
            become_user: way.become_user.as_ref(),
            environment: way.environment.clone(),
            deadline: Instant::now() + limit,
            reporter: &report,
            asker: &|_| Answer::Nobody("no task is run".to_owned()),
            interrupted: &AtomicBool::new(false),
            undos: &|_| {},
            services: &|_| {},
            reconnect_for: limit,
            only_looks: false,
            before: Before::Nothing,
            background: None,
            job_prefix: "outside".to_owned(),
            random_words: &crate::modules::random_word,
        })
    }
}
