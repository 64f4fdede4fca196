use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::args::{Flag, List};
use super::{ArgumentError, Context, Failure, Module, Outcome, RunsOn, State};

/// Compares variables with a description of what they must be; a role's `meta/argument_specs.yml` is compared before its
/// first task.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ValidateArgumentSpec {
    /// For each argument its `type`, whether it is `required`, its `choices`, the type of its `elements` and its
    /// `options`.
    argument_spec: indexmap::IndexMap<String, Argument>,
    /// Values; for those that are not here the variables of the same names are taken.
    provided_arguments: Map<String, Value>,
    /// What the arguments are for, kept in the result.
    validate_args_context: Map<String, Value>,
}

/// What an argument must be.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Argument {
    r#type: Kind,
    required: Flag,
    choices: Option<Vec<Value>>,
    elements: Option<Kind>,
    options: Option<indexmap::IndexMap<String, Argument>>,
    description: Option<List>,
    default: Option<Value>,
}

/// What kind of value it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Str,
    List,
    Dict,
    Bool,
    Int,
    Float,
    Path,
    Raw,
    Jsonarg,
    Json,
    Bytes,
    Bits,
    Sid,
}

impl Module for ValidateArgumentSpec {
    const NAME: &'static str = "validate-argument-spec";
    const RUNS_ON: RunsOn = RunsOn::Controller;
    const EXAMPLE: &'static str = "\
- name: The versions that this needs
  validate-argument-spec:
    argument_spec:
      wanted_version:
        type: str
        required: true
      drain_seconds:
        type: int
";

    type Plan = std::convert::Infallible;

    fn validate(&self) -> Result<(), ArgumentError> {
        if self.argument_spec.is_empty() && self.validate_args_context.is_empty() {
            return Err(ArgumentError::option("argument_spec", "no argument is described"));
        }
        Ok(())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let mut given = Map::new();
        for name in self.argument_spec.keys() {
            let value = context
                .scope
                .get(name)
                .map_err(|error| Failure::new(format!("the argument `{name}` has no value: {error}")))?;
            given.extend(value.map(|value| (name.clone(), value)));
        }
        given.extend(self.provided_arguments.clone());
        let mut errors = Vec::new();
        compare(&self.argument_spec, &given, "", &mut errors);
        let about = Value::Object(self.validate_args_context.clone());
        if errors.is_empty() {
            return Ok(State::Satisfied(
                Outcome::ok()
                    .with("msg", "The arg spec validation passed")
                    .with("validate_args_context", about),
            ));
        }
        let mut failure = Failure::new(format!("Validation of arguments failed: {}", errors.join("; ")));
        failure.result.insert("argument_errors".to_owned(), errors.into());
        failure.result.insert("validate_args_context".to_owned(), about);
        Err(failure)
    }

    fn apply(&self, _: &mut Context<'_>, plan: Self::Plan) -> Result<Outcome, Failure> {
        match plan {}
    }
}

fn compare(
    spec: &indexmap::IndexMap<String, Argument>,
    given: &Map<String, Value>,
    above: &str,
    errors: &mut Vec<String>,
) {
    let missing: Vec<&str> = spec
        .iter()
        .filter(|(name, argument)| *argument.required && !given.contains_key(*name))
        .map(|(name, _)| name.as_str())
        .collect();
    if !missing.is_empty() {
        let place = if above.is_empty() {
            String::new()
        } else {
            format!(" found in {above}")
        };
        errors.push(format!("missing required arguments: {}{place}", missing.join(", ")));
    }
    for (name, argument) in spec {
        let Some(value) = given.get(name).filter(|value| !value.is_null()) else {
            continue;
        };
        let path = if above.is_empty() {
            name.clone()
        } else {
            format!("{above}.{name}")
        };
        argument.compare(value, &path, errors);
    }
}

impl Argument {
    fn compare(&self, value: &Value, path: &str, errors: &mut Vec<String>) {
        let Some(value) = self.r#type.read(value) else {
            errors.push(format!("`{path}` is `{value}`, which is no {}", self.r#type.name()));
            return;
        };
        if let (Some(kind), Value::Array(items)) = (self.elements, &value) {
            for (index, item) in items.iter().enumerate().filter(|(_, item)| kind.read(item).is_none()) {
                errors.push(format!("`{path}[{index}]` is `{item}`, which is no {}", kind.name()));
            }
        }
        if let Some(choices) = &self.choices {
            let items = value.as_array().map_or(std::slice::from_ref(&value), Vec::as_slice);
            for item in items.iter().filter(|item| !is_among(item, choices)) {
                let all: Vec<String> = choices.iter().map(text).collect();
                errors.push(format!(
                    "value of {path} must be one of: {}, got: {}",
                    all.join(", "),
                    text(item)
                ));
            }
        }
        if let Some(options) = &self.options {
            let items = value.as_array().map_or(std::slice::from_ref(&value), Vec::as_slice);
            for item in items {
                let read = Kind::Dict.read(item);
                let Some(Value::Object(item)) = read else {
                    errors.push(format!("`{path}` is `{item}`, which is no dict"));
                    continue;
                };
                for unknown in item.keys().filter(|name| !options.contains_key(*name)) {
                    let known: Vec<&str> = options.keys().map(String::as_str).collect();
                    errors.push(format!(
                        "{path}.{unknown} is not supported, there are: {}",
                        known.join(", ")
                    ));
                }
                compare(options, &item, path, errors);
            }
        }
    }
}

/// Whether a value is one of the choices. What YAML reads as a boolean may be written as text there.
fn is_among(value: &Value, choices: &[Value]) -> bool {
    let truth = |value: &Value| match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) => crate::syntax::parse_bool(text),
        _ => None,
    };
    choices.iter().any(|choice| {
        choice == value
            || (!value.is_boolean() && text(choice) == text(value))
            || (value.is_boolean() && truth(choice) == truth(value))
    })
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Str => "str",
            Kind::List => "list",
            Kind::Dict => "dict",
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Float => "float",
            Kind::Path => "path",
            Kind::Raw => "raw",
            Kind::Jsonarg => "jsonarg",
            Kind::Json => "json",
            Kind::Bytes => "number of bytes",
            Kind::Bits => "number of bits",
            Kind::Sid => "sid",
        }
    }

    /// The value as this type, as Ansible turns one into another; `None` when it cannot be.
    fn read(self, value: &Value) -> Option<Value> {
        let is_scalar = !value.is_array() && !value.is_object();
        match self {
            Kind::Str | Kind::Raw | Kind::Json | Kind::Jsonarg | Kind::Sid => Some(value.clone()),
            Kind::Path => is_scalar.then(|| value.clone()),
            Kind::Bool => {
                let truth = match value {
                    Value::Bool(truth) => Some(*truth),
                    _ => match text(value).to_lowercase().as_str() {
                        "1" | "1.0" => Some(true),
                        "0" | "0.0" => Some(false),
                        word => crate::syntax::parse_bool(word),
                    },
                };
                truth.map(Value::Bool)
            }
            Kind::Int => match value {
                Value::Number(number) if number.is_f64() => {
                    number.as_f64().filter(|n| n.fract() == 0.0).map(|_| value.clone())
                }
                Value::Number(_) | Value::Bool(_) => Some(value.clone()),
                Value::String(text) => text.trim().parse::<i64>().ok().map(Value::from),
                _ => None,
            },
            Kind::Float => match value {
                Value::Number(_) => Some(value.clone()),
                Value::String(text) => text.trim().parse::<f64>().ok().map(Value::from),
                _ => None,
            },
            Kind::List => match value {
                Value::Array(_) => Some(value.clone()),
                Value::String(text) => Some(text.split(',').map(str::to_owned).collect()),
                Value::Number(_) => Some(Value::Array(vec![text(value).into()])),
                _ => None,
            },
            Kind::Dict => match value {
                Value::Object(_) => Some(value.clone()),
                Value::String(text) if text.trim_start().starts_with('{') => {
                    serde_json::from_str(text).ok().filter(Value::is_object)
                }
                Value::String(text) if text.contains('=') => pairs(text),
                _ => None,
            },
            Kind::Bytes | Kind::Bits => is_size(&text(value)).then(|| value.clone()),
        }
    }
}

/// `a=1, b=2`
fn pairs(text: &str) -> Option<Value> {
    let pairs = text.split([',', ' ']).filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=')?;
        Some((name.trim().to_owned(), Value::from(value.trim())))
    });
    pairs.collect::<Option<Map<_, _>>>().map(Value::Object)
}

/// `10`, `1.5M`, `10 KB`
fn is_size(text: &str) -> bool {
    let text = text.trim();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = text[digits.len()..].to_lowercase();
    let is_unit = unit.is_empty() || "bkmgtpezy".contains(&unit[..1]);
    is_unit && digits.trim().parse::<f64>().is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::modules::testing::Trial;

    #[rstest]
    #[case(json!({"type": "int"}), json!(3), None)]
    #[case(json!({"type": "int"}), json!("3"), None)]
    #[case(json!({"type": "int"}), json!("three"), Some("no int"))]
    #[case(json!({"type": "bool"}), json!("yes"), None)]
    #[case(json!({"type": "bool"}), json!("maybe"), Some("no bool"))]
    #[case(json!({"type": "list"}), json!("a,b"), None)]
    #[case(json!({"type": "list"}), json!({}), Some("no list"))]
    #[case(json!({"type": "list", "elements": "int"}), json!([1, "2", "x"]), Some("`x[2]`"))]
    #[case(json!({"type": "dict"}), json!("a=1"), None)]
    #[case(json!({"type": "dict"}), json!([]), Some("no dict"))]
    #[case(json!({"choices": ["a", "b"]}), json!("a"), None)]
    #[case(json!({"choices": ["a", "b"]}), json!("c"), Some("must be one of: a, b, got: c"))]
    #[case(json!({"type": "list", "choices": [1, 2]}), json!([1, 3]), Some("got: 3"))]
    #[case(json!({"type": "dict", "options": {"y": {"required": true}}}), json!({"y": 1}), None)]
    #[case(json!({"type": "dict", "options": {"y": {"required": true}}}), json!({}), Some("missing required arguments: y found in x"))]
    #[case(json!({"type": "dict", "options": {"y": {}}}), json!({"z": 1}), Some("x.z is not supported"))]
    #[case(json!({"type": "list", "elements": "dict", "options": {"y": {"type": "int"}}}), json!([{"y": "a"}]), Some("`x.y`"))]
    #[case(json!({"type": "bytes"}), json!("10M"), None)]
    #[case(json!({"type": "bytes"}), json!("much"), Some("bytes"))]
    #[case(json!({"type": "int", "required": true}), Value::Null, None)]
    fn values_are_compared(#[case] argument: Value, #[case] value: Value, #[case] error: Option<&str>) {
        let options = json!({"argument_spec": {"x": argument}});
        let ran = Trial::new("validate-argument-spec", options).variable("x", value).run();
        match (ran, error) {
            (Ok(_), None) => {}
            (Err(failure), Some(part)) => assert!(failure.message.contains(part), "{}", failure.message),
            (ran, _) => panic!("{ran:?}"),
        }
    }

    #[test]
    fn what_is_required_must_be_there() {
        let options = json!({"argument_spec": {"x": {"required": true}, "y": {"required": true}}});
        let failure = Trial::new("validate-argument-spec", options)
            .variable("y", json!(1))
            .run();
        let message = failure.unwrap_err().message;
        assert!(message.contains("missing required arguments: x"), "{message}");
    }
}
