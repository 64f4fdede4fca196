//! Values as Python prints them, which is what Jinja's users expect: `True`, `None`, `['a', 1]`.

use std::fmt::Write as _;

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Output, Value};

/// Lists within lists deeper than this are not printed: a file of a megabyte of brackets must not end the process.
const MAX_DEPTH: usize = 200;

/// Writes a value into a template's output.
pub(super) fn write(output: &mut Output<'_>, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) => output.write_str(text),
        None => output.write_str(&text_of(value)?),
    }
    .map_err(Error::from)
}

/// The text of a value, as Python's `str`.
pub(super) fn text_of(value: &Value) -> Result<String, Error> {
    let mut text = String::new();
    match value.kind() {
        ValueKind::Map | ValueKind::Seq | ValueKind::Iterable => represent(&mut text, value, 0)?,
        _ => text = value.to_string(),
    }
    Ok(text)
}

fn represent(text: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(Error::new(ErrorKind::InvalidOperation, "the value is nested too deep"));
    }
    match value.kind() {
        ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::String => quote(text, &value.to_string()),
        ValueKind::Map => {
            text.push('{');
            for (index, key) in value.try_iter()?.enumerate() {
                separate(text, index);
                represent(text, &key, depth + 1)?;
                text.push_str(": ");
                represent(text, &value.get_item(&key)?, depth + 1)?;
            }
            text.push('}');
        }
        ValueKind::Seq | ValueKind::Iterable => {
            text.push('[');
            for (index, item) in value.try_iter()?.enumerate() {
                separate(text, index);
                represent(text, &item, depth + 1)?;
            }
            text.push(']');
        }
        _ => text.push_str(&value.to_string()),
    }
    Ok(())
}

fn separate(text: &mut String, index: usize) {
    if index > 0 {
        text.push_str(", ");
    }
}

/// Python prefers single quotes unless the text holds some and no double ones.
fn quote(output: &mut String, text: &str) {
    let mark = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    output.push(mark);
    for character in text.chars() {
        match character {
            '\n' => output.push_str("\\n"),
            '\r' => output.push_str("\\r"),
            '\t' => output.push_str("\\t"),
            '\\' => output.push_str("\\\\"),
            same if same == mark => {
                output.push('\\');
                output.push(same);
            }
            control if control.is_ascii_control() => {
                // Writing to a string cannot fail.
                let _ = write!(output, "\\x{:02x}", u32::from(control));
            }
            plain => output.push(plain),
        }
    }
    output.push(mark);
}
