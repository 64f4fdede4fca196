use serde_json::{Map, Value};

use super::LeftJob;
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
    /// No failure at all: the module's work was started on the node and left there.
    pub left: Option<LeftJob>,
}

impl Failure {
    /// A task that failed.
    pub fn new(message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            help: common_help(&message).map(ToOwned::to_owned),
            message,
            unreachable: false,
            interrupted: false,
            result: Map::new(),
            left: None,
        }
    }

    /// The way out of a module whose work was left on the node.
    pub(super) fn left(job: LeftJob) -> Self {
        Self {
            left: Some(job),
            ..Self::new("left on the node")
        }
    }

    /// Says what to do. Where a node's disk is at fault that stays the first thing to mend.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        if common_help(&self.message).is_none() {
            self.help = Some(help.into());
        }
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
        let failure = Self {
            unreachable: error.is_unreachable(),
            ..Self::new(error.to_string())
        };
        match error.help() {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}

impl From<TemplateError> for Failure {
    fn from(error: TemplateError) -> Self {
        Self::new(error.to_string())
    }
}

/// The way out of what can befall every program on a node.
fn common_help(message: &str) -> Option<&'static str> {
    const FULL: &str = "a disk of the node is full: `df -h` and `df -i` on it show which; make room and run this again";
    const FULL_OR_BROKEN: &str =
        "a disk of the node is full or fails: `df -h`, `df -i` and `dmesg` on it tell more; then run this again";
    let message = message.to_lowercase();
    [
        ("no space left on device", FULL),
        // dnf's word for it, and apt's.
        ("more space needed on the", FULL),
        ("have enough free space", FULL),
        // What dash's own commands call every failure to write.
        ("printf: i/o error", FULL_OR_BROKEN),
        ("echo: i/o error", FULL_OR_BROKEN),
        (
            "read-only file system",
            "a file system of the node cannot be written: `findmnt` and `dmesg` on it tell more",
        ),
    ]
    .into_iter()
    .find_map(|(sign, help)| message.contains(sign).then_some(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_the_first_thing_to_mend() {
        let failure = Failure::new("writing /x: No space left on device").help("run it elsewhere");
        assert!(failure.help.unwrap().contains("df -h"));
        let failure = Failure::new("sh: 3: printf: printf: I/O error").help("run it elsewhere");
        assert!(failure.help.unwrap().contains("df -h"));
        assert_eq!(Failure::new("x").help("y").help.unwrap(), "y");
    }
}
