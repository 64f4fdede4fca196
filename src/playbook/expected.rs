//! Hosts and groups that tasks may add while a playbook runs.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde_json::Value;

use super::action::Action;
use super::loader::{Loader, Scoping};
use super::model::{Item, Play, Playbook, Task};
use crate::template;

/// What may be added.
#[derive(Debug, Default)]
pub struct Expected {
    /// Names; `*` stands for what is known in the run only.
    pub names: Vec<String>,
    /// Tasks that are known in the run only may add more.
    pub is_open: bool,
}

impl Expected {
    /// Looks through the tasks of the playbooks, and of what they include as far as that is known.
    pub fn of(playbooks: &[Playbook], loader: &Loader<'_>) -> Self {
        let mut expected = Self::default();
        let mut seen = HashSet::new();
        for play in playbooks.iter().flat_map(|playbook| &playbook.plays) {
            let mut tasks: Vec<Arc<Task>> = play.all_tasks().chain(&play.handlers).cloned().collect();
            while let Some(task) = tasks.pop() {
                match included(&task, play, loader, &mut seen) {
                    Some(items) => tasks.extend(items.iter().flat_map(Item::tasks).cloned()),
                    None => expected.is_open = true,
                }
                expected.add(&task);
            }
        }
        expected
    }

    fn add(&mut self, task: &Task) {
        let Action::Module {
            definition, options, ..
        } = &task.action
        else {
            return;
        };
        let texts = |option: &str| match options.get(option) {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::String(text)) => text.split(',').map(|part| part.trim().to_owned()).collect(),
            _ => Vec::new(),
        };
        let mut names: Vec<String> = match definition.name {
            "add-host" => [texts("name"), texts("groups")].concat(),
            "group-by" => [texts("key"), texts("parents")]
                .concat()
                .iter()
                .map(|name| wildcards(name).replace(' ', "-"))
                .collect(),
            _ => return,
        };
        names.retain(|name| !name.is_empty());
        self.names.extend(names.iter().map(|name| wildcards(name)));
    }
}

/// What a task includes; `None` when that is known in the run only.
fn included(
    task: &Task,
    play: &Play,
    loader: &Loader<'_>,
    seen: &mut HashSet<(PathBuf, String, String)>,
) -> Option<Vec<Item>> {
    let plain = |value: &Value| {
        let text = value.as_str()?;
        (!template::holds_template(text)).then(|| text.to_owned())
    };
    let scoping = Scoping::of_task(task, &play.folder);
    let mut is_new = |name: &str, file: &str| seen.insert((task.folder.clone(), name.to_owned(), file.to_owned()));
    let included = match &task.action {
        Action::IncludeTasks(include) => {
            let file = plain(&include.file.value)?;
            if !is_new(&file, "") {
                return Some(Vec::new());
            }
            loader.include_tasks(include, &file, &task.keywords, &scoping)
        }
        Action::IncludeRole(include) => {
            let name = plain(&include.name.value)?;
            let file = match &include.tasks_from {
                Some(setting) => Some(plain(&setting.value)?),
                None => None,
            };
            if !is_new(&name, file.as_deref().unwrap_or("main")) {
                return Some(Vec::new());
            }
            loader.include_role(include, &name, file.as_deref(), &task.keywords, &scoping)
        }
        _ => return Some(Vec::new()),
    };
    included.ok().map(|included| included.items)
}

/// The text with `*` in place of each template.
fn wildcards(text: &str) -> String {
    static TEMPLATE: LazyLock<Regex> = LazyLock::new(|| template::pattern(r"(?s)\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}"));
    TEMPLATE.replace_all(text, "*").into_owned()
}
