use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::vars::names::is_identifier;

use super::args::Flag;
use super::{Again, ArgumentError, Context, Failure, Fuses, Module, Outcome, RunsOn, State};

/// Sets variables of a host for the rest of the run; each option is a variable's name.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SetFact {
    /// Keeps the variables as facts too, under `ansible_facts`.
    cacheable: Flag,
    /// The variables.
    #[serde(flatten)]
    variables: IndexMap<String, Value>,
}

impl Module for SetFact {
    const NAME: &'static str = "set-fact";
    const RUNS_ON: RunsOn = RunsOn::Controller;
    const FREE_OPTIONS: bool = true;
    const FUSES: Fuses = Fuses::Whole;
    const AGAIN: Again = Again::Once;
    const EXAMPLE: &'static str = "\
- name: Remember whether the node was cordoned before the run
  set-fact:
    was_cordoned: \"{{ node.stdout == 'true' }}\"
    checked_at: \"{{ ansible_date_time.iso8601 }}\"
";

    type Plan = std::convert::Infallible;

    fn validate(&self) -> Result<(), ArgumentError> {
        if self.variables.is_empty() {
            return Err(ArgumentError::option("", "there is no variable to set"));
        }
        match self.variables.keys().find(|name| !is_identifier(name)) {
            Some(name) => Err(ArgumentError::option(
                name,
                format!("`{name}` cannot be a variable's name: letters, digits and `_` only"),
            )),
            None => Ok(()),
        }
    }

    fn check(&self, _: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let variables: serde_json::Map<_, _> = self.variables.clone().into_iter().collect();
        let mut outcome = Outcome::ok().with("ansible_facts", Value::Object(variables.clone()));
        if *self.cacheable {
            outcome.facts.clone_from(&variables);
        }
        outcome.variables = variables;
        Ok(State::Satisfied(outcome))
    }

    fn apply(&self, _: &mut Context<'_>, plan: Self::Plan) -> Result<Outcome, Failure> {
        match plan {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::modules::testing::run_on_controller;

    #[test]
    fn every_option_is_a_variable() {
        let outcome = run_on_controller("set-fact", json!({"a": 1, "b": ["x"], "cacheable": "yes"})).unwrap();
        assert_eq!(
            serde_json::Value::Object(outcome.variables),
            json!({"a": 1, "b": ["x"]})
        );
        assert_eq!(outcome.facts["a"], 1);
        assert!(!outcome.changed);
    }

    #[test]
    fn names_that_no_expression_can_use_are_refused() {
        let failure = run_on_controller("set-fact", json!({"a-b": 1})).unwrap_err();
        assert!(failure.message.contains("a-b"), "{}", failure.message);
    }
}
