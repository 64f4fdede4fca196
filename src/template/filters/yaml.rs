//! YAML as Python's library lays it out.

use serde_json::{Map, Value};

/// The text of a value; `flow` writes lists and mappings of plain values on one line.
pub(super) fn write(value: &Value, indent: usize, flow: bool) -> String {
    let mut writer = Writer {
        output: String::new(),
        indent,
        flow,
    };
    match value {
        Value::Array(items) if writer.in_block(value) => writer.list(items, 0),
        Value::Object(map) if writer.in_block(value) => writer.map(map, 0),
        other => {
            writer.inline(other);
            writer.output.push('\n');
        }
    }
    writer.output
}

struct Writer {
    output: String,
    indent: usize,
    flow: bool,
}

impl Writer {
    /// True when the value needs lines of its own.
    fn in_block(&self, value: &Value) -> bool {
        let plain = |value: &Value| !value.is_array() && !value.is_object();
        match value {
            Value::Array(items) => !items.is_empty() && !(self.flow && items.iter().all(plain)),
            Value::Object(map) => !map.is_empty() && !(self.flow && map.values().all(plain)),
            _ => false,
        }
    }

    fn map(&mut self, map: &Map<String, Value>, depth: usize) {
        for (index, (key, value)) in map.iter().enumerate() {
            if index > 0 {
                self.pad(depth);
            }
            self.output.push_str(&scalar(key));
            self.output.push(':');
            match value {
                Value::Array(items) if self.in_block(value) => {
                    self.output.push('\n');
                    self.pad(depth);
                    self.list(items, depth);
                }
                Value::Object(map) if self.in_block(value) => {
                    self.output.push('\n');
                    self.pad(depth + self.indent);
                    self.map(map, depth + self.indent);
                }
                plain => {
                    self.output.push(' ');
                    self.inline(plain);
                    self.output.push('\n');
                }
            }
        }
    }

    fn list(&mut self, items: &[Value], depth: usize) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.pad(depth);
            }
            self.output.push('-');
            match item {
                Value::Array(inner) if self.in_block(item) => {
                    self.pad(self.indent - 1);
                    self.list(inner, depth + self.indent);
                }
                Value::Object(map) if self.in_block(item) => {
                    self.pad(self.indent - 1);
                    self.map(map, depth + self.indent);
                }
                plain => {
                    self.output.push(' ');
                    self.inline(plain);
                    self.output.push('\n');
                }
            }
        }
    }

    fn inline(&mut self, value: &Value) {
        match value {
            Value::Array(items) => {
                self.output.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.output.push_str(", ");
                    }
                    self.inline(item);
                }
                self.output.push(']');
            }
            Value::Object(map) => {
                self.output.push('{');
                for (index, (key, item)) in map.iter().enumerate() {
                    if index > 0 {
                        self.output.push_str(", ");
                    }
                    self.output.push_str(&scalar(key));
                    self.output.push_str(": ");
                    self.inline(item);
                }
                self.output.push('}');
            }
            Value::String(text) => self.output.push_str(&scalar(text)),
            other => self.output.push_str(&other.to_string()),
        }
    }

    fn pad(&mut self, width: usize) {
        self.output.extend(std::iter::repeat_n(' ', width));
    }
}

/// A string in the plainest form that is read back as the same string.
fn scalar(text: &str) -> String {
    // JSON's strings are YAML's double-quoted ones.
    if text.chars().any(char::is_control) {
        return serde_json::Value::from(text).to_string();
    }
    let starts_plain = text.starts_with(|first: char| first.is_alphanumeric() || "/_.(<$\\^+".contains(first));
    let ends_plain = !text.ends_with([' ', ':']);
    let confusing = [": ", " #", ", ", "[", "]", "{", "}", ","]
        .iter()
        .any(|mark| text.contains(mark));
    let is_string = crate::syntax::parse_plain_scalar(text).is_string();
    if starts_plain && ends_plain && !confusing && is_string {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}
