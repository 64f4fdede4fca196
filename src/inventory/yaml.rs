//! Inventories in YAML (and so in JSON): groups with `hosts`, `children` and `vars`.

use super::fill::Filler;
use crate::syntax::{Diagnostic, Entry, Fields, Kind, Node};
use crate::vars::files::{WrittenVars, read_mapping};
use crate::vars::vault::VaultPasswords;

/// Reads a whole YAML inventory into the tree.
pub(super) fn read(root: &Node, passwords: &VaultPasswords, filler: Filler<'_>) {
    let mut reader = Reader { passwords, filler };
    if let Err(error) = reader.root(root) {
        reader.filler.diagnostics.push(error);
    }
}

struct Reader<'a> {
    passwords: &'a VaultPasswords,
    filler: Filler<'a>,
}

impl Reader<'_> {
    fn root(&mut self, root: &Node) -> Result<(), Diagnostic> {
        let Some(entries) = root.entries() else {
            return Err(Diagnostic::error(format!(
                "an inventory must be a mapping of groups, this is {}",
                root.describe()
            ))
            .at(&root.place)
            .help("begin with `all:` and put `hosts:`, `children:` and `vars:` below it"));
        };
        if let Some(plugin) = root.get("plugin") {
            return Err(
                Diagnostic::error("this configures an inventory plugin, and krun has none")
                    .at(&plugin.place)
                    .help("save the hosts that the plugin finds: ansible-inventory -i FILE --list --yaml > hosts.yml"),
            );
        }
        for entry in entries {
            if matches!(entry.key.as_str(), "hosts" | "children" | "vars") {
                self.filler.diagnostics.push(
                    Diagnostic::error(format!("`{}` stands outside of a group", entry.key))
                        .at(&entry.key_place)
                        .help("the first level names groups; put it below `all:`"),
                );
                continue;
            }
            self.group(entry);
        }
        Ok(())
    }

    /// Reads a group and all groups inside of it; gives its number.
    fn group(&mut self, entry: &Entry) -> usize {
        let group = self.filler.tree.add_group(&entry.key);
        if !entry.value.is_null()
            && let Err(error) = self.group_body(group, &entry.value)
        {
            self.filler.diagnostics.push(error);
        }
        group
    }

    fn group_body(&mut self, group: usize, node: &Node) -> Result<(), Diagnostic> {
        let mut fields = Fields::of(node, "a group")?;
        for key in ["hosts", "children", "vars"] {
            fields.take(key);
        }
        fields.finish([], self.filler.diagnostics);
        // In the order written: it decides the order of the hosts.
        for Entry { key, value, .. } in node.entries().unwrap_or_default() {
            match key.as_str() {
                "hosts" => self.hosts(group, value),
                "children" => self.children(group, value),
                "vars" => self.vars(group, value),
                _ => {}
            }
        }
        Ok(())
    }

    fn hosts(&mut self, group: usize, node: &Node) {
        match &node.kind {
            Kind::Mapping(entries) => {
                for Entry { key, key_place, value } in entries {
                    let vars = self.read_vars(value, "the variables of a host");
                    self.filler.add_hosts(key, key_place, group, &vars);
                }
            }
            Kind::Scalar { text, .. } if !node.is_null() => {
                self.filler.add_hosts(text, &node.place, group, &WrittenVars::default());
            }
            _ => self.expect_mapping(node, "hosts"),
        }
    }

    fn children(&mut self, group: usize, node: &Node) {
        match &node.kind {
            Kind::Mapping(entries) => {
                for entry in entries {
                    let child = self.group(entry);
                    self.filler.add_child(group, child, &entry.key_place);
                }
            }
            Kind::Scalar { text, .. } if !node.is_null() => {
                let child = self.filler.tree.add_group(text);
                self.filler.add_child(group, child, &node.place);
            }
            _ => self.expect_mapping(node, "children"),
        }
    }

    fn vars(&mut self, group: usize, node: &Node) {
        let place = |name: &str| {
            let entry = node
                .entries()
                .unwrap_or_default()
                .iter()
                .find(|entry| entry.key == name);
            entry.map_or(&node.place, |entry| &entry.value.place)
        };
        let written = self.read_vars(node, "`vars`");
        self.filler.tree.groups[group].secret.extend(written.secret);
        for (name, value) in written.vars {
            self.filler.set_group_var(group, &name, value, place(&name));
        }
    }

    fn read_vars(&mut self, node: &Node, what: &str) -> WrittenVars {
        read_mapping(node, what, self.passwords, self.filler.diagnostics).unwrap_or_default()
    }

    fn expect_mapping(&mut self, node: &Node, key: &str) {
        if node.is_null() {
            return;
        }
        self.filler.diagnostics.push(
            Diagnostic::error(format!("`{key}` must be a mapping, this is {}", node.describe()))
                .at(&node.place)
                .help("write every name with a colon behind it and without a dash before it: `name:`"),
        );
    }
}
