use std::path::PathBuf;

use minijinja::value::{ValueKind, merge_maps};
use minijinja::{Error, Value};

use super::Query;
use crate::template::jinja_file::{Syntax, render_file};
use crate::template::{from_json, render_handlebars};

pub(super) fn file(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let read = |name: String| {
        let text = query.read(&query.find(&["files"], &name)?)?;
        let text = if query.flag("rstrip", true) {
            text.trim_end()
        } else {
            &text
        };
        let text = if query.flag("lstrip", false) {
            text.trim_start()
        } else {
            text
        };
        Ok(Value::from(text))
    };
    query.texts()?.into_iter().map(read).collect()
}

pub(super) fn fileglob(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    for term in query.texts()? {
        // The first folder in which anything fits.
        for place in query.places(&["files"], &term) {
            let files = matching(&place);
            if !files.is_empty() {
                found.extend(files.iter().map(|file| Value::from(file.display().to_string())));
                break;
            }
        }
    }
    Ok(found)
}

/// The files whose names fit the last part of a path.
pub(in crate::template) fn matching(pattern: &std::path::Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (pattern.parent(), pattern.file_name().and_then(std::ffi::OsStr::to_str)) else {
        return Vec::new();
    };
    let fits = glob(name);
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // As in shells, a dot in front has to be written.
            fits.is_match(&name) && (!name.starts_with('.') || pattern_begins_with_dot(pattern))
        })
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

fn pattern_begins_with_dot(pattern: &std::path::Path) -> bool {
    pattern
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// A pattern of a shell as a regular expression.
pub(super) fn glob(pattern: &str) -> regex::Regex {
    let mut text = String::from(r"\A");
    let mut rest = pattern.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '*' => text.push_str("(?s:.*)"),
            '?' => text.push_str("(?s:.)"),
            '[' => {
                let inner: String = rest.clone().take_while(|other| *other != ']').collect();
                let is_closed = rest.clone().nth(inner.chars().count()) == Some(']') && !inner.is_empty();
                if is_closed {
                    let (not, inner_text) = match inner.strip_prefix('!') {
                        Some(inner) => ("^", inner.to_owned()),
                        None => ("", inner.clone()),
                    };
                    text.push_str(&format!(
                        "[{not}{}]",
                        inner_text.replace('\\', r"\\").replace('[', r"\[")
                    ));
                    rest.nth(inner.chars().count());
                } else {
                    text.push_str(r"\[");
                }
            }
            plain => text.push_str(&regex::escape(plain.encode_utf8(&mut [0; 4]))),
        }
    }
    text.push_str(r"\z");
    // A range such as `[z-a]` matches nothing, as in shells.
    regex::Regex::new(&text).unwrap_or_else(|_| crate::template::pattern(r"\z\A."))
}

pub(super) fn first_found(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let mut names = Vec::new();
    let mut skips = query.flag("skip", false);
    let paths = query.option("paths").map(folders).transpose()?.unwrap_or_default();
    if query.terms.is_empty() {
        let files = query.option("files").map(words).transpose()?.unwrap_or_default();
        combine(&paths, &files, &mut names);
    }
    for term in &query.terms {
        collect(term, &paths, &mut names, &mut skips)?;
    }
    for name in &names {
        if let Ok(found) = query.find(&["files", "templates", "vars", "tasks"], name) {
            return Ok(vec![Value::from(found.display().to_string())]);
        }
    }
    if skips {
        return Ok(Vec::new());
    }
    Err(query.wrong(format!("none of these is there: {}", names.join(", "))))
}

/// The names that a term stands for: a text, a list, or a mapping with `files`, `paths` and `skip`.
fn collect(term: &Value, paths: &[String], names: &mut Vec<String>, skips: &mut bool) -> Result<(), Error> {
    match term.kind() {
        ValueKind::Map => {
            let get = |name: &str| {
                term.get_attr(name)
                    .map(|value| (!value.is_undefined()).then_some(value))
            };
            let paths = get("paths")?.as_ref().map(folders).transpose()?.unwrap_or_default();
            let files = get("files")?.as_ref().map(words).transpose()?.unwrap_or_default();
            *skips = get("skip")?.is_some_and(|skip| skip.is_true());
            combine(&paths, &files, names);
        }
        ValueKind::Seq | ValueKind::Iterable => {
            for term in term.try_iter()? {
                collect(&term, paths, names, skips)?;
            }
        }
        _ => combine(paths, &words(term)?, names),
    }
    Ok(())
}

fn combine(paths: &[String], files: &[String], names: &mut Vec<String>) {
    if paths.is_empty() {
        names.extend(files.iter().cloned());
    }
    for path in paths {
        names.extend(
            files
                .iter()
                .map(|file| format!("{}/{file}", path.trim_end_matches('/'))),
        );
    }
}

/// A list of texts, or one text that is split at commas and semicolons.
fn words(value: &Value) -> Result<Vec<String>, Error> {
    split(value, &[',', ';'])
}

/// The same for folders, which may be parted by colons too.
fn folders(value: &Value) -> Result<Vec<String>, Error> {
    split(value, &[',', ';', ':'])
}

fn split(value: &Value, marks: &[char]) -> Result<Vec<String>, Error> {
    let texts = match value.as_str() {
        Some(text) => vec![text.to_owned()],
        None => value.try_iter()?.map(|item| item.to_string()).collect(),
    };
    let words = texts.iter().flat_map(|text| text.split(marks)).map(str::trim);
    Ok(words.filter(|word| !word.is_empty()).map(str::to_owned).collect())
}

pub(super) fn template(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let known = query.state.lookup("vars");
    let known = known.ok_or_else(|| query.wrong("it needs the variables of a task"))?;
    let variables = match query.option("template_vars") {
        Some(more) => merge_maps([known, more.clone()]),
        None => known,
    };
    let mut syntax = Syntax {
        trim_blocks: query.flag("trim_blocks", true),
        lstrip_blocks: query.flag("lstrip_blocks", false),
        ..Syntax::default()
    };
    for (option, place) in [
        ("variable_start_string", &mut syntax.variable_start),
        ("variable_end_string", &mut syntax.variable_end),
        ("comment_start_string", &mut syntax.comment_start),
        ("comment_end_string", &mut syntax.comment_end),
    ] {
        if let Some(text) = query.text(option) {
            *place = text;
        }
    }
    let render = |name: String| {
        let path = query.find(&["templates"], &name)?;
        let text = query.read(&path)?;
        let shown = path.display().to_string();
        let rendered = if name.ends_with(".hbs") {
            render_handlebars(&shown, &text, &variables)
        } else {
            render_file(&text, &syntax, &variables)
        };
        let text = rendered.map_err(|error| query.wrong(format!("{shown}: {error}")))?;
        Ok(if query.flag("convert_data", true) {
            converted(text)
        } else {
            Value::from(text)
        })
    };
    query.texts()?.into_iter().map(render).collect()
}

/// What looks like a list or a mapping in JSON becomes one, as in Ansible.
fn converted(text: String) -> Value {
    if text.trim_start().starts_with(['[', '{'])
        && let Ok(json) = serde_json::from_str(&text)
    {
        return from_json(&json);
    }
    Value::from(text)
}
