//! From the values of `-i` to files, and from each file to the format that it is in.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::fill::Filler;
use super::origin::Source;
use super::tree::{Tree, UNGROUPED};
use super::{ini, yaml};
use crate::syntax::{self, Diagnostic, Diagnostics, Place, SourceFile};
use crate::vars::files::WrittenVars;
use crate::vars::vault::VaultPasswords;

/// Deepest nesting of inventory directories; links that lead in a circle end here.
const MAX_DEPTH: usize = 10;

/// Endings of files in an inventory directory that are no inventories.
const NOT_INVENTORIES: &[&str] = &[
    ".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry",
];

/// Reads inventory sources, one after the other, into one tree.
pub(super) struct Loader<'a> {
    pub(super) tree: &'a mut Tree,
    pub(super) passwords: &'a VaultPasswords,
    pub(super) diagnostics: &'a mut Diagnostics,
}

impl Loader<'_> {
    /// Reads one value of `-i`; gives the directory in which its `group_vars` and `host_vars` stand.
    pub(super) fn source(&mut self, source: &str) -> Option<PathBuf> {
        let path = Path::new(source);
        match path.metadata() {
            Ok(kind) if kind.is_dir() => {
                if !self.directory(path, 0) {
                    self.diagnostics.push(
                        Diagnostic::error("no inventory stands in this directory")
                            .in_file(path)
                            .help("put a file with hosts into it, for example `hosts`"),
                    );
                }
                Some(path.to_owned())
            }
            Ok(_) => {
                if !self.file(path) {
                    self.diagnostics.push(
                        Diagnostic::error("the inventory is empty")
                            .in_file(path)
                            .help("write one host a line, the groups in [brackets] above them"),
                    );
                }
                path.parent().map(Path::to_owned)
            }
            Err(_) if source.contains(',') => {
                self.list(source);
                None
            }
            Err(error) => {
                let help = if source.trim().is_empty() {
                    "give a file, a directory, or a list of hosts with a comma: -i host1,host2".to_owned()
                } else {
                    format!("check the path; a single host is given with a comma behind it: -i {source},")
                };
                self.diagnostics.push(cannot_read(path, &error).help(help));
                None
            }
        }
    }

    /// Reads all inventories of a directory in the order of their names; false when there is none.
    fn directory(&mut self, path: &Path, depth: usize) -> bool {
        if depth > MAX_DEPTH {
            self.diagnostics
                .push(Diagnostic::error("inventory directories are nested too deep").in_file(path));
            return true;
        }
        let listed = list_directory(path);
        let mut found = false;
        for name in self.diagnostics.keep(listed).unwrap_or_default() {
            let text = name.to_string_lossy();
            let ignored = text.starts_with('.')
                || matches!(&*text, "group_vars" | "host_vars" | "vars_plugins")
                || NOT_INVENTORIES.iter().any(|ending| text.ends_with(ending));
            if ignored {
                continue;
            }
            let entry = path.join(&name);
            if entry.is_dir() {
                found |= self.directory(&entry, depth + 1);
            } else if self.file(&entry) {
                found = true;
            } else {
                self.diagnostics
                    .push(Diagnostic::warning("this inventory is empty").in_file(&entry));
            }
        }
        found
    }

    /// Reads one file; false when nothing stands in it.
    fn file(&mut self, path: &Path) -> bool {
        let Some(text) = self.diagnostics.keep(read_text(path)) else {
            return true;
        };
        let significant = first_significant_line(&text);
        if significant.is_none() {
            return false;
        }
        let is_yaml = path.extension().is_some_and(is_yaml_ending) || significant.is_some_and(begins_yaml);
        let file = SourceFile::new(path, text);
        let source = Arc::new(Source::File(absolute(path)));
        if !is_yaml {
            ini::read(&file, self.filler(&source));
            return true;
        }
        let Some(root) = self.diagnostics.keep(syntax::parse(&file)) else {
            return true;
        };
        match root {
            Some(root) if !root.is_null() => {
                let passwords = self.passwords;
                yaml::read(&root, passwords, self.filler(&source));
                true
            }
            _ => false,
        }
    }

    /// Reads a list from the command line: `host1,host2:2222`.
    fn list(&mut self, list: &str) {
        let source = Arc::new(Source::List(list.to_owned()));
        let file = SourceFile::new("-i", list);
        let mut column = 1;
        for part in list.split(',') {
            let name = part.trim();
            let blanks = part.chars().take_while(|c| c.is_whitespace()).count();
            if !name.is_empty() {
                let place = Place {
                    source: Arc::clone(&file),
                    line: 1,
                    column: column + blanks,
                    width: name.chars().count(),
                };
                self.filler(&source)
                    .add_hosts(name, &place, UNGROUPED, &WrittenVars::default());
            }
            column += part.chars().count() + 1;
        }
    }

    fn filler<'f>(&'f mut self, source: &'f Arc<Source>) -> Filler<'f> {
        Filler {
            tree: self.tree,
            source,
            diagnostics: self.diagnostics,
        }
    }
}

/// The names in a directory in ASCII order.
pub(super) fn list_directory(path: &Path) -> Result<Vec<std::ffi::OsString>, Diagnostic> {
    let read = || {
        let mut names = fs_err::read_dir(path)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<Result<Vec<_>, _>>()?;
        names.sort();
        Ok(names)
    };
    read()
        .map_err(|error: std::io::Error| Diagnostic::error(format!("cannot read the directory: {error}")).in_file(path))
}

/// The path from the root, without `.` and `..`; links stay as they are.
pub(super) fn absolute(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    for component in std::path::absolute(path)
        .unwrap_or_else(|_| path.to_owned())
        .components()
    {
        match component {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean
}

fn cannot_read(path: &Path, error: &std::io::Error) -> Diagnostic {
    let reason = match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "it may not be read".to_owned(),
        _ => error.to_string(),
    };
    Diagnostic::error(format!("cannot read the inventory: {reason}")).in_file(path)
}

/// The text of an inventory file; refuses what is none.
fn read_text(path: &Path) -> Result<String, Diagnostic> {
    let bytes = std::fs::read(path).map_err(|error| cannot_read(path, &error))?;
    if bytes.starts_with(b"#!") || bytes.starts_with(b"\x7fELF") {
        return Err(
            Diagnostic::error("this is a program; krun reads inventories and does not run them")
                .in_file(path)
                .help(format!(
                    "save what it prints: ansible-inventory -i {} --list --yaml > hosts.yml",
                    path.display()
                )),
        );
    }
    if path.extension().is_some_and(|ending| ending == "toml") {
        return Err(Diagnostic::error("inventories in TOML are not known")
            .in_file(path)
            .help("write it as INI or YAML"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => without_foreign_comments(&String::from_utf8_lossy(error.as_bytes()), path),
    }
}

/// Lets comments be in any encoding, and nothing else.
fn without_foreign_comments(text: &str, path: &Path) -> Result<String, Diagnostic> {
    let foreign = text
        .lines()
        .position(|line| line.contains(char::REPLACEMENT_CHARACTER) && !line.trim_start().starts_with(['#', ';']));
    match foreign {
        None => Ok(text.to_owned()),
        Some(index) => Err(Diagnostic::error(format!("line {} is not UTF-8 text", index + 1))
            .in_file(path)
            .help("save the file in UTF-8")),
    }
}

fn first_significant_line(text: &str) -> Option<&str> {
    text.trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with(['#', ';']))
}

fn is_yaml_ending(ending: &OsStr) -> bool {
    ending == "yml" || ending == "yaml" || ending == "json"
}

/// Tells YAML without an ending from INI: no host and no section of INI begins like that.
fn begins_yaml(line: &str) -> bool {
    if line == "---" || line.starts_with("--- ") || line.starts_with('{') {
        return true;
    }
    let key = line
        .split_once(':')
        .filter(|(_, rest)| rest.is_empty() || rest.starts_with(' '));
    key.is_some_and(|(key, _)| !key.contains(['[', ' ', '=']))
}
