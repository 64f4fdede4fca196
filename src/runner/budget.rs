//! `max_fail_percentage` as Ansible takes it: it looks at the hosts that have failed after each task.

use std::collections::HashSet;

use super::verdict::exceeds;

/// How many hosts of a batch may fail, and which have.
pub(super) struct Budget {
    /// In percent of the batch.
    limit: f64,
    /// Hosts of the batch, those included that were lost before it.
    hosts: usize,
    /// Those that could not be reached are not counted, nor are those that failed in a block that rescues or cleans up.
    failed: HashSet<String>,
    shelters: usize,
    is_exceeded: bool,
}

impl Budget {
    pub(super) fn new(limit: f64, hosts: usize) -> Self {
        Self {
            limit,
            hosts,
            failed: HashSet::new(),
            shelters: 0,
            is_exceeded: false,
        }
    }

    /// The tasks of a block with `rescue` or `always` begin, or end.
    pub(super) fn shelter(&mut self, begins: bool) {
        self.shelters = if begins {
            self.shelters + 1
        } else {
            self.shelters.saturating_sub(1)
        };
    }

    pub(super) fn failed(&mut self, host: &str) {
        if self.shelters == 0 {
            self.failed.insert(host.to_owned());
        }
    }

    /// A host's failure is forgiven.
    pub(super) fn clear(&mut self) {
        self.failed.clear();
    }

    /// A task has ended on all hosts.
    pub(super) fn task_ended(&mut self) {
        self.is_exceeded |= exceeds(self.failed.len(), self.hosts, self.limit);
    }

    pub(super) fn is_exceeded(&self) -> bool {
        self.is_exceeded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_may_be_reached_and_not_exceeded() {
        let mut budget = Budget::new(50.0, 4);
        for (host, is_exceeded) in [("a", false), ("b", false), ("b", false), ("c", true)] {
            budget.failed(host);
            budget.task_ended();
            assert_eq!(budget.is_exceeded(), is_exceeded, "{host}");
        }
    }

    #[test]
    fn who_fails_in_a_shelter_is_not_counted() {
        let mut budget = Budget::new(0.0, 2);
        budget.shelter(true);
        budget.failed("a");
        budget.shelter(false);
        budget.task_ended();
        assert!(!budget.is_exceeded());
        budget.failed("b");
        budget.task_ended();
        assert!(budget.is_exceeded());
    }
}
