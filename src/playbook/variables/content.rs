//! The tasks of a play with those that it includes while it runs, as far as the files' names can be known.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::run::{RunNames, defines_unknown_names};
use super::scope::{PlayScope, TaskView};
use crate::playbook::{
    Action, IncludeRole, Included, Item, Loader, Loop, LoopKind, Play, RoleNames, Scoping, Setting, Task, finder,
};
use crate::syntax::Diagnostics;
use crate::template::holds_template;
use crate::vars::{VarMap, Variable, files};

/// The tasks of a play.
#[derive(Default)]
pub(super) struct Content {
    /// Tasks, those of includes behind the others.
    pub(super) tasks: Vec<Arc<Task>>,
    /// Handlers, those of includes behind the others.
    pub(super) handlers: Vec<Arc<Task>>,
    /// Names that files of variables define which tasks read.
    pub(super) names: HashSet<String>,
    /// Something that is known in the run only can define any name.
    pub(super) is_open: bool,
}

/// Includes that were gone into already.
type Seen = HashSet<(PathBuf, RoleNames)>;

impl Content {
    pub(super) fn of(play: &Play, scope: Option<&PlayScope<'_>>, run: &RunNames, loader: &Loader<'_>) -> Self {
        let mut content = Self {
            tasks: play.all_tasks().cloned().collect(),
            handlers: play.handlers.clone(),
            names: HashSet::new(),
            is_open: false,
        };
        // A play without hosts is not run, and defines nothing.
        let Some(scope) = scope else { return content };
        let mut seen = Seen::new();
        let mut next = (0, 0);
        loop {
            let task = if let Some(task) = content.tasks.get(next.0) {
                next.0 += 1;
                Arc::clone(task)
            } else if let Some(task) = content.handlers.get(next.1) {
                next.1 += 1;
                Arc::clone(task)
            } else {
                return content;
            };
            content.is_open |= defines_unknown_names(&task);
            content.include(&task, scope, run, loader, &mut seen);
        }
    }

    fn include(
        &mut self,
        task: &Arc<Task>,
        scope: &PlayScope<'_>,
        run: &RunNames,
        loader: &Loader<'_>,
        seen: &mut Seen,
    ) {
        let view = TaskView::of_task(task, true);
        let texts = |value: &Value| {
            let text = value.as_str()?;
            let known = !scope.is_open() || !holds_template(text);
            known.then(|| scope.possible(text, &view, run, 0)).flatten()
        };
        let wanted: Option<Vec<RoleNames>> = match &task.action {
            Action::IncludeTasks(include) => texts(&include.file.value).map(|files| {
                let of_file = |role| RoleNames {
                    role,
                    ..RoleNames::default()
                };
                files.into_iter().map(of_file).collect()
            }),
            Action::IncludeRole(include) => role_names(include, &|setting| texts(&setting.value)),
            Action::Module {
                definition, options, ..
            } if definition.name == "include-vars" => {
                let names = options.get("file").and_then(texts);
                self.is_open |= !names.is_some_and(|names| self.read_names(task, &names, options, scope.play, loader));
                return;
            }
            _ => return,
        };
        let Some(wanted) = wanted else {
            self.is_open = true;
            return;
        };
        for names in wanted {
            if !names.role.is_empty() && seen.insert((task.folder.clone(), names.clone())) {
                self.take(task, &names, scope.play, loader);
            }
        }
    }

    /// Notes what files of variables define; false when that is not known.
    fn read_names(
        &mut self,
        task: &Task,
        files: &BTreeSet<String>,
        options: &Map<String, Value>,
        play: &Play,
        loader: &Loader<'_>,
    ) -> bool {
        match options.get("name") {
            None => {}
            Some(Value::String(name)) if !holds_template(name) => {
                self.names.insert(name.clone());
                return true;
            }
            Some(_) => return false,
        }
        files.iter().all(|file| {
            let Ok(path) = finder(task, play).find("vars", file) else {
                let is_choice = |over: &Loop| over.kind == LoopKind::FirstFound;
                return task.loop_over.as_ref().is_some_and(is_choice);
            };
            let mut problems = Diagnostics::default();
            let read = files::read_file(&path, loader.passwords, &mut problems);
            let names = read.iter().flat_map(|read| read.vars.keys().cloned());
            self.names.extend(names);
            !problems.has_errors()
        })
    }

    /// A file that is wrong or not there may never be included, or be made by then: nothing is said, and nothing known.
    fn take(&mut self, task: &Arc<Task>, names: &RoleNames, play: &Play, loader: &Loader<'_>) {
        let scoping = Scoping::of_task(task, &play.folder);
        let mut inherited = task.keywords.clone();
        inherited.params.extend(task.loop_over.as_ref().map(loop_layer));
        let included = match &task.action {
            Action::IncludeTasks(include) => loader.include_tasks(include, &names.role, &inherited, &scoping),
            Action::IncludeRole(include) => loader.include_role(include, names, &inherited, &scoping),
            _ => return,
        };
        match included {
            Ok(Included { items, handlers, roles }) => {
                if matches!(&task.action, Action::IncludeRole(include) if include.is_public) {
                    let vars = roles.iter().flat_map(|role| [&role.vars.defaults, &role.vars.vars]);
                    self.names.extend(vars.flat_map(|vars| vars.keys().cloned()));
                }
                self.tasks.extend(items.iter().flat_map(Item::tasks).cloned());
                self.handlers.extend(handlers);
            }
            Err(_) => self.is_open = true,
        }
    }

    /// The handlers that some of the tasks, or a handler that they notify, can notify.
    pub(super) fn notified_handlers(&self, tasks: &[&Arc<Task>]) -> Vec<&Arc<Task>> {
        let mut notified: Vec<&Arc<Task>> = Vec::new();
        let mut senders: Vec<&Arc<Task>> = tasks.to_vec();
        while let Some(sender) = senders.pop() {
            for setting in &sender.notify {
                for handler in &self.handlers {
                    let hit = match setting.value.as_str().filter(|name| !holds_template(name)) {
                        Some(name) => {
                            handler.name.as_deref() == Some(name)
                                || handler.title() == name
                                || handler.listen.iter().any(|topic| topic == name)
                        }
                        None => true,
                    };
                    if hit && !notified.iter().any(|known| Arc::ptr_eq(known, handler)) {
                        notified.push(handler);
                        senders.push(handler);
                    }
                }
            }
        }
        notified
    }
}

/// Everything that an include of a role can name; `None` when that is known in the run only.
fn role_names(include: &IncludeRole, texts: &dyn Fn(&Setting) -> Option<BTreeSet<String>>) -> Option<Vec<RoleNames>> {
    let mut all = vec![RoleNames::default()];
    for (number, setting) in include.settings().into_iter().enumerate() {
        let Some(setting) = setting else { continue };
        let texts = texts(setting)?;
        let with = |names: &RoleNames| -> Vec<RoleNames> {
            let one = |text: &String| {
                let mut names = names.clone();
                match number {
                    0 => names.role.clone_from(text),
                    1 => names.tasks_from = Some(text.clone()),
                    2 => names.vars_from = Some(text.clone()),
                    3 => names.defaults_from = Some(text.clone()),
                    _ => names.handlers_from = Some(text.clone()),
                }
                names
            };
            texts.iter().map(one).collect()
        };
        all = all.iter().flat_map(with).collect();
    }
    Some(all)
}

/// The names that the tasks of an include in a loop see, as the runner hands them down.
fn loop_layer(over: &Loop) -> Arc<VarMap> {
    let names = ["ansible_loop_var".to_owned(), over.variable.clone()];
    let names = names.into_iter().chain(over.index_variable.clone());
    Arc::new(names.map(|name| (name, Variable::data(Value::Null))).collect())
}
