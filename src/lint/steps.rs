//! The tasks of a play one after the other, those of its includes in their places as far as their names are known.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use crate::inventory::{Inventory, Pattern};
use crate::playbook::{Action, Included, Item, Loader, Play, RoleNames, Scoping, Setting, Task};
use crate::template::holds_template;

/// How deep includes are followed.
const MAX_DEPTH: usize = 20;

/// A task and where in its play it stands.
pub(super) struct Step {
    pub(super) task: Arc<Task>,
    /// Handlers are run at the end of each: `pre_tasks`, roles and tasks, `post_tasks`.
    pub(super) part: usize,
    /// It is run whatever happened before it in its block.
    pub(super) always: bool,
}

/// A play with its tasks in their order.
pub(super) struct PlaySteps<'a> {
    pub(super) play: &'a Arc<Play>,
    /// Which playbook of the command line it came from.
    pub(super) run: usize,
    pub(super) steps: Vec<Step>,
    pub(super) handlers: Vec<Arc<Task>>,
    /// It runs on more than one host, as far as can be known.
    pub(super) many_hosts: bool,
}

impl<'a> PlaySteps<'a> {
    pub(super) fn of(play: &'a Arc<Play>, run: usize, loader: &Loader<'_>, inventory: Option<&Inventory>) -> Self {
        let mut steps = Self {
            play,
            run,
            steps: Vec::new(),
            handlers: play.handlers.clone(),
            many_hosts: many_hosts(play, inventory),
        };
        // Roles and tasks are one part.
        for (part, section) in [0, 1, 1, 2].into_iter().zip(play.sections()) {
            for item in section {
                steps.take(item, part, false, loader, &mut Vec::new());
            }
        }
        steps
    }

    /// Whether all of its hosts do the same task at the same time.
    pub(super) fn goes_all_at_once(&self) -> bool {
        self.many_hosts && self.play.serial.is_none()
    }

    /// The handlers that tasks of the play, or other handlers, notify.
    pub(super) fn notified_handlers(&self) -> Vec<&Arc<Task>> {
        let mut notified: Vec<&Arc<Task>> = Vec::new();
        let mut senders: Vec<&Arc<Task>> = self.steps.iter().map(|step| &step.task).collect();
        while let Some(sender) = senders.pop() {
            for handler in self.notified(sender) {
                if !notified.iter().any(|known| Arc::ptr_eq(known, handler)) {
                    notified.push(handler);
                    senders.push(handler);
                }
            }
        }
        notified
    }

    /// The handlers that a task notifies by name.
    pub(super) fn notified(&self, task: &Task) -> Vec<&Arc<Task>> {
        let names: Vec<&str> = task
            .notify
            .iter()
            .filter_map(|setting| setting.value.as_str())
            .collect();
        self.handlers
            .iter()
            .filter(|handler| {
                names.iter().any(|name| {
                    handler.name.as_deref() == Some(name)
                        || handler.title() == *name
                        || handler.listen.iter().any(|topic| topic == name)
                })
            })
            .collect()
    }

    fn take(
        &mut self,
        item: &Item,
        part: usize,
        always: bool,
        loader: &Loader<'_>,
        within: &mut Vec<(PathBuf, RoleNames)>,
    ) {
        let task = match item {
            Item::Task(task) => task,
            Item::Role(role) => {
                for item in &role.items {
                    self.take(item, part, always, loader, within);
                }
                return;
            }
            Item::Block(block) => {
                for (items, always) in [(&block.items, always), (&block.rescue, always), (&block.always, true)] {
                    for item in items {
                        self.take(item, part, always, loader, within);
                    }
                }
                return;
            }
        };
        self.steps.push(Step {
            task: Arc::clone(task),
            part,
            always,
        });
        let scoping = Scoping::of_task(task, &self.play.folder);
        let plain = |setting: &Setting| {
            setting
                .value
                .as_str()
                .filter(|text| !holds_template(text))
                .map(str::to_owned)
        };
        let (included, names) = match &task.action {
            Action::IncludeTasks(include) => {
                let Some(file) = plain(&include.file) else { return };
                let included = loader.include_tasks(include, &file, &task.keywords, &scoping);
                let names = RoleNames {
                    tasks_from: Some(file),
                    ..RoleNames::default()
                };
                (included, names)
            }
            Action::IncludeRole(include) => {
                let Some(names) = include.names(&plain) else { return };
                (loader.include_role(include, &names, &task.keywords, &scoping), names)
            }
            _ => return,
        };
        let key = (task.folder.clone(), names);
        // What is wrong with it is said when it is loaded.
        let Ok(Included { items, handlers, .. }) = included else {
            return;
        };
        if within.len() >= MAX_DEPTH || within.contains(&key) {
            return;
        }
        within.push(key);
        self.handlers.extend(handlers);
        for item in &items {
            self.take(item, part, always, loader, within);
        }
        within.pop();
    }
}

/// Whether a play can have more than one host.
fn many_hosts(play: &Play, inventory: Option<&Inventory>) -> bool {
    let texts: Vec<&str> = match &play.hosts.value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => return true,
    };
    let one_of_group = |text: &str| {
        let index = text.strip_suffix(']').and_then(|text| text.rsplit_once('['));
        index.is_some_and(|(_, index)| index.parse::<i64>().is_ok())
    };
    if let [only] = texts[..]
        && (matches!(only, "localhost" | "127.0.0.1") || (one_of_group(only) && !only.contains([',', '&', '!'])))
    {
        return false;
    }
    if texts.iter().any(|text| holds_template(text)) {
        return true;
    }
    inventory
        .and_then(|inventory| {
            Pattern::parse_all(texts)
                .and_then(|pattern| pattern.select(inventory))
                .ok()
        })
        .is_none_or(|hosts| hosts.len() > 1)
}
