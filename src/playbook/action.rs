use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::keywords::Keywords;
use super::model::OptionNodes;
use super::setting::Setting;
use crate::modules::ModuleDefinition;
use crate::vars::VarMap;

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
    IncludeTasks(IncludeTasks),
    /// Reads a role while the play runs.
    IncludeRole(IncludeRole),
}

/// `include_tasks`
#[derive(Debug)]
pub struct IncludeTasks {
    /// The file, perhaps a template.
    pub file: Setting,
    /// Keywords that its tasks get (`apply`).
    pub apply: Keywords,
    /// Its own variables, which its tasks see above those that were set.
    pub params: Arc<VarMap>,
}

/// `include_role`
#[derive(Debug)]
pub struct IncludeRole {
    /// The role, perhaps a template.
    pub name: Setting,
    /// File in its `tasks` folder instead of `main`.
    pub tasks_from: Option<Setting>,
    /// Keywords that its tasks get (`apply`).
    pub apply: Keywords,
    /// Its own variables, which the role sees above those that were set.
    pub params: Arc<VarMap>,
    /// Folder of the playbook, for the search.
    pub playbook_folder: PathBuf,
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
    /// Nothing.
    Noop,
}

impl Meta {
    /// All of them, under their names.
    pub const ALL: [(&'static str, Meta); 7] = [
        ("flush_handlers", Meta::FlushHandlers),
        ("end_play", Meta::EndPlay),
        ("end_host", Meta::EndHost),
        ("end_batch", Meta::EndBatch),
        ("clear_host_errors", Meta::ClearHostErrors),
        ("reset_connection", Meta::ResetConnection),
        ("noop", Meta::Noop),
    ];
}

impl Action {
    /// The name under which a task without a name is shown.
    pub fn name(&self) -> &'static str {
        match self {
            Action::Module { definition, .. } => definition.name,
            Action::Meta(_) => "meta",
            Action::IncludeTasks(_) => "include_tasks",
            Action::IncludeRole(_) => "include_role",
        }
    }
}

impl std::fmt::Debug for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
