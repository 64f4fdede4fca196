//! `loop`, the `with_` forms and `loop_control`.

use serde_json::Value;

use super::model::{Loop, LoopKind};
use super::setting::{Expression, Setting};
use crate::syntax::{Diagnostic, Diagnostics, Entry, Fields, Kind};
use crate::template;
use crate::vars::names::is_identifier;

/// The forms that make a list of their value.
const FORMS: [(&str, LoopKind); 15] = [
    ("list", LoopKind::WithList),
    ("items", LoopKind::Items),
    ("dict", LoopKind::Dict),
    ("nested", LoopKind::Nested),
    ("cartesian", LoopKind::Nested),
    ("together", LoopKind::Together),
    ("subelements", LoopKind::Subelements),
    ("sequence", LoopKind::Sequence),
    ("fileglob", LoopKind::FileGlob),
    ("file", LoopKind::File),
    ("first_found", LoopKind::FirstFound),
    ("indexed_items", LoopKind::IndexedItems),
    ("flattened", LoopKind::Flattened),
    ("random_choice", LoopKind::RandomChoice),
    ("inventory_hostnames", LoopKind::InventoryHostnames),
];

/// Those of Ansible's that krun does not have, with the way out.
const REFUSED: [(&str, &str); 6] = [
    (
        "lines",
        "run the command in a task before, and loop over the `stdout_lines` of its result",
    ),
    (
        "pipe",
        "run the command in a task before, and loop over the `stdout_lines` of its result",
    ),
    ("env", "loop over the variables that hold the values"),
    ("ini", "keep the values in a file of variables"),
    ("csvfile", "keep the values in a file of variables"),
    ("url", "fetch it with the module `uri` in a task before"),
];

/// Keys of `loop_control` that mean nothing where plays are repeated.
const OF_TASKS: [&str; 4] = ["pause", "extended", "extended_allitems", "break_when"];

/// Takes the loop of a task.
pub(super) fn loop_over(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Loop> {
    let forms: Vec<&Entry> = fields.rest().filter(|entry| entry.key.starts_with("with_")).collect();
    let mut found: Option<(&Entry, LoopKind)> = fields.entry("loop").map(|entry| (entry, LoopKind::List));
    for entry in forms {
        fields.mark(entry);
        let Some(kind) = diagnostics.keep(form(entry)) else {
            continue;
        };
        if let Some((first, _)) = &found {
            diagnostics.push(
                Diagnostic::error(format!(
                    "a task has one loop, here are `{}` and `{}`",
                    first.key, entry.key
                ))
                .at(&entry.key_place),
            );
        }
        found = Some((entry, kind));
    }
    let control = fields.entry("loop_control");
    let Some((entry, kind)) = found else {
        if let Some(control) = control {
            diagnostics.push(
                Diagnostic::error("`loop_control` is for tasks with a loop, and this one has none")
                    .at(&control.key_place)
                    .help("add `loop`, or leave it out")
                    .without_gap(),
            );
        }
        return None;
    };
    check_list(entry, kind, diagnostics);
    let mut over = Loop {
        kind,
        list: Setting::of(&entry.value, diagnostics),
        variable: "item".to_owned(),
        index_variable: None,
        label: None,
        pause: None,
        extended: false,
        extended_allitems: true,
        break_when: Vec::new(),
    };
    if let Some(mut control) = control.and_then(|entry| diagnostics.keep(Fields::of(&entry.value, "loop_control"))) {
        if let Some(variable) = variable(&mut control, "loop_var", diagnostics) {
            over.variable = variable;
        }
        over.index_variable = variable(&mut control, "index_var", diagnostics);
        over.label = control.take("label").map(|node| Setting::of(node, diagnostics));
        over.pause = control.take("pause").map(|node| Setting::of(node, diagnostics));
        over.extended = flag(&mut control, "extended", false, diagnostics);
        over.extended_allitems = flag(&mut control, "extended_allitems", true, diagnostics);
        if let Some(node) = control.take("break_when") {
            over.break_when = Expression::list(node, diagnostics);
        }
        control.finish(std::iter::empty(), diagnostics);
    }
    Some(over)
}

/// Takes the loop of an import of plays.
pub(super) fn loop_over_plays(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Loop> {
    for entry in fields
        .rest()
        .filter(|entry| entry.key.starts_with("with_"))
        .collect::<Vec<_>>()
    {
        fields.mark(entry);
        diagnostics.push(
            Diagnostic::error(format!("plays are repeated by `loop`, not by `{}`", entry.key))
                .at(&entry.key_place)
                .help("filters make a list of other values")
                .without_gap(),
        );
    }
    if let Some(control) = fields.take("loop_control") {
        for entry in control.entries().unwrap_or_default() {
            if OF_TASKS.contains(&entry.key.as_str()) {
                diagnostics.push(
                    Diagnostic::error(format!("`{}` is for the loops of tasks", entry.key))
                        .at(&entry.key_place)
                        .help("the loop of an import takes loop_var, index_var and label")
                        .without_gap(),
                );
            }
        }
    }
    loop_over(fields, diagnostics)
}

fn form(entry: &Entry) -> Result<LoopKind, Diagnostic> {
    let name = entry.key.trim_start_matches("with_");
    let short = ["ansible.builtin.", "community.general."]
        .iter()
        .find_map(|collection| name.strip_prefix(collection))
        .unwrap_or(name);
    if let Some((_, kind)) = FORMS.iter().find(|(known, _)| *known == short) {
        return Ok(*kind);
    }
    let unknown = Diagnostic::error(format!("krun has no `{}`", entry.key))
        .at(&entry.key_place)
        .unsupported();
    Err(match REFUSED.iter().find(|(known, _)| *known == short) {
        Some((_, way_out)) => unknown.help(*way_out),
        None => {
            let known: Vec<String> = FORMS.iter().map(|(known, _)| format!("with_{known}")).collect();
            unknown
                .did_you_mean(&entry.key, known.iter().map(String::as_str))
                .help("`loop` takes any list, and filters make one of other values")
        }
    })
}

/// What is written as it is can be judged before the run.
fn check_list(entry: &Entry, kind: LoopKind, diagnostics: &mut Diagnostics) {
    let node = &entry.value;
    let is_template = node.text().is_some_and(template::holds_template);
    let wrong = match (kind, &node.kind) {
        (LoopKind::List, Kind::Mapping(_)) => Some("for a mapping use the filter dict2items, or with_dict"),
        (LoopKind::List, Kind::Scalar { .. }) if !is_template => {
            Some("write a list, or a template that gives one: \"{{ … }}\"")
        }
        (LoopKind::Subelements, Kind::Sequence(items)) if !(2..=3).contains(&items.len()) => {
            Some("give the list and the key, and perhaps {skip_missing: true}")
        }
        _ => None,
    };
    if let Some(help) = wrong {
        diagnostics.push(
            Diagnostic::error(format!("`{}` needs a list, this is {}", entry.key, node.describe()))
                .at(&node.place)
                .help(help)
                .without_gap(),
        );
    }
}

fn variable(control: &mut Fields<'_>, key: &'static str, diagnostics: &mut Diagnostics) -> Option<String> {
    let node = control.take(key)?;
    let name = node.text().unwrap_or_default();
    if !is_identifier(name) {
        diagnostics.push(
            Diagnostic::error(format!("`{key}` is the name of a variable: letters, digits and `_`")).at(&node.place),
        );
        return None;
    }
    Some(name.to_owned())
}

fn flag(control: &mut Fields<'_>, key: &'static str, default: bool, diagnostics: &mut Diagnostics) -> bool {
    let Some(node) = control.take(key) else { return default };
    match node.to_value() {
        Value::Bool(value) => value,
        _ => {
            diagnostics.push(
                Diagnostic::error(format!("`{key}` is true or false"))
                    .at(&node.place)
                    .without_gap(),
            );
            default
        }
    }
}
