//! `module_defaults`: options that tasks have unless they say otherwise.

use std::collections::HashMap;
use std::sync::Arc;

use super::module_options::normalise;
use crate::modules;
use crate::syntax::{Diagnostic, Diagnostics, Entry, Kind, Node};

/// For the name of a module: its options.
pub type ModuleDefaults = HashMap<&'static str, Arc<Vec<Entry>>>;

/// Reads `module_defaults`; what stands further in takes the place of what stands around it, module by module.
pub(super) fn read(node: &Node, around: &ModuleDefaults, diagnostics: &mut Diagnostics) -> ModuleDefaults {
    let mut all = around.clone();
    match &node.kind {
        Kind::Sequence(items) => {
            for item in items {
                all = read(item, &all, diagnostics);
            }
        }
        Kind::Mapping(entries) => {
            for entry in entries {
                all.extend(of_module(entry, diagnostics));
            }
        }
        Kind::Scalar { .. } if node.is_null() => {}
        Kind::Scalar { .. } => diagnostics.push(
            Diagnostic::error(format!(
                "`module_defaults` is a mapping of modules, this is {}",
                node.describe()
            ))
            .at(&node.place)
            .help("it is read before the run and cannot be a template; the options in it may be")
            .without_gap(),
        ),
    }
    all
}

fn of_module(entry: &Entry, diagnostics: &mut Diagnostics) -> Option<(&'static str, Arc<Vec<Entry>>)> {
    let wrong = |message: String| Diagnostic::error(message).at(&entry.key_place).without_gap();
    if entry.key.starts_with("group/") {
        diagnostics.push(
            wrong("groups of modules are not known to krun".to_owned()).help("write the options module by module"),
        );
        return None;
    }
    let Some(definition) = modules::find(&entry.key) else {
        diagnostics
            .push(wrong(format!("there is no module `{}`", entry.key)).did_you_mean(&entry.key, modules::names()));
        return None;
    };
    if entry.value.entries().is_none() {
        diagnostics.push(wrong(format!(
            "the defaults of `{}` are a mapping of options",
            definition.name
        )));
        return None;
    }
    let node = diagnostics.keep(normalise(definition, &entry.value, None))?;
    let known = definition.options();
    for option in node.entries().unwrap_or_default() {
        if !definition.free_options && !known.contains(&option.key) {
            diagnostics.push(
                Diagnostic::error(format!(
                    "the module `{}` has no option `{}`",
                    definition.name, option.key
                ))
                .at(&option.key_place)
                .did_you_mean(&option.key, known.iter().map(String::as_str))
                .without_gap(),
            );
        }
    }
    Some((definition.name, Arc::new(node.entries().unwrap_or_default().to_vec())))
}

/// The options of a task, with the defaults for those that it does not name.
pub(super) fn with_defaults(node: Node, defaults: Option<&Arc<Vec<Entry>>>) -> Node {
    let (Some(defaults), Kind::Mapping(entries)) = (defaults, &node.kind) else {
        return node;
    };
    let mut all = entries.clone();
    let is_new = |entry: &&Entry| !entries.iter().any(|own| own.key == entry.key);
    all.extend(defaults.iter().filter(is_new).cloned());
    Node {
        kind: Kind::Mapping(all),
        ..node
    }
}
