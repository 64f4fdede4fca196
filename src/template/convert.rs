use minijinja::value::{Serde, ValueKind};

use super::TemplateError;

/// A template value of plain data.
pub fn from_json(value: &serde_json::Value) -> minijinja::Value {
    minijinja::Value::from(Serde(value))
}

/// Plain data of a template's value.
///
/// # Errors
/// The value is undefined, or something that is no data (a function).
pub fn to_json(value: &minijinja::Value) -> Result<serde_json::Value, TemplateError> {
    if value.kind() == ValueKind::Invalid
        && let Err(error) = value.try_iter()
    {
        // It would become null: this is a variable that refers to something undefined or wrong.
        return Err(TemplateError::from_engine(&error, ""));
    }
    serde_json::to_value(value).map_err(|error| TemplateError::new(format!("the result is no data: {error}")))
}
