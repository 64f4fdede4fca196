use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde_json::{Map, Value};

use super::action::{Action, IncludeRole, IncludeTasks, Meta, UnsupportedTask};
use super::background::{check_background, in_background};
use super::keywords::{Keywords, text_list};
use super::loader::{Loader, Scoping, Unsupported};
use super::model::{Block, Item, Loop, LoopKind, Task};
use super::role::{Role, RoleRequest};
use super::setting::{Expression, Setting, check_templates};
use crate::modules::{self, ModuleDefinition};
use crate::syntax::{Diagnostic, Diagnostics, Entry, Fields, Kind, Node, Style, closest};
use crate::template;
use crate::vars::VarMap;

/// Keys of a task that steer krun instead of naming a module.
const STATEMENTS: [&str; 5] = ["import_tasks", "include_tasks", "import_role", "include_role", "meta"];

/// What else in a task can define variables.
const DEFINING: [&str; 6] = ["block", "include_vars", "loop", "register", "set_fact", "vars"];

/// Ansible's keys of a task that this version refuses, with the reason.
const NOT_YET: [(&str, &str); 4] = [
    ("debugger", "use --step"),
    ("module_defaults", "give the options at each task"),
    ("collections", "krun's modules are built in"),
    ("with_nested", "use `loop` with the filter `product`"),
];

/// What is collected while lists are read.
pub(super) struct Collected<'c> {
    handlers: &'c mut Vec<Arc<Task>>,
    roles: &'c mut Vec<Arc<Role>>,
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
        let Some(mut fields) = diagnostics.keep(Fields::of(node, "a task")) else {
            return Vec::new();
        };
        if node.get("block").is_some() {
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
            register: fields.take("register").and_then(Node::text).map(str::to_owned),
            loop_over: loop_over(&mut fields, &mut found),
            until: fields
                .take("until")
                .map(|node| Expression::list(node, &mut found))
                .unwrap_or_default(),
            retries: fields.take("retries").map(|node| Setting::of(node, &mut found)),
            delay: fields.take("delay").map(|node| Setting::of(node, &mut found)),
            changed_when: fields
                .take("changed_when")
                .map(|node| Expression::list(node, &mut found)),
            failed_when: fields
                .take("failed_when")
                .map(|node| Expression::list(node, &mut found)),
            notify: fields
                .take("notify")
                .map(|node| notify(node, &mut found))
                .unwrap_or_default(),
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
        }
        if self.options.unsupported == Unsupported::WhenReached && found.are_unsupported() {
            task.action = Action::Unsupported(UnsupportedTask {
                name: written,
                findings: found,
            });
        } else {
            diagnostics.extend(found);
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

    #[expect(clippy::too_many_arguments, reason = "the state of one walk through the files")]
    fn import(
        &self,
        key: &str,
        entry: &Entry,
        args: Option<&Node>,
        keywords: &Keywords,
        scoping: &Scoping,
        collected: &mut Collected<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Item> {
        let Some(request) = diagnostics.keep(include_options(entry, args)) else {
            return Vec::new();
        };
        let (target, place) = match (key, &request.file, &request.name) {
            ("import_tasks", Some(node), _) | ("import_role", _, Some(node)) => {
                (node.text().unwrap_or_default(), &node.place)
            }
            _ => {
                let wants = if key == "import_tasks" {
                    "a file"
                } else {
                    "a role's `name`"
                };
                diagnostics.push(Diagnostic::error(format!("{key} needs {wants}")).at(&entry.key_place));
                return Vec::new();
            }
        };
        if template::holds_template(target) {
            diagnostics.push(
                Diagnostic::error(format!("{key} is done before the run and cannot depend on variables"))
                    .at(place)
                    .help(format!("use {}", key.replace("import", "include"))),
            );
            return Vec::new();
        }
        let Some(deeper) = scoping.deeper() else {
            diagnostics.push(Diagnostic::error("task files are imported too deep; does one import itself?").at(place));
            return Vec::new();
        };
        if key == "import_tasks" {
            let Some(path) = diagnostics.keep(Self::find_task_file(target, place, &deeper)) else {
                return Vec::new();
            };
            return self.task_file(
                &path,
                keywords,
                &deeper,
                collected.handlers,
                collected.roles,
                diagnostics,
            );
        }
        let role = self.role(
            &RoleRequest {
                name: target,
                place,
                tasks_from: request.tasks_from.and_then(Node::text),
                params: VarMap::new(),
                keywords,
            },
            &deeper,
            diagnostics,
        );
        let role = role.unwrap_or_default();
        collected.handlers.extend(role.handlers);
        collected.roles.extend(role.roles);
        role.items
    }

    /// Finds the one key that says what the task does.
    fn action(
        &self,
        fields: &mut Fields<'_>,
        keywords: &mut Keywords,
        scoping: &Scoping,
        diagnostics: &mut Diagnostics,
    ) -> Option<Action> {
        let args = fields.take("args");
        let place = fields.node().place.clone();
        if let Some(entry) = statement(fields, "meta") {
            return meta(&entry.value, diagnostics).map(Action::Meta);
        }
        if let Some(entry) = statement(fields, "include_tasks") {
            let request = diagnostics.keep(include_options(entry, args))?;
            let apply = self.apply(request.apply, diagnostics);
            let Some(file) = request.file else {
                diagnostics.push(Diagnostic::error("include_tasks needs a file").at(&entry.key_place));
                return None;
            };
            let file = Setting::of(file, diagnostics);
            return Some(Action::IncludeTasks(IncludeTasks { file, apply }));
        }
        if let Some(entry) = statement(fields, "include_role") {
            let request = diagnostics.keep(include_options(entry, args))?;
            let apply = self.apply(request.apply, diagnostics);
            let Some(name) = request.name else {
                diagnostics.push(Diagnostic::error("include_role needs the role's `name`").at(&entry.key_place));
                return None;
            };
            return Some(Action::IncludeRole(IncludeRole {
                name: Setting::of(name, diagnostics),
                tasks_from: request.tasks_from.map(|node| Setting::of(node, diagnostics)),
                apply,
                params: Arc::default(),
                playbook_folder: scoping.playbook_folder.clone(),
            }));
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
                                .at(&entry.key_place)
                                .did_you_mean(&entry.key, modules::names().chain(STATEMENTS).chain(TASK_KEYS))
                                .unsupported();
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

    fn apply(&self, node: Option<&Node>, diagnostics: &mut Diagnostics) -> Keywords {
        let Some(mut fields) = node.and_then(|node| diagnostics.keep(Fields::of(node, "`apply`"))) else {
            return Keywords::default();
        };
        let keywords = Keywords::read(&Keywords::default(), &mut fields, self, diagnostics);
        fields.finish(std::iter::empty(), diagnostics);
        keywords
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
fn written_action(fields: &Fields<'_>) -> String {
    let is_module = |key: &str| is_action(key) || !TASK_KEYS.contains(&key);
    let mut keys = fields.rest().map(|entry| entry.key.as_str());
    keys.find(|key| is_module(key)).unwrap_or("unsupported").to_owned()
}

fn is_action(key: &str) -> bool {
    modules::find(key).is_some() || matches!(key, "local_action" | "action")
}

fn statement<'a>(fields: &mut Fields<'a>, key: &'static str) -> Option<&'a Entry> {
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

/// The options of imports and includes.
struct IncludeOptions<'a> {
    file: Option<&'a Node>,
    name: Option<&'a Node>,
    tasks_from: Option<&'a Node>,
    apply: Option<&'a Node>,
}

fn include_options<'a>(entry: &'a Entry, args: Option<&'a Node>) -> Result<IncludeOptions<'a>, Diagnostic> {
    let mut options = IncludeOptions {
        file: None,
        name: None,
        tasks_from: None,
        apply: None,
    };
    if entry.value.text().is_some() {
        options.file = Some(&entry.value);
        options.name = Some(&entry.value);
    }
    let mappings = [entry.value.entries(), args.and_then(Node::entries)];
    for option in mappings.into_iter().flatten().flatten() {
        let slot = match option.key.as_str() {
            "file" => &mut options.file,
            "name" | "role" => &mut options.name,
            "tasks_from" => &mut options.tasks_from,
            "apply" => &mut options.apply,
            other => {
                return Err(Diagnostic::error(format!("`{}` has no option `{other}`", entry.key))
                    .at(&option.key_place)
                    .did_you_mean(other, ["file", "name", "tasks_from", "apply"]));
            }
        };
        *slot = Some(&option.value);
    }
    Ok(options)
}

fn meta(node: &Node, diagnostics: &mut Diagnostics) -> Option<Meta> {
    let name = node.text().unwrap_or_default();
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

fn notify(node: &Node, diagnostics: &mut Diagnostics) -> Vec<Setting> {
    match &node.kind {
        Kind::Sequence(items) => items.iter().map(|item| Setting::of(item, diagnostics)).collect(),
        _ => vec![Setting::of(node, diagnostics)],
    }
}

fn loop_over(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Loop> {
    let forms = [
        ("loop", LoopKind::List),
        ("with_list", LoopKind::List),
        ("with_items", LoopKind::Items),
        ("with_dict", LoopKind::Dict),
    ];
    let mut found = None;
    for (key, kind) in forms {
        if let Some(node) = fields.take(key) {
            found = Some((kind, Setting::of(node, diagnostics)));
        }
    }
    let control = fields.take("loop_control");
    let (kind, list) = found?;
    let mut over = Loop {
        kind,
        list,
        variable: "item".to_owned(),
        index_variable: None,
        label: None,
        pause: None,
        extended: false,
    };
    if let Some(mut control) = control.and_then(|node| diagnostics.keep(Fields::of(node, "loop_control"))) {
        let mut text = |key| control.take(key).and_then(Node::text).map(str::to_owned);
        if let Some(variable) = text("loop_var") {
            over.variable = variable;
        }
        over.index_variable = text("index_var");
        over.label = control.take("label").map(|node| Setting::of(node, diagnostics));
        over.pause = control.take("pause").map(|node| Setting::of(node, diagnostics));
        if let Some(node) = control.take("extended") {
            match node.to_value() {
                Value::Bool(extended) => over.extended = extended,
                _ => diagnostics.push(Diagnostic::error("`extended` is true or false").at(&node.place)),
            }
        }
        control.finish(std::iter::empty(), diagnostics);
    }
    Some(over)
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

/// Makes a mapping with the options' own names of whatever was written, `args` included.
fn normalise(definition: &ModuleDefinition, node: &Node, args: Option<&Node>) -> Result<Node, Diagnostic> {
    let mut entries = match &node.kind {
        Kind::Mapping(entries) => entries.clone(),
        Kind::Scalar { text, style } => short_form(definition, node, text, *style)?,
        Kind::Sequence(_) => {
            return Err(
                Diagnostic::error(format!("`{}` takes options, this is a list", definition.name))
                    .at(&node.place)
                    .help("write `option: value` below it"),
            );
        }
    };
    if let Some(args) = args {
        let more = args.entries().ok_or_else(|| {
            Diagnostic::error(format!("`args` is a mapping, this is {}", args.describe())).at(&args.place)
        })?;
        entries.extend(more.iter().cloned());
    }
    for entry in &mut entries {
        let own = definition.option_name(&entry.key).to_owned();
        entry.key = own;
    }
    Ok(Node {
        kind: Kind::Mapping(entries),
        place: node.place.clone(),
        tag: None,
    })
}

/// `command: text creates=…` and `file: path=/x state=absent`.
fn short_form(definition: &ModuleDefinition, node: &Node, text: &str, style: Style) -> Result<Vec<Entry>, Diagnostic> {
    static PAIR: LazyLock<Regex> =
        LazyLock::new(|| template::pattern(r#"(?:^|\s)([a-z_]+)=("(?:[^"\\]|\\.)*"|'[^']*'|(?:\{\{.*?\}\}|\S)*)"#));
    let entry = |key: &str, value: &str, style: Style| Entry {
        key: key.to_owned(),
        key_place: node.place.clone(),
        value: Node {
            kind: Kind::Scalar {
                text: value.to_owned(),
                style,
            },
            place: node.place.clone(),
            tag: None,
        },
    };
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let unquote = |value: &str| {
        let inner = value
            .strip_prefix(['"', '\''])
            .and_then(|v| v.strip_suffix(['"', '\'']));
        inner.unwrap_or(value).to_owned()
    };
    if let Some(option) = definition.free_form {
        const COMMAND_OPTIONS: [&str; 5] = ["creates", "removes", "chdir", "executable", "stdin"];
        let known = definition.options();
        let mut entries = Vec::new();
        let command = PAIR.replace_all(text, |found: &regex::Captures<'_>| {
            if COMMAND_OPTIONS.contains(&&found[1]) && known.iter().any(|name| *name == found[1]) {
                entries.push(entry(&found[1], &unquote(&found[2]), Style::Quoted));
                String::new()
            } else {
                found[0].to_owned()
            }
        });
        let command = if entries.is_empty() { text } else { command.trim() };
        entries.push(entry(option, command, Style::Quoted));
        return Ok(entries);
    }
    let left = PAIR.replace_all(text, "");
    if !left.trim().is_empty() {
        return Err(
            Diagnostic::error(format!("`{}` takes options, not text", definition.name))
                .at(&node.place)
                .help("write `option: value` below it, or `option=value` behind it"),
        );
    }
    let is_open = |value: &str| {
        let quote = value.chars().next().filter(|letter| ['"', '\''].contains(letter));
        quote.is_some_and(|quote| value.len() < 2 || !value.ends_with(quote))
    };
    if let Some(found) = PAIR.captures_iter(text).find(|found| is_open(&found[2])) {
        return Err(
            Diagnostic::error(format!("a quote has no end in the value of `{}`", &found[1]))
                .at(&node.place)
                .help("a quote that is meant stands in quotes of the other kind"),
        );
    }
    let style = if style == Style::Plain {
        Style::Plain
    } else {
        Style::Quoted
    };
    Ok(PAIR
        .captures_iter(text)
        .map(|found| {
            let quoted = found[2].starts_with(['"', '\'']);
            entry(
                &found[1],
                &unquote(&found[2]),
                if quoted { Style::Quoted } else { style },
            )
        })
        .collect())
}

/// Checks names, templates and, where nothing has to be evaluated first, types of the options.
fn check_options(definition: &ModuleDefinition, node: &Node, diagnostics: &mut Diagnostics) -> Map<String, Value> {
    let known = definition.options();
    let entries = node.entries().unwrap_or_default();
    let mut sound = true;
    let mut templated = false;
    for entry in entries {
        if !definition.free_options && !known.contains(&entry.key) {
            let aliases = definition.option_aliases.iter().map(|(alias, _)| *alias);
            diagnostics.push(
                Diagnostic::error(format!(
                    "the module `{}` has no option `{}`",
                    definition.name, entry.key
                ))
                .at(&entry.key_place)
                .did_you_mean(&entry.key, known.iter().map(String::as_str).chain(aliases))
                .unsupported()
                .without_gap(),
            );
            sound = false;
        }
        if definition.raw_options.contains(&entry.key.as_str()) {
            Expression::list(&entry.value, diagnostics);
        } else {
            check_templates(&entry.value, diagnostics);
            templated |= holds_template(&entry.value);
        }
    }
    let value = node.to_value();
    let checked = if !sound {
        Ok(())
    } else if templated {
        let is_plain = |entry: &&Entry| !holds_template(&entry.value);
        entries.iter().filter(is_plain).try_for_each(|entry| {
            let text = entry.value.text();
            text.map_or(Ok(()), |text| definition.check_option(&entry.key, text))
        })
    } else {
        definition.validate(value.clone())
    };
    if let Err(error) = checked {
        let option = error.path.split(['.', '[']).next().unwrap_or_default();
        let place = node.get(option).map_or(&node.place, |option| &option.place);
        let about = if error.path.is_empty() {
            String::new()
        } else {
            format!(".{}", error.path)
        };
        diagnostics.push(
            Diagnostic::error(format!("{}{about}: {}", definition.name, error.message))
                .at(place)
                .without_gap(),
        );
    }
    match value {
        Value::Object(options) => options,
        _ => Map::new(),
    }
}

fn holds_template(node: &Node) -> bool {
    match &node.kind {
        Kind::Scalar { text, .. } => template::holds_template(text),
        Kind::Sequence(items) => items.iter().any(holds_template),
        Kind::Mapping(entries) => entries.iter().any(|entry| holds_template(&entry.value)),
    }
}
