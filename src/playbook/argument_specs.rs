//! A role's description of its arguments, and the task that compares them with it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::action::Action;
use super::keywords::Keywords;
use super::model::{Item, Task};
use super::role::Role;
use crate::modules;
use crate::syntax::{Diagnostic, Diagnostics, Fields, Kind, Node};

/// Types that an argument may have.
const TYPES: [&str; 13] = [
    "str", "list", "dict", "bool", "int", "float", "path", "raw", "jsonarg", "json", "bytes", "bits", "sid",
];

/// The task that compares a role's variables with the description of one of its files of tasks.
pub(super) fn validation(
    spec: &Node,
    entry_point: &str,
    role: &Arc<Role>,
    keywords: &Keywords,
    diagnostics: &mut Diagnostics,
) -> Option<Item> {
    let mut fields = diagnostics.keep(Fields::of(spec, "an argument spec"))?;
    let options = fields.take("options").filter(|node| !node.is_null());
    let about = fields.take("short_description").and_then(Node::text);
    // For people alone.
    for key in [
        "description",
        "author",
        "version_added",
        "seealso",
        "examples",
        "deprecated",
    ] {
        fields.take(key);
    }
    fields.finish(std::iter::empty(), diagnostics);
    let options = options.map_or_else(Map::new, |node| arguments(node, diagnostics));
    let definition = modules::find("validate-argument-spec")?;
    let mut keywords = keywords.clone();
    keywords.tags.push("always".to_owned());
    let mut name = format!("Validating arguments against arg spec '{entry_point}'");
    if let Some(about) = about {
        name = format!("{name} - {about}");
    }
    let nodes = Node {
        kind: Kind::Mapping(Vec::new()),
        place: spec.place.clone(),
        tag: None,
    };
    let options = json!({
        "argument_spec": options,
        "validate_args_context": {
            "type": "role", "name": role.name, "argument_spec_name": entry_point, "path": role.path,
        },
    });
    let Value::Object(options) = options else { return None };
    let mut task = Task::new(
        spec.place.clone(),
        Action::Module {
            definition,
            options,
            nodes: Arc::new(nodes),
        },
        role.path.join("meta"),
    );
    task.name = Some(name);
    task.keywords = keywords;
    task.role = Some(Arc::clone(role));
    Some(Item::Task(Arc::new(task)))
}

/// The parts of the description that a value is compared with.
fn arguments(node: &Node, diagnostics: &mut Diagnostics) -> Map<String, Value> {
    let Some(entries) = node.entries() else {
        diagnostics.push(Diagnostic::error("`options` is a mapping of arguments").at(&node.place));
        return Map::new();
    };
    let mut all = Map::new();
    for entry in entries {
        let Some(mut fields) = diagnostics.keep(Fields::of(&entry.value, "the description of an argument")) else {
            continue;
        };
        let mut kept = Map::new();
        for key in ["type", "elements"] {
            let Some(node) = fields.take(key) else { continue };
            let name = node.text().unwrap_or_default();
            if !TYPES.contains(&name) {
                diagnostics.push(
                    Diagnostic::error(format!("there is no type of arguments `{name}`"))
                        .at(&node.place)
                        .did_you_mean(name, TYPES)
                        .without_gap(),
                );
            }
            kept.insert(key.to_owned(), json!(name));
        }
        if let Some(node) = fields.take("required") {
            let value = node.to_value();
            if !value.is_boolean() {
                diagnostics.push(
                    Diagnostic::error("`required` is true or false")
                        .at(&node.place)
                        .without_gap(),
                );
            }
            kept.insert("required".to_owned(), value);
        }
        if let Some(node) = fields.take("choices") {
            if node.items().is_none() {
                diagnostics.push(Diagnostic::error("`choices` is a list").at(&node.place).without_gap());
            }
            kept.insert("choices".to_owned(), node.to_value());
        }
        if let Some(node) = fields.take("options").filter(|node| !node.is_null()) {
            kept.insert("options".to_owned(), Value::Object(arguments(node, diagnostics)));
        }
        // For people alone: a default is not applied, it only describes that of the role.
        for key in ["description", "default", "version_added", "no_log", "example"] {
            fields.take(key);
        }
        fields.finish(std::iter::empty(), diagnostics);
        all.insert(entry.key.clone(), Value::Object(kept));
    }
    all
}
