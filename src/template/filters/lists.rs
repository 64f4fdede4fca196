use std::collections::HashSet;

use minijinja::value::{Rest, ValueKind};
use minijinja::{Error, Value};

use crate::template::arguments::{Arguments, More, refusal};
use crate::template::registry::Registry;

/// Most combinations that are made of lists.
const MAX_COMBINATIONS: usize = 100_000;

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("flatten", flatten);
    registry.filter("union", union);
    registry.filter("intersect", intersect);
    registry.filter("difference", difference);
    registry.filter("symmetric_difference", symmetric_difference);
    registry.filter("zip_longest", zip_longest);
    registry.filter("product", product);
    registry.filter("subelements", subelements);
}

/// The items of a list; a string, whose characters are hardly meant, is refused.
fn items(filter: &str, value: &Value) -> Result<Vec<Value>, Error> {
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => Ok(value.try_iter()?.collect()),
        _ => Err(refusal(format!("`{filter}` works on lists"))),
    }
}

fn flatten(value: &Value, values: More) -> Result<Vec<Value>, Error> {
    let arguments = Arguments::read("flatten", &["levels", "skip_nulls"], values)?;
    let levels = arguments.count("levels", usize::MAX)?;
    let mut flat = Vec::new();
    unfold(
        &items("flatten", value)?,
        levels,
        arguments.flag("skip_nulls", true),
        &mut flat,
    )?;
    Ok(flat)
}

fn unfold(list: &[Value], levels: usize, skip_nulls: bool, flat: &mut Vec<Value>) -> Result<(), Error> {
    for item in list {
        match item.kind() {
            ValueKind::None if skip_nulls => {}
            ValueKind::Seq | ValueKind::Iterable if levels > 0 => {
                unfold(&items("flatten", item)?, levels - 1, skip_nulls, flat)?;
            }
            _ => flat.push(item.clone()),
        }
    }
    Ok(())
}

fn distinct(values: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let mut seen = HashSet::new();
    values.into_iter().filter(|value| seen.insert(value.clone())).collect()
}

fn union(one: &Value, other: &Value) -> Result<Vec<Value>, Error> {
    let mut all = items("union", one)?;
    all.extend(items("union", other)?);
    Ok(distinct(all))
}

fn intersect(one: &Value, other: &Value) -> Result<Vec<Value>, Error> {
    let other: HashSet<_> = items("intersect", other)?.into_iter().collect();
    Ok(distinct(
        items("intersect", one)?.into_iter().filter(|item| other.contains(item)),
    ))
}

fn difference(one: &Value, other: &Value) -> Result<Vec<Value>, Error> {
    let other: HashSet<_> = items("difference", other)?.into_iter().collect();
    Ok(distinct(
        items("difference", one)?
            .into_iter()
            .filter(|item| !other.contains(item)),
    ))
}

fn symmetric_difference(one: &Value, other: &Value) -> Result<Vec<Value>, Error> {
    let mut all = difference(one, other)?;
    all.extend(difference(other, one)?);
    Ok(all)
}

fn zip_longest(value: &Value, values: More) -> Result<Vec<Value>, Error> {
    let values = values.into_values();
    let (others, named): (&[Value], minijinja::value::Kwargs) = minijinja::value::from_args(&values)?;
    let fill: Option<Value> = named.get("fillvalue")?;
    named.assert_all_used()?;
    let fill = fill.unwrap_or_else(|| Value::from(()));
    let mut columns = vec![items("zip_longest", value)?];
    for other in others {
        columns.push(items("zip_longest", other)?);
    }
    let rows = columns.iter().map(Vec::len).max().unwrap_or_default();
    let cell = |column: &Vec<Value>, row: usize| column.get(row).unwrap_or(&fill).clone();
    let row = |row| columns.iter().map(|column| cell(column, row)).collect();
    Ok((0..rows).map(row).collect())
}

fn product(value: &Value, others: Rest<Value>) -> Result<Vec<Value>, Error> {
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for list in std::iter::once(value).chain(others.iter()) {
        let list = items("product", list)?;
        if rows.len().saturating_mul(list.len()) > MAX_COMBINATIONS {
            return Err(refusal(format!(
                "`product` would make more than {MAX_COMBINATIONS} combinations"
            )));
        }
        let longer = |row: &Vec<Value>, item: &Value| row.iter().chain([item]).cloned().collect();
        rows = rows
            .iter()
            .flat_map(|row| list.iter().map(|item| longer(row, item)).collect::<Vec<_>>())
            .collect();
    }
    Ok(rows.into_iter().map(Value::from).collect())
}

/// Pairs of each item and each element of a list within it.
fn subelements(value: &Value, path: &Value, values: More) -> Result<Vec<Value>, Error> {
    let arguments = Arguments::read("subelements", &["skip_missing"], values)?;
    let skip = arguments.flag("skip_missing", false);
    let path = path
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| refusal("`subelements`: the path is text, as 'a.b'"))?;
    let outer = match value.kind() {
        ValueKind::Map => value
            .try_iter()?
            .map(|key| value.get_item(&key))
            .collect::<Result<_, _>>()?,
        _ => items("subelements", value)?,
    };
    let mut pairs = Vec::new();
    for item in outer {
        let mut inner = item.clone();
        for key in path.split('.') {
            inner = inner.get_attr(key)?;
            if inner.is_undefined() {
                break;
            }
        }
        if inner.is_undefined() {
            if skip {
                continue;
            }
            return Err(refusal(format!(
                "`subelements`: an item has no `{path}`; `skip_missing=true` leaves it out"
            )));
        }
        for element in items("subelements", &inner)? {
            pairs.push(Value::from(vec![item.clone(), element]));
        }
    }
    Ok(pairs)
}
