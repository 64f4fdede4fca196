use std::time::Duration;

use super::{Become, Connection, ConnectionError, Output, Request};

/// Which of a command's streams a piece of output came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// News of a command that runs detached.
#[derive(Clone, Debug)]
pub enum Progress<'a> {
    /// It printed something.
    Printed {
        /// On which stream.
        stream: ProgressStream,
        /// What, byte for byte.
        bytes: &'a [u8],
    },
    /// A command of the same identity was found running on the node (or finished and not yet collected) and is followed instead of a second one being started.
    Found,
    /// The connection was lost and is being opened again.
    Reconnecting {
        /// Why it was lost.
        cause: String,
    },
    /// The connection stands again.
    Reconnected,
}

/// A command that runs on the node in a session of its own and survives the connection and krun itself.
pub struct DetachedJob<'a> {
    /// What makes two jobs the same: a job that runs on the node under this identity is found again, not started twice.
    /// Letters, digits, `-`, `_` and `.` only.
    pub identity: &'a str,
    /// What to run; its `timeout` is the limit for the whole job.
    pub request: Request,
    /// How long to go on trying to reconnect after the connection was lost.
    pub reconnect_for: Duration,
}

/// Runs a job detached and follows it until it ends, over lost connections and reboots of the way there.
///
/// # Errors
/// As [`Connection::execute`]; `Lost` only after `reconnect_for` has passed without a new connection. When the job's
/// time is up its processes are killed and the error is `TimedOut`.
pub fn run_detached(
    connection: &mut dyn Connection,
    user: Option<&Become>,
    job: &DetachedJob<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Output, ConnectionError> {
    let _ = (connection, user, job, progress);
    todo!("written with the SSH connection")
}
