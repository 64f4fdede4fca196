use std::io;

use minijinja::value::Kwargs;
use minijinja::{Error, Value};
use serde::Serialize;
use serde_json::Value as Json;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::yaml;
use crate::syntax::SourceFile;
use crate::template::arguments::{Arguments, More, refusal};
use crate::template::registry::Registry;
use crate::template::{from_json, to_json};

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("from_json", from_json_text);
    registry.filter("to_json", |value: &Value, values: More| {
        json_text("to_json", value, values, false)
    });
    registry.filter("to_nice_json", |value: &Value, values: More| {
        json_text("to_nice_json", value, values, true)
    });
    registry.filter("tojson", |value: &Value, indent: Option<Value>, named: Kwargs| {
        minijinja::filters::tojson(value, indent, named)
    });
    registry.filter("from_yaml", from_yaml);
    registry.filter("from_yaml_all", from_yaml_all);
    registry.filter("to_yaml", |value: &Value, values: More| {
        yaml_text("to_yaml", value, values, false)
    });
    registry.filter("to_nice_yaml", |value: &Value, values: More| {
        yaml_text("to_nice_yaml", value, values, true)
    });
}

/// Errors name the place only: the text may be a secret.
fn from_json_text(value: &Value) -> Result<Value, Error> {
    let wrong = |error: serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        refusal(format!(
            "`from_json`: the text is no JSON (line {line}, column {column})"
        ))
    };
    serde_json::from_str::<Json>(&value.to_string())
        .map(|json| from_json(&json))
        .map_err(wrong)
}

fn from_yaml(value: &Value) -> Result<Value, Error> {
    if value.as_str().is_none() {
        return Ok(value.clone());
    }
    let source = SourceFile::new("from_yaml", value.to_string());
    match crate::syntax::parse(&source) {
        Ok(node) => Ok(from_json(&node.map_or(Json::Null, |node| node.to_value()))),
        Err(_) => Err(refusal("`from_yaml`: the text is no YAML")),
    }
}

fn from_yaml_all(value: &Value) -> Result<Vec<Value>, Error> {
    let text = value.to_string();
    let mut documents = vec![String::new()];
    for line in text.lines() {
        match (line == "---" || line.starts_with("--- "), documents.last_mut()) {
            (true, Some(last)) if last.trim().is_empty() => last.clear(),
            (true, _) => documents.push(String::new()),
            (false, Some(last)) => {
                last.push_str(line);
                last.push('\n');
            }
            (false, None) => {}
        }
    }
    documents
        .into_iter()
        .map(|document| from_yaml(&Value::from(document)))
        .collect()
}

/// The value as data, with its keys sorted where that is wanted.
fn data(filter: &str, value: &Value, sorted: bool) -> Result<Json, Error> {
    let mut json = to_json(value).map_err(|error| refusal(format!("`{filter}`: {error}")))?;
    if sorted {
        json.sort_all_objects();
    }
    Ok(json)
}

fn yaml_text(filter: &'static str, value: &Value, values: More, nice: bool) -> Result<String, Error> {
    let arguments = Arguments::read(filter, &["indent", "sort_keys", "default_flow_style", "width"], values)?;
    let indent = arguments.count("indent", if nice { 4 } else { 2 })?.clamp(2, 9);
    let json = data(filter, value, arguments.flag("sort_keys", true))?;
    let flow = !nice && arguments.get("default_flow_style").is_none();
    Ok(yaml::write(&json, indent, flow))
}

fn json_text(filter: &'static str, value: &Value, values: More, nice: bool) -> Result<String, Error> {
    let arguments = Arguments::read(filter, &["indent", "sort_keys", "ensure_ascii"], values)?;
    let json = data(filter, value, arguments.flag("sort_keys", nice))?;
    let ascii = arguments.flag("ensure_ascii", true);
    let indent = match arguments.count("indent", 0)? {
        0 if nice => 4,
        given => given,
    };
    let spaces = " ".repeat(indent.min(80));
    let mut output = Vec::new();
    let written = if indent > 0 {
        let inner = PrettyFormatter::with_indent(spaces.as_bytes());
        json.serialize(&mut Serializer::with_formatter(&mut output, Ascii { inner, ascii }))
    } else {
        let inner = Spaced(CompactFormatter);
        json.serialize(&mut Serializer::with_formatter(&mut output, Ascii { inner, ascii }))
    };
    written.map_err(|_| refusal(format!("`{filter}`: the value is no JSON")))?;
    String::from_utf8(output).map_err(|_| refusal(format!("`{filter}`: the value is no text")))
}

/// JSON in one line as Python writes it.
pub(in crate::template) fn python_json(json: &Json) -> String {
    let inner = Spaced(CompactFormatter);
    let mut output = Vec::new();
    let written = json.serialize(&mut Serializer::with_formatter(
        &mut output,
        Ascii { inner, ascii: true },
    ));
    match (written, String::from_utf8(output)) {
        (Ok(()), Ok(text)) => text,
        _ => json.to_string(),
    }
}

/// One line with a space after each comma and colon, as Python's.
struct Spaced(CompactFormatter);

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }
}

/// Writes characters beyond ASCII as `\u…`, as Python does unless told otherwise.
struct Ascii<F> {
    inner: F,
    ascii: bool,
}

/// Hands the calls that concern layout on.
macro_rules! hand_on {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {$(
        fn $name<W: ?Sized + io::Write>(&mut self, writer: &mut W, $($argument: $kind),*) -> io::Result<()> {
            self.inner.$name(writer, $($argument),*)
        }
    )*};
}

impl<F: Formatter> Formatter for Ascii<F> {
    hand_on! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        begin_object_value();
        end_object_value();
    }

    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if !self.ascii {
            return writer.write_all(fragment.as_bytes());
        }
        for character in fragment.chars() {
            if character.is_ascii() {
                write!(writer, "{character}")?;
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}
