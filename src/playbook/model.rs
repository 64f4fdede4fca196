use std::path::PathBuf;
use std::sync::Arc;

use super::action::Action;
use super::keywords::Keywords;
use super::role::Role;
use super::setting::{Expression, Setting};
use crate::inventory::glob_matches;
use crate::syntax::{Node, Place};
use crate::vars::VarMap;

/// A playbook with everything that it imports.
#[derive(Debug)]
pub struct Playbook {
    /// Its file.
    pub path: PathBuf,
    /// Its plays, those of imported playbooks in their places.
    pub plays: Vec<Arc<Play>>,
}

/// A play: which hosts, in which batches, and what is done on them.
#[derive(Debug)]
pub struct Play {
    /// Its name; the host pattern when it has none.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Folder of the playbook that it stands in.
    pub folder: PathBuf,
    /// Host pattern, perhaps a template.
    pub hosts: Setting,
    /// How the hosts of a batch go through the tasks, perhaps a template.
    pub strategy: Option<Setting>,
    /// Batch sizes as written; empty for one batch.
    pub serial: Option<Setting>,
    /// In which order hosts are taken.
    pub order: Option<Setting>,
    /// Share of a batch, in percent, that may fail.
    pub max_fail_percentage: Option<Setting>,
    /// Whether facts are gathered first.
    pub gather_facts: Option<Setting>,
    /// Run handlers also on hosts that failed.
    pub force_handlers: Option<Setting>,
    /// The play's variables.
    pub vars: Arc<VarMap>,
    /// Variable files, perhaps templates; for each the alternatives, of which the first that exists is read.
    pub vars_files: Vec<Vec<Setting>>,
    /// What the play hands down to its tasks.
    pub keywords: Keywords,
    /// Tasks before the roles.
    pub pre_tasks: Vec<Item>,
    /// The roles' tasks in order.
    pub roles: Vec<Item>,
    /// The play's own tasks.
    pub tasks: Vec<Item>,
    /// Tasks after all.
    pub post_tasks: Vec<Item>,
    /// Handlers in the order in which they run: those of the roles, then the play's.
    pub handlers: Vec<Arc<Task>>,
    /// All roles of the play, whose defaults and variables its tasks see.
    pub all_roles: Vec<Arc<Role>>,
}

/// A step of a play.
#[derive(Clone, Debug)]
pub enum Item {
    /// One task.
    Task(Arc<Task>),
    /// Several, with rescue and always.
    Block(Arc<Block>),
}

/// Tasks that belong together, and what happens when one fails.
#[derive(Debug)]
pub struct Block {
    /// Its tasks.
    pub items: Vec<Item>,
    /// Run on the hosts where a task of the block failed.
    pub rescue: Vec<Item>,
    /// Run in any case.
    pub always: Vec<Item>,
}

/// One task.
#[derive(Debug)]
pub struct Task {
    /// Its name, perhaps a template.
    pub name: Option<String>,
    /// Where it stands.
    pub place: Place,
    /// What it does.
    pub action: Action,
    /// Its keywords with those handed down to it.
    pub keywords: Keywords,
    /// Variable that keeps its result.
    pub register: Option<String>,
    /// What it is repeated for.
    pub loop_over: Option<Loop>,
    /// It is repeated until these hold.
    pub until: Vec<Expression>,
    /// How often it is repeated for `until`.
    pub retries: Option<Setting>,
    /// Seconds between two tries.
    pub delay: Option<Setting>,
    /// Replaces the module's word on whether it changed something.
    pub changed_when: Option<Vec<Expression>>,
    /// Replaces the module's word on whether it failed.
    pub failed_when: Option<Vec<Expression>>,
    /// Handlers to run when it changed something.
    pub notify: Vec<Setting>,
    /// Topics that it listens to, when it is a handler.
    pub listen: Vec<String>,
    /// The role that it belongs to.
    pub role: Option<Arc<Role>>,
    /// Folder of the file that it stands in.
    pub folder: PathBuf,
}

/// `loop` and the `with_` forms.
#[derive(Debug)]
pub struct Loop {
    /// What kind of list it makes of its value.
    pub kind: LoopKind,
    /// The list, perhaps a template.
    pub list: Setting,
    /// Name of the variable that holds the item.
    pub variable: String,
    /// Name of the variable that holds the item's index from 0.
    pub index_variable: Option<String>,
    /// Shown instead of the item.
    pub label: Option<Setting>,
    /// Seconds between two items.
    pub pause: Option<Setting>,
    /// Sets `ansible_loop`.
    pub extended: bool,
}

/// How the items come from the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoopKind {
    /// `loop`, `with_list`: the list itself.
    List,
    /// `with_items`: flattened by one level.
    Items,
    /// `with_dict`: key and value of each entry.
    Dict,
}

impl Task {
    /// The name as people see it before variables are known.
    pub fn title(&self) -> String {
        let own = self.name.clone().unwrap_or_else(|| self.action.name().to_owned());
        match &self.role {
            Some(role) => format!("{} : {own}", role.name),
            None => own,
        }
    }
}

impl Task {
    /// Whether `--start-at-task` means it: by its name, with or without the role's in front; with wildcards.
    pub fn is_called(&self, wanted: &str) -> bool {
        let names = [self.name.clone(), Some(self.title())];
        names
            .iter()
            .flatten()
            .any(|name| name == wanted || glob_matches(wanted, name))
    }
}

impl Item {
    /// All tasks below it, in the order written.
    pub fn tasks(&self) -> Vec<&Arc<Task>> {
        match self {
            Item::Task(task) => vec![task],
            Item::Block(block) => [&block.items, &block.rescue, &block.always]
                .into_iter()
                .flatten()
                .flat_map(Item::tasks)
                .collect(),
        }
    }
}

impl Play {
    /// The sections in the order in which they run.
    pub fn sections(&self) -> [&[Item]; 4] {
        [&self.pre_tasks, &self.roles, &self.tasks, &self.post_tasks]
    }

    /// Every task of the play, handlers aside.
    pub fn all_tasks(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.sections().into_iter().flatten().flat_map(Item::tasks)
    }
}

/// The node of an option, for messages that point at it.
pub(crate) type OptionNodes = Arc<Node>;
