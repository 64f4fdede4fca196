use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::args::{Flag, Text};
use super::{Again, ArgumentError, Context, Failure, Fuses, Module, Outcome, RunsOn, State};

/// Checks that conditions hold, and ends the work on a host where one does not.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assert {
    /// The conditions: bare expressions as in `when`; all have to hold.
    #[serde(deserialize_with = "conditions")]
    #[schemars(with = "super::args::List")]
    that: Vec<Value>,
    /// What to say when one does not hold.
    #[serde(default)]
    fail_msg: Option<Message>,
    /// What to say when all hold.
    #[serde(default)]
    success_msg: Option<Message>,
    /// Says nothing when all hold.
    #[serde(default)]
    quiet: Flag,
}

/// A message of one line, or of several given as a list.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Message {
    Lines(Vec<Text>),
    Line(Text),
}

impl Message {
    fn text(&self) -> String {
        match self {
            Self::Line(line) => line.0.clone(),
            Self::Lines(lines) => lines.iter().map(|line| &*line.0).collect::<Vec<_>>().join("\n"),
        }
    }
}

/// One condition or a list of them. A text is not split at commas: they belong to the expression.
fn conditions<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Array(conditions) => conditions,
        condition => vec![condition],
    })
}

impl Module for Assert {
    const NAME: &'static str = "assert";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[("msg", "fail_msg")];
    const RAW_OPTIONS: &'static [&'static str] = &["that"];
    const RUNS_ON: RunsOn = RunsOn::Controller;
    const FUSES: Fuses = Fuses::Whole;
    const AGAIN: Again = Again::Run;
    const EXAMPLE: &'static str = "\
- name: The target version is set and is not older than the cluster
  assert:
    that:
      - kubernetes_version is defined
      - kubernetes_version is version(cluster_version, '>=')
    fail_msg: Set kubernetes_version to the version to upgrade to
";

    type Plan = std::convert::Infallible;

    fn validate(&self) -> Result<(), ArgumentError> {
        for (index, condition) in self.that.iter().enumerate() {
            let refused = |why: String| Err(ArgumentError::option(format!("that[{index}]"), why));
            match condition {
                Value::Bool(_) => {}
                Value::String(text) => {
                    if let Err(error) = crate::template::check_expression(crate::template::strip_braces(text)) {
                        return refused(error.message);
                    }
                }
                _ => return refused("a condition is an expression, as in `when`".to_owned()),
            }
        }
        if self.that.is_empty() {
            return Err(ArgumentError::option("that", "there is no condition to check"));
        }
        Ok(())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        for condition in &self.that {
            let (holds, text) = match condition {
                Value::String(text) => (context.scope.is_true(text)?, text.clone()),
                other => (other.as_bool() == Some(true), other.to_string()),
            };
            if !holds {
                let message = self
                    .fail_msg
                    .as_ref()
                    .map_or_else(|| "Assertion failed".to_owned(), Message::text);
                return Err(Failure::new(message)
                    .help(format!("this does not hold: {text}"))
                    .with("assertion", text)
                    .with("evaluated_to", false));
            }
        }
        let outcome = Outcome::ok();
        Ok(State::Satisfied(if *self.quiet {
            outcome
        } else {
            let message = self
                .success_msg
                .as_ref()
                .map_or_else(|| "All assertions passed".to_owned(), Message::text);
            outcome.with("msg", message)
        }))
    }

    fn apply(&self, _: &mut Context<'_>, plan: Self::Plan) -> Result<Outcome, Failure> {
        match plan {}
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::modules::testing::{Trial, run_on_controller};

    #[rstest]
    #[case(json!("count > 1"), true)]
    #[case(json!(["count > 1", "count < 3"]), true)]
    #[case(json!(["count > 1", "count > 2"]), false)]
    #[case(json!("count in [1, 3]"), false)]
    #[case(json!([true, false]), false)]
    #[case(json!("count in [1, 2]"), true)]
    fn all_conditions_have_to_hold(#[case] that: Value, #[case] expected: bool) {
        let outcome = Trial::new("assert", json!({"that": that, "fail_msg": "no"}))
            .variable("count", json!(2))
            .run();
        assert_eq!(outcome.is_ok(), expected);
    }

    #[test]
    fn a_failure_names_the_condition() {
        let failure = run_on_controller("assert", json!({"that": ["1 == 1", "1 == 2"]})).unwrap_err();
        assert_eq!(failure.result["assertion"], "1 == 2");
        assert!(failure.help.unwrap().contains("1 == 2"));
    }

    #[test]
    fn an_undefined_name_is_a_failure_and_not_a_no() {
        let failure = run_on_controller("assert", json!({"that": "not typo"})).unwrap_err();
        assert!(failure.message.contains("typo"), "{}", failure.message);
    }

    #[test]
    fn broken_conditions_are_found_before_the_run() {
        let module = crate::modules::find("assert").unwrap();
        let error = module.validate(json!({"that": ["1 ==="]})).unwrap_err();
        assert_eq!(error.path, "that[0]");
        assert!(module.validate(json!({"that": []})).is_err());
    }
}
