//! The options of a task's module: in whatever form they are written, under the options' own names, and checked.

use serde_json::{Map, Value};

use super::setting::{Expression, check_templates};
use super::short_form::short_form;
use crate::modules::{ArgumentError, ModuleDefinition};
use crate::syntax::{Diagnostic, Diagnostics, Entry, Kind, Node, closest};
use crate::template;

/// Makes a mapping with the options' own names of whatever was written, `args` included.
pub(super) fn normalise(definition: &ModuleDefinition, node: &Node, args: Option<&Node>) -> Result<Node, Diagnostic> {
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

/// Checks names, templates and, where nothing has to be evaluated first, types of the options.
pub(super) fn check_options(
    definition: &ModuleDefinition,
    node: &Node,
    diagnostics: &mut Diagnostics,
) -> Map<String, Value> {
    let known = definition.options();
    let entries = node.entries().unwrap_or_default();
    let mut sound = true;
    let mut templated = false;
    for entry in entries {
        if !definition.free_options && !known.contains(&entry.key) {
            let aliases = definition.option_aliases.iter().map(|(alias, _)| *alias);
            let error = Diagnostic::error(format!(
                "the module `{}` has no option `{}`",
                definition.name, entry.key
            ))
            .at(&entry.key_place);
            let error = match definition.refusal(&entry.key) {
                Some(reason) => error.help(reason),
                None => error.did_you_mean(&entry.key, known.iter().map(String::as_str).chain(aliases)),
            };
            diagnostics.push(error.unsupported().without_gap());
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
    let wrong = wrong_types(definition, node);
    let checked = if !sound || !wrong.is_empty() {
        report(definition, node, &wrong, diagnostics);
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
        report(definition, node, &[error], diagnostics);
    }
    match value {
        Value::Object(options) => options,
        _ => Map::new(),
    }
}

/// The options whose values have the wrong type, whatever the others are; those with templates have to wait.
fn wrong_types(definition: &ModuleDefinition, node: &Node) -> Vec<ArgumentError> {
    let known = definition.options();
    let is_plain = |entry: &&Entry| known.contains(&entry.key) && !holds_template(&entry.value);
    let mut options: Map<String, Value> = node
        .entries()
        .unwrap_or_default()
        .iter()
        .filter(is_plain)
        .map(|entry| (entry.key.clone(), entry.value.to_value()))
        .collect();
    let mut found = Vec::new();
    // The first wrong value is told; without it the next one is.
    while let Err(error) = definition.validate(Value::Object(options.clone())) {
        let option = option_of(&error).to_owned();
        if !error.is_type || options.remove(&option).is_none() {
            break;
        }
        found.push(error);
    }
    found
}

/// The option that an error is about.
fn option_of(error: &ArgumentError) -> &str {
    error.path.split(['.', '[']).next().unwrap_or_default()
}

fn report(definition: &ModuleDefinition, node: &Node, errors: &[ArgumentError], diagnostics: &mut Diagnostics) {
    for error in errors {
        let place = node.get(option_of(error)).map_or(&node.place, |option| &option.place);
        let about = if error.path.is_empty() {
            String::new()
        } else {
            format!(".{}", error.path)
        };
        let (message, near) = in_words(&error.message);
        let mut finding = Diagnostic::error(format!("{}{about}: {message}", definition.name))
            .at(place)
            .without_gap();
        if let Some(near) = near {
            finding = finding.help(format!("did you mean `{near}`?"));
        }
        diagnostics.push(finding);
    }
}

/// The deserializer's finding in words that whoever writes playbooks knows, and the choice that was most likely meant.
fn in_words(message: &str) -> (String, Option<String>) {
    if let Some(name) = message.strip_prefix("missing field ") {
        return (format!("the option {name} is missing"), None);
    }
    if let Some((wrong, choices)) = message
        .strip_prefix("unknown variant ")
        .and_then(|rest| rest.split_once(", expected "))
    {
        let name = wrong.trim_matches('`');
        let choices = choices.strip_prefix("one of ").unwrap_or(choices);
        let near = closest(
            name,
            choices
                .split('`')
                .filter(|part| !part.trim_matches([',', ' ']).is_empty()),
        );
        return (
            format!("there is no {wrong}; it is one of {choices}"),
            near.map(str::to_owned),
        );
    }
    if let Some((found, expected)) = message
        .strip_prefix("invalid value: ")
        .or(message.strip_prefix("invalid type: "))
        .and_then(|rest| rest.split_once(", expected "))
    {
        let shown = found.split_once(' ').map_or(found, |(kind, value)| {
            if matches!(kind, "string" | "integer" | "boolean") {
                value
            } else {
                found
            }
        });
        return (
            format!("this must be {expected}, it is {}", shown.replace('"', "`")),
            None,
        );
    }
    (message.to_owned(), None)
}

fn holds_template(node: &Node) -> bool {
    match &node.kind {
        Kind::Scalar { text, .. } => template::holds_template(text),
        Kind::Sequence(items) => items.iter().any(holds_template),
        Kind::Mapping(entries) => entries.iter().any(|entry| holds_template(&entry.value)),
    }
}
