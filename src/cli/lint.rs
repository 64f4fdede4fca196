//! `krun lint`: everything that is wrong with playbooks, and what puts a cluster at risk though it is right.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::error::{EXIT_NOT_LOADED, Error};
use super::extra_vars;
use super::hosts::folder_of;
use super::print::{complain, print};
use super::vault_options::VaultArgs;
use crate::inventory::{Inventory, InventoryVariables};
use crate::lint::{self, ALL};
use crate::playbook::{
    Known, Loader, LoaderOptions, Playbook, TagSelection, Unsupported, check_hosts, check_variables,
};
use crate::syntax::{Diagnostic, Diagnostics, Severity};
use crate::vars::vault::VaultPasswords;

/// Exit code when there is something to warn of.
const EXIT_WARNED: i32 = 2;

/// Show all mistakes in playbooks, and what puts a cluster at risk
///
/// Exit codes: 0 nothing to warn of, 2 warnings (with --strict: or hints), 4 errors, 5 bad options.
#[derive(Args, Debug)]
pub(super) struct LintArgs {
    /// Playbooks to look at
    #[arg(value_name = "PLAYBOOK", required_unless_present = "rules")]
    playbooks: Vec<PathBuf>,
    /// Inventory: a file, a directory, or hosts with a comma (may be repeated)
    #[arg(short, long, value_name = "SOURCE", env = "KRUN_INVENTORY")]
    inventory: Vec<String>,
    /// Variables: NAME=VALUE, a JSON or YAML mapping, or @FILE (may be repeated)
    #[arg(short, long, value_name = "VARS")]
    extra_vars: Vec<String>,
    /// Rules to leave out
    #[arg(long, value_name = "RULES", value_delimiter = ',')]
    allow: Vec<String>,
    /// Exit with 2 for hints too
    #[arg(long)]
    strict: bool,
    /// List the rules
    #[arg(long)]
    rules: bool,
    /// Text for people, or one JSON document
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Form::Text)]
    output: Form,
    /// Folders with roles, beside those near the playbook (separated by `:`)
    #[arg(long, value_name = "FOLDERS", env = "KRUN_ROLES_PATH", value_delimiter = ':')]
    roles_path: Vec<PathBuf>,
    /// A task that krun does not know: an error, or left alone since it may never be reached (when-reached)
    #[arg(long, value_name = "WHAT", env = "KRUN_UNSUPPORTED", default_value = "error", value_parser = Unsupported::from_str)]
    unsupported: Unsupported,
    #[command(flatten)]
    vault: VaultArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Json,
}

/// Runs the subcommand; gives its exit code.
pub(super) fn run(args: &LintArgs) -> i32 {
    if args.rules {
        let width = ALL.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
        let lines = ALL.iter().map(|rule| {
            let level = level_name(rule.severity);
            format!("{:width$}  {level:7}  {}", rule.id, rule.about)
        });
        return print(&lines.collect::<Vec<_>>().join("\n"));
    }
    let found = match look(args) {
        Ok(found) => found,
        Err(error) => return error.print(),
    };
    let shown = match args.output {
        Form::Json => print(&serde_json::to_string_pretty(&as_json(&found)).unwrap_or_default()),
        Form::Text => {
            let text = found.render(console::colors_enabled());
            let shown = if text.is_empty() { 0 } else { print(&text) };
            complain(&summary(&found, !args.inventory.is_empty()));
            shown
        }
    };
    let worst = found.sorted().iter().map(|finding| finding.severity()).max();
    match worst {
        _ if shown != 0 => shown,
        Some(Severity::Error) => EXIT_NOT_LOADED,
        Some(Severity::Warning) => EXIT_WARNED,
        Some(Severity::Hint) if args.strict => EXIT_WARNED,
        _ => 0,
    }
}

fn look(args: &LintArgs) -> Result<Diagnostics, Error> {
    for id in &args.allow {
        if lint::find(id).is_none() {
            return Err(Error::options(
                Diagnostic::error(format!("--allow: there is no rule `{id}`"))
                    .did_you_mean(id, ALL.iter().map(|rule| rule.id))
                    .help("`krun lint --rules` lists the rules"),
            ));
        }
    }
    let passwords = args.vault.passwords().map_err(Error::options)?;
    let extra_vars = extra_vars::read(&args.extra_vars, &passwords).map_err(Error::options)?;
    let options = LoaderOptions {
        roles_path: args.roles_path.clone(),
        unsupported: args.unsupported,
    };
    let loader = Loader::new(&options, &passwords);
    let mut found = Diagnostics::default();
    let mut playbooks = Vec::new();
    for path in &args.playbooks {
        let (playbook, problems) = loader.load(path);
        found.extend(problems);
        playbooks.extend(playbook);
    }
    let folder = folder_of(args.playbooks.first());
    let mut ground = if args.inventory.is_empty() {
        None
    } else {
        load_inventory(args, folder, &passwords, &mut found)
    };
    if let Some((inventory, variables)) = &mut ground {
        check_hosts(&playbooks, inventory, &loader, &mut found);
        let known = Known {
            inventory,
            variables,
            extra_vars: &Arc::new(extra_vars),
            limit: None,
            tags: &TagSelection::default(),
        };
        if playbooks.len() == args.playbooks.len() {
            check_variables(&playbooks, known, &loader, &mut found);
        }
    }
    found.extend(rules(
        args,
        &playbooks,
        &loader,
        ground.as_ref().map(|(inventory, _)| inventory),
    ));
    Ok(found)
}

fn rules(args: &LintArgs, playbooks: &[Playbook], loader: &Loader<'_>, inventory: Option<&Inventory>) -> Diagnostics {
    let sources: Vec<PathBuf> = args
        .inventory
        .iter()
        .map(PathBuf::from)
        .filter(|path| path.exists())
        .collect();
    lint::lint(playbooks, loader, inventory, &sources, &args.allow)
}

fn load_inventory(
    args: &LintArgs,
    folder: &Path,
    passwords: &VaultPasswords,
    found: &mut Diagnostics,
) -> Option<(Inventory, InventoryVariables)> {
    let read = || {
        let (inventory, mut warnings) = Inventory::load(&args.inventory, passwords)?;
        let (variables, more) = InventoryVariables::load(&inventory, Some(folder), passwords)?;
        warnings.extend(more);
        warnings.extend(variables.check_hosts(inventory.hosts()));
        Ok((inventory, variables, warnings))
    };
    match read() {
        Ok((inventory, variables, warnings)) => {
            found.extend(warnings);
            Some((inventory, variables))
        }
        Err(errors) => {
            let errors: Diagnostics = errors;
            found.extend(errors);
            None
        }
    }
}

fn level_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "hint",
    }
}

fn summary(found: &Diagnostics, has_inventory: bool) -> String {
    let count = |severity| {
        found
            .distinct()
            .iter()
            .filter(|finding| finding.severity() == severity)
            .count()
    };
    let parts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Hint]
        .into_iter()
        .map(|severity| (count(severity), level_name(severity)))
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}{}", if count == 1 { "" } else { "s" }))
        .collect();
    let text = if parts.is_empty() {
        "nothing to warn of".to_owned()
    } else {
        parts.join(", ")
    };
    if has_inventory {
        text
    } else {
        format!("{text}; hosts, groups and variables were not checked: give an inventory with -i")
    }
}

fn as_json(found: &Diagnostics) -> Value {
    let findings: Vec<Value> = found
        .distinct()
        .iter()
        .map(|finding| {
            json!({
                "rule": finding.code(),
                "level": level_name(finding.severity()),
                "file": finding.path().map(|path| path.display().to_string()),
                "line": finding.place().map(|place| place.line),
                "column": finding.place().map(|place| place.column),
                "message": finding.message(),
                "help": finding.help_lines(),
            })
        })
        .collect();
    json!({"version": 1, "findings": findings})
}
