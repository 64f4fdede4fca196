//! Hosts and groups and how they hang together, while sources are read and when tasks add to them.

use std::sync::Arc;

use indexmap::IndexMap;

use super::origin::Source;
use crate::vars::VarMap;

/// Number of the group that holds every host.
pub(super) const ALL: usize = 0;
/// Number of the group of the hosts that are in no other.
pub(super) const UNGROUPED: usize = 1;

/// A host as its sources give it.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) vars: Arc<VarMap>,
    /// Names of variables that must not be shown.
    pub(super) secret: Vec<String>,
    /// Groups that name it themselves.
    pub(super) groups: Vec<usize>,
    /// Where it was met first; nothing for a host that a task added.
    pub(super) source: Option<Arc<Source>>,
}

/// A group as its sources give it.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) vars: Arc<VarMap>,
    /// Names of variables that must not be shown.
    pub(super) secret: Vec<String>,
    /// Hosts that it names itself.
    pub(super) hosts: Vec<usize>,
    pub(super) children: Vec<usize>,
    pub(super) parents: Vec<usize>,
    /// `ansible_group_priority`: the higher one wins among groups of one depth.
    pub(super) priority: i64,
    /// Longest way down from `all`.
    pub(super) depth: usize,
}

/// Why a group cannot be another one's child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChildError {
    /// It would be its own parent.
    Itself,
    /// The parent stands below it already.
    Loop,
    /// `all` is everybody's parent.
    All,
}

/// All hosts and groups, each by its number, in the order in which they were met.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) hosts: IndexMap<String, Host>,
    pub(super) groups: IndexMap<String, Group>,
}

impl Tree {
    pub(super) fn new() -> Self {
        let mut tree = Self {
            hosts: IndexMap::new(),
            groups: IndexMap::new(),
        };
        let all = tree.add_group("all");
        let ungrouped = tree.add_group("ungrouped");
        tree.link(all, ungrouped);
        tree
    }

    /// The group's number; the group is made when it is new.
    pub(super) fn add_group(&mut self, name: &str) -> usize {
        if let Some(number) = self.groups.get_index_of(name) {
            return number;
        }
        let group = Group {
            vars: Arc::default(),
            secret: Vec::new(),
            hosts: Vec::new(),
            children: Vec::new(),
            parents: Vec::new(),
            priority: 1,
            depth: 0,
        };
        self.groups.insert_full(name.to_owned(), group).0
    }

    /// The host's number, and whether it is new.
    pub(super) fn add_host(&mut self, name: &str, source: Option<&Arc<Source>>) -> (usize, bool) {
        if let Some(number) = self.hosts.get_index_of(name) {
            return (number, false);
        }
        let host = Host {
            vars: Arc::default(),
            secret: Vec::new(),
            groups: Vec::new(),
            source: source.map(Arc::clone),
        };
        (self.hosts.insert_full(name.to_owned(), host).0, true)
    }

    /// Puts a host into a group; false when it was there.
    pub(super) fn add_member(&mut self, group: usize, host: usize) -> bool {
        let groups = &mut self.hosts[host].groups;
        if groups.contains(&group) {
            return false;
        }
        groups.push(group);
        self.groups[group].hosts.push(host);
        true
    }

    /// Puts a group below another.
    pub(super) fn add_child(&mut self, parent: usize, child: usize) -> Result<(), ChildError> {
        if child == ALL {
            return Err(ChildError::All);
        }
        if child == parent {
            return Err(ChildError::Itself);
        }
        if self.groups[parent].children.contains(&child) {
            return Ok(());
        }
        if self.reaches(parent, child) {
            return Err(ChildError::Loop);
        }
        self.link(parent, child);
        Ok(())
    }

    fn link(&mut self, parent: usize, child: usize) {
        self.groups[parent].children.push(child);
        self.groups[child].parents.push(parent);
    }

    /// True when `ancestor` is found above `group`.
    fn reaches(&self, group: usize, ancestor: usize) -> bool {
        let mut seen = vec![false; self.groups.len()];
        let mut open = vec![group];
        while let Some(next) = open.pop() {
            if next == ancestor {
                return true;
            }
            if !std::mem::replace(&mut seen[next], true) {
                open.extend(&self.groups[next].parents);
            }
        }
        false
    }

    /// Applies the rules that hold for every inventory: each group stands below `all`, and exactly the hosts without
    /// a group are in `ungrouped`.
    pub(super) fn settle(&mut self) {
        for group in 1..self.groups.len() {
            if self.groups[group].parents.is_empty() {
                self.link(ALL, group);
            }
        }
        let mut left = false;
        for number in 0..self.hosts.len() {
            let host = &mut self.hosts[number];
            let grouped = host.groups.iter().any(|&group| group != ALL && group != UNGROUPED);
            let ungrouped = host.groups.contains(&UNGROUPED);
            if grouped && ungrouped {
                host.groups.retain(|&group| group != UNGROUPED);
                left = true;
            } else if !grouped && !ungrouped {
                self.add_member(UNGROUPED, number);
            }
        }
        if left {
            let hosts = &self.hosts;
            self.groups[UNGROUPED]
                .hosts
                .retain(|&host| hosts[host].groups.contains(&UNGROUPED));
        }
        self.measure_depths();
    }

    /// Sets every group's depth to its longest way down from `all`; parents are done before their children.
    fn measure_depths(&mut self) {
        let mut waiting: Vec<usize> = self.groups.values().map(|group| group.parents.len()).collect();
        let mut ready = vec![ALL];
        while let Some(group) = ready.pop() {
            let depth = self.groups[group].depth + 1;
            for child in self.groups[group].children.clone() {
                let below = &mut self.groups[child].depth;
                *below = depth.max(*below);
                waiting[child] -= 1;
                if waiting[child] == 0 {
                    ready.push(child);
                }
            }
        }
    }

    /// The group's hosts and those of all groups below it, level by level.
    pub(super) fn hosts_below(&self, group: usize) -> Vec<usize> {
        let mut seen_hosts = vec![false; self.hosts.len()];
        let mut seen_groups = vec![false; self.groups.len()];
        let mut result = Vec::new();
        let mut level = vec![group];
        seen_groups[group] = true;
        while !level.is_empty() {
            let mut next = Vec::new();
            for group in level {
                for &host in &self.groups[group].hosts {
                    if !std::mem::replace(&mut seen_hosts[host], true) {
                        result.push(host);
                    }
                }
                for &child in &self.groups[group].children {
                    if !std::mem::replace(&mut seen_groups[child], true) {
                        next.push(child);
                    }
                }
            }
            level = next;
        }
        result
    }

    /// The given groups and all groups above them without `all`, in the order in which their variables are merged:
    /// parents before children, then by priority, then by name.
    pub(super) fn with_ancestors(&self, groups: &[usize]) -> Vec<usize> {
        let mut seen = vec![false; self.groups.len()];
        seen[ALL] = true;
        let mut open = groups.to_vec();
        let mut found = Vec::new();
        while let Some(group) = open.pop() {
            if !std::mem::replace(&mut seen[group], true) {
                found.push(group);
                open.extend(&self.groups[group].parents);
            }
        }
        found.sort_by(|&a, &b| {
            let key = |number: usize| {
                self.groups
                    .get_index(number)
                    .map(|(name, group)| (group.depth, group.priority, name))
            };
            key(a).cmp(&key(b))
        });
        found
    }

    pub(super) fn host_name(&self, number: usize) -> &str {
        self.hosts.get_index(number).map_or("", |(name, _)| name)
    }

    pub(super) fn group_name(&self, number: usize) -> &str {
        self.groups.get_index(number).map_or("", |(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_are_refused() {
        let mut tree = Tree::new();
        let (a, b, c) = (tree.add_group("a"), tree.add_group("b"), tree.add_group("c"));
        assert_eq!(tree.add_child(a, b), Ok(()));
        assert_eq!(tree.add_child(b, c), Ok(()));
        assert_eq!(tree.add_child(c, a), Err(ChildError::Loop));
        assert_eq!(tree.add_child(a, a), Err(ChildError::Itself));
        assert_eq!(tree.add_child(a, ALL), Err(ChildError::All));
    }

    #[test]
    fn the_longest_way_down_is_the_depth() {
        let mut tree = Tree::new();
        let (a, b, c) = (tree.add_group("a"), tree.add_group("b"), tree.add_group("c"));
        for (parent, child) in [(a, c), (a, b), (b, c)] {
            tree.add_child(parent, child).unwrap();
        }
        tree.settle();
        assert_eq!([a, b, c].map(|group| tree.groups[group].depth), [1, 2, 3]);
    }

    #[test]
    fn exactly_the_hosts_without_a_group_are_ungrouped() {
        let mut tree = Tree::new();
        let group = tree.add_group("a");
        let (first, _) = tree.add_host("first", None);
        let (second, _) = tree.add_host("second", None);
        tree.add_member(UNGROUPED, first);
        tree.add_member(group, first);
        tree.settle();
        assert_eq!(tree.groups[UNGROUPED].hosts, [second]);
        assert_eq!(tree.hosts_below(ALL), [second, first]);
    }
}
