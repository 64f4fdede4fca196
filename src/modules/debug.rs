use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::args::Count;
use super::{Again, ArgumentError, Context, Failure, Fuses, Module, Outcome, RunsOn, State};

/// Shows a message, or the value of a variable or expression.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Debug {
    /// What to show: text, or any other value. The default is `Hello world!`.
    msg: Option<Value>,
    /// A bare expression, usually a variable's name, whose value is shown. Excludes `msg`.
    var: Option<String>,
    /// Shows nothing unless krun was given at least so many `-v`.
    verbosity: Count,
}

impl Module for Debug {
    const NAME: &'static str = "debug";
    const RAW_OPTIONS: &'static [&'static str] = &["var"];
    const RUNS_ON: RunsOn = RunsOn::Controller;
    const FUSES: Fuses = Fuses::Whole;
    const AGAIN: Again = Again::Run;
    const EXAMPLE: &'static str = "\
- name: What kubeadm said
  debug:
    var: plan.stdout_lines

- debug:
    msg: \"{{ inventory_hostname }} is at {{ kubelet_version }}\"
";

    type Plan = std::convert::Infallible;

    fn validate(&self) -> Result<(), ArgumentError> {
        let Some(expression) = &self.var else { return Ok(()) };
        if self.msg.is_some() {
            return Err(ArgumentError::option("var", "`msg` and `var` exclude each other"));
        }
        crate::template::check_expression(crate::template::strip_braces(expression))
            .map_err(|error| ArgumentError::option("var", error.message))
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        if self.verbosity.0 > 0 {
            let verbosity = context.scope.get("ansible_verbosity")?;
            let verbosity = verbosity.and_then(|value| value.as_u64()).unwrap_or(0);
            if verbosity < self.verbosity.0 {
                return Ok(State::Satisfied(Outcome::skipped("Verbosity threshold not met.")));
            }
        }
        let outcome = match (&self.var, &self.msg) {
            (Some(expression), _) => {
                let expression = crate::template::strip_braces(expression);
                let value = match context.scope.evaluate(expression) {
                    Ok(value) => value,
                    Err(error) if error.undefined => Value::from("VARIABLE IS NOT DEFINED!"),
                    Err(error) => return Err(error.into()),
                };
                Outcome::ok().with(expression, value)
            }
            (None, Some(message)) => Outcome::ok().with("msg", message.clone()),
            (None, None) => Outcome::ok().with("msg", "Hello world!"),
        };
        Ok(State::Satisfied(outcome))
    }

    fn apply(&self, _: &mut Context<'_>, plan: Self::Plan) -> Result<Outcome, Failure> {
        match plan {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::modules::testing::{Trial, run_on_controller};

    #[test]
    fn a_variable_is_shown_under_its_name() {
        let outcome = Trial::new("debug", json!({"var": "nodes[0]"}))
            .variable("nodes", json!(["m1"]))
            .run()
            .unwrap();
        assert_eq!(outcome.result["nodes[0]"], "m1");
    }

    #[test]
    fn an_undefined_variable_is_shown_as_such() {
        let outcome = run_on_controller("debug", json!({"var": "typo"})).unwrap();
        assert_eq!(outcome.result["typo"], "VARIABLE IS NOT DEFINED!");
    }

    #[test]
    fn verbosity_hides_it() {
        let quiet = run_on_controller("debug", json!({"msg": "x", "verbosity": 2})).unwrap();
        assert!(quiet.skipped.is_some());
        let loud = Trial::new("debug", json!({"msg": "x", "verbosity": 2}))
            .variable("ansible_verbosity", json!(2))
            .run()
            .unwrap();
        assert_eq!(loud.result["msg"], "x");
    }
}
