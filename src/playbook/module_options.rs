//! The options of a task's module: in whatever form they are written, under the options' own names, and checked.

use serde_json::{Map, Value};

use super::setting::{Expression, check_templates};
use super::short_form::short_form;
use crate::modules::ModuleDefinition;
use crate::syntax::{Diagnostic, Diagnostics, Entry, Kind, Node};
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
