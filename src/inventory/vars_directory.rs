//! A `group_vars` or `host_vars` directory: which files belong to a name, each read once.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::load::list_directory;
use super::origin::Origin;
use super::variables::Layer;
use crate::syntax::{Diagnostic, Diagnostics};
use crate::vars::files::read_file;
use crate::vars::vault::VaultPasswords;

/// Endings that a file of variables may have, in the order in which they are looked for; a directory has none.
const ENDINGS: [&str; 4] = ["", ".yml", ".yaml", ".json"];
/// Deepest nesting below a name; links that lead in a circle end here.
const MAX_DEPTH: usize = 10;

/// A directory with variables of hosts or groups.
#[derive(Debug)]
pub(super) struct VarsDirectory {
    path: PathBuf,
    /// Names of its files and directories.
    entries: HashSet<String>,
    read: Mutex<HashMap<String, Arc<Vec<Layer>>>>,
}

impl VarsDirectory {
    /// Looks into a directory; one that does not exist is empty.
    pub(super) fn open(path: PathBuf, diagnostics: &mut Diagnostics) -> Self {
        let mut entries = HashSet::new();
        if path.is_dir() {
            let names = diagnostics.keep(list_directory(&path)).unwrap_or_default();
            entries.extend(names.into_iter().filter_map(|name| name.into_string().ok()));
        } else if path.exists() {
            diagnostics.push(
                Diagnostic::error("this must be a directory")
                    .in_file(&path)
                    .help("put the variables of a name into a file of that name inside of it"),
            );
        }
        Self {
            path,
            entries,
            read: Mutex::default(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The variables of a name, one layer a file, the later ones winning.
    ///
    /// # Errors
    /// What is wrong with its files; warnings alone go to `warnings`.
    pub(super) fn layers_of(
        &self,
        name: &str,
        passwords: &VaultPasswords,
        warnings: &mut Diagnostics,
    ) -> Result<Arc<Vec<Layer>>, Diagnostics> {
        // A host named like a path is a directory to change root into; nothing is looked for there.
        if self.entries.is_empty() || name.contains('/') {
            return Ok(Arc::default());
        }
        let cache = || self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = cache().get(name) {
            return Ok(Arc::clone(known));
        }
        let mut diagnostics = Diagnostics::default();
        let mut layers = Vec::new();
        for file in self.files_of(name, &mut diagnostics) {
            if let Some(written) = read_file(&file, passwords, &mut diagnostics) {
                layers.push(Layer {
                    origin: Origin::File(file),
                    vars: Arc::new(written.vars),
                    secret: written.secret.into_iter().collect(),
                });
            }
        }
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        warnings.extend(diagnostics);
        let layers = Arc::new(layers);
        cache().insert(name.to_owned(), Arc::clone(&layers));
        Ok(layers)
    }

    /// The files of a name: the first that exists of `name` (also as a directory), `name.yml`, `name.yaml` and
    /// `name.json`.
    fn files_of(&self, name: &str, diagnostics: &mut Diagnostics) -> Vec<PathBuf> {
        let mut found = ENDINGS
            .iter()
            .map(|ending| format!("{name}{ending}"))
            .filter(|entry| self.entries.contains(entry));
        let Some(first) = found.next() else {
            return Vec::new();
        };
        for hidden in found {
            diagnostics.push(
                Diagnostic::warning(format!("this file is not read, because `{first}` stands beside it"))
                    .in_file(self.path.join(hidden))
                    .help(format!(
                        "move it into a directory `{name}`, all of whose files are read"
                    )),
            );
        }
        let path = self.path.join(first);
        if path.is_dir() {
            let mut files = Vec::new();
            files_below(&path, 0, &mut files, diagnostics);
            files
        } else {
            vec![path]
        }
    }

    /// The names that its entries are for, as far as none of `known` is: sorted.
    pub(super) fn unknown_names(&self, known: impl Fn(&str) -> bool) -> Vec<&str> {
        let mut unknown: Vec<&str> = self
            .entries
            .iter()
            .filter(|entry| !entry.starts_with('.') && !entry.ends_with('~'))
            .filter(|entry| !known(entry) && !known(without_ending(entry)))
            .map(|entry| without_ending(entry))
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown
    }
}

fn without_ending(entry: &str) -> &str {
    ENDINGS[1..]
        .iter()
        .find_map(|ending| entry.strip_suffix(ending))
        .unwrap_or(entry)
}

/// All files of variables in a directory and below it, in the order of their names.
fn files_below(path: &Path, depth: usize, files: &mut Vec<PathBuf>, diagnostics: &mut Diagnostics) {
    if depth > MAX_DEPTH {
        diagnostics.push(Diagnostic::error("directories of variables are nested too deep").in_file(path));
        return;
    }
    for name in diagnostics.keep(list_directory(path)).unwrap_or_default() {
        let text = name.to_string_lossy();
        if text.starts_with('.') || text.ends_with('~') {
            continue;
        }
        let entry = path.join(&name);
        let ending = entry.extension().and_then(|ending| ending.to_str());
        if entry.is_dir() {
            if ending.is_none() {
                files_below(&entry, depth + 1, files, diagnostics);
            }
        } else if matches!(ending, None | Some("yml" | "yaml" | "json")) {
            files.push(entry);
        }
    }
}
