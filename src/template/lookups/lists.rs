use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::Query;
use crate::template::arguments::refusal;
use crate::template::chance::draw;
use crate::template::filters::mapping;
use crate::template::{from_json, to_json};

/// The most that combinations may come to.
const MOST: usize = 1_000_000;

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

#[expect(clippy::unnecessary_wraps, reason = "as all lookups")]
pub(super) fn list(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    Ok(query.terms.clone())
}

/// One level of lists is opened.
pub(super) fn items(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let mut all = Vec::new();
    for term in &query.terms {
        if is_list(term) {
            all.extend(term.try_iter()?);
        } else {
            all.push(term.clone());
        }
    }
    Ok(all)
}

/// All levels of lists are opened.
pub(super) fn flattened(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    fn open(value: &Value, all: &mut Vec<Value>) -> Result<(), Error> {
        if !is_list(value) {
            all.push(value.clone());
            return Ok(());
        }
        value.try_iter()?.try_for_each(|item| open(&item, all))
    }
    let mut all = Vec::new();
    query.terms.iter().try_for_each(|term| open(term, &mut all))?;
    Ok(all)
}

pub(super) fn indexed_items(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let pair = |(index, item)| Value::from(vec![Value::from(index), item]);
    Ok(items(query)?.into_iter().enumerate().map(pair).collect())
}

pub(super) fn dict(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let mut pairs = Vec::new();
    for term in &query.terms {
        if term.kind() != ValueKind::Map {
            return Err(query.wrong("it takes mappings"));
        }
        for key in term.try_iter()? {
            let value = term.get_item(&key)?;
            pairs.push(mapping([("key", key), ("value", value)]));
        }
    }
    Ok(pairs)
}

/// Each term's items, a single one as a list of itself.
fn columns(query: &Query<'_, '_, '_>) -> Result<Vec<Vec<Value>>, Error> {
    let column = |term: &Value| {
        if is_list(term) {
            Ok(term.try_iter()?.collect())
        } else {
            Ok(vec![term.clone()])
        }
    };
    query.terms.iter().map(column).collect()
}

pub(super) fn together(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let columns = columns(query)?;
    let longest = columns.iter().map(Vec::len).max().unwrap_or_default();
    let row = |index: usize| {
        let cell = |column: &Vec<Value>| column.get(index).cloned().unwrap_or_else(|| Value::from(()));
        Value::from(columns.iter().map(cell).collect::<Vec<_>>())
    };
    Ok((0..longest).map(row).collect())
}

pub(super) fn nested(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let columns = columns(query)?;
    if columns.is_empty() {
        return Err(query.wrong("it takes at least one list"));
    }
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for column in columns {
        if rows.len().saturating_mul(column.len()) > MOST {
            return Err(query.wrong(format!("there are more than {MOST} combinations")));
        }
        rows = rows
            .iter()
            .flat_map(|row| {
                column.iter().map(move |item| {
                    let mut row = row.clone();
                    row.push(item.clone());
                    row
                })
            })
            .collect();
    }
    Ok(rows.into_iter().map(Value::from).collect())
}

pub(super) fn random_choice(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let choices = &query.terms;
    let count = u64::try_from(choices.len()).unwrap_or(u64::MAX);
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut bytes = [0; 8];
    draw(&mut bytes)?;
    let index = usize::try_from(u64::from_le_bytes(bytes) % count).unwrap_or_default();
    Ok(choices.get(index).cloned().into_iter().collect())
}

pub(super) fn subelements(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let [whole, path, more @ ..] = query.terms.as_slice() else {
        return Err(query.wrong("it takes a list or a mapping, and the name of a key"));
    };
    let skips = more.first().is_some_and(|flags| {
        let flag = flags.get_attr("skip_missing").ok();
        flag.is_some_and(|flag| flag.is_true())
    });
    let elements: Vec<Value> = if whole.kind() == ValueKind::Map {
        whole
            .try_iter()?
            .map(|key| whole.get_item(&key))
            .collect::<Result<_, _>>()?
    } else {
        whole.try_iter()?.collect()
    };
    let mut pairs = Vec::new();
    for element in elements {
        // A host or an item that was skipped has nothing to offer.
        if element.get_attr("skipped").is_ok_and(|skipped| skipped.is_true()) {
            continue;
        }
        let mut inner = element.clone();
        for key in path.to_string().split('.') {
            inner = if inner.is_undefined() {
                inner
            } else {
                inner.get_attr(key)?
            };
        }
        match inner.kind() {
            ValueKind::Undefined if skips => {}
            ValueKind::Seq | ValueKind::Iterable => {
                // As in Ansible, the element comes without its list.
                let rest = without(&element, &path.to_string())?;
                pairs.extend(inner.try_iter()?.map(|item| Value::from(vec![rest.clone(), item])));
            }
            ValueKind::Undefined => return Err(query.wrong(format!("an element has no key `{path}`"))),
            _ => return Err(query.wrong(format!("the key `{path}` of an element is no list"))),
        }
    }
    Ok(pairs)
}

/// A value without what stands at a path in it.
fn without(element: &Value, path: &str) -> Result<Value, Error> {
    let mut json = to_json(element).map_err(|error| refusal(error.to_string()))?;
    let (outer, last) = path.rsplit_once('.').unwrap_or(("", path));
    let keys = outer.split('.').filter(|key| !key.is_empty());
    let inner = keys.into_iter().try_fold(&mut json, |inner, key| inner.get_mut(key));
    if let Some(map) = inner.and_then(serde_json::Value::as_object_mut) {
        map.shift_remove(last);
    }
    Ok(from_json(&json))
}
