//! The one key of a task that says what it does.

use std::sync::Arc;

use serde_json::Value;

use super::action::{Action, Meta};
use super::keywords::Keywords;
use super::loader::{Loader, Scoping};
use super::module_defaults::with_defaults;
use super::module_options::{check_options, normalise};
use super::setting::Setting;
use crate::modules::{self, ModuleDefinition};
use crate::syntax::{Diagnostic, Diagnostics, Entry, Fields, Kind, Node, Style, closest};

/// Keys of a task that steer krun instead of naming a module.
pub(super) const STATEMENTS: [&str; 5] = ["import_tasks", "include_tasks", "import_role", "include_role", "meta"];

/// What else in a task can define variables.
const DEFINING: [&str; 6] = ["block", "include_vars", "loop", "register", "set_fact", "vars"];

impl Loader<'_> {
    /// Finds the one key that says what the task does.
    pub(super) fn action(
        &self,
        fields: &mut Fields<'_>,
        keywords: &mut Keywords,
        scoping: &Scoping,
        diagnostics: &mut Diagnostics,
    ) -> Option<Action> {
        let args = fields.take("args");
        let place = fields.node().place.clone();
        if let Some(entry) = statement(fields, "meta") {
            let meta = meta(&entry.value, diagnostics)?;
            if meta == Meta::EndRole && scoping.role.is_none() {
                diagnostics.push(
                    Diagnostic::error("`meta: end_role` ends a role, and this task is in none")
                        .at(&entry.value.place)
                        .without_gap(),
                );
            }
            return Some(Action::Meta(meta));
        }
        for key in ["include_tasks", "include_role"] {
            if let Some(entry) = statement(fields, key) {
                return self.include(key, entry, args, diagnostics);
            }
        }
        let candidates: Vec<&Entry> = fields.rest().filter(|entry| is_action(&entry.key)).collect();
        match candidates.as_slice() {
            [entry] => {
                fields.mark(entry);
                module_action(entry, args, keywords, diagnostics)
            }
            [] => {
                // An unknown key is reported with a suggestion; a task without any gets this.
                if fields.rest().next().is_none() {
                    diagnostics.push(Diagnostic::error("the task does nothing: no module is named").at(place));
                } else {
                    for entry in fields.rest().collect::<Vec<_>>() {
                        let unknown =
                            Diagnostic::error(format!("`{}` is neither a module nor a key of a task", entry.key))
                                .at(&entry.key_place);
                        let unknown = explain_unknown(unknown, &entry.key).unsupported();
                        let may_define = closest(&entry.key, STATEMENTS.into_iter().chain(DEFINING)).is_some();
                        diagnostics.push(if may_define { unknown } else { unknown.without_gap() });
                    }
                }
                None
            }
            [first, second, ..] => {
                diagnostics.push(
                    Diagnostic::error(format!(
                        "a task does one thing, here are `{}` and `{}`",
                        first.key, second.key
                    ))
                    .at(&second.key_place)
                    .help("make two tasks of it"),
                );
                None
            }
        }
    }
}

/// What was most likely meant by a key that is none.
fn explain_unknown(unknown: Diagnostic, key: &str) -> Diagnostic {
    let short = key.rsplit('.').next().unwrap_or(key);
    if short == "import_playbook" {
        return unknown.help("it stands in a playbook's list, beside the plays");
    }
    match closest(short, modules::names().chain(STATEMENTS).chain(TASK_KEYS)) {
        Some(near) => unknown.help(format!("did you mean `{near}`?")),
        None => unknown.help("`krun doc` lists the modules; what they lack a `command` or a `script` can do"),
    }
}

/// Keys of a task, for suggestions.
const TASK_KEYS: [&str; 36] = [
    "any_errors_fatal",
    "args",
    "async",
    "become",
    "become_flags",
    "become_method",
    "become_user",
    "block",
    "changed_when",
    "check_mode",
    "connection",
    "delay",
    "delegate_facts",
    "delegate_to",
    "diff",
    "environment",
    "failed_when",
    "ignore_errors",
    "ignore_unreachable",
    "listen",
    "loop",
    "loop_control",
    "name",
    "no_log",
    "notify",
    "poll",
    "register",
    "remote_user",
    "retries",
    "run_once",
    "tags",
    "throttle",
    "timeout",
    "until",
    "vars",
    "when",
];

/// What a task calls its module, known or not.
pub(super) fn written_action(fields: &Fields<'_>) -> String {
    let is_module = |key: &str| is_action(key) || !TASK_KEYS.contains(&key);
    let mut keys = fields.rest().map(|entry| entry.key.as_str());
    keys.find(|key| is_module(key)).unwrap_or("unsupported").to_owned()
}

fn is_action(key: &str) -> bool {
    modules::find(key).is_some() || matches!(key, "local_action" | "action")
}

pub(super) fn statement<'a>(fields: &mut Fields<'a>, key: &'static str) -> Option<&'a Entry> {
    fields.entry(key).or_else(|| {
        let found = fields
            .rest()
            .find(|entry| entry.key.strip_prefix("ansible.builtin.") == Some(key));
        if let Some(entry) = found {
            fields.mark(entry);
        }
        found
    })
}

fn meta(node: &Node, diagnostics: &mut Diagnostics) -> Option<Meta> {
    let name = node.text().unwrap_or_default();
    if name.is_empty() {
        let all = Meta::ALL.map(|(known, _)| known).join(", ");
        diagnostics.push(
            Diagnostic::error("`meta` needs the name of what it does")
                .at(&node.place)
                .help(format!("one of {all}")),
        );
        return None;
    }
    let found = Meta::ALL
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, meta)| *meta);
    if found.is_none() {
        diagnostics.push(
            Diagnostic::error(format!("there is no `meta: {name}`"))
                .at(&node.place)
                .did_you_mean(name, Meta::ALL.map(|(known, _)| known)),
        );
    }
    found
}

/// Reads a module's options in all the ways in which Ansible's users write them.
fn module_action(
    entry: &Entry,
    args: Option<&Node>,
    keywords: &mut Keywords,
    diagnostics: &mut Diagnostics,
) -> Option<Action> {
    let (definition, node) = match entry.key.as_str() {
        "local_action" | "action" => {
            if entry.key == "local_action" {
                keywords.delegate_to = Some(Setting {
                    value: Value::from("localhost"),
                    place: entry.key_place.clone(),
                });
            }
            generic_action(&entry.value, diagnostics)?
        }
        name => (modules::find(name)?, entry.value.clone()),
    };
    let node = diagnostics.keep(normalise(definition, &node, args))?;
    let node = with_defaults(node, keywords.module_defaults.get(definition.name));
    let options = check_options(definition, &node, diagnostics);
    Some(Action::Module {
        definition,
        options,
        nodes: Arc::new(node),
    })
}

/// `action: module k=v` and `action: {module: …, …}`.
fn generic_action(node: &Node, diagnostics: &mut Diagnostics) -> Option<(&'static ModuleDefinition, Node)> {
    let (name, rest) = match (&node.kind, node.text()) {
        (_, Some(text)) => {
            let (name, rest) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
            let kind = Kind::Scalar {
                text: rest.trim().to_owned(),
                style: Style::Plain,
            };
            (name.to_owned(), kind)
        }
        (Kind::Mapping(entries), _) => {
            let name = node.get("module").and_then(Node::text).unwrap_or_default().to_owned();
            let rest = entries.iter().filter(|entry| entry.key != "module").cloned().collect();
            (name, Kind::Mapping(rest))
        }
        _ => (String::new(), Kind::Mapping(Vec::new())),
    };
    let Some(definition) = modules::find(&name) else {
        diagnostics.push(
            Diagnostic::error(format!("there is no module `{name}`"))
                .at(&node.place)
                .did_you_mean(&name, modules::names())
                .unsupported(),
        );
        return None;
    };
    Some((
        definition,
        Node {
            kind: rest,
            place: node.place.clone(),
            tag: None,
        },
    ))
}
