//! The tasks of a play with those that it includes while it runs, as far as the files' names can be known.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::run::{RunNames, defines_unknown_names};
use super::scope::{PlayScope, TaskView};
use crate::playbook::{Action, Included, Item, Loader, Loop, Play, Scoping, Task, finder};
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

/// An include by file, role and task file: one that was gone into already.
type Seen = HashSet<(PathBuf, String, Option<String>)>;

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
        let (names, files) = match &task.action {
            Action::IncludeTasks(include) => (texts(&include.file.value), None),
            Action::IncludeRole(include) => {
                let files = include.tasks_from.as_ref().map(|setting| texts(&setting.value));
                (texts(&include.name.value), files)
            }
            Action::Module {
                definition, options, ..
            } if definition.name == "include-vars" => {
                let names = options.get("file").and_then(texts);
                self.is_open |= !names.is_some_and(|names| self.read_names(task, &names, options, scope.play, loader));
                return;
            }
            _ => return,
        };
        let (Some(names), Some(files)) = (
            names,
            files.map_or(Some(vec![None]), |files| Some(files?.into_iter().map(Some).collect())),
        ) else {
            self.is_open = true;
            return;
        };
        for name in names.iter().filter(|name| !name.is_empty()) {
            for file in &files {
                if seen.insert((task.folder.clone(), name.clone(), file.clone())) {
                    self.take(task, name, file.as_deref(), scope.play, loader);
                }
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
                return false;
            };
            let mut problems = Diagnostics::default();
            let read = files::read_file(&path, loader.passwords, &mut problems);
            let names = read.iter().flat_map(|read| read.vars.keys().cloned());
            self.names.extend(names);
            !problems.has_errors()
        })
    }

    /// A file that is wrong or not there may never be included, or be made by then: nothing is said, and nothing known.
    fn take(&mut self, task: &Arc<Task>, name: &str, file: Option<&str>, play: &Play, loader: &Loader<'_>) {
        let scoping = Scoping::of_task(task, &play.folder);
        let mut inherited = task.keywords.clone();
        inherited.vars.extend(task.loop_over.as_ref().map(loop_layer));
        let included = match &task.action {
            Action::IncludeTasks(include) => loader.include_tasks(include, name, &inherited, &scoping),
            Action::IncludeRole(include) => loader.include_role(include, name, file, &inherited, &scoping),
            _ => return,
        };
        match included {
            Ok(Included { items, handlers, .. }) => {
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

/// The names that the tasks of an include in a loop see, as the runner hands them down.
fn loop_layer(over: &Loop) -> Arc<VarMap> {
    let names = ["ansible_loop_var".to_owned(), over.variable.clone()];
    let names = names.into_iter().chain(over.index_variable.clone());
    Arc::new(names.map(|name| (name, Variable::data(Value::Null))).collect())
}
