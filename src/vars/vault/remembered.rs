//! What was opened, so that it can be kept out of what krun writes down.

use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// The texts that were opened in this run.
#[derive(Clone, Debug, Default)]
pub(super) struct Remembered(Arc<Mutex<Vec<SecretString>>>);

impl Remembered {
    pub(super) fn add(&self, text: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.iter().any(|known| known.expose_secret() == text) {
            all.push(SecretString::from(text));
        }
    }

    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The values in them: those of a file of variables, or a text as a whole.
    pub(super) fn values(&self) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().flat_map(|text| values_of(text.expose_secret())).collect()
    }
}

fn values_of(text: &str) -> Vec<String> {
    let mut values = Vec::new();
    match serde_yaml::from_str::<Value>(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => collect(&value, &mut values),
        _ => values.push(text.to_owned()),
    }
    values
}

fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        Value::Object(map) => map.values().for_each(|value| collect(value, into)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_files_and_texts_are_told() {
        let remembered = Remembered::default();
        for text in ["a: one\nb: [two, {c: three}]\nd: 4\n", "as it is", "as it is"] {
            remembered.add(text);
        }
        assert_eq!(remembered.values(), ["one", "two", "three", "as it is"]);
    }
}
