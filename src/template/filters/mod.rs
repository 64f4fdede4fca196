//! Jinja's and Ansible's filters, by kind.

mod builtin;
mod data;
mod dicts;
mod encoding;
mod lists;
mod numbers;
mod paths;
mod patterns;
mod text;
mod types;
mod yaml;

use std::sync::LazyLock;

use indexmap::IndexMap;
use minijinja::{Environment, Value};

use super::registry::Registry;

pub(super) use data::python_json;
pub(super) use patterns::compiled as user_pattern;

/// Adds krun's filters to an engine.
pub(super) fn register(engine: &mut Environment<'static>) {
    fill(&mut Registry::new(engine));
}

/// Names of all filters, without Ansible's prefix.
pub(super) fn names() -> Vec<&'static str> {
    static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let mut engine = Environment::empty();
        let mut registry = Registry::new(&mut engine);
        fill(&mut registry);
        registry.into_names()
    });
    NAMES.clone()
}

fn fill(registry: &mut Registry<'_>) {
    builtin::register(registry);
    types::register(registry);
    text::register(registry);
    patterns::register(registry);
    lists::register(registry);
    dicts::register(registry);
    data::register(registry);
    paths::register(registry);
    encoding::register(registry);
    numbers::register(registry);
}

/// A mapping that keeps the order of its keys.
fn mapping<K: Into<Value>>(pairs: impl IntoIterator<Item = (K, Value)>) -> Value {
    let map: IndexMap<Value, Value> = pairs.into_iter().map(|(key, value)| (key.into(), value)).collect();
    Value::from_object(map)
}
