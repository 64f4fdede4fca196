use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use serde_json::{Map, Value, json};

use super::options::RunOptions;
use crate::inventory::{Inventory, InventoryVariables};
use crate::modules::{Failure, InventoryChange};
use crate::playbook::{Play, Role, Task};
use crate::syntax::Diagnostics;
use crate::vars::vault::VaultPasswords;
use crate::vars::{HostScopes, Scope, ScopeBuilder, VarMap, Variable, magic};

/// A value that makes an option as if it were not written (`default(omit)`).
pub(super) const OMIT: &str = "__omit_place_holder__8f14e45fceea167a5a36dedd4bea2543";

/// What a run knows of hosts: the inventory's variables, and what tasks found out or set.
pub(super) struct World {
    ground: RwLock<Ground>,
    /// What opens encrypted variables.
    pub(super) passwords: VaultPasswords,
    options: Arc<RunOptions>,
    learned: RwLock<HashMap<String, Learned>>,
}

/// The inventory as it is at the moment: tasks may add to it.
pub(super) struct Ground {
    pub(super) inventory: Inventory,
    variables: InventoryVariables,
    /// The magic variable `groups`, made when it is asked for.
    groups: OnceLock<Arc<Variable>>,
}

/// What a run learned of a host.
#[derive(Clone, Default)]
struct Learned {
    facts: Map<String, Value>,
    facts_layer: Arc<VarMap>,
    included: Arc<VarMap>,
    set: Arc<VarMap>,
}

/// The variables that a play brings.
#[derive(Clone, Default)]
pub(super) struct PlayVars {
    pub(super) vars: Arc<VarMap>,
    pub(super) vars_files: Arc<VarMap>,
    pub(super) roles: Vec<Arc<Role>>,
    pub(super) magic: Arc<VarMap>,
}

impl PlayVars {
    /// The same without the hosts that are not there any more.
    pub(super) fn with_hosts(&self, is_there: &dyn Fn(&str) -> bool) -> Self {
        let mut magic = VarMap::clone(&self.magic);
        for name in ["ansible_play_hosts", "ansible_play_batch"] {
            if let Some(Value::Array(hosts)) = self.magic.get(name).map(|variable| variable.raw()) {
                let is_there = |host: &&Value| host.as_str().is_some_and(is_there);
                let left = hosts.iter().filter(is_there).cloned().collect();
                magic.insert(name.to_owned(), Variable::data(Value::Array(left)));
            }
        }
        Self {
            magic: Arc::new(magic),
            ..self.clone()
        }
    }
}

impl World {
    pub(super) fn new(
        inventory: Inventory,
        variables: InventoryVariables,
        passwords: &VaultPasswords,
        options: Arc<RunOptions>,
    ) -> Self {
        Self {
            ground: RwLock::new(Ground {
                inventory,
                variables,
                groups: OnceLock::new(),
            }),
            passwords: passwords.clone(),
            options,
            learned: RwLock::default(),
        }
    }

    /// The inventory; nothing that looks at variables may be done while it is held.
    pub(super) fn ground(&self) -> RwLockReadGuard<'_, Ground> {
        self.ground.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to the inventory what a task of a host asks for. True when anything is new.
    pub(super) fn change_inventory(&self, host: &str, change: &InventoryChange) -> Result<bool, Failure> {
        let mut ground = self.ground.write().unwrap_or_else(PoisonError::into_inner);
        let changed = ground.inventory.change(|changes| match change {
            InventoryChange::AddHost { name, vars, groups } => Ok(changes.add_host(name, vars, &texts(groups))),
            InventoryChange::GroupHost { group, parents } => changes.group_host(host, group, &texts(parents)),
        });
        ground.groups = OnceLock::new();
        changed.map_err(|error| Failure::new(error.to_string()))
    }

    /// The variables that a task sees on a host; without a task those of the host in the play.
    pub(super) fn scope(
        self: &Arc<Self>,
        host: &str,
        play: &Arc<PlayVars>,
        task: Option<&Task>,
    ) -> Result<Scope, Diagnostics> {
        let (own, magic) = {
            let ground = self.ground();
            (
                ground.variables.of(&ground.inventory, host)?,
                Self::magic(&ground, host, task.and_then(|task| task.role.as_ref())),
            )
        };
        let learned = self
            .learned
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(host)
            .cloned()
            .unwrap_or_default();
        let role = task.and_then(|task| task.role.as_ref());
        let mut builder = ScopeBuilder::default();
        for other in &play.roles {
            builder = builder.layer(Arc::clone(&other.vars.defaults));
        }
        if let Some(role) = role {
            builder = builder.layer(Arc::clone(&role.vars.defaults));
        }
        builder = builder
            .layer(own.groups)
            .layer(own.host)
            .layer(learned.facts_layer)
            .layer(Arc::clone(&play.vars))
            .layer(Arc::clone(&play.vars_files));
        for other in &play.roles {
            builder = builder.layer(Arc::clone(&other.vars.vars));
        }
        if let Some(role) = role {
            builder = builder.layer(Arc::clone(&role.vars.vars));
        }
        for vars in task.into_iter().flat_map(|task| &task.keywords.vars) {
            builder = builder.layer(Arc::clone(vars));
        }
        builder = builder.layer(learned.included).layer(learned.set);
        if let Some(role) = role {
            builder = builder.layer(Arc::clone(&role.vars.params));
        }
        for params in task.into_iter().flat_map(|task| &task.keywords.params) {
            builder = builder.layer(Arc::clone(params));
        }
        Ok(builder
            .layer(Arc::clone(&self.options.extra_vars))
            .layer(Arc::clone(&play.magic))
            .layer(Arc::new(magic))
            .host_scopes(Arc::new(OtherHosts {
                world: Arc::clone(self),
                play: Arc::clone(play),
            }))
            .build())
    }

    fn magic(ground: &Ground, host: &str, role: Option<&Arc<Role>>) -> VarMap {
        let mut all = VarMap::new();
        let mut set = |name: &str, value: Value| {
            all.insert(name.to_owned(), Variable::data(value));
        };
        set("inventory_hostname", json!(host));
        set("inventory_hostname_short", json!(magic::short_name(host)));
        set("group_names", json!(ground.inventory.groups_of(host)));
        set("omit", json!(OMIT));
        if let Some(source) = ground.inventory.source_of(host) {
            set("inventory_file", json!(source.inventory_file()));
            if let Some(folder) = source.inventory_dir() {
                set("inventory_dir", json!(folder));
            }
        }
        if let Some(role) = role {
            set("role_name", json!(role.name));
            set("ansible_role_name", json!(role.name));
            set("ansible_parent_role_names", json!(role.parents));
            let path = std::path::absolute(&role.path).unwrap_or_else(|_| role.path.clone());
            set("role_path", json!(path));
        }
        all.insert("groups".to_owned(), ground.groups());
        all
    }

    /// Keeps variables that were read from files for a host.
    pub(super) fn include(&self, host: &str, variables: &VarMap) {
        if variables.is_empty() {
            return;
        }
        let mut all = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        let learned = all.entry(host.to_owned()).or_default();
        let included = Arc::make_mut(&mut learned.included);
        included.extend(variables.iter().map(|(name, value)| (name.clone(), Arc::clone(value))));
    }

    /// Keeps facts of a host: under `ansible_facts`, and each as `ansible_NAME`.
    pub(super) fn learn_facts(&self, host: &str, facts: Map<String, Value>) {
        if facts.is_empty() {
            return;
        }
        let mut all = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        let learned = all.entry(host.to_owned()).or_default();
        learned.facts.extend(facts);
        let mut layer: VarMap = learned
            .facts
            .iter()
            .map(|(name, value)| (format!("ansible_{name}"), Variable::data(value.clone())))
            .collect();
        layer.insert(
            "ansible_facts".to_owned(),
            Variable::data(Value::Object(learned.facts.clone())),
        );
        learned.facts_layer = Arc::new(layer);
    }

    /// Whether facts of a host are known.
    pub(super) fn has_facts(&self, host: &str) -> bool {
        let all = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        all.get(host).is_some_and(|learned| !learned.facts.is_empty())
    }

    /// Keeps a registered result or a set variable of a host.
    pub(super) fn set(&self, host: &str, variables: impl IntoIterator<Item = (String, Value)>) {
        let mut variables = variables.into_iter().peekable();
        if variables.peek().is_none() {
            return;
        }
        let mut all = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        let learned = all.entry(host.to_owned()).or_default();
        let set = Arc::make_mut(&mut learned.set);
        set.extend(variables.map(|(name, value)| (name, Variable::data(value))));
    }

    /// The magic variables of a play and its batch.
    pub(super) fn play_magic(&self, play: &Play, hosts: &[String], batch: &[String]) -> VarMap {
        let options = &self.options;
        let folder = std::path::absolute(&play.folder).unwrap_or_else(|_| PathBuf::from(&play.folder));
        let list = |tags: &[String], none: &str| if tags.is_empty() { json!([none]) } else { json!(tags) };
        let values = [
            ("ansible_play_hosts_all", json!(hosts)),
            ("ansible_play_hosts", json!(hosts)),
            ("ansible_play_batch", json!(batch)),
            ("ansible_play_name", json!(play.name)),
            ("playbook_dir", json!(folder)),
            ("ansible_check_mode", json!(options.check_mode)),
            ("ansible_diff_mode", json!(options.diff)),
            ("ansible_limit", json!(options.limit_text)),
            ("ansible_run_tags", list(&options.tags.only, "all")),
            ("ansible_skip_tags", json!(options.tags.skip)),
            ("ansible_verbosity", json!(options.verbosity)),
            ("ansible_forks", json!(options.forks)),
            (
                "ansible_version",
                json!({"full": "2.19.0", "major": 2, "minor": 19, "revision": 0, "string": "2.19.0"}),
            ),
            ("krun_version", json!(env!("CARGO_PKG_VERSION"))),
        ];
        values
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.to_owned(), Variable::data(value)))
            .collect()
    }

    /// True for this machine when no inventory names it.
    pub(super) fn is_implicit_local(&self, host: &str) -> bool {
        self.ground().is_implicit_local(host)
    }
}

impl Ground {
    fn groups(&self) -> Arc<Variable> {
        let groups = self.groups.get_or_init(|| {
            let inventory = &self.inventory;
            let groups = inventory.groups().map(|group| {
                let hosts = json!(inventory.group_hosts(group).unwrap_or_default());
                (group.to_owned(), hosts)
            });
            Variable::data(Value::Object(groups.collect()))
        });
        Arc::clone(groups)
    }

    fn is_implicit_local(&self, host: &str) -> bool {
        !self.inventory.contains(host) && self.inventory.localhost(host).is_some()
    }

    /// Whether tasks can be for the host: it is in the inventory, or it is this machine.
    pub(super) fn knows(&self, host: &str) -> bool {
        self.inventory.contains(host) || self.inventory.localhost(host).is_some()
    }
}

fn texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

struct OtherHosts {
    world: Arc<World>,
    play: Arc<PlayVars>,
}

impl HostScopes for OtherHosts {
    fn scope_of(&self, host: &str) -> Option<Scope> {
        let known = self.world.ground().knows(host);
        known.then(|| self.world.scope(host, &self.play, None).ok()).flatten()
    }

    fn hosts(&self) -> Vec<String> {
        self.world.ground().inventory.hosts().map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::{Loader, LoaderOptions};

    #[test]
    fn all_magic_variables_are_known_before_the_run() {
        let passwords = VaultPasswords::default();
        let options = LoaderOptions::default();
        let loader = Loader::new(&options, &passwords);
        let playbook = loader.single_task("all", "ping", "").unwrap();
        let (inventory, _) = Inventory::load(&["a,".to_owned()], &passwords).unwrap();
        let (variables, _) = InventoryVariables::load(&inventory, None, &passwords).unwrap();
        let options = RunOptions {
            limit_text: Some("a".to_owned()),
            ..RunOptions::default()
        };
        let world = World::new(inventory, variables, &passwords, Arc::new(options));
        let role = Arc::new(Role {
            name: "r".to_owned(),
            path: PathBuf::from("r"),
            parents: Vec::new(),
            vars: crate::playbook::RoleVars::default(),
        });
        let hosts = ["a".to_owned()];
        let mut all = World::magic(&world.ground(), "a", Some(&role));
        all.extend(world.play_magic(&playbook.plays[0], &hosts, &hosts));
        for name in all.keys() {
            assert!(magic::is_magic(name), "{name}");
        }
    }
}
