use std::collections::HashSet;
use std::path::Path;

use serde_json::{Map, Value};

use super::action::Action;
use super::expected::Expected;
use super::loader::Loader;
use super::model::{Play, Playbook, Task};
use super::setting::Setting;
use crate::inventory::{Inventory, Pattern};
use crate::modules::{FileFinder, TemplateSyntax};
use crate::syntax::{Diagnostic, Diagnostics, Place, SourceFile};
use crate::template;

/// What can be said about a play once it is read whole.
pub(super) fn check_play(play: &Play, diagnostics: &mut Diagnostics) {
    let handlers: HashSet<String> = play
        .handlers
        .iter()
        .flat_map(|handler| {
            let names = [handler.name.clone(), Some(handler.title())];
            names.into_iter().flatten().chain(handler.listen.iter().cloned())
        })
        .collect();
    // An include brings handlers of its own while the play runs.
    let includes = play
        .all_tasks()
        .any(|task| matches!(task.action, Action::IncludeRole(_)));
    let strategy = play.strategy.as_ref().map(Setting::known_strategy);
    let is_at_own_pace = matches!(strategy, Some(Ok(Some(strategy))) if strategy.is_at_own_pace());
    for task in play.all_tasks().chain(&play.handlers) {
        if is_at_own_pace {
            check_once(task, diagnostics);
        }
        for notified in &task.notify {
            check_notified(notified, &handlers, includes, diagnostics);
        }
        check_file(task, play, diagnostics);
    }
}

/// Where no host waits for another one, nothing can be done once for all of them.
fn check_once(task: &Task, diagnostics: &mut Diagnostics) {
    const HELP: &str = "take the strategy `linear` for this play, or let one host do it: \
        `when: inventory_hostname == ansible_play_hosts_all[0]`";
    let run_once = task.keywords.run_once.as_ref();
    let place = match (&task.action, run_once) {
        (_, Some(setting)) if setting.value == Value::Bool(true) => &setting.place,
        (Action::Module { definition, .. }, _) if definition.runs_once => &task.place,
        _ => return,
    };
    let message = "what is done once for all hosts does not go with a strategy by which no host waits for another one";
    diagnostics.push(Diagnostic::error(message).at(place).help(HELP).without_gap());
}

fn check_notified(notified: &Setting, handlers: &HashSet<String>, includes: bool, diagnostics: &mut Diagnostics) {
    let Value::String(name) = &notified.value else {
        diagnostics.push(
            Diagnostic::error("`notify` takes names of handlers")
                .at(&notified.place)
                .without_gap(),
        );
        return;
    };
    if includes || template::holds_template(name) || handlers.contains(name) {
        return;
    }
    diagnostics.push(
        Diagnostic::error(format!("there is no handler `{name}`"))
            .at(&notified.place)
            .did_you_mean(name, handlers.iter().map(String::as_str))
            .without_gap(),
    );
}

/// Files and templates that are named without a variable must be there.
fn check_file(task: &Task, play: &Play, diagnostics: &mut Diagnostics) {
    let Action::Module {
        definition,
        options,
        nodes,
    } = &task.action
    else {
        return;
    };
    let (kind, option) = match definition.name {
        "copy" if options.get("remote_src").is_none() => ("files", "src"),
        "template" => ("templates", "src"),
        "include-vars" => ("vars", "file"),
        _ => return,
    };
    let Some(Value::String(name)) = options.get(option) else {
        return;
    };
    if template::holds_template(name) || task.keywords.delegate_to.is_some() {
        return;
    }
    let finder = finder(task, play);
    let found = if kind == "vars" {
        finder.find(kind, name)
    } else {
        finder.find_plain(kind, name)
    };
    if let (Ok(path), "template") = (&found, definition.name) {
        check_template(path, options, diagnostics);
    }
    if let Err(failure) = found {
        let place = nodes.get(option).map_or(&task.place, |node| &node.place);
        let mut diagnostic = Diagnostic::error(failure.message).at(place).without_gap();
        if let Some(help) = failure.help {
            diagnostic = diagnostic.help(help);
        }
        diagnostics.push(diagnostic);
    }
}

/// A template that is known must be one: its syntax, and the filters and tests in it.
fn check_template(path: &Path, options: &Map<String, Value>, diagnostics: &mut Diagnostics) {
    // One that the task gives delimiters by variables cannot be read before the run.
    let Some(syntax) = TemplateSyntax::of_options(options) else {
        return;
    };
    // As other files beside the playbook are shown.
    let path = path.strip_prefix(".").unwrap_or(path);
    let Ok(text) = fs_err::read_to_string(path) else { return };
    let name = path.display().to_string();
    let Err(error) = template::check_file(&name, &text, &syntax) else {
        return;
    };
    let source = SourceFile::new(path, text);
    let place = match &error.range {
        Some(range) => {
            let width = source
                .text()
                .get(range.clone())
                .map_or(1, |text| text.lines().next().unwrap_or_default().chars().count());
            Place::at_offset(&source, range.start, width)
        }
        None => Place::start_of(&source),
    };
    // The place says it.
    let own = error.message.strip_prefix(&name).and_then(|rest| rest.split_once(": "));
    let message = own.map_or(error.message.as_str(), |(_, rest)| rest);
    diagnostics.push(Diagnostic::error(message).at(&place).without_gap());
}

/// Where a task's files are looked for.
pub(crate) fn finder(task: &Task, play: &Play) -> FileFinder {
    FileFinder {
        role: task.role.as_ref().map(|role| role.path.clone()),
        task_folder: Some(task.folder.clone()),
        playbook_folder: play.folder.clone(),
    }
}

/// Host patterns that are no templates must mean something in this inventory, or something that tasks may add to it.
pub fn check_hosts(
    playbooks: &[Playbook],
    inventory: &mut Inventory,
    loader: &Loader<'_>,
    diagnostics: &mut Diagnostics,
) {
    let mut found = findings(playbooks, inventory);
    let plays = || playbooks.iter().flat_map(|playbook| &playbook.plays);
    if !found.has_errors() && !plays().any(|play| holds_template(&play.hosts.value)) {
        return;
    }
    // Only now what tasks may add is of interest: all included files have to be read for that.
    let Expected { names, is_open } = Expected::of(playbooks, loader);
    let is_anything = |name: &String| name.chars().all(|letter| letter == '*');
    let is_open = is_open || names.iter().any(is_anything);
    inventory.expect(names.into_iter().filter(|name| !is_anything(name)));
    found = findings(playbooks, inventory);
    if is_open && found.has_errors() {
        inventory.expect(["*".to_owned()]);
        for finding in found.sorted() {
            diagnostics.push(finding.as_warning("unless a task adds it whose names are known in the run only"));
        }
    } else {
        diagnostics.extend(found);
    }
}

fn findings(playbooks: &[Playbook], inventory: &Inventory) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    for play in playbooks.iter().flat_map(|playbook| &playbook.plays) {
        let texts: Vec<&str> = match &play.hosts.value {
            Value::String(text) => vec![text],
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            _ => {
                diagnostics.push(Diagnostic::error("`hosts` is a pattern or a list of patterns").at(&play.hosts.place));
                continue;
            }
        };
        if holds_template(&play.hosts.value) {
            continue;
        }
        if let Err(error) = Pattern::parse_all(texts).and_then(|pattern| pattern.select(inventory)) {
            diagnostics.push(Diagnostic::from(error).at(&play.hosts.place));
        }
        let Some(order) = play.order.as_ref().filter(|order| !holds_template(&order.value)) else {
            continue;
        };
        for text in order.value.as_array().into_iter().flatten().filter_map(Value::as_str) {
            if let Err(error) = Pattern::parse(text).and_then(|pattern| pattern.select(inventory)) {
                diagnostics.push(Diagnostic::from(error).at(&order.place));
            }
        }
    }
    diagnostics
}

fn holds_template(hosts: &Value) -> bool {
    match hosts {
        Value::String(text) => template::holds_template(text),
        Value::Array(items) => items.iter().any(holds_template),
        _ => false,
    }
}
