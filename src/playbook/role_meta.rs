//! What a role says about itself: `meta/main.yml` and `meta/argument_specs.yml`.

use std::path::Path;

use super::collections::check_collections;
use super::role_files::main_file;
use crate::syntax::{self, Diagnostic, Diagnostics, Fields, Node};

/// What a role says about itself.
#[derive(Default)]
pub(super) struct Meta {
    pub(super) allow_duplicates: bool,
    pub(super) dependencies: Vec<Node>,
    /// For each file of tasks that others may begin with: its arguments.
    pub(super) argument_specs: Option<Node>,
}

impl Meta {
    pub(super) fn read(role: &Path, diagnostics: &mut Diagnostics) -> Self {
        let mut meta = Self::default();
        let read =
            |path: &Path, diagnostics: &mut Diagnostics| diagnostics.keep(syntax::read(path, "role's file")).flatten();
        if let Some(node) = main_file(role, "meta").and_then(|file| read(&file, diagnostics)) {
            meta.take(&node, diagnostics);
        }
        let specs = ["argument_specs.yml", "argument_specs.yaml"].map(|name| role.join("meta").join(name));
        if let Some(file) = specs.iter().find(|path| path.is_file()) {
            let node = read(file, diagnostics);
            meta.argument_specs = node.and_then(|node| {
                let mut fields = diagnostics.keep(Fields::of(&node, "a file of argument specs"))?;
                let specs = fields.take("argument_specs").cloned();
                fields.finish(std::iter::empty(), diagnostics);
                specs
            });
        }
        meta
    }

    fn take(&mut self, node: &Node, diagnostics: &mut Diagnostics) {
        if node.is_null() {
            return;
        }
        let Some(mut fields) = diagnostics.keep(Fields::of(node, "a role's meta file")) else {
            return;
        };
        if let Some(node) = fields.take("allow_duplicates") {
            match node.to_value().as_bool() {
                Some(allowed) => self.allow_duplicates = allowed,
                None => diagnostics.push(Diagnostic::error("`allow_duplicates` is true or false").at(&node.place)),
            }
        }
        if let Some(node) = fields.take("dependencies").filter(|node| !node.is_null()) {
            match node.items() {
                Some(items) => self.dependencies = items.to_vec(),
                None => diagnostics.push(Diagnostic::error("`dependencies` is a list of roles").at(&node.place)),
            }
        }
        self.argument_specs = fields.take("argument_specs").cloned();
        if let Some(node) = fields.take("collections") {
            check_collections(node, diagnostics);
        }
        // It tells people and Ansible's own tools about the role.
        fields.take("galaxy_info");
        fields.finish(std::iter::empty(), diagnostics);
    }
}
