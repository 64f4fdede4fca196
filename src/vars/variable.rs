use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use serde_json::Value;

use crate::template;

/// A variable's value.
#[derive(Debug)]
pub struct Variable {
    raw: Value,
    /// May hold templates that are evaluated when it is used: true for what a user wrote, false for what came from a
    /// node (facts, registered results), which is never evaluated.
    templated: bool,
    converted: OnceLock<minijinja::Value>,
}

/// Variables of one source, by name, in the order they were written.
pub type VarMap = IndexMap<String, Arc<Variable>>;

impl Variable {
    /// A value that a user wrote; its strings may be templates.
    pub fn written(raw: Value) -> Arc<Self> {
        let templated = holds_template(&raw);
        Arc::new(Self {
            raw,
            templated,
            converted: OnceLock::new(),
        })
    }

    /// A value as it is: from a node, or the result of an evaluation.
    pub fn data(raw: Value) -> Arc<Self> {
        Arc::new(Self {
            raw,
            templated: false,
            converted: OnceLock::new(),
        })
    }

    /// The value as written or received.
    pub fn raw(&self) -> &Value {
        &self.raw
    }

    /// True when it has to be evaluated before use.
    pub fn is_templated(&self) -> bool {
        self.templated
    }

    /// The value for an expression, converted once; only for values that need no evaluation.
    pub(super) fn converted(&self) -> &minijinja::Value {
        self.converted.get_or_init(|| template::from_json(&self.raw))
    }
}

/// True when a template stands anywhere in the value.
fn holds_template(value: &Value) -> bool {
    match value {
        Value::String(text) => template::holds_template(text),
        Value::Array(items) => items.iter().any(holds_template),
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| template::holds_template(key) || holds_template(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
