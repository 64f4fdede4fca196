//! `collections`: where Ansible looks for modules that are named without one.

use super::keywords::text_list;
use crate::syntax::{Diagnostic, Diagnostics, Node};

/// Those of whose modules krun has some: to name them changes nothing.
const KNOWN: [&str; 5] = [
    "ansible.builtin",
    "ansible.legacy",
    "ansible.posix",
    "community.general",
    "kubernetes.core",
];

/// Accepts the collections whose modules are krun's own.
pub(super) fn check_collections(node: &Node, diagnostics: &mut Diagnostics) {
    for name in text_list(node, "collections", diagnostics) {
        if !KNOWN.contains(&name.as_str()) {
            diagnostics.push(
                Diagnostic::error(format!("krun has no modules of the collection `{name}`"))
                    .at(&node.place)
                    .did_you_mean(&name, KNOWN)
                    .help("krun's modules are built in; `krun doc` lists them")
                    .without_gap(),
            );
        }
    }
}
