//! Files of this machine as items of loops.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::inventory::glob_matches;
use crate::modules::{Failure, FileFinder};

/// The files that patterns fit, each pattern's in the order of their names.
pub(super) fn matching(terms: &[Value], files: &FileFinder) -> Result<Vec<Value>, Failure> {
    let mut found = Vec::new();
    for term in terms {
        let Some(pattern) = term.as_str() else {
            return Err(Failure::new(format!(
                "with_fileglob needs patterns of files, this is `{term}`"
            )));
        };
        let (folder, name) = match pattern.rsplit_once('/') {
            Some((folder, name)) => (folder, name),
            None => ("", pattern),
        };
        let folder = if folder.is_empty() && pattern.starts_with('/') {
            "/"
        } else {
            folder
        };
        let mut folders = files.places("files", folder).into_iter();
        let files = folders.find_map(|folder| {
            let files = matching_in(&folder, name);
            (!files.is_empty()).then_some(files)
        });
        found.extend(files.into_iter().flatten().map(|path| text_of(&path)));
    }
    Ok(found)
}

fn matching_in(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            // As in a shell, hidden files are meant only when they are named so.
            glob_matches(pattern, &name) && (!name.starts_with('.') || pattern.starts_with('.'))
        })
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    paths
}

/// The contents of files, without what is blank at their ends.
pub(super) fn contents(terms: &[Value], files: &FileFinder) -> Result<Vec<Value>, Failure> {
    let one = |term: &Value| {
        let path = files.find("files", term.as_str().unwrap_or_default())?;
        let text = fs_err::read_to_string(path).map_err(|error| Failure::new(error.to_string()))?;
        Ok(Value::from(text.trim_end()))
    };
    terms.iter().map(one).collect()
}

/// The first file that is there.
pub(super) fn first_found(terms: &[Value], kind: &str, files: &FileFinder) -> Result<Vec<Value>, Failure> {
    let mut candidates = Vec::new();
    let mut skips = false;
    collect(terms, &mut candidates, &mut skips)?;
    if let Some(found) = candidates.iter().find_map(|name| files.find(kind, name).ok()) {
        return Ok(vec![text_of(&found)]);
    }
    if skips {
        return Ok(Vec::new());
    }
    Err(
        Failure::new(format!("none of the files is there: {}", candidates.join(", ")))
            .help("with `skip: true` beside `files` the task is skipped then"),
    )
}

fn collect(terms: &[Value], candidates: &mut Vec<String>, skips: &mut bool) -> Result<(), Failure> {
    for term in terms {
        match term {
            Value::String(name) => candidates.extend(split(name, &[',', ';'])),
            Value::Array(more) => collect(more, candidates, skips)?,
            Value::Object(options) => {
                if let Some(unknown) = options
                    .keys()
                    .find(|key| !["files", "paths", "skip"].contains(&key.as_str()))
                {
                    return Err(Failure::new(format!("with_first_found has no option `{unknown}`"))
                        .help("it has files, paths and skip"));
                }
                let list = |key: &str, marks: &[char]| match options.get(key) {
                    Some(Value::Array(items)) => items
                        .iter()
                        .filter_map(Value::as_str)
                        .flat_map(|text| split(text, marks))
                        .collect(),
                    Some(Value::String(text)) => split(text, marks),
                    _ => Vec::new(),
                };
                let (names, paths) = (list("files", &[',', ';']), list("paths", &[',', ':', ';']));
                if paths.is_empty() {
                    candidates.extend(names);
                } else {
                    for path in &paths {
                        let joined = names
                            .iter()
                            .map(|name| Path::new(path).join(name).display().to_string());
                        candidates.extend(joined);
                    }
                }
                *skips = match options.get("skip") {
                    Some(Value::Bool(skip)) => *skip,
                    Some(Value::String(text)) => crate::syntax::parse_bool(text).unwrap_or_default(),
                    _ => false,
                };
            }
            other => {
                return Err(Failure::new(format!(
                    "with_first_found needs names of files, this is `{other}`"
                )));
            }
        }
    }
    Ok(())
}

fn split(text: &str, marks: &[char]) -> Vec<String> {
    let parts = text.split(marks).map(str::trim).filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

fn text_of(path: &Path) -> Value {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Value::from(absolute.display().to_string())
}
