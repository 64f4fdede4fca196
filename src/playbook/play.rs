use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::action::Action;
use super::keywords::Keywords;
use super::loader::{Loader, Scoping};
use super::model::{Item, Play, Task};
use super::role::{Role, as_handlers};
use super::setting::Setting;
use crate::modules;
use crate::syntax::{Diagnostic, Diagnostics, Fields, Kind, Node, parse_bool};
use crate::template;
use crate::vars::VarMap;

/// Ansible's keys of a play that this version refuses, with the reason.
const NOT_YET: [(&str, &str); 2] = [
    ("fact_path", "use the `setup` module with its option `fact_path`"),
    ("debugger", "use --step"),
];

/// Keys of tasks that mean nothing at a play.
const OF_TASKS: [&str; 3] = ["when", "delegate_to", "delegate_facts"];

/// In which order hosts may be taken.
pub const ORDERS: [&str; 5] = ["inventory", "reverse_inventory", "sorted", "reverse_sorted", "shuffle"];

impl Loader<'_> {
    /// Reads a play.
    pub(super) fn play(
        &self,
        node: &Node,
        folder: &Path,
        outer: &Keywords,
        diagnostics: &mut Diagnostics,
    ) -> Option<Play> {
        let mut fields = diagnostics.keep(Fields::of(node, "a play"))?;
        let hosts = fields.take("hosts").map(|node| Setting::of(node, diagnostics));
        let name = fields.take("name").and_then(|node| node.text()).map(str::to_owned);
        let mut setting = |key: &'static str, diagnostics: &mut Diagnostics| {
            let setting = Setting::of(fields.take(key)?, diagnostics);
            super::literal::check(key, &setting, diagnostics);
            Some(setting)
        };
        let serial = setting("serial", diagnostics);
        let order = setting("order", diagnostics);
        let batch_by = setting("batch_by", diagnostics);
        let max_fail_percentage = setting("max_fail_percentage", diagnostics);
        let gather_facts = setting("gather_facts", diagnostics);
        let gather_subset = setting("gather_subset", diagnostics);
        let gather_timeout = setting("gather_timeout", diagnostics);
        check_facts(gather_facts.as_ref(), gather_subset.as_ref(), diagnostics);
        let force_handlers = setting("force_handlers", diagnostics);
        let strategy = setting("strategy", diagnostics);
        check_way(strategy.as_ref(), serial.as_ref(), diagnostics);
        let vars_files = vars_files(fields.take("vars_files"), diagnostics);
        let prompts = self.prompts(fields.take("vars_prompt"), diagnostics);
        refuse_unsupported(&mut fields, diagnostics);
        let user = fields.take("user").map(|node| Setting::of(node, diagnostics));
        let mut keywords = Keywords::read(outer, &mut fields, self, diagnostics);
        // Ansible's older name.
        keywords.remote_user = user.or(keywords.remote_user);
        let vars = take_play_vars(&mut keywords);
        let scoping = Scoping::of_playbook(folder);
        let mut parts = Parts::default();
        let list = |node: Option<&Node>, parts: &mut Parts, diagnostics: &mut Diagnostics| {
            node.map(|node| {
                self.task_list(
                    node,
                    &keywords,
                    &scoping,
                    &mut parts.handlers,
                    &mut parts.roles,
                    diagnostics,
                )
            })
            .unwrap_or_default()
        };
        let pre_tasks = list(fields.take("pre_tasks"), &mut parts, diagnostics);
        let roles = match fields.take("roles") {
            Some(node) => self.roles(node, &keywords, &scoping, &mut parts, diagnostics),
            None => Vec::new(),
        };
        let tasks = list(fields.take("tasks"), &mut parts, diagnostics);
        let post_tasks = list(fields.take("post_tasks"), &mut parts, diagnostics);
        let [pre_tasks, roles, tasks, post_tasks] = without_single_roles([pre_tasks, roles, tasks, post_tasks]);
        let own_handlers = list(fields.take("handlers"), &mut parts, diagnostics);
        let mut handlers = std::mem::take(&mut parts.handlers);
        handlers.extend(as_handlers(&own_handlers, diagnostics));
        fields.finish(std::iter::empty(), diagnostics);

        // Its tasks are looked at all the same, as if it had all of them.
        let hosts = hosts.unwrap_or_else(|| {
            diagnostics.push(
                Diagnostic::error("a play needs `hosts`")
                    .at(&node.place)
                    .help("`hosts: all`, a group, or a pattern")
                    .without_gap(),
            );
            Setting {
                value: Value::from("all"),
                place: node.place.clone(),
            }
        });
        let play = Play {
            name: name.unwrap_or_else(|| pattern_text(&hosts.value)),
            place: node.place.clone(),
            folder: folder.to_owned(),
            hosts,
            strategy,
            serial,
            order,
            batch_by,
            max_fail_percentage,
            gather_facts,
            gather_subset,
            gather_timeout,
            force_handlers,
            prompts,
            vars: Arc::new(vars),
            vars_files,
            keywords,
            pre_tasks,
            roles,
            tasks,
            post_tasks,
            handlers,
            all_roles: parts.roles,
            repeated: Vec::new(),
        };
        super::checks::check_play(&play, diagnostics);
        Some(play)
    }

    fn roles(
        &self,
        node: &Node,
        keywords: &Keywords,
        scoping: &Scoping,
        parts: &mut Parts,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Item> {
        let Some(entries) = node.items() else {
            diagnostics
                .push(Diagnostic::error(format!("`roles` is a list, this is {}", node.describe())).at(&node.place));
            return Vec::new();
        };
        let mut items = Vec::new();
        for entry in entries {
            if let Some(role) = self.role_entry(entry, keywords, scoping, None, diagnostics) {
                items.extend(role.items);
                parts.handlers.extend(role.handlers);
                parts.roles.extend(role.roles);
            }
        }
        items
    }
}

/// A play's variables, with those of the imports that it came by, which win. They are not handed down to its tasks as
/// those of a block are: a role's own variables and files of variables beat them.
fn take_play_vars(keywords: &mut Keywords) -> VarMap {
    let mut vars = VarMap::new();
    for level in std::mem::take(&mut keywords.vars).into_iter().rev() {
        vars.extend(level.iter().map(|(name, value)| (name.clone(), Arc::clone(value))));
    }
    vars
}

/// Only roles that may be met again have to be told apart in the run.
fn without_single_roles(sections: [Vec<Item>; 4]) -> [Vec<Item>; 4] {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for identity in sections.iter().flatten().flat_map(Item::roles) {
        *counts.entry(identity.to_owned()).or_default() += 1;
    }
    // A role that is included in the run may depend on one of them.
    let tasks = sections.iter().flatten().flat_map(Item::tasks);
    let mut actions = tasks.map(|task| &task.action);
    let may_include = actions.any(|action| matches!(action, Action::IncludeTasks(_) | Action::IncludeRole(_)));
    let is_repeated = |identity: &str| may_include || counts.get(identity).is_some_and(|count| *count > 1);
    sections.map(|items| {
        items
            .into_iter()
            .flat_map(|item| item.flattened(&is_repeated))
            .collect()
    })
}

/// What is written plainly of how the hosts go through the play.
fn check_way(strategy: Option<&Setting>, serial: Option<&Setting>, diagnostics: &mut Diagnostics) {
    if let Some(Err(error)) = strategy.map(Setting::known_strategy) {
        diagnostics.push(error);
    }
    if let Some(serial) = serial
        && let Err(message) = crate::runner::check_serial(&serial.value)
    {
        diagnostics.push(Diagnostic::error(message).at(&serial.place).without_gap());
    }
}

/// What is written plainly of the facts that are wanted.
fn check_facts(gather_facts: Option<&Setting>, subset: Option<&Setting>, diagnostics: &mut Diagnostics) {
    if let Some(setting) = gather_facts {
        let is_flag = match &setting.value {
            Value::Bool(_) => true,
            Value::String(text) => template::holds_template(text) || parse_bool(text).is_some(),
            _ => false,
        };
        if !is_flag {
            let wrong = Diagnostic::error("`gather_facts` is true or false").at(&setting.place);
            diagnostics.push(wrong.without_gap());
        }
    }
    let Some((setting, definition)) = subset.zip(modules::find("setup")) else {
        return;
    };
    let is_plain = match &setting.value {
        Value::Array(items) => !items.iter().filter_map(Value::as_str).any(template::holds_template),
        Value::String(text) => !template::holds_template(text),
        _ => true,
    };
    if is_plain && let Err(error) = definition.validate(json!({"gather_subset": setting.value})) {
        diagnostics.push(Diagnostic::error(error.message).at(&setting.place).without_gap());
    }
}

fn refuse_unsupported(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) {
    for (key, reason) in NOT_YET {
        if let Some(entry) = fields.entry(key) {
            diagnostics.push(
                Diagnostic::error(format!("`{key}` is not supported by this version of krun"))
                    .at(&entry.key_place)
                    .help(reason)
                    .without_gap(),
            );
        }
    }
    for key in OF_TASKS {
        if let Some(entry) = fields.entry(key) {
            diagnostics.push(
                Diagnostic::error(format!("a play has no key `{key}`"))
                    .at(&entry.key_place)
                    .help("write it at its tasks, or at a block around them")
                    .without_gap(),
            );
        }
    }
}

/// What the lists of a play bring beside their tasks.
#[derive(Default)]
struct Parts {
    handlers: Vec<Arc<Task>>,
    roles: Vec<Arc<Role>>,
}

fn pattern_text(hosts: &Value) -> String {
    match hosts {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(pattern_text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn vars_files(node: Option<&Node>, diagnostics: &mut Diagnostics) -> Vec<Vec<Setting>> {
    let one = |node: &Node, diagnostics: &mut Diagnostics| match &node.kind {
        Kind::Sequence(alternatives) => alternatives.iter().map(|node| Setting::of(node, diagnostics)).collect(),
        _ => vec![Setting::of(node, diagnostics)],
    };
    match node.map(|node| (node, node.items())) {
        None => Vec::new(),
        Some((_, Some(items))) => items.iter().map(|item| one(item, diagnostics)).collect(),
        Some((node, None)) => vec![one(node, diagnostics)],
    }
}
