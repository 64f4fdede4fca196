use std::path::{Component, Path, PathBuf};

use minijinja::value::Rest;
use minijinja::{Error, Value};

use crate::template::arguments::refusal;
use crate::template::registry::Registry;

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("basename", |path: String| behind_last_slash(&path).to_owned());
    registry.filter("dirname", |path: String| dirname(&path));
    registry.filter("splitext", |path: String| splitext(&path));
    registry.filter("expanduser", expanduser);
    registry.filter("expandvars", expandvars);
    registry.filter("normpath", |path: String| normal(Path::new(&path)));
    registry.filter("realpath", realpath);
    registry.filter("relpath", relpath);
    registry.filter("path_join", path_join);
    registry.filter("commonpath", commonpath);
    registry.filter("fileglob", |pattern: String| {
        let files = crate::template::lookups::matching(Path::new(&pattern));
        files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>()
    });
    registry.filter("win_basename", |path: String| win_split(&path).2.to_owned());
    registry.filter("win_dirname", |path: String| {
        let (drive, folder, _) = win_split(&path);
        format!("{drive}{folder}")
    });
    registry.filter("win_splitdrive", |path: String| {
        let (drive, rest) = win_drive(&path);
        vec![drive.to_owned(), rest.to_owned()]
    });
}

/// The folder that all paths have in common.
fn commonpath(paths: &Value) -> Result<String, Error> {
    let paths: Vec<String> = paths.try_iter()?.map(|path| path.to_string()).collect();
    let Some(first) = paths.first() else {
        return Err(refusal("`commonpath`: the list is empty"));
    };
    if paths.iter().any(|path| path.starts_with('/') != first.starts_with('/')) {
        return Err(refusal("`commonpath`: full paths and others have nothing in common"));
    }
    let parts = |path: &str| -> Vec<String> {
        let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
        parts.map(str::to_owned).collect()
    };
    let mut common = parts(first);
    for path in &paths {
        let same = common
            .iter()
            .zip(parts(path))
            .take_while(|(one, other)| **one == *other);
        let count = same.count();
        common.truncate(count);
    }
    let root = if first.starts_with('/') { "/" } else { "" };
    Ok(format!("{root}{}", common.join("/")))
}

fn win_drive(path: &str) -> (&str, &str) {
    match path.as_bytes() {
        [_, b':', ..] => path.split_at(2),
        _ => ("", path),
    }
}

/// Drive, folder and name of a path of Windows.
fn win_split(path: &str) -> (&str, &str, &str) {
    let (drive, rest) = win_drive(path);
    let (folder, name) = rest.split_at(rest.rfind(['\\', '/']).map_or(0, |at| at + 1));
    let bare = folder.trim_end_matches(['\\', '/']);
    (drive, if bare.is_empty() { folder } else { bare }, name)
}

fn behind_last_slash(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn dirname(path: &str) -> String {
    match path.rsplit_once('/') {
        None => String::new(),
        Some((folder, _)) => match folder.trim_end_matches('/') {
            "" => format!("{folder}/"),
            folder => folder.to_owned(),
        },
    }
}

fn splitext(path: &str) -> Vec<String> {
    let name = behind_last_slash(path);
    let hidden = name.len() - name.trim_start_matches('.').len();
    match name[hidden..].rfind('.') {
        None => vec![path.to_owned(), String::new()],
        Some(at) => {
            let (stem, ending) = path.split_at(path.len() - name.len() + hidden + at);
            vec![stem.to_owned(), ending.to_owned()]
        }
    }
}

fn expanduser(path: String) -> Result<String, Error> {
    match path.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            let home = std::env::var("HOME").map_err(|_| refusal("`expanduser`: HOME is not set on the controller"))?;
            Ok(format!("{home}{rest}"))
        }
        _ => Ok(path),
    }
}

/// Replaces `$NAME` and `${NAME}` by the controller's environment; unknown names stay as they are.
fn expandvars(text: String) -> String {
    let pattern = crate::template::pattern(r"\$(?:(\w+)|\{(\w+)\})");
    let expand = |found: &regex::Captures<'_>| {
        let name = found.get(1).or_else(|| found.get(2)).map_or("", |name| name.as_str());
        std::env::var(name).unwrap_or_else(|_| found[0].to_owned())
    };
    pattern.replace_all(&text, expand).into_owned()
}

/// The path without `.`, `..` and doubled slashes, without a look at the file system.
fn normal(path: &Path) -> String {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(clean.components().next_back(), Some(Component::Normal(_))) => {
                clean.pop();
            }
            Component::ParentDir if clean.has_root() => {}
            part => clean.push(part),
        }
    }
    let text = clean.to_string_lossy().into_owned();
    if text.is_empty() { ".".to_owned() } else { text }
}

fn absolute(path: &str) -> Result<PathBuf, Error> {
    let absolute = std::path::absolute(path).map_err(|_| refusal("the path cannot be made absolute"))?;
    Ok(PathBuf::from(normal(&absolute)))
}

/// Follows the links of the part that exists on the controller.
fn realpath(path: String) -> Result<String, Error> {
    let absolute = std::path::absolute(&path).map_err(|_| refusal("`realpath`: the path is empty"))?;
    for existing in absolute.ancestors() {
        if let Ok(real) = existing.canonicalize() {
            let rest = absolute.strip_prefix(existing).unwrap_or(Path::new(""));
            return Ok(normal(&real.join(rest)));
        }
    }
    Ok(normal(&absolute))
}

fn relpath(path: String, start: Option<String>) -> Result<String, Error> {
    let (path, start) = (absolute(&path)?, absolute(start.as_deref().unwrap_or("."))?);
    let shared = path
        .components()
        .zip(start.components())
        .take_while(|(one, other)| one == other)
        .count();
    let up = start.components().skip(shared).map(|_| Component::ParentDir);
    let relative: PathBuf = up.chain(path.components().skip(shared)).collect();
    let text = relative.to_string_lossy().into_owned();
    Ok(if text.is_empty() { ".".to_owned() } else { text })
}

fn path_join(value: &Value, others: Rest<String>) -> Result<String, Error> {
    let mut path = match value.as_str() {
        Some(first) => PathBuf::from(first),
        None => value.try_iter()?.map(|part| part.to_string()).collect(),
    };
    path.extend(others.iter());
    Ok(path.to_string_lossy().into_owned())
}
