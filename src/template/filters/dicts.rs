use minijinja::value::{Kwargs, Rest, ValueKind, from_args};
use minijinja::{Error, State, Value};
use serde_json::{Map, Value as Json};

use super::mapping;
use crate::template::arguments::{Arguments, More, refusal};
use crate::template::registry::Registry;
use crate::template::{from_json, to_json};

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("combine", combine);
    registry.filter("dict2items", dict2items);
    registry.filter("items2dict", items2dict);
    registry.filter("extract", extract);
}

/// What becomes of two lists under the same key.
#[derive(Clone, Copy)]
enum Lists {
    Replace,
    Keep,
    Append,
    Prepend,
    AppendDistinct,
    PrependDistinct,
}

fn combine(value: &Value, values: More) -> Result<Value, Error> {
    let values = values.into_values();
    let (others, named): (&[Value], Kwargs) = from_args(&values)?;
    let recursive: Option<bool> = named.get("recursive")?;
    let lists: Option<String> = named.get("list_merge")?;
    named.assert_all_used()?;
    let lists = match lists.as_deref() {
        None | Some("replace") => Lists::Replace,
        Some("keep") => Lists::Keep,
        Some("append") => Lists::Append,
        Some("prepend") => Lists::Prepend,
        Some("append_rp") => Lists::AppendDistinct,
        Some("prepend_rp") => Lists::PrependDistinct,
        Some(other) => {
            return Err(refusal(format!(
                "`combine`: there is no list_merge `{other}`; there are replace, keep, append, prepend, append_rp and \
                 prepend_rp"
            )));
        }
    };
    let mut combined = Map::new();
    for value in std::iter::once(value).chain(others) {
        merge_all(
            &mut combined,
            json("combine", value)?,
            recursive.unwrap_or_default(),
            lists,
        )?;
    }
    Ok(from_json(&Json::Object(combined)))
}

fn merge_all(into: &mut Map<String, Json>, value: Json, recursive: bool, lists: Lists) -> Result<(), Error> {
    match value {
        Json::Object(map) => merge(into, map, recursive, lists),
        Json::Array(items) => {
            for item in items {
                merge_all(into, item, recursive, lists)?;
            }
        }
        _ => return Err(refusal("`combine` works on mappings")),
    }
    Ok(())
}

fn merge(into: &mut Map<String, Json>, map: Map<String, Json>, recursive: bool, lists: Lists) {
    for (key, new) in map {
        match (into.get_mut(&key), new) {
            (Some(Json::Object(old)), Json::Object(new)) if recursive => merge(old, new, recursive, lists),
            (Some(Json::Array(old)), Json::Array(new)) => merge_lists(old, new, lists),
            (_, new) => {
                into.insert(key, new);
            }
        }
    }
}

fn merge_lists(old: &mut Vec<Json>, new: Vec<Json>, lists: Lists) {
    match lists {
        Lists::Keep => {}
        Lists::Replace => *old = new,
        Lists::Append => old.extend(new),
        Lists::Prepend => {
            old.splice(0..0, new);
        }
        Lists::AppendDistinct => {
            old.retain(|item| !new.contains(item));
            old.extend(new);
        }
        Lists::PrependDistinct => {
            old.retain(|item| !new.contains(item));
            old.splice(0..0, new);
        }
    }
}

fn json(filter: &str, value: &Value) -> Result<Json, Error> {
    to_json(value).map_err(|error| refusal(format!("`{filter}`: {error}")))
}

fn dict2items(value: &Value, values: More) -> Result<Vec<Value>, Error> {
    let arguments = Arguments::read("dict2items", &["key_name", "value_name"], values)?;
    let key_name = arguments.text("key_name").unwrap_or_else(|| "key".to_owned());
    let value_name = arguments.text("value_name").unwrap_or_else(|| "value".to_owned());
    if value.kind() != ValueKind::Map {
        return Err(refusal("`dict2items` works on mappings"));
    }
    let pair = |key: Value| {
        let item = value.get_item(&key)?;
        Ok(mapping([(key_name.as_str(), key), (value_name.as_str(), item)]))
    };
    value.try_iter()?.map(pair).collect()
}

fn items2dict(value: &Value, values: More) -> Result<Value, Error> {
    let arguments = Arguments::read("items2dict", &["key_name", "value_name"], values)?;
    // A name may be a number: the items may be lists.
    let key_name = arguments.get("key_name").cloned().unwrap_or_else(|| Value::from("key"));
    let value_name = arguments
        .get("value_name")
        .cloned()
        .unwrap_or_else(|| Value::from("value"));
    let mut pairs = Vec::new();
    for item in value.try_iter()? {
        let (key, value) = (item.get_item(&key_name)?, item.get_item(&value_name)?);
        if key.is_undefined() || value.is_undefined() {
            return Err(refusal(format!(
                "`items2dict`: each item needs `{key_name}` and `{value_name}`"
            )));
        }
        pairs.push((key, value));
    }
    Ok(mapping(pairs))
}

/// The piped value is the key, and the container is the argument, so that it works with `map`.
fn extract(_state: &State<'_, '_>, key: &Value, container: &Value, more: Rest<Value>) -> Result<Value, Error> {
    let mut found = container.get_item(key)?;
    for path in more.iter() {
        let keys = match path.kind() {
            ValueKind::Seq => path.try_iter()?.collect(),
            _ => vec![path.clone()],
        };
        for key in keys {
            if found.is_undefined() {
                break;
            }
            found = found.get_item(&key)?;
        }
    }
    if found.is_undefined() {
        return Err(Error::new(
            minijinja::ErrorKind::UndefinedError,
            "`extract`: the container has no such key",
        ));
    }
    Ok(found)
}
