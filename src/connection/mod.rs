//! How krun reaches a node: over SSH, on this machine, or through a script in tests.
//!
//! A connection runs scripts through one long-lived shell for each become user, so that a request costs one round
//! trip; it knows nothing of modules, variables or output.

mod become_user;
mod chain;
mod detached;
mod endpoint;
mod error;
mod escalate;
mod local;
mod pool;
mod protocol;
mod quote;
mod request;
pub mod scripted;
mod shells;
mod ssh;
mod stream;
#[cfg(test)]
mod tests;
pub mod transfer;

pub use become_user::{Become, BecomeMethod};
pub use chain::{Answered, Step, StepAnswer, StepKind};
pub use detached::{
    Beside, DetachedJob, JobNews, JobState, Progress, ProgressStream, forget_request, run_detached,
    run_detached_beside, running_jobs, start_detached, status_request,
};
pub use endpoint::{ConnectionKind, Endpoint, HostKeyPolicy};
pub use error::ConnectionError;
pub use pool::{Lease, SessionPool};
pub use request::{Output, Request, Script};

use std::io::{Read, Write};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use local::Local;
use shells::{Shells, Transport};
use ssh::Ssh;

/// A way to run scripts on one node and to move files to and from it.
///
/// Every call ends: with its answer, or with an error once its time limit has passed. After an error that lost the
/// connection the next call opens it anew.
pub trait Connection: Send {
    /// Runs a script and gives what it printed and its exit status; a status other than 0 is not an error here.
    ///
    /// `user` is whom to become first, `None` for the login user.
    ///
    /// # Errors
    /// The node cannot be reached, the login or the escalation is refused, the time is up, or the connection was lost
    /// while the script ran (it is then unknown whether it finished).
    fn execute(&mut self, user: Option<&Become>, request: &Request) -> Result<Output, ConnectionError>;

    /// Streams `source` into a new file at `path` on the node (mode 0600, replacing what is there), byte for byte.
    ///
    /// Callers upload to a temporary path and let a script put it in place.
    ///
    /// # Errors
    /// As [`Connection::execute`]; also when the node cannot write the file (full disk, missing directory).
    fn upload(&mut self, user: Option<&Become>, source: &mut dyn Read, path: &str) -> Result<(), ConnectionError>;

    /// Streams the file at `path` on the node into `sink`, byte for byte.
    ///
    /// # Errors
    /// As [`Connection::execute`]; also when the file cannot be read there or the sink cannot be written here.
    fn download(&mut self, user: Option<&Become>, path: &str, sink: &mut dyn Write) -> Result<(), ConnectionError>;

    /// Runs a chain of requests in one exchange, each within its own time limit, and hands over each answer as it comes.
    ///
    /// What a chain's looks saw is kept on the node until a later chain begins with `afresh`. Once `interrupted` is set
    /// the step that runs is finished, and no other one begun.
    fn chain(
        &mut self,
        user: Option<&Become>,
        steps: &[Step],
        afresh: bool,
        interrupted: &AtomicBool,
        answered: Answered<'_>,
    );

    /// Connects and becomes the user, if that has not been done yet; asks nothing of the node.
    ///
    /// # Errors
    /// As [`Connection::execute`].
    fn set_up(&mut self, _user: Option<&Become>) -> Result<(), ConnectionError> {
        Ok(())
    }

    /// From here on the requests may change the node: told by the module that is about to act.
    fn begin_to_act(&mut self) {}

    /// How long a packet is under way to the node and back, once that is known.
    fn round_trip(&self) -> Option<Duration> {
        None
    }

    /// Closes the connection; the next call opens it anew (used after a reboot and by `meta: reset_connection`).
    fn reset(&mut self);

    /// How many exchanges (requests that waited for an answer from the node) were made so far.
    fn exchanges(&self) -> u64;
}

/// A connection to an endpoint; nothing is opened before its first use.
pub fn open(endpoint: &Endpoint) -> Box<dyn Connection> {
    match endpoint.kind {
        ConnectionKind::Ssh => Box::new(Shells::new(Ssh::new(endpoint.clone()))),
        ConnectionKind::Local => Box::new(Shells::new(Local::new(endpoint.shell.clone()))),
    }
}

impl<T: Transport> Connection for Shells<T> {
    fn execute(&mut self, user: Option<&Become>, request: &Request) -> Result<Output, ConnectionError> {
        self.run(user, request)
    }

    fn upload(&mut self, user: Option<&Become>, source: &mut dyn Read, path: &str) -> Result<(), ConnectionError> {
        self.put(user, source, path)
    }

    fn download(&mut self, user: Option<&Become>, path: &str, sink: &mut dyn Write) -> Result<(), ConnectionError> {
        self.get(user, path, sink)
    }

    fn chain(
        &mut self,
        user: Option<&Become>,
        steps: &[Step],
        afresh: bool,
        interrupted: &AtomicBool,
        answered: Answered<'_>,
    ) {
        self.run_chain(user, steps, afresh, interrupted, answered);
    }

    fn set_up(&mut self, user: Option<&Become>) -> Result<(), ConnectionError> {
        self.open_for(user)
    }

    fn round_trip(&self) -> Option<Duration> {
        self.measured_round_trip()
    }

    fn reset(&mut self) {
        self.close();
    }

    fn exchanges(&self) -> u64 {
        self.asked()
    }
}
