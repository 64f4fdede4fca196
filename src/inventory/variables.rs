//! The variables that a host has before a play begins: those of its groups and its own, from the inventory and from
//! the files beside inventory and playbook.

use std::collections::HashMap;
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::fill::merge;
use super::load::absolute;
use super::origin::Origin;
use super::tree::ALL;
use super::vars_directory::VarsDirectory;
use super::{Inventory, LOCALHOST};
use crate::syntax::{Diagnostic, Diagnostics};
use crate::vars::vault::VaultPasswords;
use crate::vars::{VarMap, Variable};

/// Variables from one place.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Where they stand.
    pub origin: Origin,
    /// The variables.
    pub vars: Arc<VarMap>,
    /// Names of those that must not be shown.
    pub secret: Vec<String>,
}

/// A host's variables, ready for a scope: the layer of the groups stands below that of the host.
#[derive(Clone, Debug)]
pub struct HostVariables {
    /// From its groups (levels 3 to 7 of Ansible's order); shared by all hosts of the same groups.
    pub groups: Arc<VarMap>,
    /// Its own (levels 8 to 10).
    pub host: Arc<VarMap>,
}

/// The variables of an inventory as a playbook sees them. Files are read once.
#[derive(Debug)]
pub struct InventoryVariables {
    passwords: VaultPasswords,
    playbook_directory: Option<PathBuf>,
    inventory_groups: Vec<Arc<VarsDirectory>>,
    playbook_groups: Vec<Arc<VarsDirectory>>,
    inventory_hosts: Vec<Arc<VarsDirectory>>,
    playbook_hosts: Vec<Arc<VarsDirectory>>,
    merged: Mutex<Merged>,
}

/// The merged variables of each set of groups, as long as the inventory does not change.
#[derive(Debug, Default)]
struct Merged {
    generation: u64,
    by_set: HashMap<Option<usize>, Arc<VarMap>>,
}

impl InventoryVariables {
    /// Finds the files beside the inventory and in the playbook's directory, and reads those of all groups. Gives the
    /// warnings beside the variables.
    ///
    /// # Errors
    /// Everything that is wrong with the files, at once.
    pub fn load(
        inventory: &Inventory,
        playbook_directory: Option<&Path>,
        passwords: &VaultPasswords,
    ) -> Result<(Self, Diagnostics), Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let mut opened: HashMap<PathBuf, Arc<VarsDirectory>> = HashMap::new();
        let mut open = |root: &Path, name: &str| {
            let path = root.join(name);
            let directory = opened
                .entry(absolute(&path))
                .or_insert_with(|| Arc::new(VarsDirectory::open(path, &mut diagnostics)));
            Arc::clone(directory)
        };
        let mut open_all = |name: &str| {
            let beside_inventory = inventory.roots.iter().map(|root| open(root, name)).collect::<Vec<_>>();
            let beside_playbook = playbook_directory
                .iter()
                .map(|root| open(root, name))
                .collect::<Vec<_>>();
            (beside_inventory, beside_playbook)
        };
        let (inventory_groups, playbook_groups) = open_all("group_vars");
        let (inventory_hosts, playbook_hosts) = open_all("host_vars");
        let variables = Self {
            passwords: passwords.clone(),
            playbook_directory: playbook_directory.map(Path::to_owned),
            inventory_groups,
            playbook_groups,
            inventory_hosts,
            playbook_hosts,
            merged: Mutex::default(),
        };
        variables.check_groups(inventory, &mut diagnostics);
        variables.check_names(inventory, &mut diagnostics);
        if diagnostics.has_errors() {
            // What is wrong with the hosts' files is told with it.
            diagnostics.extend(variables.check_hosts(inventory.hosts()));
            return Err(diagnostics);
        }
        Ok((variables, diagnostics))
    }

    /// The same files as they are now, for an inventory that was read again.
    ///
    /// # Errors
    /// As [`InventoryVariables::load`], and what is wrong with the files of hosts.
    pub fn read_again(&self, inventory: &Inventory) -> Result<Self, Diagnostics> {
        let (variables, _) = Self::load(inventory, self.playbook_directory.as_deref(), &self.passwords)?;
        variables.check_hosts(inventory.hosts()).into_result(variables)
    }

    /// Reads the files of all groups.
    fn check_groups(&self, inventory: &Inventory, diagnostics: &mut Diagnostics) {
        for directory in distinct(&self.inventory_groups, &self.playbook_groups) {
            for group in inventory.groups() {
                let mut warnings = Diagnostics::default();
                match directory.layers_of(group, &self.passwords, &mut warnings) {
                    Ok(layers) => warn_of_priority(&layers, diagnostics),
                    Err(errors) => diagnostics.extend(errors),
                }
                diagnostics.extend(warnings);
            }
        }
    }

    /// Warns of files that are for nobody: most likely their name is misspelt.
    fn check_names(&self, inventory: &Inventory, diagnostics: &mut Diagnostics) {
        for directory in distinct(&self.inventory_groups, &self.playbook_groups) {
            for name in directory.unknown_names(|name| inventory.tree.groups.contains_key(name)) {
                diagnostics.push(
                    Diagnostic::warning(format!("the inventory has no group `{name}` for these variables"))
                        .in_file(directory.path().join(name))
                        .did_you_mean(name, inventory.groups()),
                );
            }
        }
        for directory in &self.inventory_hosts {
            let is_host = |name: &str| inventory.contains(name) || LOCALHOST.contains(&name);
            let unknown = directory.unknown_names(is_host);
            let Some(first) = unknown.first() else {
                continue;
            };
            let names = unknown
                .iter()
                .take(3)
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>();
            let more = match unknown.len().saturating_sub(3) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            diagnostics.push(
                Diagnostic::warning(format!("the inventory has no host {}{more}", names.join(", ")))
                    .in_file(directory.path())
                    .did_you_mean(first, inventory.hosts()),
            );
        }
    }

    /// Reads the files of the given hosts, so that everything that is wrong with them is known before a run.
    pub fn check_hosts<'h>(&self, hosts: impl IntoIterator<Item = &'h str>) -> Diagnostics {
        let mut diagnostics = Diagnostics::default();
        for host in hosts {
            for directory in self.host_directories() {
                let mut warnings = Diagnostics::default();
                if let Err(errors) = directory.layers_of(host, &self.passwords, &mut warnings) {
                    diagnostics.extend(errors);
                }
                diagnostics.extend(warnings);
            }
        }
        diagnostics
    }

    /// The variables of a host. One that the inventory does not have, as the implicit localhost, has those of `all`.
    ///
    /// # Errors
    /// What is wrong with its files; never after [`InventoryVariables::check_hosts`] found nothing.
    pub fn of(&self, inventory: &Inventory, host: &str) -> Result<HostVariables, Diagnostics> {
        let number = inventory.tree.hosts.get_index_of(host);
        let set = number.map(|number| inventory.set_of[number]);
        let groups = if let Some(known) = self.merged(inventory).by_set.get(&set).map(Arc::clone) {
            known
        } else {
            let merged = merge_layers(self.group_layers(inventory, host)?);
            self.merged(inventory).by_set.insert(set, Arc::clone(&merged));
            merged
        };
        Ok(HostVariables {
            groups,
            host: merge_layers(self.host_layers(inventory, host)?),
        })
    }

    fn merged(&self, inventory: &Inventory) -> MutexGuard<'_, Merged> {
        let mut merged = self.merged.lock().unwrap_or_else(PoisonError::into_inner);
        if merged.generation != inventory.generation {
            merged.generation = inventory.generation;
            merged.by_set.clear();
        }
        merged
    }

    /// The same place by place, lowest precedence first: which one wins, and why.
    ///
    /// # Errors
    /// As [`InventoryVariables::of`].
    pub fn layers(&self, inventory: &Inventory, host: &str) -> Result<Vec<Layer>, Diagnostics> {
        let mut layers = self.group_layers(inventory, host)?;
        layers.extend(self.host_layers(inventory, host)?);
        Ok(layers)
    }

    /// A group's own variables place by place, without those of the groups above it.
    ///
    /// # Errors
    /// As [`InventoryVariables::of`].
    pub fn layers_of_group(&self, inventory: &Inventory, group: &str) -> Result<Vec<Layer>, Diagnostics> {
        let mut layers = Vec::new();
        if let Some(number) = inventory.tree.groups.get_index_of(group) {
            push_group(inventory, number, &mut layers);
        }
        self.push_files(&self.inventory_groups, &iter::once(group), &mut layers)?;
        self.push_files(&self.playbook_groups, &iter::once(group), &mut layers)?;
        Ok(layers)
    }

    /// Levels 3 to 7: the inventory's own variables of `all` and of the groups, then the files of `all` beside the
    /// inventory and beside the playbook, then those of the groups.
    fn group_layers(&self, inventory: &Inventory, host: &str) -> Result<Vec<Layer>, Diagnostics> {
        let groups: &[usize] = match inventory.tree.hosts.get_index_of(host) {
            Some(number) => &inventory.set(number).merge_order,
            None => &[],
        };
        let mut layers = Vec::new();
        push_group(inventory, ALL, &mut layers);
        for &group in groups {
            push_group(inventory, group, &mut layers);
        }
        let names = groups.iter().map(|&group| inventory.tree.group_name(group));
        self.push_files(&self.inventory_groups, &iter::once("all"), &mut layers)?;
        self.push_files(&self.playbook_groups, &iter::once("all"), &mut layers)?;
        self.push_files(&self.inventory_groups, &names, &mut layers)?;
        self.push_files(&self.playbook_groups, &names, &mut layers)?;
        Ok(layers)
    }

    /// Levels 8 to 10: the inventory's own variables of the host, then the files beside inventory and playbook.
    fn host_layers(&self, inventory: &Inventory, name: &str) -> Result<Vec<Layer>, Diagnostics> {
        let mut layers = Vec::new();
        if let Some(host) = inventory.tree.hosts.get(name) {
            if !host.vars.is_empty() {
                layers.push(Layer {
                    origin: Origin::Host(name.to_owned()),
                    vars: Arc::clone(&host.vars),
                    secret: host.secret.clone(),
                });
            }
        } else if LOCALHOST.contains(&name) {
            let connection = Variable::data(Value::from("local"));
            layers.push(Layer {
                origin: Origin::Implicit,
                vars: Arc::new(VarMap::from([("ansible_connection".to_owned(), connection)])),
                secret: Vec::new(),
            });
        }
        self.push_files(&self.inventory_hosts, &iter::once(name), &mut layers)?;
        self.push_files(&self.playbook_hosts, &iter::once(name), &mut layers)?;
        Ok(layers)
    }

    /// Adds what the files of each directory say about the names, directory by directory.
    fn push_files<'n>(
        &self,
        directories: &[Arc<VarsDirectory>],
        names: &(impl Iterator<Item = &'n str> + Clone),
        layers: &mut Vec<Layer>,
    ) -> Result<(), Diagnostics> {
        for directory in directories {
            for name in names.clone() {
                // Warnings were given when the file was read for the first time.
                let found = directory.layers_of(name, &self.passwords, &mut Diagnostics::default())?;
                layers.extend(found.iter().cloned());
            }
        }
        Ok(())
    }

    fn host_directories(&self) -> impl Iterator<Item = &Arc<VarsDirectory>> {
        distinct(&self.inventory_hosts, &self.playbook_hosts)
    }
}

/// The directories of both lists, each once: a playbook may stand beside its inventory.
fn distinct<'a>(
    first: &'a [Arc<VarsDirectory>],
    second: &'a [Arc<VarsDirectory>],
) -> impl Iterator<Item = &'a Arc<VarsDirectory>> {
    let new = |directory: &&Arc<VarsDirectory>| !first.iter().any(|known| Arc::ptr_eq(known, directory));
    first.iter().chain(second.iter().filter(new))
}

fn push_group(inventory: &Inventory, number: usize, layers: &mut Vec<Layer>) {
    let group = &inventory.tree.groups[number];
    if !group.vars.is_empty() {
        layers.push(Layer {
            origin: Origin::Group(inventory.tree.group_name(number).to_owned()),
            vars: Arc::clone(&group.vars),
            secret: group.secret.clone(),
        });
    }
}

/// One map of all layers; a single layer is shared as it is.
fn merge_layers(layers: Vec<Layer>) -> Arc<VarMap> {
    let mut layers = layers.into_iter();
    let Some(first) = layers.next() else {
        return Arc::default();
    };
    let mut merged = first.vars;
    for layer in layers {
        merge(Arc::make_mut(&mut merged), &layer.vars);
    }
    merged
}

fn warn_of_priority(layers: &[Layer], diagnostics: &mut Diagnostics) {
    for layer in layers {
        if let Origin::File(path) = &layer.origin
            && layer.vars.contains_key("ansible_group_priority")
        {
            diagnostics.push(
                Diagnostic::warning("`ansible_group_priority` has no effect in a file of variables")
                    .in_file(path)
                    .help("set it in the inventory, in `[group:vars]` or below `vars:`"),
            );
        }
    }
}
