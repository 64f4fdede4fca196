//! `krun doc`: the modules, their options and examples, made from the modules' own types.

use clap::Args;
use console::style;
use serde_json::Value;

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
        for module in modules::all() {
            println!("{:width$}  {}", module.name, summary(module));
        }
        return 0;
    }
    for name in &args.module {
        let Some(module) = modules::find(name) else {
            let error = Diagnostic::error(format!("there is no module `{name}`")).did_you_mean(name, modules::names());
            eprintln!("{}", error.render(console::colors_enabled_stderr()));
            return 1;
        };
        if args.json {
            println!("{}", serde_json::to_string_pretty(&module.schema()).unwrap_or_default());
        } else {
            print(module);
        }
    }
    0
}

fn print(module: &ModuleDefinition) {
    println!("{}", style(module.name).bold());
    if !module.aliases.is_empty() {
        println!("also: {}", module.aliases.join(", "));
    }
    println!("\n{}\n", description(module));
    let schema = module.schema();
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let properties = schema.get("properties").and_then(Value::as_object);
    if let Some(properties) = properties.filter(|properties| !properties.is_empty()) {
        println!("{}", style("Options").bold());
        for (name, option) in properties {
            print_option(module, name, option, &schema, required.contains(&name.as_str()));
        }
        println!();
    }
    println!("{}\n\n{}", style("Example").bold(), module.example.trim_end());
}

fn print_option(module: &ModuleDefinition, name: &str, option: &Value, schema: &schemars::Schema, required: bool) {
    let mut notes = Vec::new();
    if required {
        notes.push("required".to_owned());
    }
    let choices = choices(option, schema);
    if !choices.is_empty() {
        notes.push(format!("one of {}", choices.join(", ")));
    } else if let Some(kind) = option.get("type").and_then(type_name) {
        notes.push(kind);
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
    println!("  {} ({})", style(name).bold(), notes.join("; "));
    if let Some(text) = option.get("description").and_then(Value::as_str) {
        for line in text.lines() {
            println!("      {line}");
        }
    }
}

fn type_name(kind: &Value) -> Option<String> {
    match kind {
        Value::String(name) => Some(name.clone()),
        Value::Array(names) => Some(
            names
                .iter()
                .filter_map(Value::as_str)
                .find(|name| *name != "null")?
                .to_owned(),
        ),
        _ => None,
    }
}

/// The values that an option may have, which the schema may keep under `$defs`.
fn choices(option: &Value, schema: &schemars::Schema) -> Vec<String> {
    let resolved = |value: &Value| -> Value {
        value
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|path| path.strip_prefix("#/$defs/"))
            .and_then(|name| schema.get("$defs")?.get(name).cloned())
            .unwrap_or_else(|| value.clone())
    };
    let mut alternatives = vec![resolved(option)];
    for key in ["anyOf", "oneOf", "allOf"] {
        let nested: Vec<Value> = alternatives
            .iter()
            .filter_map(|value| value.get(key)?.as_array())
            .flatten()
            .map(resolved)
            .collect();
        alternatives.extend(nested);
    }
    let mut found = Vec::new();
    for value in &alternatives {
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

fn summary(module: &ModuleDefinition) -> String {
    let text = description(module);
    text.split("\n\n").next().unwrap_or_default().replace('\n', " ")
}
