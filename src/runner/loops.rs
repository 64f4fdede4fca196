//! Loops: what the tasks see of an item, and what the items' results come to.

use serde_json::{Map, Value, json};

use super::event::Status;
use crate::playbook::Loop;
use crate::vars::{VarMap, Variable};

/// The variables that the tasks of one item see.
pub(super) fn item_variables(over: &Loop, items: &[Value], index: usize) -> VarMap {
    let mut layer = VarMap::new();
    let item = items.get(index).cloned().unwrap_or_default();
    for (name, value) in names_of_item(over, items, index) {
        layer.insert(name, Variable::data(value));
    }
    layer.insert(over.variable.clone(), Variable::data(item));
    layer
}

/// What stands in the result of an item beside what its task says.
pub(super) fn names_of_item(over: &Loop, items: &[Value], index: usize) -> Map<String, Value> {
    let total = items.len();
    let mut names = Map::new();
    names.insert("ansible_loop_var".to_owned(), json!(over.variable));
    if let Some(name) = &over.index_variable {
        names.insert("ansible_index_var".to_owned(), json!(name));
        names.insert(name.clone(), json!(index));
    }
    if over.extended {
        let mut extended = json!({
            "index": index + 1, "index0": index, "first": index == 0, "last": index + 1 == total, "length": total,
            "revindex": total - index, "revindex0": total - index - 1,
        });
        if over.extended_allitems {
            extended["allitems"] = json!(items);
        }
        if let Some(next) = items.get(index + 1) {
            extended["nextitem"] = next.clone();
        }
        if let Some(previous) = index.checked_sub(1).and_then(|index| items.get(index)) {
            extended["previtem"] = previous.clone();
        }
        names.insert("ansible_loop".to_owned(), extended);
    }
    names
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
