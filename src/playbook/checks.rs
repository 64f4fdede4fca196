use std::collections::HashSet;
use std::path::Path;

use serde_json::{Map, Value};

use super::action::Action;
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
    for task in play.all_tasks().chain(&play.handlers) {
        for notified in &task.notify {
            check_notified(notified, &handlers, includes, diagnostics);
        }
        check_file(task, play, diagnostics);
    }
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
    let kind = match definition.name {
        "copy" if options.get("remote_src").is_none() => "files",
        "template" => "templates",
        _ => return,
    };
    let Some(Value::String(name)) = options.get("src") else {
        return;
    };
    if template::holds_template(name) || task.keywords.delegate_to.is_some() {
        return;
    }
    let found = finder(task, play).find(kind, name);
    if let (Ok(path), "template") = (&found, definition.name) {
        check_template(path, options, diagnostics);
    }
    if let Err(failure) = found {
        let place = nodes.get("src").map_or(&task.place, |node| &node.place);
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

/// Host patterns that are no templates must mean something in this inventory.
pub fn check_hosts(playbook: &Playbook, inventory: &Inventory, diagnostics: &mut Diagnostics) {
    for play in &playbook.plays {
        let texts: Vec<&str> = match &play.hosts.value {
            Value::String(text) => vec![text],
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            _ => {
                diagnostics.push(Diagnostic::error("`hosts` is a pattern or a list of patterns").at(&play.hosts.place));
                continue;
            }
        };
        if texts.iter().any(|text| template::holds_template(text)) {
            continue;
        }
        if let Err(error) = Pattern::parse_all(texts).and_then(|pattern| pattern.select(inventory)) {
            diagnostics.push(Diagnostic::from(error).at(&play.hosts.place));
        }
    }
}
