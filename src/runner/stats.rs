use indexmap::IndexMap;
use serde::Serialize;

use super::event::Status;

/// Ansible's recap of one host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Tasks that ended well, changed ones included.
    pub ok: u64,
    /// Tasks that changed something.
    pub changed: u64,
    /// Tasks at which the host could not be reached.
    pub unreachable: u64,
    /// Tasks that failed and count.
    pub failed: u64,
    /// Tasks that did nothing.
    pub skipped: u64,
    /// Failures that a `rescue` took care of.
    pub rescued: u64,
    /// Failures that do not count.
    pub ignored: u64,
}

impl Counts {
    /// Counts one task's end.
    pub fn add(&mut self, status: Status, ignored: bool) {
        match status {
            Status::Ok => self.ok += 1,
            Status::Changed => {
                self.ok += 1;
                self.changed += 1;
            }
            Status::Skipped => self.skipped += 1,
            Status::Failed | Status::Unreachable if ignored => {
                self.ok += 1;
                self.ignored += 1;
            }
            Status::Failed => self.failed += 1,
            Status::Unreachable => self.unreachable += 1,
        }
    }

    /// Adds those of another part of the run.
    pub(super) fn merge(&mut self, more: Counts) {
        self.ok += more.ok;
        self.changed += more.changed;
        self.unreachable += more.unreachable;
        self.failed += more.failed;
        self.skipped += more.skipped;
        self.rescued += more.rescued;
        self.ignored += more.ignored;
    }
}

/// Counts by host, in the order in which the hosts were met.
pub type Recap = IndexMap<String, Counts>;
