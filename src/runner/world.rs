use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use indexmap::IndexSet;
use serde_json::{Map, Value, json};

use super::options::RunOptions;
use crate::inventory::{ChangeError, Inventory, InventoryVariables};
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
    /// What tasks have added, and for which host.
    changes: Vec<(String, InventoryChange)>,
}

/// What a run learned of a host.
#[derive(Clone, Default)]
struct Learned {
    facts: Map<String, Value>,
    /// They were gathered, in this run or in the one that the cache is from.
    is_gathered: bool,
    facts_layer: Arc<VarMap>,
    included: Arc<VarMap>,
    set: Arc<VarMap>,
}

/// The variables that a play brings.
#[derive(Clone, Default)]
pub(super) struct PlayVars {
    pub(super) vars: Arc<VarMap>,
    pub(super) vars_files: Arc<VarMap>,
    /// Those of hosts, where the files' names depend on the host.
    pub(super) vars_files_of: Arc<HashMap<String, Arc<VarMap>>>,
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
                changes: Vec::new(),
            }),
            passwords: passwords.clone(),
            options,
            learned: RwLock::default(),
        }
    }

    /// Forgets the facts of a host.
    pub(super) fn clear_facts(&self, host: &str) {
        let mut all = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        // Also where nothing was asked for yet: what the cache knows is forgotten, too.
        let learned = all.entry(host.to_owned()).or_default();
        learned.facts.clear();
        learned.facts_layer = Arc::default();
        learned.is_gathered = false;
        if let Some(cache) = &self.options.fact_cache {
            cache.forget(host);
        }
    }

    /// Reads the inventory again; what tasks have added to it stays.
    pub(super) fn refresh_inventory(&self) -> Result<(), Failure> {
        let failed = |errors: Diagnostics| Failure::new(errors.to_string());
        let mut ground = self.ground.write().unwrap_or_else(PoisonError::into_inner);
        let mut inventory = ground.inventory.read_again(&self.passwords).map_err(failed)?;
        ground.variables = ground.variables.read_again(&inventory).map_err(failed)?;
        for (host, change) in &ground.changes {
            // A host may be gone that was grouped.
            let _ = apply(&mut inventory, host, change);
        }
        ground.inventory = inventory;
        ground.groups = OnceLock::new();
        Ok(())
    }

    /// The inventory; nothing that looks at variables may be done while it is held.
    pub(super) fn ground(&self) -> RwLockReadGuard<'_, Ground> {
        self.ground.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to the inventory what a task of a host asks for. True when anything is new.
    pub(super) fn change_inventory(&self, host: &str, change: &InventoryChange) -> Result<bool, Failure> {
        let mut ground = self.ground.write().unwrap_or_else(PoisonError::into_inner);
        let changed = apply(&mut ground.inventory, host, change).map_err(|error| Failure::new(error.to_string()))?;
        if changed {
            ground.groups = OnceLock::new();
            ground.changes.push((host.to_owned(), change.clone()));
        }
        Ok(changed)
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
        let learned = self.learned_of(host);
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
            .layer(Arc::clone(play.vars_files_of.get(host).unwrap_or(&play.vars_files)));
        for other in &play.roles {
            builder = builder.layer(Arc::clone(&other.vars.vars));
        }
        if let Some(role) = role {
            builder = builder
                .layer(Arc::clone(&role.vars.vars))
                .layer(Arc::clone(&role.vars.given));
        }
        for vars in task.into_iter().flat_map(|task| &task.keywords.vars) {
            builder = builder.layer(Arc::clone(vars));
        }
        builder = builder.layer(learned.included).layer(learned.set);
        if let Some(role) = role {
            builder = builder.layer(Arc::clone(&role.vars.params));
        }
        for vars in task.into_iter().flat_map(|task| &task.keywords.params) {
            builder = builder.layer(Arc::clone(vars));
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
            set(
                "role_path",
                json!(std::path::absolute(&role.path).unwrap_or_else(|_| role.path.clone())),
            );
            set("ansible_role_name", json!(role.name));
            if !role.parents.is_empty() {
                let innermost_first: Vec<&String> = role.parents.iter().rev().collect();
                set("ansible_parent_role_names", json!(innermost_first));
            }
        }
        all.insert("groups".to_owned(), ground.groups());
        all
    }

    /// Keeps variables that were read from files for a host.
    pub(super) fn include(&self, host: &str, variables: &VarMap) {
        if variables.is_empty() {
            return;
        }
        let _ = self.learned_of(host);
        let mut all = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        let learned = all.entry(host.to_owned()).or_default();
        let included = Arc::make_mut(&mut learned.included);
        included.extend(variables.iter().map(|(name, value)| (name.clone(), Arc::clone(value))));
    }

    /// What is known of a host; what the cache knows is read when it is first asked for.
    fn learned_of(&self, host: &str) -> Learned {
        if let Some(learned) = self.learned.read().unwrap_or_else(PoisonError::into_inner).get(host) {
            return learned.clone();
        }
        let Some(cache) = &self.options.fact_cache else {
            return Learned::default();
        };
        let mut read = Learned::default();
        if let Some((facts, is_gathered)) = cache.read(host) {
            read.facts = facts;
            read.is_gathered = is_gathered;
            read.facts_layer = Arc::new(facts_layer(&read.facts));
        }
        let mut all = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(host.to_owned()).or_insert(read).clone()
    }

    /// Keeps facts of a host: under `ansible_facts`, and each as `ansible_NAME`.
    ///
    /// # Errors
    /// The cache cannot be written; this run knows them all the same.
    pub(super) fn learn_facts(&self, host: &str, facts: Map<String, Value>, is_gathered: bool) -> std::io::Result<()> {
        if facts.is_empty() {
            return Ok(());
        }
        // What the cache knows is not forgotten.
        let _ = self.learned_of(host);
        let mut all = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        let learned = all.entry(host.to_owned()).or_default();
        learned.facts.extend(facts);
        learned.is_gathered |= is_gathered;
        learned.facts_layer = Arc::new(facts_layer(&learned.facts));
        let Some(cache) = &self.options.fact_cache else {
            return Ok(());
        };
        let (facts, is_gathered) = (learned.facts.clone(), learned.is_gathered);
        drop(all);
        cache.write(host, &facts, is_gathered)
    }

    /// Whether facts of a host were gathered.
    pub(super) fn has_facts(&self, host: &str) -> bool {
        self.learned_of(host).is_gathered
    }

    /// Keeps a registered result or a set variable of a host.
    pub(super) fn set(&self, host: &str, variables: impl IntoIterator<Item = (String, Value)>) {
        let mut variables = variables.into_iter().peekable();
        if variables.peek().is_none() {
            return;
        }
        let _ = self.learned_of(host);
        let mut all = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        let learned = all.entry(host.to_owned()).or_default();
        let set = Arc::make_mut(&mut learned.set);
        set.extend(variables.map(|(name, value)| (name, Variable::data(value))));
    }

    /// The magic variables of a play and its batch.
    pub(super) fn play_magic(&self, play: &Play, hosts: &[String], batch: &[String]) -> VarMap {
        let options = &self.options;
        let folder = std::path::absolute(&play.folder).unwrap_or_else(|_| PathBuf::from(&play.folder));
        // A list of hosts is no path.
        let absolute = |source: &String| match std::path::absolute(source) {
            Ok(path) if path.exists() => path.display().to_string(),
            _ => source.clone(),
        };
        let sources: Vec<String> = self.ground().inventory.sources().iter().map(absolute).collect();
        let names_of = |wanted: &dyn Fn(&Role) -> bool| {
            let roles = play.all_roles.iter().filter(|role| wanted(role));
            let names: IndexSet<&str> = roles.map(|role| role.name.as_str()).collect();
            json!(names)
        };
        let list = |tags: &[String], none: &str| if tags.is_empty() { json!([none]) } else { json!(tags) };
        let values = [
            ("ansible_play_hosts_all", json!(hosts)),
            ("ansible_play_hosts", json!(hosts)),
            ("ansible_play_batch", json!(batch)),
            ("play_hosts", json!(batch)),
            ("ansible_play_name", json!(play.name)),
            ("ansible_play_role_names", names_of(&|role| !role.is_dependency)),
            ("ansible_dependent_role_names", names_of(&|role| role.is_dependency)),
            ("ansible_role_names", names_of(&|_| true)),
            ("ansible_inventory_sources", json!(sources)),
            ("playbook_dir", json!(folder)),
            ("ansible_check_mode", json!(options.check_mode)),
            ("krun_planning", json!(options.planning)),
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
            ("krun_run_id", json!(options.run.id)),
            ("krun_terminal", json!(options.has_terminal)),
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

fn apply(inventory: &mut Inventory, host: &str, change: &InventoryChange) -> Result<bool, ChangeError> {
    inventory.change(|changes| match change {
        InventoryChange::AddHost { name, vars, groups } => Ok(changes.add_host(name, vars, &texts(groups))),
        InventoryChange::GroupHost { group, parents } => changes.group_host(host, group, &texts(parents)),
    })
}

fn texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

fn facts_layer(facts: &Map<String, Value>) -> VarMap {
    let mut layer: VarMap = facts
        .iter()
        .map(|(name, value)| (format!("ansible_{name}"), Variable::data(value.clone())))
        .collect();
    let all = Variable::data(Value::Object(facts.clone()));
    layer.insert("ansible_facts".to_owned(), all);
    layer
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
            vars: crate::playbook::RoleVars::default(),
            parents: vec!["p".to_owned()],
            is_dependency: false,
            identity: String::new(),
        });
        let hosts = ["a".to_owned()];
        let mut all = World::magic(&world.ground(), "a", Some(&role));
        all.extend(world.play_magic(&playbook.plays[0], &hosts, &hosts));
        for name in all.keys() {
            assert!(magic::is_magic(name), "{name}");
        }
    }
}
