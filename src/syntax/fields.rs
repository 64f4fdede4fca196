use std::collections::HashSet;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::node::{Entry, Node};

/// Keys below which variables are defined, or things that define some.
const DEFINING: [&str; 15] = [
    "always",
    "block",
    "handlers",
    "index_var",
    "loop",
    "loop_control",
    "loop_var",
    "post_tasks",
    "pre_tasks",
    "register",
    "rescue",
    "roles",
    "tasks",
    "vars",
    "vars_files",
];

/// Takes a mapping apart key by key, and reports what nobody took: no key is accepted and ignored.
pub struct Fields<'a> {
    what: &'static str,
    node: &'a Node,
    entries: &'a [Entry],
    taken: HashSet<&'a str>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Begins with a node that must be a mapping; `what` names it in errors ("a play").
    ///
    /// # Errors
    /// The node is something else.
    pub fn of(node: &'a Node, what: &'static str) -> Result<Self, Diagnostic> {
        let entries = node.entries().ok_or_else(|| {
            Diagnostic::error(format!("{what} must be a mapping, this is {}", node.describe())).at(&node.place)
        })?;
        Ok(Self {
            what,
            node,
            entries,
            taken: HashSet::new(),
            known: Vec::new(),
        })
    }

    /// The node that is taken apart.
    pub fn node(&self) -> &'a Node {
        self.node
    }

    /// Takes the entry of a key, if it is there.
    pub fn entry(&mut self, key: &'static str) -> Option<&'a Entry> {
        self.known.push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        self.taken.insert(&entry.key);
        Some(entry)
    }

    /// Takes the value of a key, if it is there.
    pub fn take(&mut self, key: &'static str) -> Option<&'a Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Entries that nobody has taken so far.
    pub fn rest(&self) -> impl Iterator<Item = &'a Entry> + use<'_, 'a> {
        self.entries
            .iter()
            .filter(|entry| !self.taken.contains(entry.key.as_str()))
    }

    /// Marks an entry found through [`Fields::rest`] as taken.
    pub fn mark(&mut self, entry: &'a Entry) {
        self.taken.insert(&entry.key);
    }

    /// Reports every key that nobody took, with the nearest known one; `more` are further known names.
    ///
    /// A misspelt `register` leaves a variable without its source; most other keys have no such consequence.
    pub fn finish<'n>(self, more: impl IntoIterator<Item = &'n str> + Clone, diagnostics: &mut Diagnostics) {
        for entry in self.rest() {
            let known = self.known.iter().copied().chain(more.clone());
            let unknown = Diagnostic::error(format!("{} has no key `{}`", self.what, entry.key))
                .at(&entry.key_place)
                .did_you_mean(&entry.key, known)
                .unsupported();
            let may_define = super::closest(&entry.key, DEFINING).is_some();
            diagnostics.push(if may_define { unknown } else { unknown.without_gap() });
        }
    }
}
