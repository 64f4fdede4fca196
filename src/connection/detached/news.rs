//! What the node says of a job.

use super::{EXCHANGE_LIMIT, PIECE, SCRIPT, is_identity};
use crate::connection::{Output, Request, Script};

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It is at work.
    Running,
    /// It has ended, with this status.
    Finished(i32),
    /// It was ended when its time was up.
    Expired,
    /// It ended without leaving a status.
    Died,
    /// There is no such job.
    Missing,
}

/// What has come of a job since it was last asked about.
#[derive(Debug)]
pub struct JobNews {
    /// How it stands.
    pub state: JobState,
    /// It was not started by whoever asked.
    pub(super) was_found: bool,
    /// The directory on the node that holds it.
    pub directory: String,
    /// What it has printed since.
    pub stdout: Vec<u8>,
    /// The same on standard error.
    pub stderr: Vec<u8>,
}

impl JobNews {
    /// `None` when the script has failed.
    pub fn parse(output: Output) -> Option<Self> {
        let end = memchr::memchr(b'\n', &output.stdout)?;
        let (line, rest) = output.stdout.split_at_checked(end + 1)?;
        let line = String::from_utf8_lossy(line);
        let mut words = line.trim_end().splitn(5, ' ');
        if words.next() != Some("krun-job") {
            return None;
        }
        let state = match (words.next()?, words.next()?) {
            ("running", _) => JobState::Running,
            ("finished", status) => JobState::Finished(status.parse().ok()?),
            ("expired", _) => JobState::Expired,
            ("died", _) => JobState::Died,
            ("missing", _) => JobState::Missing,
            _ => return None,
        };
        Some(Self {
            state,
            was_found: words.next() == Some("yes"),
            directory: words.next().unwrap_or_default().to_owned(),
            stdout: rest.to_vec(),
            stderr: output.stderr,
        })
    }

    /// True when this was all that it has printed.
    pub fn is_all(&self) -> bool {
        self.stdout.len() < PIECE && self.stderr.len() < PIECE
    }
}

/// The request that asks how a job stands, and what it has printed behind these bytes of its streams; `None` when that
/// cannot be a job's identity.
pub fn status_request(identity: &str, stdout: usize, stderr: usize) -> Option<Request> {
    let (stdout, stderr) = (stdout.to_string(), stderr.to_string());
    about(identity, &["follow", identity, &stdout, &stderr, "0"])
}

/// The request that removes a job's directory and prints it; its status is 3 when there is none.
pub fn forget_request(identity: &str) -> Option<Request> {
    about(identity, &["forget", identity])
}

fn about(identity: &str, words: &[&str]) -> Option<Request> {
    let script = Script {
        name: "connection/job",
        text: SCRIPT,
    };
    is_identity(identity).then(|| Request::new(script, words.iter().copied()).with_timeout(EXCHANGE_LIMIT))
}
