//! Roles that run once on a host, and roles that a host has left.

use std::collections::HashSet;
use std::sync::Arc;

use crate::playbook::{Role, Task};

/// How far the hosts of a batch are with their roles.
#[derive(Default)]
pub(super) struct RolesOfHosts {
    /// Roles of which a host has ended one run.
    completed: HashSet<(String, String)>,
    /// Roles of which some task ran on a host; one whose tasks were all skipped there has not run.
    ran: HashSet<(String, String)>,
    /// Roles that hosts have left before their end (`meta: end_role`).
    left: HashSet<(String, usize)>,
    /// How many roles deep the tasks stand that run once.
    depth: usize,
}

// Addresses tell roles apart.
impl RolesOfHosts {
    /// The hosts on which a role is not done.
    pub(super) fn begin(&mut self, role: &Arc<Role>, mut hosts: Vec<String>) -> Vec<String> {
        self.depth += 1;
        hosts.retain(|host| !self.completed.contains(&(host.clone(), role.identity.clone())));
        hosts
    }

    /// Notes that a task of a role ran.
    pub(super) fn ran(&mut self, role: &Arc<Role>, host: &str) {
        if self.depth > 0 {
            self.ran.insert((host.to_owned(), role.identity.clone()));
        }
    }

    /// Ends a role on hosts.
    pub(super) fn end(&mut self, role: &Arc<Role>, hosts: &[String]) {
        self.depth -= 1;
        for host in hosts {
            let key = (host.clone(), role.identity.clone());
            if self.ran.contains(&key) {
                self.completed.insert(key);
            }
        }
    }

    /// Takes hosts out of the role of a task.
    pub(super) fn leave(&mut self, task: &Task, hosts: Vec<String>) {
        let Some(role) = &task.role else { return };
        self.left
            .extend(hosts.into_iter().map(|host| (host, Arc::as_ptr(role).addr())));
    }

    /// The hosts that have not left the role of a task.
    pub(super) fn still_in(&self, task: &Task, mut hosts: Vec<String>) -> Vec<String> {
        if let Some(role) = task.role.as_ref().filter(|_| !self.left.is_empty()) {
            hosts.retain(|host| !self.left.contains(&(host.clone(), Arc::as_ptr(role).addr())));
        }
        hosts
    }

    /// Some host has left a role.
    pub(super) fn has_left_any(&self) -> bool {
        !self.left.is_empty()
    }

    /// Forgets roles that are over: others may come to stand where they stood.
    pub(super) fn forget(&mut self, roles: &[Arc<Role>]) {
        self.left
            .retain(|(_, left)| !roles.iter().any(|role| Arc::as_ptr(role).addr() == *left));
    }
}
