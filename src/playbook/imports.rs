//! Imports and includes: tasks and roles that stand elsewhere.

use std::sync::Arc;

use super::action::{Action, IncludeRole, IncludeTasks};
use super::keywords::Keywords;
use super::loader::{Loader, Scoping};
use super::model::Item;
use super::role::{Own, RoleFiles, RoleRequest, Way};
use super::setting::Setting;
use super::tasks::Collected;
use crate::syntax::{Diagnostic, Diagnostics, Entry, Fields, Kind, Node, Style};
use crate::template;
use crate::vars::VarMap;

const TASKS_OPTIONS: &[&str] = &["file", "apply"];
const ROLE_OPTIONS: &[&str] = &[
    "name",
    "role",
    "tasks_from",
    "vars_from",
    "defaults_from",
    "handlers_from",
    "apply",
    "public",
    "allow_duplicates",
    "rolespec_validate",
];

impl Loader<'_> {
    /// Reads what an `import_tasks` or an `import_role` names.
    #[expect(clippy::too_many_arguments, reason = "the state of one walk through the files")]
    pub(super) fn import(
        &self,
        key: &str,
        entry: &Entry,
        args: Option<&Node>,
        keywords: &Keywords,
        scoping: &Scoping,
        collected: &mut Collected<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Item> {
        let Some(request) = diagnostics.keep(Request::read(key, entry, args)) else {
            return Vec::new();
        };
        let (target, place) = match request.target() {
            Some(node) => (node.text().unwrap_or_default(), &node.place),
            None => {
                diagnostics.push(request.lacks_target());
                return Vec::new();
            }
        };
        if let Some(option) = request.templated() {
            diagnostics.push(
                Diagnostic::error(format!("{key} is done before the run and cannot depend on variables"))
                    .at(&option.place)
                    .help(format!("use {}", key.replace("import", "include"))),
            );
            return Vec::new();
        }
        if let Some(apply) = request.get("apply") {
            diagnostics.push(
                Diagnostic::error(format!("`apply` is for includes: {key} hands its own keywords down"))
                    .at(&apply.place)
                    .help("write them at the import itself")
                    .without_gap(),
            );
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
        let text = |option: &str| request.get(option).and_then(Node::text);
        let from = RoleFiles {
            tasks: text("tasks_from"),
            vars: text("vars_from"),
            defaults: text("defaults_from"),
            handlers: text("handlers_from"),
        };
        let is_public = request.flag("public", true, diagnostics);
        let role = self.role(
            &RoleRequest {
                name: target,
                place,
                from,
                params: VarMap::new(),
                given: Arc::default(),
                keywords,
                own: Own::default(),
                around: None,
                way: Way::Task(request.flag("allow_duplicates", true, diagnostics)),
                validates: request.flag("rolespec_validate", true, diagnostics),
            },
            &deeper,
            diagnostics,
        );
        let role = role.unwrap_or_default();
        collected.handlers.extend(role.handlers);
        if is_public {
            collected.roles.extend(role.roles);
        }
        role.items
    }

    /// Reads an `include_tasks` or an `include_role`, which is carried out while the play runs.
    pub(super) fn include(
        &self,
        key: &str,
        entry: &Entry,
        args: Option<&Node>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Action> {
        let request = diagnostics.keep(Request::read(key, entry, args))?;
        let apply = self.apply(request.get("apply"), diagnostics);
        let Some(target) = request.target() else {
            diagnostics.push(request.lacks_target());
            return None;
        };
        let target = Setting::of(target, diagnostics);
        if key == "include_tasks" {
            return Some(Action::IncludeTasks(Box::new(IncludeTasks { file: target, apply })));
        }
        let mut from = |option: &str| request.get(option).map(|node| Setting::of(node, diagnostics));
        let (tasks_from, vars_from) = (from("tasks_from"), from("vars_from"));
        let (defaults_from, handlers_from) = (from("defaults_from"), from("handlers_from"));
        Some(Action::IncludeRole(Box::new(IncludeRole {
            name: target,
            tasks_from,
            vars_from,
            defaults_from,
            handlers_from,
            apply,
            is_public: request.flag("public", false, diagnostics),
            allows_duplicates: request.flag("allow_duplicates", true, diagnostics),
            validates: request.flag("rolespec_validate", true, diagnostics),
        })))
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

/// What stands at an import or an include.
struct Request<'a> {
    key: &'a str,
    entry: &'a Entry,
    options: Vec<(&'static str, Node)>,
}

impl<'a> Request<'a> {
    fn read(key: &'a str, entry: &'a Entry, args: Option<&Node>) -> Result<Self, Diagnostic> {
        let is_role = key.ends_with("role");
        let known = if is_role { ROLE_OPTIONS } else { TASKS_OPTIONS };
        let mut request = Self {
            key,
            entry,
            options: Vec::new(),
        };
        let short = short_form(&entry.value, if is_role { "name" } else { "file" });
        let mappings = [
            Some(short.as_slice()),
            entry.value.entries(),
            args.and_then(Node::entries),
        ];
        for option in mappings.into_iter().flatten().flatten() {
            let Some(name) = known.iter().find(|name| **name == option.key) else {
                return Err(
                    Diagnostic::error(format!("`{}` has no option `{}`", entry.key, option.key))
                        .at(&option.key_place)
                        .did_you_mean(&option.key, known.iter().copied()),
                );
            };
            let name = if *name == "role" { "name" } else { name };
            request.options.push((name, option.value.clone()));
        }
        Ok(request)
    }

    fn get(&self, option: &str) -> Option<&Node> {
        let mut options = self.options.iter().rev();
        options.find(|(name, _)| *name == option).map(|(_, node)| node)
    }

    fn target(&self) -> Option<&Node> {
        self.get("name")
            .or(self.get("file"))
            .filter(|node| node.text().is_some_and(|text| !text.is_empty()))
    }

    fn lacks_target(&self) -> Diagnostic {
        let wants = if self.key.ends_with("role") {
            "the role's `name`"
        } else {
            "a file"
        };
        Diagnostic::error(format!("{} needs {wants}", self.key)).at(&self.entry.key_place)
    }

    fn templated(&self) -> Option<&Node> {
        let options = self.options.iter().map(|(_, node)| node);
        options
            .into_iter()
            .find(|node| node.text().is_some_and(template::holds_template))
    }

    fn flag(&self, option: &str, default: bool, diagnostics: &mut Diagnostics) -> bool {
        let Some(node) = self.get(option) else { return default };
        node.to_value().as_bool().unwrap_or_else(|| {
            diagnostics.push(
                Diagnostic::error(format!("`{option}` is true or false"))
                    .at(&node.place)
                    .without_gap(),
            );
            default
        })
    }
}

/// `include_role: name=x tasks_from=y`, or the name alone.
fn short_form(node: &Node, option: &str) -> Vec<Entry> {
    let Some(text) = node.text() else { return Vec::new() };
    let entry = |key: &str, value: &str| Entry {
        key: key.to_owned(),
        key_place: node.place.clone(),
        value: Node {
            kind: Kind::Scalar {
                text: value.to_owned(),
                style: Style::Plain,
            },
            place: node.place.clone(),
            tag: None,
        },
    };
    let pairs: Option<Vec<(String, String)>> = shlex::split(text).and_then(|words| {
        let pairs = words.iter().map(|word| {
            let (key, value) = word.split_once('=')?;
            let is_name = key.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
            is_name.then(|| (key.to_owned(), value.to_owned()))
        });
        pairs.collect()
    });
    match pairs {
        Some(pairs) if !pairs.is_empty() => pairs.iter().map(|(key, value)| entry(key, value)).collect(),
        _ => vec![entry(option, text)],
    }
}
