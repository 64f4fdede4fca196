//! Hosts and groups that tasks add while they run.

use std::sync::Arc;

use super::tree::{ALL, Tree};
use crate::vars::VarMap;

/// Why a task cannot add a host or a group.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ChangeError {
    /// The host is not in the inventory; the implicit localhost is in no group.
    #[error("`{0}` is not in the inventory")]
    UnknownHost(String),
    /// The groups would form a loop.
    #[error("the group `{child}` cannot stand below `{parent}`: the groups would form a loop")]
    Loop {
        /// Group above.
        parent: String,
        /// Group below.
        child: String,
    },
}

/// Adds to an inventory; what follows from it is brought in order when all changes of one call are made.
pub struct Changes<'a> {
    tree: &'a mut Tree,
}

impl<'a> Changes<'a> {
    pub(super) fn new(tree: &'a mut Tree) -> Self {
        Self { tree }
    }

    /// Adds a host with variables to groups, which are made when they are new. True when anything is new.
    pub fn add_host(&mut self, name: &str, vars: &VarMap, groups: &[&str]) -> bool {
        let (host, mut changed) = self.tree.add_host(name, None);
        if changed {
            self.tree.add_member(ALL, host);
        }
        for (name, value) in vars {
            let host_vars = Arc::make_mut(&mut self.tree.hosts[host].vars);
            let old = host_vars.insert(name.clone(), Arc::clone(value));
            changed |= old.is_none_or(|old| old.raw() != value.raw());
        }
        for group in groups {
            changed |= !self.tree.groups.contains_key(*group);
            let group = self.tree.add_group(group);
            changed |= self.tree.add_member(group, host);
        }
        changed
    }

    /// Puts a host into a group, which is made when it is new, as its parents are. True when anything is new.
    ///
    /// # Errors
    /// The host does not exist, or the groups would form a loop.
    pub fn group_host(&mut self, host: &str, group: &str, parents: &[&str]) -> Result<bool, ChangeError> {
        let Some(number) = self.tree.hosts.get_index_of(host) else {
            return Err(ChangeError::UnknownHost(host.to_owned()));
        };
        let mut changed = !self.tree.groups.contains_key(group);
        let below = self.tree.add_group(group);
        for parent in parents {
            let above = self.tree.add_group(parent);
            changed |= !self.tree.groups[above].children.contains(&below);
            self.tree.add_child(above, below).map_err(|_| ChangeError::Loop {
                parent: (*parent).to_owned(),
                child: group.to_owned(),
            })?;
        }
        changed |= self.tree.add_member(below, number);
        Ok(changed)
    }
}
