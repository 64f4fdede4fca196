use std::sync::Arc;

use super::action::{Action, Meta, UnsupportedTask};
use super::background::{check_background, in_background};
use super::keywords::{Keywords, text_list};
use super::loader::{Loader, Scoping, Unsupported};
use super::looping::loop_over;
use super::model::{Block, Item, Task};
use super::role::Role;
use super::setting::{Expression, Setting};
use super::task_action::{STATEMENTS, statement, written_action};
use crate::modules;
use crate::syntax::{Diagnostic, Diagnostics, Fields, Kind, Node};
use crate::template;

/// Ansible's keys of a task that this version refuses, with the reason.
const NOT_YET: [(&str, &str); 1] = [("debugger", "use --step")];

/// What is collected while lists are read.
pub(super) struct Collected<'c> {
    pub(super) handlers: &'c mut Vec<Arc<Task>>,
    pub(super) roles: &'c mut Vec<Arc<Role>>,
}

impl Loader<'_> {
    /// Reads a list of tasks and blocks.
    pub(super) fn task_list(
        &self,
        node: &Node,
        outer: &Keywords,
        scoping: &Scoping,
        handlers: &mut Vec<Arc<Task>>,
        roles: &mut Vec<Arc<Role>>,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Item> {
        if node.is_null() {
            return Vec::new();
        }
        let Some(nodes) = node.items() else {
            diagnostics.push(
                Diagnostic::error(format!("a task list is a list, this is {}", node.describe()))
                    .at(&node.place)
                    .help("begin each task with `- name: …`"),
            );
            return Vec::new();
        };
        let mut collected = Collected { handlers, roles };
        nodes
            .iter()
            .flat_map(|node| self.item(node, outer, scoping, &mut collected, diagnostics))
            .collect()
    }

    fn item(
        &self,
        node: &Node,
        outer: &Keywords,
        scoping: &Scoping,
        collected: &mut Collected<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Item> {
        let is_block = node.get("block").is_some();
        let what = if is_block { "a block" } else { "a task" };
        let Some(mut fields) = diagnostics.keep(Fields::of(node, what)) else {
            return Vec::new();
        };
        if is_block {
            return self.block(fields, outer, scoping, collected, diagnostics);
        }
        let name = fields.take("name").and_then(Node::text).map(str::to_owned);
        if let Some(name) = name.as_deref().filter(|name| template::holds_template(name))
            && let Err(error) = template::check_text(name)
        {
            diagnostics.push(Diagnostic::error(error.message).at(&node.place).without_gap());
        }
        let mut keywords = Keywords::read(outer, &mut fields, self, diagnostics);
        for key in ["import_tasks", "import_role"] {
            if let Some(entry) = statement(&mut fields, key) {
                let args = fields.take("args");
                fields.finish(STATEMENTS, diagnostics);
                return self.import(key, entry, args, &keywords, scoping, collected, diagnostics);
            }
        }
        let mut found = Diagnostics::default();
        let mut task = Task {
            name,
            place: node.place.clone(),
            action: Action::Meta(Meta::Noop),
            keywords: Keywords::default(),
            register: fields.take("register").and_then(|node| register(node, &mut found)),
            loop_over: loop_over(&mut fields, &mut found),
            until: fields
                .take("until")
                .map(|node| Expression::list(node, &mut found))
                .unwrap_or_default(),
            retries: setting(&mut fields, "retries", &mut found),
            delay: setting(&mut fields, "delay", &mut found),
            changed_when: fields
                .take("changed_when")
                .map(|node| Expression::list(node, &mut found)),
            failed_when: fields
                .take("failed_when")
                .map(|node| Expression::list(node, &mut found)),
            notify: [outer.notify.clone(), notify(&mut fields, &mut found)].concat(),
            listen: fields
                .take("listen")
                .map(|node| text_list(node, "listen", &mut found))
                .unwrap_or_default(),
            in_background: in_background(&mut fields, &mut found),
            role: scoping.role.clone(),
            folder: scoping.folder.clone(),
        };
        for (key, reason) in NOT_YET {
            if let Some(entry) = fields.entry(key) {
                found.push(
                    Diagnostic::error(format!("`{key}` is not supported by this version of krun"))
                        .at(&entry.key_place)
                        .help(reason)
                        .unsupported()
                        .without_gap(),
                );
            }
        }
        let written = written_action(&fields);
        // A task whose module is wrong stays, so that what depends on its other keys can be judged.
        if let Some(action) = self.action(&mut fields, &mut keywords, scoping, &mut found) {
            fields.finish(modules::names().chain(STATEMENTS), &mut found);
            task.action = action;
            check_background(&task, &mut found);
            refuse_keys_of_modules(node, &task.action, &mut found);
        }
        if self.options.unsupported == Unsupported::WhenReached && found.are_unsupported() {
            task.action = Action::Unsupported(UnsupportedTask {
                name: written,
                findings: found,
            });
        } else {
            diagnostics.extend(found);
        }
        // What an include is given is a parameter of what it includes.
        let is_include = matches!(task.action, Action::IncludeTasks(_) | Action::IncludeRole(_));
        if is_include && keywords.vars.len() > outer.vars.len() {
            keywords.params.extend(keywords.vars.pop());
        }
        task.keywords = keywords;
        vec![Item::Task(Arc::new(task))]
    }

    fn block(
        &self,
        mut fields: Fields<'_>,
        outer: &Keywords,
        scoping: &Scoping,
        collected: &mut Collected<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Item> {
        fields.take("name");
        let mut keywords = Keywords::read(outer, &mut fields, self, diagnostics);
        keywords.notify.extend(notify(&mut fields, diagnostics));
        let mut list = |key: &'static str, keywords: &Keywords, diagnostics: &mut Diagnostics| {
            fields
                .take(key)
                .map(|node| {
                    self.task_list(
                        node,
                        keywords,
                        scoping,
                        collected.handlers,
                        collected.roles,
                        diagnostics,
                    )
                })
                .unwrap_or_default()
        };
        let items = list("block", &keywords, diagnostics);
        // Rescue and always decide by themselves whether their errors count.
        keywords.ignore_errors.clone_from(&outer.ignore_errors);
        let rescue = list("rescue", &keywords, diagnostics);
        let always = list("always", &keywords, diagnostics);
        fields.finish(std::iter::empty(), diagnostics);
        vec![Item::Block(Arc::new(Block { items, rescue, always }))]
    }
}

/// A keyword's value that is perhaps a template.
fn setting(fields: &mut Fields<'_>, key: &'static str, diagnostics: &mut Diagnostics) -> Option<Setting> {
    let setting = Setting::of(fields.take(key)?, diagnostics);
    super::literal::check(key, &setting, diagnostics);
    Some(setting)
}

/// The name of the variable that keeps the result.
fn register(node: &Node, diagnostics: &mut Diagnostics) -> Option<String> {
    let name = node.text().filter(|name| !name.is_empty());
    if name.is_none() {
        diagnostics.push(
            Diagnostic::error(format!(
                "`register` takes the name of a variable, this is {}",
                node.describe()
            ))
            .at(&node.place),
        );
    }
    name.map(str::to_owned)
}

/// Keys that say how a module's result is judged and kept: what has none must not take them and ignore them.
fn refuse_keys_of_modules(node: &Node, action: &Action, diagnostics: &mut Diagnostics) {
    const JUDGING: [&str; 7] = [
        "register",
        "until",
        "retries",
        "delay",
        "changed_when",
        "failed_when",
        "notify",
    ];
    let refused: &[&str] = match action {
        Action::IncludeTasks(_) | Action::IncludeRole(_) => &JUDGING,
        Action::Meta(_) => &[&JUDGING[..], &["loop", "loop_control", "args"]].concat(),
        Action::Module { .. } | Action::Unsupported(_) => return,
    };
    let entries = node.entries().unwrap_or_default();
    for entry in entries.iter().filter(|entry| refused.contains(&entry.key.as_str())) {
        diagnostics.push(
            Diagnostic::error(format!("`{}` means nothing at `{}`", entry.key, action.name()))
                .at(&entry.key_place)
                .help("write it at a task that runs a module")
                .without_gap(),
        );
    }
}

fn notify(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Vec<Setting> {
    let Some(node) = fields.take("notify") else {
        return Vec::new();
    };
    match &node.kind {
        Kind::Sequence(items) => items.iter().map(|item| Setting::of(item, diagnostics)).collect(),
        _ => vec![Setting::of(node, diagnostics)],
    }
}
