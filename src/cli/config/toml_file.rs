//! krun.toml: one key for each setting, no tables, and nothing that is not known.

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use toml_edit::{Document, Item, Value};

use super::setting::{Kind, Setting, Settings};
use super::value::{Found, Origin, complaint, seen_from};
use crate::syntax::{self, Diagnostic, Diagnostics, Place, SourceFile};

/// Reads the file; what is wrong in it is added to the problems.
pub(super) fn read(path: &Path, settings: &Settings, problems: &mut Diagnostics) -> IndexMap<String, Found> {
    match syntax::read_text(path, "configuration") {
        Ok(text) => read_text(&SourceFile::new(path, text), settings, problems),
        Err(error) => {
            problems.push(error);
            IndexMap::new()
        }
    }
}

fn read_text(source: &Arc<SourceFile>, settings: &Settings, problems: &mut Diagnostics) -> IndexMap<String, Found> {
    let mut found = IndexMap::new();
    let document = match Document::parse(source.text()) {
        Ok(document) => document,
        Err(error) => {
            let place = place(source, error.span());
            problems.push(Diagnostic::error(format!("this is not TOML: {}", error.message().trim())).at(place));
            return found;
        }
    };
    let folder = source.path().parent().unwrap_or(Path::new("."));
    for (name, item) in document.as_table() {
        let key = place(source, document.as_table().key(name).and_then(toml_edit::Key::span));
        let Some(setting) = settings.get(name) else {
            problems.push(unknown(name, item, settings).at(key));
            continue;
        };
        let here = Origin::File(place(source, item.span()).clone());
        let texts = match item {
            Item::Value(value) => texts(setting, value),
            _ => Err("a table has no meaning here".to_owned()),
        };
        match texts {
            Ok(texts) => {
                let texts = texts.into_iter().map(|text| seen_from(setting, text, folder)).collect();
                found.insert(
                    name.to_owned(),
                    Found {
                        texts,
                        origin: Origin::File(place(source, item.span())),
                    },
                );
            }
            Err(message) => problems.push(complaint(&here, &format!("{name}: {message}"))),
        }
    }
    found
}

fn unknown(name: &str, item: &Item, settings: &Settings) -> Diagnostic {
    let error = Diagnostic::error(format!("there is no setting `{name}`"));
    let option = format!("--{}", name.replace('_', "-"));
    if let Some(setting) = settings.iter().find(|setting| setting.option == option) {
        return error.help(format!("{option} is called `{}` here", setting.name));
    }
    if matches!(item, Item::Table(_) | Item::ArrayOfTables(_)) {
        return error.help("krun.toml has no tables: settings stand one below the other, `name = value`");
    }
    error
        .did_you_mean(name, settings.names())
        .help("`krun config` lists all settings")
}

fn texts(setting: &Setting, value: &Value) -> Result<Vec<String>, String> {
    match (setting.kind, value) {
        (Kind::Flag, Value::Boolean(flag)) => Ok(vec![flag.value().to_string()]),
        (Kind::Flag, _) => Err("write true or false".to_owned()),
        (Kind::Count, Value::Integer(number)) if (0..=255).contains(number.value()) => {
            Ok(vec![number.value().to_string()])
        }
        (Kind::Count, _) => Err("write a whole number, 0 to 255".to_owned()),
        (Kind::One, value) => text(setting, value).map(|text| vec![text]),
        (Kind::Many, Value::Array(values)) => values.iter().map(|value| text(setting, value)).collect(),
        (Kind::Many, value) => text(setting, value).map(|text| vec![text]),
    }
}

fn text(setting: &Setting, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.value().clone()),
        Value::Integer(number) => Ok(number.value().to_string()),
        Value::Boolean(flag) => Ok(flag.value().to_string()),
        value if setting.name == "extra_vars" => json(value).map(|value| value.to_string()),
        Value::Array(_) => Err("one value is wanted, not a list".to_owned()),
        _ => Err("write a text in quotes".to_owned()),
    }
}

/// Variables keep their types.
fn json(value: &Value) -> Result<serde_json::Value, String> {
    Ok(match value {
        Value::String(text) => text.value().as_str().into(),
        Value::Integer(number) => (*number.value()).into(),
        Value::Float(number) => (*number.value()).into(),
        Value::Boolean(flag) => (*flag.value()).into(),
        Value::Datetime(_) => return Err("write a date as a text in quotes".to_owned()),
        Value::Array(values) => values.iter().map(json).collect::<Result<Vec<_>, _>>()?.into(),
        Value::InlineTable(table) => table
            .iter()
            .map(|(name, value)| Ok((name.to_owned(), json(value)?)))
            .collect::<Result<serde_json::Map<_, _>, String>>()?
            .into(),
    })
}

fn place(source: &Arc<SourceFile>, span: Option<std::ops::Range<usize>>) -> Place {
    let Some(span) = span else {
        return Place::start_of(source);
    };
    let spanned = source.text().get(span.clone()).unwrap_or_default();
    let width = spanned.lines().next().unwrap_or_default().chars().count();
    Place::at_offset(source, span.start, width)
}
