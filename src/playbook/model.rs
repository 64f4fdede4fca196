use std::path::PathBuf;
use std::sync::Arc;

use super::action::Action;
use super::background::InBackground;
use super::keywords::Keywords;
use super::prompts::Prompt;
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
    /// What the hosts of a batch have in common.
    pub batch_by: Option<Setting>,
    /// Share of a batch, in percent, that may fail.
    pub max_fail_percentage: Option<Setting>,
    /// Whether facts are gathered first.
    pub gather_facts: Option<Setting>,
    /// Which groups of facts are gathered.
    pub gather_subset: Option<Setting>,
    /// Seconds that gathering them may take.
    pub gather_timeout: Option<Setting>,
    /// Variables that are asked for before it begins.
    pub prompts: Vec<Prompt>,
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
    /// The loops of the imports that it came by, the outermost first.
    pub repeated: Vec<Repeated>,
}

/// The loop of an `import_playbook`, as one of the plays of the file has it.
#[derive(Clone, Debug)]
pub struct Repeated {
    /// The loop, one for all plays that it repeats.
    pub over: Arc<Loop>,
    /// The play is the first of them: the run evaluates the loop when it gets there.
    pub is_first: bool,
}

/// A step of a play.
#[derive(Clone, Debug)]
pub enum Item {
    /// One task.
    Task(Arc<Task>),
    /// Several, with rescue and always.
    Block(Arc<Block>),
    /// A role that is run once on each host, wherever else it is named in the same way.
    Role(Arc<RoleRun>),
}

/// The tasks of a role that is run once.
#[derive(Debug)]
pub struct RoleRun {
    /// The role.
    pub role: Arc<Role>,
    /// Its tasks.
    pub items: Vec<Item>,
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
    /// Its work goes on beside krun.
    pub in_background: Option<InBackground>,
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
    /// `ansible_loop` holds all items.
    pub extended_allitems: bool,
    /// The loop ends behind the item for which these hold.
    pub break_when: Vec<Expression>,
}

/// How the items come from the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoopKind {
    /// `loop`: the list itself.
    List,
    /// `with_list`: the same, and one that is no list is the only item.
    WithList,
    /// `with_items`: flattened by one level.
    Items,
    /// `with_dict`: key and value of each entry.
    Dict,
    /// `with_nested`: all combinations.
    Nested,
    /// `with_together`: several lists side by side.
    Together,
    /// `with_subelements`: elements with the items of a list in each.
    Subelements,
    /// `with_sequence`: numbers.
    Sequence,
    /// `with_fileglob`: files of this machine.
    FileGlob,
    /// `with_file`: contents of such files.
    File,
    /// `with_first_found`: the first of several files that is there.
    FirstFound,
    /// `with_indexed_items`: number and item.
    IndexedItems,
    /// `with_flattened`: flattened by all levels.
    Flattened,
    /// `with_random_choice`: one of the items.
    RandomChoice,
    /// `with_inventory_hostnames`: the hosts of patterns.
    InventoryHostnames,
}

impl Loop {
    /// True for the names that hold its item and the item's number.
    pub fn defines(&self, name: &str) -> bool {
        self.variable == name || self.index_variable.as_deref() == Some(name)
    }
}

impl LoopKind {
    /// Each item is one of those that are written, as it is written.
    pub(super) fn keeps_items(self) -> bool {
        matches!(
            self,
            Self::List | Self::WithList | Self::Items | Self::RandomChoice | Self::FirstFound
        )
    }
}

impl Task {
    /// A task that does this, without any other keyword.
    pub(crate) fn new(place: Place, action: Action, folder: PathBuf) -> Self {
        Self {
            name: None,
            place,
            action,
            keywords: Keywords::default(),
            register: None,
            loop_over: None,
            until: Vec::new(),
            retries: None,
            delay: None,
            changed_when: None,
            failed_when: None,
            notify: Vec::new(),
            listen: Vec::new(),
            in_background: None,
            role: None,
            folder,
        }
    }

    /// The name as people see it before variables are known.
    pub fn title(&self) -> String {
        let own = self.name.clone().unwrap_or_else(|| self.action.shown().to_owned());
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
            Item::Role(run) => run.items.iter().flat_map(Item::tasks).collect(),
        }
    }

    /// The identities of the roles below it that are run once.
    pub(super) fn roles(&self) -> Vec<&str> {
        match self {
            Item::Task(_) => Vec::new(),
            Item::Block(block) => [&block.items, &block.rescue, &block.always]
                .into_iter()
                .flatten()
                .flat_map(Item::roles)
                .collect(),
            Item::Role(run) => {
                let below = run.items.iter().flat_map(Item::roles);
                below.chain([run.role.identity.as_str()]).collect()
            }
        }
    }

    /// The item, or the tasks of a role that nothing else of the play can run a second time.
    pub(super) fn flattened(self, is_repeated: &impl Fn(&str) -> bool) -> Vec<Item> {
        match self {
            Item::Role(run) if !is_repeated(&run.role.identity) => {
                let items = run.items.iter().cloned();
                items.flat_map(|item| item.flattened(is_repeated)).collect()
            }
            other => vec![other],
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
