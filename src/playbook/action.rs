use serde_json::{Map, Value};

use super::keywords::Keywords;
use super::loader::RoleNames;
use super::model::OptionNodes;
use super::setting::Setting;
use crate::modules::ModuleDefinition;
use crate::syntax::Diagnostics;

/// What a task does.
pub enum Action {
    /// Runs a module.
    Module {
        /// Which.
        definition: &'static ModuleDefinition,
        /// Its options as written, under their own names.
        options: Map<String, Value>,
        /// The options' nodes, for messages that point at them.
        nodes: OptionNodes,
    },
    /// Steers the runner.
    Meta(Meta),
    /// Reads tasks while the play runs.
    IncludeTasks(Box<IncludeTasks>),
    /// Reads a role while the play runs.
    IncludeRole(Box<IncludeRole>),
    /// Cannot be run: its module, an option or a key of it is none that krun knows.
    Unsupported(UnsupportedTask),
}

/// A task that krun cannot run, and that is no error until it is reached.
#[derive(Debug)]
pub struct UnsupportedTask {
    /// What it calls its module.
    pub name: String,
    /// What is wrong with it.
    pub findings: Diagnostics,
}

/// `include_tasks`
#[derive(Debug)]
pub struct IncludeTasks {
    /// The file, perhaps a template.
    pub file: Setting,
    /// Keywords that its tasks get (`apply`).
    pub apply: Keywords,
}

/// `include_role`
#[derive(Debug)]
pub struct IncludeRole {
    /// The role, perhaps a template.
    pub name: Setting,
    /// File in its `tasks` folder instead of `main`.
    pub tasks_from: Option<Setting>,
    /// The same for its variables.
    pub vars_from: Option<Setting>,
    /// The same for its defaults.
    pub defaults_from: Option<Setting>,
    /// The same for its handlers.
    pub handlers_from: Option<Setting>,
    /// Its variables are there for the rest of the play.
    pub is_public: bool,
    /// It is run each time.
    pub allows_duplicates: bool,
    /// Its arguments are checked.
    pub validates: bool,
    /// Keywords that its tasks get (`apply`).
    pub apply: Keywords,
}

impl IncludeRole {
    /// What it names, when `text` has an answer for each of its settings.
    pub(crate) fn names(&self, text: &dyn Fn(&Setting) -> Option<String>) -> Option<RoleNames> {
        let other = |setting: &Option<Setting>| match setting {
            None => Some(None),
            Some(setting) => text(setting).map(Some),
        };
        Some(RoleNames {
            role: text(&self.name)?,
            tasks_from: other(&self.tasks_from)?,
            vars_from: other(&self.vars_from)?,
            defaults_from: other(&self.defaults_from)?,
            handlers_from: other(&self.handlers_from)?,
        })
    }

    /// All its settings.
    pub(crate) fn settings(&self) -> [Option<&Setting>; 5] {
        [
            Some(&self.name),
            self.tasks_from.as_ref(),
            self.vars_from.as_ref(),
            self.defaults_from.as_ref(),
            self.handlers_from.as_ref(),
        ]
    }
}

/// `meta`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meta {
    /// Runs the notified handlers now.
    FlushHandlers,
    /// Ends the play for all hosts.
    EndPlay,
    /// Ends the play for this host.
    EndHost,
    /// Ends the batch for all its hosts.
    EndBatch,
    /// Makes hosts that failed take part again.
    ClearHostErrors,
    /// Closes the connection, so that the next task opens it anew.
    ResetConnection,
    /// Ends the role for this host.
    EndRole,
    /// Forgets the host's facts.
    ClearFacts,
    /// Reads the inventory again.
    RefreshInventory,
    /// Nothing.
    Noop,
}

impl Meta {
    /// All of them, under their names.
    pub const ALL: [(&'static str, Meta); 10] = [
        ("flush_handlers", Meta::FlushHandlers),
        ("end_play", Meta::EndPlay),
        ("end_host", Meta::EndHost),
        ("end_batch", Meta::EndBatch),
        ("clear_host_errors", Meta::ClearHostErrors),
        ("reset_connection", Meta::ResetConnection),
        ("end_role", Meta::EndRole),
        ("clear_facts", Meta::ClearFacts),
        ("refresh_inventory", Meta::RefreshInventory),
        ("noop", Meta::Noop),
    ];
}

impl Action {
    /// The name under which a task without a name is shown.
    pub fn shown(&self) -> &str {
        match self {
            Action::Unsupported(task) => &task.name,
            other => other.name(),
        }
    }

    /// The name of what it does, as krun calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Action::Module { definition, .. } => definition.name,
            Action::Meta(_) => "meta",
            Action::IncludeTasks(_) => "include_tasks",
            Action::IncludeRole(_) => "include_role",
            Action::Unsupported(_) => "unsupported",
        }
    }
}

impl std::fmt::Debug for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
