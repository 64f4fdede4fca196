//! Where roles and their files are.

use std::path::{Path, PathBuf};

use super::loader::{LoaderOptions, Scoping};
use crate::syntax::{Diagnostic, Place, closest};

const ENDINGS: [&str; 4] = [".yml", ".yaml", ".json", ""];

/// How deep a folder of variables is gone into.
const MAX_DEPTH: usize = 20;

/// The folder of a role that is named, perhaps by a path.
pub(super) fn find_role(
    name: &str,
    place: &Place,
    options: &LoaderOptions,
    scoping: &Scoping,
) -> Result<PathBuf, Diagnostic> {
    let mut parents = vec![scoping.playbook_folder.join("roles")];
    parents.extend(options.roles_path.iter().cloned());
    // `playbooks/upgrade.yml` beside `roles/`, as krun's own repository has it.
    parents.push(above(&scoping.playbook_folder).join("roles"));
    // A role finds those beside it, wherever it stands.
    parents.extend(scoping.role_folder.clone());
    parents.push(scoping.playbook_folder.clone());
    if let Some(folder) = scoping.role.as_ref().and_then(|role| role.path.parent()) {
        parents.push(folder.to_owned());
    }
    let mut tried = parents.iter().map(|parent| parent.join(name));
    if let Some(found) = tried.find(|path| path.is_dir()) {
        return Ok(found);
    }
    let missing = Diagnostic::error(format!("there is no role `{name}`")).at(place);
    if let Some(short) = name_in_collection(name) {
        return Err(missing.help(format!(
            "roles of collections are not read: put it into a `roles` folder, and write `{short}`"
        )));
    }
    let known: Vec<String> = parents.iter().flat_map(|parent| names_in(parent)).collect();
    let looked: Vec<_> = parents.iter().map(|path| path.display().to_string()).collect();
    Err(match closest(name, known.iter().map(String::as_str)) {
        Some(near) => missing.help(format!("did you mean `{near}`?")),
        None => missing.help(format!("looked in {}", looked.join(", "))),
    })
}

/// The role's own name in `namespace.collection.role`.
fn name_in_collection(name: &str) -> Option<&str> {
    let parts: Vec<&str> = name.split('.').collect();
    let is_word =
        |part: &&str| !part.is_empty() && part.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    match parts.as_slice() {
        [_, _, .., short] if parts.iter().all(is_word) => Some(short),
        _ => None,
    }
}

/// A role's `main` file of a kind, if it has one.
pub(super) fn main_file(role: &Path, kind: &str) -> Option<PathBuf> {
    with_ending(&role.join(kind), "main").filter(|path| path.is_file())
}

/// A role's file of a kind that is named instead of `main`.
pub(super) fn named_file(role: &Path, kind: &str, name: &str, place: &Place) -> Result<PathBuf, Diagnostic> {
    with_ending(&role.join(kind), name)
        .filter(|path| path.is_file())
        .ok_or_else(|| {
            let title = role.file_name().unwrap_or_default().to_string_lossy();
            let names = names_in(&role.join(kind));
            let names = names
                .iter()
                .map(|name| name.trim_end_matches(".yml").trim_end_matches(".yaml"));
            Diagnostic::error(format!("the role `{title}` has no {kind} file `{name}`"))
                .at(place)
                .did_you_mean(name, names)
        })
}

/// The names in a folder, as far as it can be read.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).into_iter().flatten();
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect()
}

/// A role's files of variables: one, or all of a folder of that name.
pub(super) fn vars_files(
    role: &Path,
    kind: &str,
    name: Option<&str>,
    place: &Place,
) -> Result<Vec<PathBuf>, Diagnostic> {
    match with_ending(&role.join(kind), name.unwrap_or("main")) {
        Some(folder) if folder.is_dir() => {
            let mut files = Vec::new();
            collect(&folder, 0, &mut files);
            Ok(files)
        }
        Some(file) => Ok(vec![file]),
        None => match name {
            None => Ok(Vec::new()),
            Some(name) => named_file(role, kind, name, place).map(|file| vec![file]),
        },
    }
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !is_hidden && depth < MAX_DEPTH {
            collect(&path, depth + 1, files);
        } else if path
            .extension()
            .is_some_and(|ending| ["yml", "yaml", "json"].iter().any(|known| ending == *known))
            && !is_hidden
        {
            files.push(path);
        }
    }
}

fn with_ending(folder: &Path, name: &str) -> Option<PathBuf> {
    let has_ending = Path::new(name).extension().is_some();
    let paths = ENDINGS.iter().map(|ending| folder.join(format!("{name}{ending}")));
    let exact = has_ending.then(|| folder.join(name));
    exact.into_iter().chain(paths).find(|path| path.exists())
}

/// The folder that a folder stands in, also of one that has no name, like `.`.
fn above(folder: &Path) -> PathBuf {
    match folder.parent() {
        Some(parent) if folder.file_name().is_some() => parent.to_owned(),
        _ => folder.join(".."),
    }
}
