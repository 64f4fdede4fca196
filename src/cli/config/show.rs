//! `krun config`: every setting, its value, and where it comes from.

use clap::Args;
use serde_json::{Value, json};

use super::Configuration;
use super::setting::{Kind, Setting};
use crate::cli::error::{EXIT_BAD_OPTIONS, EXIT_ERROR};
use crate::cli::print::{print, print_findings};
use crate::syntax::Diagnostic;

/// Show the settings and where they come from
#[derive(Args, Debug)]
pub(in crate::cli) struct ConfigArgs {
    /// Only these settings
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Only what is not the default
    #[arg(long)]
    only_changed: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand; gives its exit code.
pub(in crate::cli) fn run(args: &ConfigArgs, configuration: &Configuration) -> i32 {
    let mut settings = Vec::new();
    for name in &args.names {
        let plain = name.to_lowercase().replace('-', "_");
        let plain = plain.trim_start_matches("krun_").trim_start_matches('_');
        let Some(setting) = configuration.settings.get(plain) else {
            let error = Diagnostic::error(format!("there is no setting `{name}`"))
                .did_you_mean(plain, configuration.settings.names())
                .help("`krun config` lists all settings");
            print_findings(&error.into());
            return EXIT_ERROR;
        };
        settings.push(setting);
    }
    if args.names.is_empty() {
        settings.extend(configuration.settings.iter());
    }
    settings.retain(|setting| !args.only_changed || configuration.values.contains_key(&setting.name));
    let text = if args.json {
        serde_json::to_string_pretty(&as_json(&settings, configuration)).unwrap_or_default()
    } else {
        let mut text = table(&settings, configuration);
        if args.names.is_empty() {
            text.push_str(&files_and_notes(configuration));
        }
        text
    };
    let problems = configuration.problems();
    print_findings(&problems);
    let printed = print(text.trim_end());
    if problems.has_errors() {
        EXIT_BAD_OPTIONS
    } else {
        printed
    }
}

fn as_json(settings: &[&Setting], configuration: &Configuration) -> Value {
    let entries = settings.iter().map(|setting| {
        let found = configuration.values.get(&setting.name);
        json!({
            "name": setting.name,
            "value": found.map(|found| typed(setting, &found.texts)),
            "default": setting.default,
            "from": found.map(|found| found.origin.to_string()),
            "option": setting.option,
            "variable": setting.variable(),
            "help": setting.help,
        })
    });
    Value::Array(entries.collect())
}

fn typed(setting: &Setting, texts: &[String]) -> Value {
    let first = || texts.first().cloned().unwrap_or_default();
    match setting.kind {
        Kind::Flag => json!(first() == "true"),
        Kind::Count => json!(first().parse::<u8>().unwrap_or_default()),
        Kind::One => json!(first()),
        Kind::Many => json!(texts),
    }
}

fn table(settings: &[&Setting], configuration: &Configuration) -> String {
    let rows: Vec<[String; 3]> = settings
        .iter()
        .map(|setting| match configuration.values.get(&setting.name) {
            Some(found) => [setting.name.clone(), shown(&found.texts), found.origin.to_string()],
            None => [
                setting.name.clone(),
                setting.default.clone().unwrap_or_else(|| "-".to_owned()),
                "default".to_owned(),
            ],
        })
        .collect();
    aligned(&rows)
}

fn files_and_notes(configuration: &Configuration) -> String {
    let mut text = String::new();
    if !configuration.files.is_empty() {
        text.push_str("\nfiles that were read\n");
        for (what, path) in &configuration.files {
            text.push_str(&format!("  {what:<8} {}\n", path.display()));
        }
    }
    let rows: Vec<[String; 3]> = configuration
        .notes
        .iter()
        .map(|note| {
            let sign = if note.is_warning { "not obeyed: " } else { "" };
            [
                format!("  {} = {}", note.key, note.value),
                note.origin.to_string(),
                format!("{sign}{}", note.reason),
            ]
        })
        .collect();
    if !rows.is_empty() {
        text.push_str("\nof Ansible's configuration, without a meaning for krun\n");
        text.push_str(&aligned(&rows));
    }
    text
}

fn shown(texts: &[String]) -> String {
    match texts {
        [] => "(nothing)".to_owned(),
        [one] => one.clone(),
        many => many.join(", "),
    }
}

/// Columns as wide as what stands in them, within reason.
fn aligned(rows: &[[String; 3]]) -> String {
    const WIDEST: usize = 44;
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.filter(|width| *width <= WIDEST).max().unwrap_or(0)
    };
    let (first, second) = (width(0), width(1));
    let lines = rows.iter().map(|[a, b, c]| format!("{a:<first$}  {b:<second$}  {c}\n"));
    lines.collect::<Vec<_>>().concat()
}
