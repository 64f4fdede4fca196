//! Hosts and groups: where they are read from, how they hang together, and which of them a pattern means.

mod address;
mod change;
mod fill;
mod ini;
mod limit;
mod literal;
mod load;
mod origin;
mod pattern_text;
mod patterns;
mod range;
#[cfg(test)]
mod tests;
mod tree;
mod variables;
mod vars_directory;
mod words;
mod yaml;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use self::load::{Loader, absolute};
use self::tree::{ALL, Tree};
use crate::syntax::{Diagnostic, Diagnostics};
use crate::vars::vault::VaultPasswords;

pub use address::name_and_port;
pub use change::{ChangeError, Changes};
pub use origin::{Origin, Source};
pub(crate) use pattern_text::glob_matches;
pub use patterns::{Pattern, PatternError};
pub use variables::{HostVariables, InventoryVariables, Layer};

/// Names under which this machine is always there, also when no inventory names it.
const LOCALHOST: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// All hosts and groups of a run.
#[derive(Debug)]
pub struct Inventory {
    tree: Tree,
    /// The hosts of each group with those of the groups below it, found when they are asked for.
    below: Vec<OnceLock<Vec<usize>>>,
    /// Each set of groups that some host is in, so that what follows from it is done once.
    sets: Vec<GroupSet>,
    /// For each host the number of its set.
    set_of: Vec<usize>,
    /// Directories in which `group_vars` and `host_vars` are looked for, lowest precedence first.
    roots: Vec<PathBuf>,
    /// Names, with wildcards, that tasks may bring: as long as they have not, they mean no host.
    expected: Vec<String>,
    /// Counts the changes, so that what was computed before is not used after.
    generation: u64,
}

/// The groups of a host with all groups above them, without `all`.
#[derive(Debug)]
struct GroupSet {
    /// In the order in which their variables are merged.
    merge_order: Vec<usize>,
    /// Sorted, as the magic variable `group_names` has them.
    names: Vec<String>,
}

impl Inventory {
    /// Reads the sources that `-i` names; later ones win. Gives the warnings beside the inventory.
    ///
    /// # Errors
    /// Everything that is wrong with them, at once.
    pub fn load(sources: &[String], passwords: &VaultPasswords) -> Result<(Self, Diagnostics), Diagnostics> {
        let mut tree = Tree::new();
        let mut diagnostics = Diagnostics::default();
        let mut roots: Vec<PathBuf> = Vec::new();
        for source in sources {
            let mut loader = Loader {
                tree: &mut tree,
                passwords,
                diagnostics: &mut diagnostics,
            };
            if let Some(root) = loader.source(source) {
                // A directory that is named again counts where it is named last.
                roots.retain(|known| absolute(known) != absolute(&root));
                roots.push(root);
            }
        }
        for name in tree.groups.keys().filter(|name| tree.hosts.contains_key(*name)) {
            diagnostics.push(
                Diagnostic::warning(format!("`{name}` is a host and a group"))
                    .help("give one of them another name: a pattern of that name means the host in one place and the group in another"),
            );
        }
        let mut inventory = Self {
            tree,
            below: Vec::new(),
            sets: Vec::new(),
            set_of: Vec::new(),
            roots,
            expected: Vec::new(),
            generation: 0,
        };
        inventory.settle();
        if inventory.tree.hosts.is_empty() && !sources.is_empty() && !diagnostics.has_errors() {
            diagnostics.push(Diagnostic::warning(
                "the inventory has no hosts, only localhost can be used",
            ));
        }
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        Ok((inventory, diagnostics))
    }

    /// Brings everything in order that follows from hosts and groups.
    fn settle(&mut self) {
        self.tree.settle();
        self.generation += 1;
        self.below = self.tree.groups.iter().map(|_| OnceLock::new()).collect();
        self.sets.clear();
        self.set_of.clear();
        let mut known: HashMap<Vec<usize>, usize> = HashMap::new();
        for host in self.tree.hosts.values() {
            let set = known.get(&host.groups).copied().unwrap_or_else(|| {
                let merge_order = self.tree.with_ancestors(&host.groups);
                let group_names = merge_order.iter().map(|&group| self.tree.group_name(group));
                let mut names: Vec<String> = group_names.map(str::to_owned).collect();
                names.sort();
                self.sets.push(GroupSet { merge_order, names });
                known.insert(host.groups.clone(), self.sets.len() - 1);
                self.sets.len() - 1
            });
            self.set_of.push(set);
        }
    }

    /// All hosts in inventory order, which is that of a play over `all`.
    pub fn hosts(&self) -> impl ExactSizeIterator<Item = &str> {
        self.hosts_below(ALL).iter().map(|&host| self.tree.host_name(host))
    }

    /// True when a source or a task added the host; the implicit localhost is none of them.
    pub fn contains(&self, host: &str) -> bool {
        self.tree.hosts.contains_key(host)
    }

    /// All groups, `all` and `ungrouped` first, the others as they were met.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tree.groups.keys().map(String::as_str)
    }

    /// The hosts of a group and of all groups below it, in inventory order; `None` when there is no such group.
    pub fn group_hosts(&self, group: &str) -> Option<Vec<&str>> {
        let number = self.tree.groups.get_index_of(group)?;
        let hosts = self.hosts_below(number).iter();
        Some(hosts.map(|&host| self.tree.host_name(host)).collect())
    }

    /// The groups directly below a group, in the order given.
    pub fn group_children(&self, group: &str) -> Vec<&str> {
        self.tree.groups.get(group).map_or_else(Vec::new, |group| {
            let children = group.children.iter();
            children.map(|&child| self.tree.group_name(child)).collect()
        })
    }

    /// The hosts that a group names itself, in the order given.
    pub fn group_own_hosts(&self, group: &str) -> Vec<&str> {
        self.tree.groups.get(group).map_or_else(Vec::new, |group| {
            let hosts = group.hosts.iter();
            hosts.map(|&host| self.tree.host_name(host)).collect()
        })
    }

    /// `ansible_group_priority` of a group; 1 unless the inventory says otherwise.
    pub fn group_priority(&self, group: &str) -> i64 {
        self.tree.groups.get(group).map_or(1, |group| group.priority)
    }

    /// All groups of a host with those above them, sorted and without `all`: the magic variable `group_names`.
    pub fn groups_of(&self, host: &str) -> &[String] {
        match self.tree.hosts.get_index_of(host) {
            Some(number) => &self.set(number).names,
            None => &[],
        }
    }

    /// Where the host was met first; `None` for one that a task added and for the implicit localhost.
    pub fn source_of(&self, host: &str) -> Option<&Source> {
        self.tree.hosts.get(host)?.source.as_deref()
    }

    /// The name under which this machine is meant by `localhost`, `127.0.0.1` or `::1`: the host of the inventory
    /// that has one of these names, or the given one when there is none. `None` for every other name.
    pub fn localhost<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        if !LOCALHOST.contains(&name) {
            return None;
        }
        let mut hosts = self.tree.hosts.keys().map(String::as_str);
        Some(hosts.find(|host| LOCALHOST.contains(host)).unwrap_or(name))
    }

    /// Names, perhaps with wildcards, of hosts and groups that tasks may add: a pattern that names one is no mistake.
    pub fn expect(&mut self, names: impl IntoIterator<Item = String>) {
        self.expected.extend(names);
    }

    fn may_come(&self, name: &str) -> bool {
        self.expected.iter().any(|expected| glob_matches(expected, name))
    }

    /// Adds hosts and groups while tasks run.
    pub fn change<R>(&mut self, change: impl FnOnce(&mut Changes<'_>) -> R) -> R {
        let result = change(&mut Changes::new(&mut self.tree));
        self.settle();
        result
    }

    fn hosts_below(&self, group: usize) -> &[usize] {
        self.below[group].get_or_init(|| self.tree.hosts_below(group))
    }

    fn set(&self, host: usize) -> &GroupSet {
        &self.sets[self.set_of[host]]
    }
}
