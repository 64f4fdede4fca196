//! Python's methods of texts, lists and mappings.

use minijinja::value::{ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::arguments::refusal;

/// The longest text that is padded.
const WIDEST: usize = 1_000_000;

/// Calls a method as Python has it.
pub(super) fn call(state: &mut State<'_, '_>, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    if let Some(text) = value.as_str()
        && let Some(result) = of_text(text, method, args)
    {
        return result;
    }
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
        && let Some(result) = of_list(value, method, args)
    {
        return result;
    }
    if value.kind() == ValueKind::Map
        && let Some(result) = of_mapping(value, method, args)
    {
        return result;
    }
    unknown_method_callback(state, value, method, args)
}

fn of_text(text: &str, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    let one = || from_args::<(String,)>(args).map(|(one,)| one);
    let none = || from_args::<()>(args);
    Some(match method {
        "partition" => one().map(|mark| match text.split_once(mark.as_str()) {
            Some((before, after)) => three(before, &mark, after),
            None => three(text, "", ""),
        }),
        "rpartition" => one().map(|mark| match text.rsplit_once(mark.as_str()) {
            Some((before, after)) => three(before, &mark, after),
            None => three("", "", text),
        }),
        "rsplit" => rsplit(text, args),
        "removeprefix" => one().map(|part| Value::from(text.strip_prefix(part.as_str()).unwrap_or(text))),
        "removesuffix" => one().map(|part| Value::from(text.strip_suffix(part.as_str()).unwrap_or(text))),
        "zfill" => from_args::<(usize,)>(args).and_then(|(width,)| {
            let (sign, digits) = match text.strip_prefix(['-', '+']) {
                Some(digits) => (&text[..1], digits),
                None => ("", text),
            };
            let zeros = missing(text, width)?;
            Ok(Value::from(format!("{sign}{}{digits}", "0".repeat(zeros))))
        }),
        "ljust" | "rjust" | "center" => from_args::<(usize, Option<String>)>(args).and_then(|(width, fill)| {
            let fill = fill.unwrap_or_else(|| " ".to_owned());
            if fill.chars().count() != 1 {
                return Err(refusal("what fills the text up is one letter"));
            }
            let all = missing(text, width)?;
            // The odd blank stands where Python puts it.
            let left = match method {
                "ljust" => 0,
                "rjust" => all,
                _ => all / 2 + (all & width & 1),
            };
            Ok(Value::from(format!(
                "{}{text}{}",
                fill.repeat(left),
                fill.repeat(all - left)
            )))
        }),
        "swapcase" => none().map(|()| {
            let swapped = text.chars().map(|letter| {
                if letter.is_uppercase() {
                    letter.to_lowercase().to_string()
                } else {
                    letter.to_uppercase().to_string()
                }
            });
            Value::from(swapped.collect::<String>())
        }),
        "casefold" => none().map(|()| Value::from(text.to_lowercase())),
        "index" => one().and_then(|part| {
            let at = text.find(part.as_str());
            let at = at.ok_or_else(|| refusal("`index`: the text does not hold it"))?;
            Ok(Value::from(text.get(..at).unwrap_or_default().chars().count()))
        }),
        "isidentifier" => none().map(|()| {
            let is_start = text
                .chars()
                .next()
                .is_some_and(|letter| letter.is_alphabetic() || letter == '_');
            Value::from(is_start && text.chars().all(|letter| letter.is_alphanumeric() || letter == '_'))
        }),
        "isdecimal" => none().map(|()| Value::from(!text.is_empty() && text.chars().all(char::is_numeric))),
        _ => return None,
    })
}

fn three(one: &str, two: &str, three: &str) -> Value {
    Value::from(vec![Value::from(one), Value::from(two), Value::from(three)])
}

fn missing(text: &str, width: usize) -> Result<usize, Error> {
    if width > WIDEST {
        return Err(refusal(format!("a text is not made wider than {WIDEST}")));
    }
    Ok(width.saturating_sub(text.chars().count()))
}

fn rsplit(text: &str, args: &[Value]) -> Result<Value, Error> {
    let (mark, most): (Option<String>, Option<i64>) = from_args(args)?;
    let most = most.and_then(|most| usize::try_from(most).ok());
    let mut parts: Vec<&str> = match (&mark, most) {
        (Some(mark), _) if mark.is_empty() => return Err(refusal("`rsplit`: the text to split at is empty")),
        (Some(mark), Some(most)) => text.rsplitn(most + 1, mark.as_str()).collect(),
        (Some(mark), None) => text.rsplit(mark.as_str()).collect(),
        (None, Some(most)) => {
            let mut rest = text.trim_end();
            let mut parts = Vec::new();
            while parts.len() < most
                && let Some((before, last)) = rest.rsplit_once(char::is_whitespace)
            {
                parts.push(last);
                rest = before.trim_end();
            }
            if !rest.trim().is_empty() {
                parts.push(rest);
            }
            parts
        }
        (None, None) => text.split_whitespace().rev().collect(),
    };
    parts.reverse();
    Ok(Value::from(parts.into_iter().map(Value::from).collect::<Vec<_>>()))
}

fn of_list(list: &Value, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    Some(match method {
        "index" => from_args::<(Value,)>(args).and_then(|(wanted,)| {
            let at = list.try_iter()?.position(|item| item == wanted);
            at.map(Value::from)
                .ok_or_else(|| refusal("`index`: the list does not hold it"))
        }),
        "copy" => from_args::<()>(args).map(|()| list.clone()),
        "append" | "extend" | "insert" | "pop" | "remove" | "sort" | "reverse" | "clear" => {
            Err(unchangeable(method, "a list", "`list + [item]`"))
        }
        _ => return None,
    })
}

fn of_mapping(map: &Value, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    // What stands under a key comes before a method, as in Jinja.
    Some(match method {
        "copy" => from_args::<()>(args).map(|()| map.clone()),
        "update" | "pop" | "setdefault" | "clear" | "popitem" => {
            Err(unchangeable(method, "a mapping", "`map | combine({…})`"))
        }
        _ => return None,
    })
}

fn unchangeable(method: &str, what: &str, way: &str) -> Error {
    Error::new(
        ErrorKind::InvalidOperation,
        format!(
            "`{method}` would change {what}, and values do not change here; write {way} with `set` and a `namespace`"
        ),
    )
}
