use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use crate::template::arguments::{Arguments, More, refusal};
use crate::template::registry::Registry;

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.lenient_filter("mandatory", mandatory);
    registry.filter("bool", |value: &Value| boolean(value));
    registry.filter("int", int);
    registry.filter("ternary", ternary);
    registry.filter("type_debug", |value: &Value| kind_of(value));
}

fn mandatory(value: &Value, values: More) -> Result<Value, Error> {
    let arguments = Arguments::read("mandatory", &["msg"], values)?;
    if !value.is_undefined() {
        return Ok(value.clone());
    }
    let message = arguments.text("msg");
    let message = message.unwrap_or_else(|| "a mandatory variable is not defined".to_owned());
    Err(Error::new(ErrorKind::UndefinedError, message))
}

/// Ansible's reading: the usual words for true, and false for everything else.
fn boolean(value: &Value) -> bool {
    match value.kind() {
        ValueKind::Bool => value.is_true(),
        ValueKind::Number => value.as_i64() == Some(1),
        _ => value.as_str().is_some_and(|text| {
            let word = text.trim().to_lowercase();
            matches!(word.as_str(), "y" | "yes" | "on" | "1" | "true" | "t")
        }),
    }
}

/// Jinja's `int`: what cannot be read becomes the default, 0.
fn int(value: &Value, values: More) -> Result<Value, Error> {
    let arguments = Arguments::read("int", &["default", "base"], values)?;
    let otherwise = arguments.get("default").cloned().unwrap_or_else(|| Value::from(0));
    let base = arguments.count("base", 10)?;
    let base = u32::try_from(base).ok().filter(|base| (2..=36).contains(base));
    let base = base.ok_or_else(|| refusal("`int`: `base` must be between 2 and 36"))?;
    Ok(match value.kind() {
        ValueKind::Bool => Value::from(i64::from(value.is_true())),
        ValueKind::Number => whole(value).unwrap_or(otherwise),
        _ => value
            .as_str()
            .and_then(|text| read_int(text.trim(), base))
            .unwrap_or(otherwise),
    })
}

fn whole(value: &Value) -> Option<Value> {
    if value.is_integer() {
        return Some(value.clone());
    }
    truncated(f64::try_from(value.clone()).ok()?)
}

fn read_int(text: &str, base: u32) -> Option<Value> {
    let digits = match base {
        16 => text.trim_start_matches("0x").trim_start_matches("0X"),
        8 => text.trim_start_matches("0o").trim_start_matches("0O"),
        2 => text.trim_start_matches("0b").trim_start_matches("0B"),
        _ => text,
    };
    if let Ok(number) = i64::from_str_radix(&digits.replace('_', ""), base) {
        return Some(Value::from(number));
    }
    truncated(text.parse().ok().filter(|_| base == 10)?)
}

/// The whole part of a number, when a number of 64 bits can hold it.
fn truncated(number: f64) -> Option<Value> {
    // The text of a whole number in f64 is exact, which a cast is not checked to be.
    format!("{:.0}", number.trunc()).parse::<i64>().ok().map(Value::from)
}

fn ternary(value: &Value, values: More) -> Result<Value, Error> {
    let names = ["true_val", "false_val", "none_val"];
    let arguments = Arguments::read("ternary", &names, values)?;
    let chosen = match arguments.get("none_val") {
        Some(none) if value.is_none() => Some(none),
        _ if value.is_true() => arguments.get("true_val"),
        _ => arguments.get("false_val"),
    };
    Ok(chosen.cloned().unwrap_or_else(|| Value::from(())))
}

/// The name that Python gives to the value's type.
fn kind_of(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "Undefined",
        ValueKind::None => "NoneType",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::String => "str",
        ValueKind::Bytes => "bytes",
        ValueKind::Map => "dict",
        ValueKind::Seq | ValueKind::Iterable => "list",
        _ => "object",
    }
}
