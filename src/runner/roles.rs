//! Roles that run once on a host, and roles that a host has left.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::playbook::{Role, Task};

/// How far the hosts of a batch are with their roles.
#[derive(Default)]
pub(super) struct RolesOfHosts {
    /// Roles of which some task ran on a host; one whose tasks were all skipped there has not run.
    ran: HashSet<(String, String)>,
    /// Roles that hosts have left before their end (`meta: end_role`).
    left: HashMap<(String, usize), Arc<Role>>,
}

// Addresses tell roles apart; a role that was left is kept, so that no other one gets its address.
impl RolesOfHosts {
    /// The hosts on which a role has not run, in whatever way it was asked for before.
    pub(super) fn yet_to_run(&self, role: &Arc<Role>, mut hosts: Vec<String>) -> Vec<String> {
        hosts.retain(|host| !self.ran.contains(&(host.clone(), role.identity.clone())));
        hosts
    }

    /// Notes that a task of a role ran.
    pub(super) fn ran(&mut self, role: &Arc<Role>, host: &str) {
        self.ran.insert((host.to_owned(), role.identity.clone()));
    }

    /// Takes hosts out of the role of a task.
    pub(super) fn leave(&mut self, task: &Task, hosts: Vec<String>) {
        let Some(role) = &task.role else { return };
        let address = Arc::as_ptr(role).addr();
        self.left
            .extend(hosts.into_iter().map(|host| ((host, address), Arc::clone(role))));
    }

    /// The hosts that have not left the role of a task.
    pub(super) fn still_in(&self, task: &Task, mut hosts: Vec<String>) -> Vec<String> {
        if let Some(role) = task.role.as_ref().filter(|_| !self.left.is_empty()) {
            hosts.retain(|host| !self.left.contains_key(&(host.clone(), Arc::as_ptr(role).addr())));
        }
        hosts
    }

    /// Some host has left a role.
    pub(super) fn has_left_any(&self) -> bool {
        !self.left.is_empty()
    }
}
