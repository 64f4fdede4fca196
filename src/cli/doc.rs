//! `krun doc`: the modules, their options and examples, made from the modules' own types.

use clap::Args;
use console::style;
use serde_json::Value;

use super::error::EXIT_ERROR;
use super::print::{print, print_findings};
use crate::modules::{self, ModuleDefinition};
use crate::syntax::Diagnostic;

/// Show the modules, or one module's options and an example
#[derive(Args, Debug)]
pub(super) struct DocArgs {
    /// The module; all are listed without it
    #[arg(value_name = "MODULE")]
    module: Vec<String>,
    /// JSON schema of the options instead of text
    #[arg(long, requires = "module")]
    json: bool,
}

/// Runs the subcommand; gives its exit code.
pub(super) fn run(args: &DocArgs) -> i32 {
    if args.module.is_empty() {
        let width = modules::all().iter().map(|module| module.name.len()).max().unwrap_or(0);
        let lines: Vec<_> = modules::all()
            .iter()
            .map(|module| format!("{:width$}  {}", module.name, summary(module)))
            .collect();
        return print(&lines.join("\n"));
    }
    let mut texts = Vec::new();
    for name in &args.module {
        let Some(module) = modules::find(name) else {
            let error = Diagnostic::error(format!("there is no module `{name}`"))
                .did_you_mean(name, modules::names())
                .help("`krun doc` lists the modules");
            print_findings(&error.into());
            return EXIT_ERROR;
        };
        texts.push(if args.json {
            serde_json::to_string_pretty(&module.schema()).unwrap_or_default()
        } else {
            text(module)
        });
    }
    print(&texts.join("\n\n"))
}

fn text(module: &ModuleDefinition) -> String {
    let mut lines = vec![style(module.name).bold().to_string()];
    if !module.aliases.is_empty() {
        lines.push(format!("also: {}", module.aliases.join(", ")));
    }
    lines.push(format!("\n{}\n", description(module)));
    let schema = module.schema();
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let properties = schema.get("properties").and_then(Value::as_object);
    if let Some(properties) = properties.filter(|properties| !properties.is_empty()) {
        lines.push(style("Options").bold().to_string());
        for (name, option) in properties {
            lines.extend(option_lines(
                module,
                name,
                option,
                &schema,
                required.contains(&name.as_str()),
            ));
        }
        lines.push(String::new());
    }
    lines.push(format!("{}\n\n{}", style("Example").bold(), module.example.trim_end()));
    lines.join("\n")
}

fn option_lines(
    module: &ModuleDefinition,
    name: &str,
    option: &Value,
    schema: &schemars::Schema,
    required: bool,
) -> Vec<String> {
    let mut notes = Vec::new();
    if required {
        notes.push("required".to_owned());
    }
    let alternatives = alternatives(option, schema);
    let choices = choices(&alternatives);
    if choices.is_empty() {
        notes.push(types(&alternatives));
    } else {
        notes.push(format!("one of {}", choices.join(", ")));
    }
    if let Some(default) = option.get("default").filter(|default| !default.is_null()) {
        notes.push(format!("default {default}"));
    }
    let aliases: Vec<_> = module
        .option_aliases
        .iter()
        .filter(|(_, own)| *own == name)
        .map(|(alias, _)| *alias)
        .collect();
    if !aliases.is_empty() {
        notes.push(format!("also {}", aliases.join(", ")));
    }
    let mut lines = vec![format!("  {} ({})", style(name).bold(), notes.join("; "))];
    let text = option.get("description").and_then(Value::as_str).unwrap_or_default();
    lines.extend(text.lines().map(|line| format!("      {line}")));
    lines
}

/// The types that an option may have, in the words of playbooks.
fn types(alternatives: &[Value]) -> String {
    let mut found: Vec<&str> = Vec::new();
    for kind in alternatives.iter().filter_map(|value| value.get("type")) {
        let names = match kind {
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            kind => Vec::from_iter(kind.as_str()),
        };
        for name in names {
            let name = match name {
                "null" => continue,
                "array" => "list",
                "object" => "mapping",
                name => name,
            };
            if !found.contains(&name) {
                found.push(name);
            }
        }
    }
    if found.is_empty() {
        "any value".to_owned()
    } else {
        found.join(" or ")
    }
}

/// An option's schema and all that it may be instead, which the schema may keep under `$defs`.
fn alternatives(option: &Value, schema: &schemars::Schema) -> Vec<Value> {
    let resolved = |value: &Value| -> Value {
        value
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|path| path.strip_prefix("#/$defs/"))
            .and_then(|name| schema.get("$defs")?.get(name).cloned())
            .unwrap_or_else(|| value.clone())
    };
    let mut found = vec![resolved(option)];
    let mut next = 0;
    while let Some(value) = found.get(next) {
        let nested: Vec<Value> = ["anyOf", "oneOf", "allOf"]
            .iter()
            .filter_map(|key| value.get(key)?.as_array())
            .flatten()
            .map(resolved)
            .collect();
        found.extend(nested);
        next += 1;
    }
    found
}

/// The values that an option may have, where they are listed.
fn choices(alternatives: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    for value in alternatives {
        let listed = value.get("enum").and_then(Value::as_array).into_iter().flatten();
        for choice in listed.chain(value.get("const")).filter_map(Value::as_str) {
            if !found.iter().any(|known| known == choice) {
                found.push(choice.to_owned());
            }
        }
    }
    found
}

fn description(module: &ModuleDefinition) -> String {
    module
        .schema()
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// The first sentence.
fn summary(module: &ModuleDefinition) -> String {
    let text = description(module).replace('\n', " ");
    let end = text.find(". ").map_or(text.len(), |end| end + 1);
    text[..end]
        .split(": ")
        .next()
        .unwrap_or_default()
        .trim_end_matches(['.', ':'])
        .to_owned()
}
