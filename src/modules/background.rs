//! Tasks with `async`: their work is limited on the node itself, and followed or left there.

use std::time::Duration;

use super::{ModuleDefinition, RunsOn};

/// How a task's work goes on beside krun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// Followed to its end; ended on the node after this time.
    Followed(Duration),
    /// Started and left; ended on the node after this time.
    Left(Duration),
}

/// What `async` can mean for a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackgroundKind {
    /// Nothing: it does not work on the node, or is done at once. With the reason.
    Senseless(&'static str),
    /// Its work is limited by the time, and followed.
    Followed,
    /// It can be left as well: what it starts on the node is one command.
    Left,
}

/// What krun answers where nothing is started, as in check mode.
pub(crate) const NO_JOB: &str = "none-in-check-mode";

/// The end of the identity of a job that had nothing to do.
pub(crate) const SATISFIED: &str = "satisfied";

/// A job that was started on the node and left there.
#[derive(Clone, Debug)]
pub struct LeftJob {
    /// Under which it is found again.
    pub identity: String,
    /// The directory on the node that holds what it prints.
    pub directory: String,
}

/// What `async` can mean for a module.
pub fn background_of(definition: &ModuleDefinition) -> BackgroundKind {
    const LEFT: [&str; 10] = [
        "command",
        "drain",
        "etcd-backup",
        "etcd-restore",
        "get-url",
        "kubeadm",
        "package",
        "raw",
        "script",
        "shell",
    ];
    match definition.name {
        _ if definition.runs_on == RunsOn::Controller => {
            BackgroundKind::Senseless("it works in krun itself and is done at once")
        }
        "copy" | "fetch" | "template" => {
            BackgroundKind::Senseless("it moves files through krun, which has to stay there")
        }
        "cluster-lock" => BackgroundKind::Senseless("krun itself holds it, as long as the run lasts"),
        "async-status" | "reboot" | "wait-for-connection" | "wait-jobs" => {
            BackgroundKind::Senseless("it waits in krun for something on the node")
        }
        name if LEFT.contains(&name) => BackgroundKind::Left,
        _ => BackgroundKind::Followed,
    }
}
