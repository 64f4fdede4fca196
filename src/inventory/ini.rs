//! Inventories in Ansible's INI form.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use super::fill::Filler;
use super::tree::UNGROUPED;
use super::{address, literal, words};
use crate::syntax::{Diagnostic, Place, SourceFile};
use crate::vars::Variable;
use crate::vars::files::WrittenVars;
use crate::vars::names::check_name;

/// What the lines below a section's header are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Hosts,
    Children,
    Vars,
}

/// A group that something spoke of before its own section was met.
struct Pending {
    place: Place,
    /// Groups that name it as their child; none when only its variables stood there.
    parents: Vec<usize>,
}

/// Reads a whole INI inventory into the tree.
pub(super) fn read(file: &Arc<SourceFile>, filler: Filler<'_>) {
    let mut reader = Reader {
        file,
        filler,
        section: Section::Hosts,
        group: UNGROUPED,
        line: 0,
        pending: IndexMap::new(),
    };
    for (index, line) in file.text().lines().enumerate() {
        reader.line = index + 1;
        if let Err(error) = reader.line(line) {
            reader.filler.diagnostics.push(error);
        }
    }
    reader.report_undeclared();
}

struct Reader<'a> {
    file: &'a Arc<SourceFile>,
    filler: Filler<'a>,
    section: Section,
    group: usize,
    /// Number of the line that is read.
    line: usize,
    /// Groups without a section of their own so far, by name.
    pending: IndexMap<String, Pending>,
}

impl Reader<'_> {
    fn line(&mut self, line: &str) -> Result<(), Diagnostic> {
        let text = line.trim_start_matches('\u{feff}').trim();
        if text.is_empty() || text.starts_with(['#', ';']) {
            return Ok(());
        }
        let indent = line.chars().count() - line.trim_start_matches('\u{feff}').trim_start().chars().count();
        let place = self.place(indent, text.chars().count());
        if let Some((name, kind)) = header(text) {
            return self.begin_section(name, kind, &place);
        }
        let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        if bracketed.is_some_and(|(inside, behind)| {
            (behind.is_empty() || behind.trim_start().starts_with(';')) && !address::is_ipv6(inside)
        }) {
            return Err(Diagnostic::error(format!("`{text}` is not a section"))
                .at(place)
                .help("a section is `[group]`, `[group:children]` or `[group:vars]`, without blanks; a comment after it begins with `#`"));
        }
        match self.section {
            Section::Hosts => self.host_line(text, indent),
            Section::Children => self.child_line(text, &place),
            Section::Vars => self.variable_line(text, &place),
        }
    }

    fn place(&self, column: usize, width: usize) -> Place {
        Place {
            source: Arc::clone(self.file),
            line: self.line,
            column: column + 1,
            width: width.max(1),
        }
    }

    fn begin_section(&mut self, name: &str, kind: Option<&str>, place: &Place) -> Result<(), Diagnostic> {
        self.section = match kind {
            None | Some("hosts") => Section::Hosts,
            Some("children") => Section::Children,
            Some("vars") => Section::Vars,
            Some(other) => {
                return Err(
                    Diagnostic::error(format!("`[{name}:{other}]` is not a kind of section"))
                        .at(place)
                        .did_you_mean(other, ["hosts", "children", "vars"])
                        .help("a section is `[group]`, `[group:children]` or `[group:vars]`"),
                );
            }
        };
        let known = self.filler.tree.groups.contains_key(name);
        self.group = self.filler.tree.add_group(name);
        if self.section == Section::Vars {
            // The variables of a group do not declare it.
            if !known && !self.pending.contains_key(name) {
                self.pending.insert(
                    name.to_owned(),
                    Pending {
                        place: place.clone(),
                        parents: Vec::new(),
                    },
                );
            }
        } else if let Some(pending) = self.pending.shift_remove(name) {
            for parent in pending.parents {
                self.filler.add_child(parent, self.group, &pending.place);
            }
        }
        Ok(())
    }

    fn host_line(&mut self, text: &str, indent: usize) -> Result<(), Diagnostic> {
        let split = words::split(text)
            .map_err(|unclosed| Diagnostic::error(unclosed.message).at(self.place(indent + unclosed.column, 1)))?;
        let mut words = split.words.into_iter();
        let Some(pattern) = words.next() else {
            return Ok(());
        };
        if let Some(column) = split.cut_at {
            let warning = Diagnostic::warning("this `#` begins a comment and cuts the word before it")
                .at(self.place(indent + column, 1))
                .help("put the value in quotes when the `#` belongs to it, a blank before the `#` when not");
            self.filler.diagnostics.push(warning);
        }
        let pattern_place = self.place(indent + pattern.column, pattern.width);
        let mut written = WrittenVars::default();
        for word in words {
            let place = self.place(indent + word.column, word.width);
            let Some((name, value)) = word.text.split_once('=') else {
                let mut error = Diagnostic::error(format!("`{}` is not a variable of the host", word.text)).at(place);
                error = if pattern.text.ends_with(':') {
                    error.help("this looks like YAML; name the file `.yml` when it is")
                } else {
                    error.help("behind the host stand `name=value` pairs; a value with blanks stands in quotes")
                };
                return Err(error);
            };
            let value = self.value(name, value, &place);
            written.vars.insert(name.to_owned(), value);
        }
        self.filler
            .add_hosts(&pattern.text, &pattern_place, self.group, &written);
        Ok(())
    }

    fn child_line(&mut self, text: &str, place: &Place) -> Result<(), Diagnostic> {
        let name = text.split('#').next().unwrap_or_default().trim_end();
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || matches!(c, ':' | ']')) {
            return Err(Diagnostic::error(format!("`{text}` is not the name of a group"))
                .at(place)
                .help("a `:children` section lists groups, one a line"));
        }
        if let Some(child) = self.filler.tree.groups.get_index_of(name) {
            self.filler.add_child(self.group, child, place);
        } else {
            let group = self.group;
            self.pending
                .entry(name.to_owned())
                .or_insert_with(|| Pending {
                    place: place.clone(),
                    parents: Vec::new(),
                })
                .parents
                .push(group);
        }
        Ok(())
    }

    fn variable_line(&mut self, text: &str, place: &Place) -> Result<(), Diagnostic> {
        let Some((name, value)) = text.split_once('=') else {
            return Err(Diagnostic::error(format!("`{text}` is not a variable"))
                .at(place)
                .help("a `:vars` section holds `name=value`, one a line"));
        };
        let name = name.trim_end();
        let value = self.value(name, value.trim_start(), place);
        self.filler.set_group_var(self.group, name, value, place);
        Ok(())
    }

    /// Reads a value, and warns when it is not what its author sees.
    fn value(&mut self, name: &str, text: &str, place: &Place) -> Arc<Variable> {
        check_name(name, || place.clone(), self.filler.diagnostics);
        let value = literal::parse(text);
        if let Value::Number(number) = &value
            && number.is_f64()
            && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
            && number.to_string() != text
        {
            self.filler.diagnostics.push(
                Diagnostic::warning(format!("`{text}` is read as the number {number}"))
                    .at(place)
                    .help(format!("for the text write {name}=\"'{text}'\"")),
            );
        }
        Variable::written(value)
    }

    fn report_undeclared(mut self) {
        let pending = std::mem::take(&mut self.pending);
        let tree = &self.filler.tree;
        for (name, Pending { place, parents }) in pending {
            let known = tree.groups.keys().map(String::as_str).filter(|known| *known != name);
            let error = match parents.last() {
                None => Diagnostic::error(format!("`[{name}:vars]` sets variables of a group that does not exist")),
                Some(&parent) => Diagnostic::error(format!(
                    "`[{}:children]` names the group `{name}`, which does not exist",
                    tree.group_name(parent)
                )),
            };
            self.filler.diagnostics.push(
                error
                    .at(place)
                    .did_you_mean(&name, known)
                    .help(format!("declare it with `[{name}]`, also when it has no hosts")),
            );
        }
    }
}

/// The name and the kind in a section's header: `[name]`, `[name:kind]`, perhaps with a comment behind it.
fn header(text: &str) -> Option<(&str, Option<&str>)> {
    let (inside, behind) = text.strip_prefix('[')?.split_once(']')?;
    let behind = behind.trim_start();
    if !behind.is_empty() && !behind.starts_with('#') {
        return None;
    }
    let (name, kind) = match inside.split_once(':') {
        Some((name, kind)) => (name, Some(kind)),
        None => (inside, None),
    };
    let is_word = |kind: &str| !kind.is_empty() && kind.chars().all(|c| c.is_alphanumeric() || c == '_');
    let sound = !name.is_empty() && !name.contains(char::is_whitespace) && kind.is_none_or(is_word);
    sound.then_some((name, kind))
}
