//! A connection for tests: answers by a list of expectations and records what was asked.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use super::chain::one_by_one;
use super::{Answered, Become, Connection, ConnectionError, Output, Request, Step};

/// What a scripted connection does at a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Answers with this output.
    Output(Output),
    /// Reports a lost connection.
    Lost,
    /// Reports that the time is up.
    TimedOut,
}

impl Answer {
    /// Exit status 0 and this standard output.
    pub fn stdout(text: impl Into<Vec<u8>>) -> Self {
        Self::Output(Output {
            stdout: text.into(),
            ..Output::default()
        })
    }

    /// This exit status and standard error.
    pub fn failure(status: i32, stderr: impl Into<Vec<u8>>) -> Self {
        Self::Output(Output {
            status,
            stderr: stderr.into(),
            ..Output::default()
        })
    }
}

/// One thing that was asked of a scripted connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Host that was asked.
    pub host: String,
    /// `SCRIPT args…`, `upload PATH` or `download PATH`.
    pub what: String,
    /// What travelled on standard input or was uploaded.
    pub payload: Vec<u8>,
    /// Who was to run it, when not the login user.
    pub become_user: Option<String>,
}

/// Everything that several scripted connections were asked, in order.
pub type Log = Arc<Mutex<Vec<Recorded>>>;

/// A connection that answers from a list, in order.
pub struct ScriptedConnection {
    host: String,
    answers: VecDeque<Answer>,
    log: Log,
    exchanges: u64,
    /// What the looks of chains saw.
    looked: Vec<(usize, Output)>,
}

impl ScriptedConnection {
    /// A connection to `host` that gives `answers` one after the other.
    pub fn new(host: impl Into<String>, answers: impl IntoIterator<Item = Answer>, log: Log) -> Self {
        Self {
            host: host.into(),
            answers: answers.into_iter().collect(),
            log,
            exchanges: 0,
            looked: Vec::new(),
        }
    }

    fn next(&mut self, user: Option<&Become>, what: String, payload: Vec<u8>) -> Result<Output, ConnectionError> {
        self.exchanges += 1;
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(Recorded {
            host: self.host.clone(),
            what: what.clone(),
            payload,
            become_user: user.map(|user| user.user.clone()),
        });
        match self.answers.pop_front() {
            Some(Answer::Output(output)) => Ok(output),
            Some(Answer::TimedOut) => Err(ConnectionError::TimedOut {
                what,
                limit: Request::DEFAULT_TIMEOUT,
            }),
            Some(Answer::Lost) => Err(ConnectionError::Lost {
                address: self.host.clone(),
                what,
                cause: "scripted".to_owned(),
            }),
            None => Err(ConnectionError::Transfer {
                reason: format!("scripted connection to {} has no answer left for it", self.host),
                what,
            }),
        }
    }
}

impl Connection for ScriptedConnection {
    fn execute(&mut self, user: Option<&Become>, request: &Request) -> Result<Output, ConnectionError> {
        let mut what = request.script.name.to_owned();
        for arg in &request.args {
            what.push(' ');
            what.push_str(arg);
        }
        self.next(user, what, request.stdin.clone())
    }

    fn upload(&mut self, user: Option<&Become>, source: &mut dyn Read, path: &str) -> Result<(), ConnectionError> {
        let mut payload = Vec::new();
        source
            .read_to_end(&mut payload)
            .map_err(|error| ConnectionError::Transfer {
                what: format!("upload to {path}"),
                reason: error.to_string(),
            })?;
        self.next(user, format!("upload {path}"), payload).map(drop)
    }

    fn download(&mut self, user: Option<&Become>, path: &str, sink: &mut dyn Write) -> Result<(), ConnectionError> {
        let output = self.next(user, format!("download {path}"), Vec::new())?;
        sink.write_all(&output.stdout)
            .map_err(|error| ConnectionError::Transfer {
                what: format!("download of {path}"),
                reason: error.to_string(),
            })
    }

    fn chain(
        &mut self,
        user: Option<&Become>,
        steps: &[Step],
        afresh: bool,
        interrupted: &AtomicBool,
        answered: Answered<'_>,
    ) {
        let mut looked = std::mem::take(&mut self.looked);
        if afresh {
            looked.clear();
        }
        one_by_one(self, &mut looked, user, steps, interrupted, answered);
        self.looked = looked;
    }

    fn reset(&mut self) {}

    fn exchanges(&self) -> u64 {
        self.exchanges
    }
}
