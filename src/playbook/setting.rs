use serde_json::Value;

use super::strategy::Strategy;
use crate::syntax::{Diagnostic, Diagnostics, Kind, Node, Place, parse_bool};
use crate::template::{self, TemplateError};
use crate::vars::Scope;

/// A value of a keyword as written, perhaps a template, and where it stands.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The value as written.
    pub value: Value,
    /// Where it stands.
    pub place: Place,
}

/// A bare expression (`when`, `until`), and where it stands.
#[derive(Clone, Debug)]
pub struct Expression {
    /// The expression's text, without braces around it.
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

impl Setting {
    /// A keyword's value; the templates in it are checked.
    pub(super) fn of(node: &Node, diagnostics: &mut Diagnostics) -> Self {
        check_templates(node, diagnostics);
        Self {
            value: node.to_value(),
            place: node.place.clone(),
        }
    }

    /// The value evaluated and read as a boolean.
    ///
    /// # Errors
    /// A diagnostic at the keyword: something is undefined, or the value is no boolean.
    pub fn flag(&self, scope: &Scope) -> Result<bool, Diagnostic> {
        match self.rendered(scope)? {
            Value::Bool(value) => Ok(value),
            Value::String(text) => parse_bool(&text).ok_or_else(|| self.wrong("true or false", &text)),
            other => Err(self.wrong("true or false", &other.to_string())),
        }
    }

    /// The value evaluated and read as a number that is not negative.
    ///
    /// # Errors
    /// As [`Setting::flag`].
    pub fn number(&self, scope: &Scope) -> Result<f64, Diagnostic> {
        let value = self.rendered(scope)?;
        let number = match &value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number
            .filter(|number: &f64| number.is_finite() && *number >= 0.0)
            .ok_or_else(|| self.wrong("a number from 0 up", &value.to_string()))
    }

    /// The value evaluated as text.
    ///
    /// # Errors
    /// As [`Setting::flag`].
    pub fn text(&self, scope: &Scope) -> Result<String, Diagnostic> {
        match self.rendered(scope)? {
            Value::String(text) => Ok(text),
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(value) => Ok(value.to_string()),
            other => Err(self.wrong("text", &other.to_string())),
        }
    }

    /// The value with its templates evaluated.
    ///
    /// # Errors
    /// A diagnostic at the keyword.
    pub fn rendered(&self, scope: &Scope) -> Result<Value, Diagnostic> {
        scope
            .render(&self.value)
            .map_err(|error| Diagnostic::error(error.to_string()).at(&self.place))
    }

    /// The strategy that it names, where that is no template.
    pub(super) fn known_strategy(&self) -> Result<Option<Strategy>, Diagnostic> {
        match self.value.as_str() {
            Some(text) if template::holds_template(text) => Ok(None),
            Some(text) => Strategy::named(text).map(Some).map_err(|error| error.at(&self.place)),
            None => Err(self.wrong("the name of a strategy", &self.value.to_string())),
        }
    }

    /// The strategy that it names.
    ///
    /// # Errors
    /// As [`Setting::flag`], or there is no such strategy.
    pub fn strategy(&self, scope: &Scope) -> Result<Strategy, Diagnostic> {
        Strategy::named(&self.text(scope)?).map_err(|error| error.at(&self.place))
    }

    fn wrong(&self, wanted: &str, found: &str) -> Diagnostic {
        Diagnostic::error(format!("this must be {wanted}, it is `{found}`")).at(&self.place)
    }
}

impl Expression {
    /// Reads one expression, or a list of them that must all hold.
    pub(super) fn list(node: &Node, diagnostics: &mut Diagnostics) -> Vec<Self> {
        match &node.kind {
            Kind::Sequence(items) => items.iter().filter_map(|item| Self::one(item, diagnostics)).collect(),
            _ => Self::one(node, diagnostics).into_iter().collect(),
        }
    }

    fn one(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let Some(text) = node.text() else {
            diagnostics.push(
                Diagnostic::error(format!("a condition is an expression, this is {}", node.describe()))
                    .at(&node.place)
                    .without_gap(),
            );
            return None;
        };
        let expression = Self {
            text: template::strip_braces(text).trim().to_owned(),
            place: node.place.clone(),
        };
        if let Err(error) = template::check_expression(&expression.text) {
            diagnostics.push(about_template(&error, &expression.text, &expression.place));
        }
        Some(expression)
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// A diagnostic at the expression.
    pub fn holds(&self, scope: &Scope) -> Result<bool, Diagnostic> {
        scope.is_true(&self.text).map_err(|error| {
            Diagnostic::error(format!("the condition `{}` has no value: {error}", self.text)).at(&self.place)
        })
    }
}

/// What is wrong with a template or an expression that stands in this scalar: at the word that it is about, if one is.
fn about_template(error: &TemplateError, text: &str, place: &Place) -> Diagnostic {
    let word = error
        .range
        .clone()
        .and_then(|range| Some((range.start, text.get(range)?)));
    let word = word.filter(|(_, word)| !word.trim().is_empty() && !word.contains('\n'));
    let place = word.map_or_else(|| place.clone(), |(at, word)| place.of_word(text, at, word));
    let (message, near) = match error.message.split_once(", did you mean ") {
        Some((message, near)) => (message, Some(format!("did you mean {near}"))),
        None => (error.message.as_str(), None),
    };
    let finding = Diagnostic::error(message).at(place).without_gap();
    let assigns = || {
        text.replace("==", "")
            .replace("!=", "")
            .replace("<=", "")
            .replace(">=", "")
            .contains('=')
    };
    match near {
        Some(near) => finding.help(near),
        None if message.contains("unexpected input after expression") && assigns() => {
            finding.help("two values are compared with `==`")
        }
        None if message.starts_with("unexpected end of input") => finding.help("something is missing at its end"),
        None => finding,
    }
}

/// Reports mistakes in the templates of a value, each at its own place.
pub(super) fn check_templates(node: &Node, diagnostics: &mut Diagnostics) {
    match &node.kind {
        Kind::Scalar { text, .. } if template::holds_template(text) => {
            let (parsed, checked) = match template::whole_expression(text) {
                Some(expression) => (expression, template::check_expression(expression)),
                None => (text.as_str(), template::check_text(text)),
            };
            if let Err(error) = checked {
                diagnostics.push(about_template(&error, parsed, &node.place));
            }
        }
        Kind::Scalar { .. } => {}
        Kind::Sequence(items) => items.iter().for_each(|item| check_templates(item, diagnostics)),
        Kind::Mapping(entries) => entries
            .iter()
            .for_each(|entry| check_templates(&entry.value, diagnostics)),
    }
}
