use minijinja::value::Serde;

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
    serde_json::to_value(value).map_err(|error| TemplateError::new(format!("the result is no data: {error}")))
}
