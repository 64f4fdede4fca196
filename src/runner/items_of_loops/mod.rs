//! The items of loops: what `loop` and the `with_` forms make of their value.

mod combine;
mod paths;
mod sequence;

use serde_json::{Value, json};

use self::combine::{nested, subelements, together};
use super::endpoint::diagnostic;
use super::host_task::Machinery;
use crate::inventory::Pattern;
use crate::modules::{Failure, FileFinder};
use crate::playbook::{Action, Loop, LoopKind, Task, finder};
use crate::vars::{Scope, VarMap, Variable};

impl Machinery<'_, '_> {
    /// The items of a task's loop.
    pub(super) fn loop_items(&self, task: &Task, over: &Loop, scope: &Scope) -> Result<Vec<Value>, Failure> {
        let value = if over.kind == LoopKind::FirstFound {
            without_undefined(&over.list.value, scope)?
        } else {
            over.list.rendered(scope).map_err(|error| diagnostic(&error))?
        };
        if over.kind == LoopKind::List {
            return match value {
                Value::Array(items) => Ok(items),
                other => Err(no_list(&other)),
            };
        }
        let terms = match value {
            Value::Array(items) => items,
            Value::Null => Vec::new(),
            one => vec![one],
        };
        let files: FileFinder = finder(task, &self.play);
        match over.kind {
            LoopKind::List | LoopKind::WithList => Ok(terms),
            LoopKind::Items => Ok(flat(terms)),
            LoopKind::Dict => entries(terms),
            LoopKind::Nested => nested(terms),
            LoopKind::Together => together(terms),
            LoopKind::Subelements => subelements(terms),
            LoopKind::Sequence => sequence::all(&terms),
            LoopKind::FileGlob => paths::matching(&terms, &files),
            LoopKind::File => paths::contents(&terms, &files),
            LoopKind::FirstFound => paths::first_found(&terms, kind_of_files(&task.action), &files),
            LoopKind::IndexedItems => {
                let items = flat(terms).into_iter().enumerate();
                Ok(items.map(|(index, item)| json!([index, item])).collect())
            }
            LoopKind::Flattened => Ok(flat_to_the_ground(terms)),
            LoopKind::RandomChoice => one_of(terms, scope),
            LoopKind::InventoryHostnames => self.hosts_of(&terms),
        }
        .map_err(|failure| failure.at(&over.list.place))
    }

    fn hosts_of(&self, terms: &[Value]) -> Result<Vec<Value>, Failure> {
        let texts = terms.iter().filter_map(Value::as_str);
        let ground = self.world.ground();
        let hosts = Pattern::parse_all(texts).and_then(|pattern| pattern.select(&ground.inventory));
        match hosts {
            Ok(hosts) => Ok(hosts.into_iter().map(Value::from).collect()),
            Err(error) => Err(Failure::new(error.to_string())),
        }
    }
}

fn no_list(value: &Value) -> Failure {
    let found = match value {
        Value::Object(_) => "a mapping",
        Value::String(_) => "text",
        _ => "something else",
    };
    Failure::new(format!("a loop needs a list, this is {found}")).help("for a mapping use the filter dict2items")
}

/// Files that are named by variables which a host does not have are no candidates.
fn without_undefined(value: &Value, scope: &Scope) -> Result<Value, Failure> {
    match value {
        Value::Array(items) => {
            let mut found = Vec::new();
            for item in items {
                match scope.render(item) {
                    Ok(item) => found.push(item),
                    Err(error) if error.undefined => {}
                    Err(error) => return Err(Failure::new(error.to_string())),
                }
            }
            Ok(Value::Array(found))
        }
        other => scope.render(other).map_err(|error| Failure::new(error.to_string())),
    }
}

/// In which folders the files of a task are looked for.
fn kind_of_files(action: &Action) -> &'static str {
    let name = action.name();
    if name.contains("template") {
        "templates"
    } else if name.contains("var") {
        "vars"
    } else {
        "files"
    }
}

/// Lists inside of the list are taken apart.
fn flat(terms: Vec<Value>) -> Vec<Value> {
    terms
        .into_iter()
        .flat_map(|term| match term {
            Value::Array(inner) => inner,
            other => vec![other],
        })
        .collect()
}

fn flat_to_the_ground(terms: Vec<Value>) -> Vec<Value> {
    terms
        .into_iter()
        .flat_map(|term| match term {
            Value::Array(inner) => flat_to_the_ground(inner),
            Value::Null => Vec::new(),
            other => vec![other],
        })
        .collect()
}

fn entries(terms: Vec<Value>) -> Result<Vec<Value>, Failure> {
    let mut all = Vec::new();
    for term in terms {
        let Value::Object(map) = term else {
            return Err(Failure::new("with_dict needs a mapping"));
        };
        all.extend(map.into_iter().map(|(key, value)| json!({"key": key, "value": value})));
    }
    Ok(all)
}

/// The template engine's own choice, so that it is known that the task is not the same when it is asked again.
fn one_of(terms: Vec<Value>, scope: &Scope) -> Result<Vec<Value>, Failure> {
    const NAME: &str = "krun_choices";
    if terms.is_empty() {
        return Ok(Vec::new());
    }
    let layer = VarMap::from([(NAME.to_owned(), Variable::data(Value::Array(terms)))]);
    let choice = scope.with_layer(layer).evaluate(&format!("{NAME} | random"));
    choice
        .map(|choice| vec![choice])
        .map_err(|error| Failure::new(error.to_string()))
}
