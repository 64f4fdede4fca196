use serde_json::{Map, Value};

use crate::connection::{ConnectionError, Output};
use crate::template::TemplateError;

/// Why a task failed on a host.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What failed, in one sentence.
    pub message: String,
    /// What the user can do about it.
    pub help: Option<String>,
    /// The host could not be reached (as opposed to: the task failed there).
    pub unreachable: bool,
    /// The user ended the run while the module waited for something and changed nothing.
    pub interrupted: bool,
    /// What `register` keeps, beside `failed` and `msg` (for a command: `rc`, `stdout`, `stderr`).
    pub result: Map<String, Value>,
}

impl Failure {
    /// A task that failed.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
            unreachable: false,
            interrupted: false,
            result: Map::new(),
        }
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a value to the result.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.result.insert(name.to_owned(), value.into());
        self
    }

    /// A program on the node that ended with a status other than 0: its last words are the reason.
    pub fn of_program(what: &str, output: &Output) -> Self {
        let stderr = output.stderr_text();
        let stdout = output.stdout_text();
        let said = if stderr.trim().is_empty() { &stdout } else { &stderr };
        let reason = said.trim();
        let message = if reason.is_empty() {
            format!("{what} failed with exit status {}", output.status)
        } else {
            format!("{what} failed with exit status {}: {reason}", output.status)
        };
        Self::new(message)
            .with("rc", output.status)
            .with("stdout", stdout.trim_end_matches('\n'))
            .with("stderr", stderr.trim_end_matches('\n'))
    }
}

impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Self {
        Self {
            message: error.to_string(),
            help: error.help().map(ToOwned::to_owned),
            unreachable: error.is_unreachable(),
            interrupted: false,
            result: Map::new(),
        }
    }
}

impl From<TemplateError> for Failure {
    fn from(error: TemplateError) -> Self {
        Self::new(error.to_string())
    }
}
