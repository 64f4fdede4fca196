//! Names that tasks leave behind for the rest of the run.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use super::texts::{Language, Texts};
use crate::playbook::{Action, Task};
use crate::template::{holds_template, strip_braces};

/// What tasks anywhere in the run define, and what they look at before others use it.
#[derive(Default)]
pub(super) struct RunNames {
    defined: HashSet<String>,
    questioned: HashSet<String>,
}

impl RunNames {
    /// Takes in what tasks leave behind.
    pub(super) fn learn<'t>(&mut self, tasks: impl IntoIterator<Item = &'t Arc<Task>>, texts: &Texts) {
        for task in tasks {
            self.defined.extend(task.register.clone());
            let Action::Module {
                definition, options, ..
            } = &task.action
            else {
                if matches!(task.action, Action::Meta(_)) {
                    self.question(task.keywords.when.iter().map(|when| when.text.as_str()), texts);
                }
                continue;
            };
            match definition.name {
                "set-fact" => {
                    for name in options.keys() {
                        self.defined.insert(format!("ansible_{name}"));
                        self.defined.insert(name.clone());
                    }
                }
                "add-host" => self.defined.extend(options.keys().cloned()),
                // Their author looks after variables that may be missing, with words of their own.
                "assert" | "fail" => {
                    let asserted: Vec<&Value> = match options.get("that") {
                        Some(Value::Array(conditions)) => conditions.iter().collect(),
                        Some(condition) => vec![condition],
                        None => Vec::new(),
                    };
                    let asserted = asserted.into_iter().filter_map(Value::as_str).map(strip_braces);
                    let when = task.keywords.when.iter().map(|when| when.text.as_str());
                    self.question(asserted.chain(when), texts);
                }
                _ => {}
            }
        }
    }

    /// Takes in the names that an included file of variables defines.
    pub(super) fn learn_names<'n>(&mut self, names: impl IntoIterator<Item = &'n String>) {
        self.defined.extend(names.into_iter().cloned());
    }

    fn question<'t>(&mut self, conditions: impl Iterator<Item = &'t str>, texts: &Texts) {
        for condition in conditions {
            let reads = texts.reads(Language::Expression, condition);
            self.questioned.extend(reads.guarded.iter().cloned());
        }
    }

    /// True when some task of the run defines the name.
    pub(super) fn defines(&self, name: &str) -> bool {
        self.defined.contains(name)
    }

    /// True when a task that can end the play asks whether the name is defined.
    pub(super) fn questions(&self, name: &str) -> bool {
        self.questioned.contains(name)
    }

    /// All names that tasks define.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.defined.iter().map(String::as_str)
    }

    /// How much is known.
    pub(super) fn len(&self) -> usize {
        self.defined.len() + self.questioned.len()
    }
}

/// True for a task after which any name may be defined: what it defines is known when it is run.
pub(super) fn defines_unknown_names(task: &Task) -> bool {
    match &task.action {
        Action::Module {
            definition, options, ..
        } => match definition.name {
            "set-fact" => options.keys().any(|name| holds_template(name)),
            "add-host" => options.keys().any(|name| holds_template(name)),
            "group-by" => true,
            _ => false,
        },
        _ => false,
    }
}
