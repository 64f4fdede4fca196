//! Loops: their items, what the tasks see of one, and what the items' results come to.

use serde_json::{Value, json};

use super::endpoint::diagnostic;
use super::event::Status;
use crate::modules::Failure;
use crate::playbook::{Loop, LoopKind};
use crate::vars::{Scope, VarMap, Variable};

/// The items of a task's loop.
pub(super) fn loop_items(over: &Loop, scope: &Scope) -> Result<Vec<Value>, Failure> {
    let value = over.list.rendered(scope).map_err(|error| diagnostic(&error))?;
    match (over.kind, value) {
        (LoopKind::Dict, Value::Object(map)) => Ok(map
            .into_iter()
            .map(|(key, value)| json!({"key": key, "value": value}))
            .collect()),
        (LoopKind::Items, Value::Array(items)) => Ok(items
            .into_iter()
            .flat_map(|item| match item {
                Value::Array(inner) => inner,
                other => vec![other],
            })
            .collect()),
        (LoopKind::List, Value::Array(items)) => Ok(items),
        (LoopKind::Items, Value::Null) => Ok(Vec::new()),
        (LoopKind::Items, one) => Ok(vec![one]),
        (_, other) => {
            let found = match other {
                Value::Object(_) => "a mapping",
                Value::String(_) => "text",
                _ => "something else",
            };
            Err(
                Failure::new(format!("a loop needs a list, this is {found} ({})", over.list.place))
                    .help("for a mapping use the filter dict2items"),
            )
        }
    }
}

/// The variables that an item's tasks see.
pub(super) fn item_variables(over: &Loop, items: &[Value], index: usize) -> VarMap {
    let item = items.get(index).unwrap_or(&Value::Null);
    let total = items.len();
    let mut layer = VarMap::new();
    layer.insert(over.variable.clone(), Variable::data(item.clone()));
    layer.insert("ansible_loop_var".to_owned(), Variable::data(json!(over.variable)));
    if let Some(name) = &over.index_variable {
        layer.insert(name.clone(), Variable::data(json!(index)));
        layer.insert("ansible_index_var".to_owned(), Variable::data(json!(name)));
    }
    if over.extended {
        let mut extended = json!({
            "index": index + 1, "index0": index, "first": index == 0, "last": index + 1 == total, "length": total,
            "revindex": total - index, "revindex0": total - index - 1,
            "allitems": items,
        });
        let neighbours = [("previtem", index.checked_sub(1)), ("nextitem", Some(index + 1))];
        for (name, position) in neighbours {
            if let Some(item) = position.and_then(|position| items.get(position)) {
                extended[name] = item.clone();
            }
        }
        layer.insert("ansible_loop".to_owned(), Variable::data(extended));
    }
    layer
}

pub(super) fn label_of(item: &Value) -> String {
    match item {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The status of a loop: the worst of its items; skipped only when all are.
pub(super) fn worse(a: Status, b: Status, first: bool) -> Status {
    let rank = |status| match status {
        Status::Skipped => 0,
        Status::Ok => 1,
        Status::Changed => 2,
        Status::Failed => 3,
        Status::Unreachable => 4,
    };
    if first || rank(b) > rank(a) { b } else { a }
}
