//! What the sources of a play say about a name, in the order in which the runner looks at them (`runner/world.rs`).

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value;

use super::Known;
use super::hosts::{HostTable, PlayHosts};
use super::run::RunNames;
use crate::playbook::{Loader, Play, Role, Setting, Task};
use crate::syntax::Diagnostics;
use crate::template::holds_template;
use crate::template::reads::possible_texts;
use crate::vars::{VarMap, Variable, files, magic};

/// Prefix of facts and of the variables that steer connections. Which facts a node has is known when it is asked.
const FACTS: &str = "ansible_";
/// How deep names of files may refer to variables.
const MAX_DEPTH: usize = 8;
/// A shorter magic variable is too near to what a fact may be called.
const LONG_NAME: usize = 13;

/// What is known about a name.
pub(super) enum Found {
    /// No source can define it.
    Nothing,
    /// It has a value that is known in the run only, or one that refers to nothing.
    Opaque,
    /// One of these is its value.
    Written(Vec<Arc<Variable>>),
}

/// The sources of a play.
#[derive(Clone)]
pub(super) struct PlayScope<'a> {
    pub(super) play: &'a Play,
    pub(super) hosts: Rc<PlayHosts>,
    pub(super) known: Known<'a>,
    /// The `vars_files` that are there, in their order.
    pub(super) files: Vec<Arc<VarMap>>,
    /// The roles that all tasks of the play see.
    pub(super) roles: &'a [Arc<Role>],
    table: &'a HostTable<'a>,
    defaults: HashMap<&'a str, &'a Arc<Variable>>,
    role_vars: HashMap<&'a str, &'a Arc<Variable>>,
    is_open: bool,
}

/// What a task adds to the sources of its play.
#[derive(Clone, Copy, Default)]
pub(super) struct TaskView<'t> {
    pub(super) role: Option<&'t Arc<Role>>,
    pub(super) vars: &'t [Arc<VarMap>],
    /// What the includes around it were given.
    pub(super) params: &'t [Arc<VarMap>],
    /// Names of the task's loop.
    loop_names: [Option<&'t str>; 2],
    /// Where the task's loop takes its items from, when that is a list of texts.
    items: Option<&'t Value>,
}

impl<'t> TaskView<'t> {
    /// The play itself, without a task.
    pub(super) fn of_play() -> Self {
        Self::default()
    }

    /// A task, inside its loop or around it.
    pub(super) fn of_task(task: &'t Task, inside_loop: bool) -> Self {
        let over = task.loop_over.as_ref().filter(|_| inside_loop);
        Self {
            role: task.role.as_ref(),
            vars: &task.keywords.vars,
            params: &task.keywords.params,
            loop_names: [
                over.map(|over| over.variable.as_str()),
                over.and_then(|over| over.index_variable.as_deref()),
            ],
            items: over.filter(|over| over.kind.keeps_items()).map(|over| &over.list.value),
        }
    }
}

impl<'a> PlayScope<'a> {
    pub(super) fn new(
        play: &'a Arc<Play>,
        hosts: Rc<PlayHosts>,
        table: &'a HostTable<'a>,
        loader: &Loader<'_>,
    ) -> Self {
        let merged = |vars: fn(&Role) -> &Arc<VarMap>| {
            let roles = play.all_roles.iter();
            roles
                .flat_map(|role| vars(role).iter())
                .map(|(name, variable)| (name.as_str(), variable))
                .collect()
        };
        let mut scope = Self {
            play,
            hosts,
            known: table.known,
            files: Vec::new(),
            roles: &play.all_roles,
            table,
            defaults: merged(|role| &role.vars.defaults),
            role_vars: merged(|role| &role.vars.vars),
            is_open: false,
        };
        scope.read_files(loader);
        scope
    }

    /// What `hosts` sees: it is evaluated before there is a host.
    pub(super) fn before_hosts(&self) -> Self {
        Self {
            hosts: HostTable::localhost(),
            files: Vec::new(),
            roles: &[],
            defaults: HashMap::new(),
            role_vars: HashMap::new(),
            ..self.clone()
        }
    }

    /// A source of the play is known in the run only.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    fn read_files(&mut self, loader: &Loader<'_>) {
        for alternatives in &self.play.vars_files {
            let Some(paths) = self.paths_of(alternatives) else {
                self.is_open = true;
                continue;
            };
            // One that is not there may be made by an earlier play.
            self.is_open |= !paths.iter().any(|path| path.is_file());
            for path in paths.iter().filter(|path| path.is_file()) {
                let mut problems = Diagnostics::default();
                let written = files::read_file(path, loader.passwords, &mut problems);
                // What is wrong with the file is said when the play is run.
                self.is_open |= problems.has_errors();
                self.files.extend(written.map(|written| Arc::new(written.vars)));
            }
        }
    }

    fn paths_of(&self, alternatives: &[Setting]) -> Option<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for setting in alternatives {
            let texts = self.possible(setting.value.as_str()?, &TaskView::of_play(), &RunNames::default(), 0)?;
            paths.extend(texts.into_iter().map(|text| self.play.folder.join(text)));
        }
        Some(paths)
    }

    /// What is known about a name; values that refer to nothing are left out.
    pub(super) fn find(&self, name: &str, view: &TaskView<'_>, run: &RunNames) -> Found {
        let variables = match self.above_inventory(name, view, run) {
            Some(found) => found,
            None if name.starts_with(FACTS) => return self.fact(name, view),
            None => {
                let mut all = Vec::new();
                let mut found = false;
                let mut everywhere = false;
                if let Some((templated, on_all)) = self.hosts.find(name, self.table) {
                    all.extend(templated.iter().cloned());
                    (found, everywhere) = (true, on_all);
                }
                if !everywhere && let Some(default) = self.default(name, view) {
                    all.push(Arc::clone(default));
                    found = true;
                }
                if found { Found::Written(all) } else { Found::Nothing }
            }
        };
        match variables {
            Found::Written(mut all) => {
                all.retain(|variable| variable.is_templated());
                Found::Written(all)
            }
            other => other,
        }
    }

    /// The sources that beat the inventory; `None` when they do not know the name.
    fn above_inventory(&self, name: &str, view: &TaskView<'_>, run: &RunNames) -> Option<Found> {
        if view.loop_names.contains(&Some(name)) || is_magic(name, view) {
            return Some(Found::Opaque);
        }
        let one = |variable: &Arc<Variable>| Some(Found::Written(vec![Arc::clone(variable)]));
        if let Some(variable) = self.known.extra_vars.get(name) {
            return one(variable);
        }
        for vars in view.params.iter().rev() {
            if let Some(variable) = vars.get(name) {
                // The layer of an include's loop: its items are known in the run.
                let is_loop = vars.contains_key("ansible_loop_var");
                return if is_loop { Some(Found::Opaque) } else { one(variable) };
            }
        }
        if let Some(variable) = view.role.and_then(|role| role.vars.params.get(name)) {
            return one(variable);
        }
        if run.defines(name) {
            return Some(Found::Opaque);
        }
        for vars in view.vars.iter().rev() {
            if let Some(variable) = vars.get(name) {
                return one(variable);
            }
        }
        let own = view
            .role
            .and_then(|role| role.vars.given.get(name).or(role.vars.vars.get(name)));
        if let Some(variable) = own.or(self.role_vars.get(name).copied()) {
            return one(variable);
        }
        let in_files: Vec<_> = self.files.iter().filter_map(|vars| vars.get(name).cloned()).collect();
        if !in_files.is_empty() {
            return Some(Found::Written(in_files));
        }
        if self.play.prompts.iter().any(|prompt| prompt.name == name) {
            return Some(Found::Opaque);
        }
        // The items of the loops that repeat it are known in the run.
        if self.play.repeated.iter().any(|repeated| repeated.over.defines(name)) {
            return Some(Found::Opaque);
        }
        self.play.vars.get(name).and_then(one)
    }

    fn default<'s>(&'s self, name: &str, view: &TaskView<'s>) -> Option<&'s Arc<Variable>> {
        let own = view.role.and_then(|role| role.vars.defaults.get(name));
        own.or(self.defaults.get(name).copied())
    }

    /// Facts are known in the run. Only a magic variable with one letter wrong is surely no fact.
    fn fact(&self, name: &str, view: &TaskView<'_>) -> Found {
        let is_written = self.hosts.find(name, self.table).is_some() || self.default(name, view).is_some();
        let is_misspelt = || {
            let magic = magic::NAMES.iter().filter(|known| known.starts_with(FACTS));
            magic
                .filter(|known| known.len() >= LONG_NAME && known.len().abs_diff(name.len()) <= 1)
                .any(|known| strsim::damerau_levenshtein(known, name) == 1)
        };
        if !is_written && is_misspelt() {
            Found::Nothing
        } else {
            Found::Opaque
        }
    }

    /// All texts that a template can yield; `None` when it can be anything.
    pub(super) fn possible(
        &self,
        text: &str,
        view: &TaskView<'_>,
        run: &RunNames,
        depth: usize,
    ) -> Option<BTreeSet<String>> {
        if depth > MAX_DEPTH {
            return None;
        }
        possible_texts(text, &mut |name| {
            if view.loop_names[0] == Some(name) {
                return plain_texts(view.items?);
            }
            let mut texts = BTreeSet::new();
            for variable in self.all_values(name, view, run)? {
                texts.extend(self.possible(variable.raw().as_str()?, view, run, depth + 1)?);
            }
            Some(texts)
        })
    }

    /// Every value that a name can have; `None` when one is known in the run only.
    fn all_values(&self, name: &str, view: &TaskView<'_>, run: &RunNames) -> Option<Vec<Arc<Variable>>> {
        match self.above_inventory(name, view, run) {
            Some(Found::Written(all)) => Some(all),
            Some(Found::Opaque) => None,
            _ if name.starts_with(FACTS) => None,
            _ => {
                let mut all = self.hosts.values(name, self.table)?;
                all.extend(self.default(name, view).cloned());
                Some(all)
            }
        }
    }

    /// Names that a task can use, for suggestions.
    pub(super) fn names<'s>(&'s self, view: &TaskView<'s>, run: &'s RunNames) -> Vec<&'s str> {
        let mut names: Vec<&str> = magic::NAMES.to_vec();
        names.extend(view.loop_names.into_iter().flatten());
        names.extend(run.names());
        names.extend(self.play.prompts.iter().map(|prompt| prompt.name.as_str()));
        names.extend(
            self.play
                .repeated
                .iter()
                .map(|repeated| repeated.over.variable.as_str()),
        );
        names.extend(self.hosts.all_names(self.table));
        names.extend(self.defaults.keys());
        names.extend(self.role_vars.keys());
        let own = view.role.map(|role| {
            [
                &role.vars.params,
                &role.vars.given,
                &role.vars.vars,
                &role.vars.defaults,
            ]
        });
        let maps = own.into_iter().flatten().chain(view.vars).chain(&self.files);
        let maps = maps.chain([self.known.extra_vars, &self.play.vars]);
        names.extend(maps.chain(view.params).flat_map(|vars| vars.keys().map(String::as_str)));
        names
    }
}

fn is_magic(name: &str, view: &TaskView<'_>) -> bool {
    match name {
        "role_name" | "role_path" => view.role.is_some(),
        _ => magic::is_magic(name),
    }
}

/// The items of a list of texts without templates.
fn plain_texts(list: &Value) -> Option<BTreeSet<String>> {
    let texts = list.as_array()?.iter().map(|item| {
        let text = item.as_str()?;
        (!holds_template(text)).then(|| text.to_owned())
    });
    texts.collect()
}
