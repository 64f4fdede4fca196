use std::sync::mpsc::Sender;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::record::Record;
use super::stats::Recap;
use crate::modules::Diff;
use crate::playbook::Strategy;
use crate::syntax::Excerpt;

/// Takes the events of a run; the terminal, the JSON output and the journal all read the same ones.
pub type EventSink = Sender<Event>;

/// How a task ended on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing had to be changed.
    Ok,
    /// Something was changed (or would be, in check mode).
    Changed,
    /// Nothing was done.
    Skipped,
    /// It failed there.
    Failed,
    /// The host could not be reached.
    Unreachable,
}

/// How a clean-up after an interrupted run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CleanUp {
    /// It was done.
    Done,
    /// It would not have been safe.
    Left,
    /// It was tried and failed.
    Failed,
}

/// The end of a task, or of one item of its loop, on a host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostReport {
    /// Inventory name.
    pub host: String,
    /// Where it ran instead, when it was delegated.
    pub delegated_to: Option<String>,
    /// The loop's item or its label; none for the task as a whole.
    pub item: Option<String>,
    /// How it ended.
    pub status: Status,
    /// What changed, for people.
    pub changes: Vec<String>,
    /// Why it failed or was skipped.
    pub message: Option<String>,
    /// What the user can do about a failure.
    pub help: Option<String>,
    /// The failure does not count (`ignore_errors`, `ignore_unreachable`).
    pub ignored: bool,
    /// What `register` keeps; empty under `no_log`.
    pub result: Map<String, Value>,
    /// Contents before and after, when wanted.
    pub diff: Vec<Diff>,
    /// What the user should know although all went well.
    pub warnings: Vec<String>,
    /// Where the task stands (`file:line:column`).
    pub place: String,
    /// What is to blame for a failure: the task, or what in it has no value; not under `no_log`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<Excerpt>,
    /// Name of the module.
    pub module: String,
    /// The run that this one goes on from had done it; nothing was done now.
    #[serde(default)]
    pub done_before: bool,
}

/// One pass of the plays that an import repeats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    /// Name of the variable that holds the item.
    pub variable: String,
    /// The item.
    pub item: Value,
    /// What is shown of it.
    pub label: String,
    /// From 1.
    pub number: usize,
    /// Number of passes.
    pub of: usize,
}

/// What happens in a run. Serialised with its name in `event`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first event.
    RunStarted {
        /// Version of the events' format.
        format: u32,
        /// Files as given.
        playbooks: Vec<String>,
        /// Nothing is changed.
        check_mode: bool,
    },
    /// A play begins.
    PlayStarted {
        /// Its name, with the passes that it is part of.
        name: String,
        /// Its hosts in order.
        hosts: Vec<String>,
        /// Whether hosts wait for one another.
        strategy: Strategy,
        /// The passes of repeated imports that it is part of, the outermost first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        passes: Vec<Pass>,
    },
    /// A play has no hosts (a group's slice is empty, or the limit leaves none).
    PlaySkipped {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// A batch begins.
    BatchStarted {
        /// From 1.
        number: usize,
        /// Number of batches in the play.
        of: usize,
        /// Its hosts.
        hosts: Vec<String>,
        /// What they have in common, where the play's batches are of several values (`batch_by`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Value>,
    },
    /// A task begins on the hosts of the batch.
    TaskStarted {
        /// Its name, the role's in front.
        name: String,
        /// It is a handler.
        handler: bool,
        /// Where it stands.
        place: String,
        /// The hosts that it runs for.
        hosts: Vec<String>,
    },
    /// Somebody at the terminal is asked, and everything waits for the answer.
    Asked {
        /// The question, ready to be printed: the answer stands right behind it.
        question: String,
    },
    /// News of a long step.
    Progress {
        /// Inventory name.
        host: String,
        /// One line.
        line: String,
    },
    /// A task is tried again.
    Retrying {
        /// Inventory name.
        host: String,
        /// The task's name.
        task: String,
        /// Tries that are left.
        left: u64,
    },
    /// One item of a loop ended.
    ItemFinished(HostReport),
    /// A task ended on a host.
    HostFinished(HostReport),
    /// Tasks were included for these hosts.
    Included {
        /// The file or role.
        what: String,
        /// For whom.
        hosts: Vec<String>,
    },
    /// Something that the user should know.
    Warning {
        /// What.
        message: String,
    },
    /// A host failed with notified handlers that have not run.
    HandlersPending {
        /// Inventory name.
        host: String,
        /// Their names.
        handlers: Vec<String>,
    },
    /// The user ends the run (Ctrl-C): the tasks in flight are finished first.
    Interrupted,
    /// After an interrupted run something was taken back that a task had done, or was to be.
    CleanedUp {
        /// Inventory name of the host that the task was for.
        host: String,
        /// What was to be done.
        what: String,
        /// How it ended.
        state: CleanUp,
        /// What was done, or what is left and why.
        message: String,
        /// What the user can do.
        help: Option<String>,
    },
    /// The roll is stopped.
    RunStopped {
        /// Why.
        reason: String,
        /// The play that it stopped in.
        play: String,
        /// Hosts that the end of the run met in the middle of that play.
        unfinished: Vec<String>,
        /// Hosts of that play that got no task of it.
        untouched: Vec<String>,
        /// Plays that were not started.
        plays_not_started: Vec<String>,
    },
    /// A task that changed something has notified handlers.
    Notified {
        /// Inventory name.
        host: String,
        /// Their names.
        handlers: Vec<String>,
    },
    /// A task has left something that is to be taken back when the run is interrupted.
    Undoable {
        /// Inventory name of the host that the task was for.
        host: String,
        /// Name of the step; a later one of the same name and host replaces it.
        name: String,
        /// What would be done.
        what: String,
    },
    /// What was left was taken back in its turn.
    Undone {
        /// Inventory name of the host.
        host: String,
        /// Name of the step.
        name: String,
    },
    /// For the journal alone.
    #[serde(skip)]
    Record(Record),
    /// The last event.
    RunFinished {
        /// Counts by host.
        recap: Recap,
        /// krun's exit code.
        exit_code: u8,
    },
}
