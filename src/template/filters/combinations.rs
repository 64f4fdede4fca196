use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::mapping;
use crate::template::arguments::{Arguments, More, refusal};
use crate::template::registry::Registry;

/// The most results: a list of twenty has more orders than a memory holds.
const MOST: usize = 1_000_000;

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("combinations", |value: &Value, count: usize| {
        chosen("combinations", value, count, false)
    });
    registry.filter("permutations", |value: &Value, count: Option<usize>| {
        let count = count.or(value.len()).unwrap_or_default();
        chosen("permutations", value, count, true)
    });
    registry.filter("rekey_on_member", rekey_on_member);
}

/// All ways to take so many items: in their order, or in any.
fn chosen(filter: &str, value: &Value, count: usize, any_order: bool) -> Result<Vec<Value>, Error> {
    let items: Vec<Value> = value.try_iter()?.collect();
    let mut rows: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..count {
        let mut longer = Vec::new();
        for row in &rows {
            let first = if any_order {
                0
            } else {
                row.last().map_or(0, |last| last + 1)
            };
            for index in (first..items.len()).filter(|index| !row.contains(index)) {
                longer.push([row.as_slice(), &[index]].concat());
            }
            if longer.len() > MOST {
                return Err(refusal(format!("`{filter}`: there are more than {MOST}")));
            }
        }
        rows = longer;
    }
    let row = |row: Vec<usize>| {
        Value::from(
            row.into_iter()
                .filter_map(|index| items.get(index).cloned())
                .collect::<Vec<_>>(),
        )
    };
    Ok(rows.into_iter().map(row).collect())
}

/// A mapping of mappings by the value that they have under a key.
fn rekey_on_member(value: &Value, values: More) -> Result<Value, Error> {
    let arguments = Arguments::read("rekey_on_member", &["key", "duplicates"], values)?;
    let key = arguments.required("key")?;
    let overwrites = match arguments.text("duplicates").as_deref() {
        None | Some("error") => false,
        Some("overwrite") => true,
        Some(_) => return Err(refusal("`rekey_on_member`: `duplicates` is error or overwrite")),
    };
    let items: Vec<Value> = match value.kind() {
        ValueKind::Map => value
            .try_iter()?
            .map(|key| value.get_item(&key))
            .collect::<Result<_, _>>()?,
        _ => value.try_iter()?.collect(),
    };
    let mut pairs: Vec<(Value, Value)> = Vec::new();
    for item in items {
        let member = item.get_item(key)?;
        if member.is_undefined() {
            return Err(refusal(format!("`rekey_on_member`: an item has no `{key}`")));
        }
        match pairs.iter_mut().find(|(known, _)| *known == member) {
            Some((_, old)) if overwrites => *old = item,
            Some(_) => return Err(refusal(format!("`rekey_on_member`: two items have the same `{key}`"))),
            None => pairs.push((member, item)),
        }
    }
    Ok(mapping(pairs))
}
