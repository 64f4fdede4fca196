//! Imports and includes: tasks and roles that stand elsewhere.

use super::keywords::Keywords;
use super::loader::{Loader, Scoping};
use super::model::Item;
use super::role::RoleRequest;
use super::tasks::Collected;
use crate::syntax::{Diagnostic, Diagnostics, Entry, Fields, Node};
use crate::template;
use crate::vars::VarMap;

impl Loader<'_> {
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
        let Some(request) = diagnostics.keep(include_options(entry, args)) else {
            return Vec::new();
        };
        let (target, place) = match (key, &request.file, &request.name) {
            ("import_tasks", Some(node), _) | ("import_role", _, Some(node)) if !node.is_null() => {
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
                tasks_from: request.tasks_from.and_then(|node| Some((node.text()?, &node.place))),
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

    pub(super) fn apply(&self, node: Option<&Node>, diagnostics: &mut Diagnostics) -> Keywords {
        let Some(mut fields) = node.and_then(|node| diagnostics.keep(Fields::of(node, "`apply`"))) else {
            return Keywords::default();
        };
        let keywords = Keywords::read(&Keywords::default(), &mut fields, self, diagnostics);
        fields.finish(std::iter::empty(), diagnostics);
        keywords
    }
}

/// The options of imports and includes.
pub(super) struct IncludeOptions<'a> {
    pub(super) file: Option<&'a Node>,
    pub(super) name: Option<&'a Node>,
    pub(super) tasks_from: Option<&'a Node>,
    pub(super) apply: Option<&'a Node>,
}

pub(super) fn include_options<'a>(entry: &'a Entry, args: Option<&'a Node>) -> Result<IncludeOptions<'a>, Diagnostic> {
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
