//! What the formats have in common when they put hosts and variables into the tree.

use std::sync::Arc;

use serde_json::Value;

use super::origin::Source;
use super::tree::{ChildError, Tree};
use super::{address, range};
use crate::syntax::{Diagnostic, Diagnostics, Place};
use crate::vars::files::WrittenVars;
use crate::vars::{VarMap, Variable};

/// Where the entries of one source go.
pub(super) struct Filler<'a> {
    pub(super) tree: &'a mut Tree,
    pub(super) source: &'a Arc<Source>,
    pub(super) diagnostics: &'a mut Diagnostics,
}

impl Filler<'_> {
    /// Adds the hosts that a pattern stands for to a group, and sets their variables.
    pub(super) fn add_hosts(&mut self, pattern: &str, place: &Place, group: usize, written: &WrittenVars) {
        let (names, port) = match parse_hosts(pattern, place) {
            Ok(parsed) => parsed,
            Err(error) => return self.diagnostics.push(error),
        };
        let port = port.map(|port| Variable::written(Value::from(port)));
        // Hosts of one entry share their variables until one of them gets others.
        let mut vars = VarMap::new();
        if let Some(port) = &port {
            vars.insert("ansible_port".to_owned(), Arc::clone(port));
        }
        merge(&mut vars, &written.vars);
        let vars = Arc::new(vars);
        for name in names {
            let (number, new) = self.tree.add_host(&name, Some(self.source));
            self.tree.add_member(group, number);
            let host = &mut self.tree.hosts[number];
            host.secret.extend(written.secret.iter().cloned());
            if new {
                host.vars = Arc::clone(&vars);
                continue;
            }
            if let Some(port) = &port
                && host.vars.get("ansible_port").map(|known| known.raw()) != Some(port.raw())
            {
                self.diagnostics.push(unused_port(&name, port.raw(), place));
            }
            if !written.vars.is_empty() {
                merge(Arc::make_mut(&mut host.vars), &written.vars);
            }
        }
    }

    /// Sets a group's variable; `ansible_group_priority` is its place in the order of groups instead.
    pub(super) fn set_group_var(&mut self, group: usize, name: &str, value: Arc<Variable>, place: &Place) {
        if name != "ansible_group_priority" {
            Arc::make_mut(&mut self.tree.groups[group].vars).insert(name.to_owned(), value);
            return;
        }
        let priority = match value.raw() {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        match priority {
            Some(priority) => self.tree.groups[group].priority = priority,
            None => self.diagnostics.push(
                Diagnostic::error("`ansible_group_priority` must be a whole number")
                    .at(place)
                    .help("the default is 1; among groups of one depth the highest wins"),
            ),
        }
    }

    /// Puts a group below another.
    pub(super) fn add_child(&mut self, parent: usize, child: usize, place: &Place) {
        let Err(error) = self.tree.add_child(parent, child) else {
            return;
        };
        let (above, below) = (self.tree.group_name(parent), self.tree.group_name(child));
        let diagnostic = match error {
            ChildError::Itself => Diagnostic::error(format!("the group `{above}` cannot be its own child")),
            ChildError::All => Diagnostic::error(format!("`all` cannot be a child of `{above}`: it holds every group")),
            ChildError::Loop => Diagnostic::error(format!(
                "`{below}` cannot be a child of `{above}`, which stands below `{below}` already"
            ))
            .help("groups must not form a loop"),
        };
        self.diagnostics.push(diagnostic.at(place));
    }
}

/// Sets variables over what stands there already.
pub(super) fn merge(vars: &mut VarMap, more: &VarMap) {
    vars.extend(more.iter().map(|(name, value)| (name.clone(), Arc::clone(value))));
}

fn unused_port(host: &str, port: &Value, place: &Place) -> Diagnostic {
    Diagnostic::warning(format!(
        "the port {port} of `{host}` is not used: a port counts only where the host stands first"
    ))
    .at(place)
    .help("set the variable `ansible_port`")
}

/// The names and the port that a host pattern of an inventory stands for.
fn parse_hosts(pattern: &str, place: &Place) -> Result<(Vec<String>, Option<u16>), Diagnostic> {
    let (host, port) = address::split_port(pattern);
    let bad = |message: String| Err(Diagnostic::error(message).at(place));
    if host.is_empty() {
        return bad("a host needs a name".to_owned());
    }
    if host == "---" {
        return bad("`---` begins a YAML file, and this one is read as INI".to_owned())
            .map_err(|error: Diagnostic| error.help("name the file `.yml` when it is YAML"));
    }
    if address::is_ipv6(host) {
        return names(host, place).map(|names| (names, port));
    }
    let in_brackets = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if in_brackets.is_some_and(address::is_ipv6) {
        return bad(format!("the address `{host}` in brackets has no port"))
            .map_err(|error: Diagnostic| error.help("write it without the brackets, or with a port: `[address]:22`"));
    }
    let mut depth = 0_usize;
    for c in host.chars() {
        match c {
            '[' => depth += 1,
            ']' if depth == 0 => return bad(format!("`{pattern}` closes a range that it did not open")),
            ']' => depth -= 1,
            ':' if depth == 0 => {
                return bad(format!("`{pattern}` is not a host name")).map_err(|error: Diagnostic| {
                    error.help("a colon stands before a port number only, as in `name:22`")
                });
            }
            _ => {}
        }
    }
    names(host, place).map(|names| (names, port))
}

fn names(host: &str, place: &Place) -> Result<Vec<String>, Diagnostic> {
    range::expand(host).map_err(|error| Diagnostic::error(error.message).at(place).help(error.help))
}
