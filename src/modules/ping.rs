use schemars::JsonSchema;
use serde::Deserialize;

use crate::connection::Script;

use super::args::Text;
use super::{Again, Context, Failure, Fuses, Module, Outcome, State};

const SCRIPT: Script = Script {
    name: "ping",
    text: "echo pong",
};

/// Checks that a node can be logged in to and that its shell answers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ping {
    /// What the result's `ping` holds.
    data: Text,
}

impl Default for Ping {
    fn default() -> Self {
        Self {
            data: Text("pong".to_owned()),
        }
    }
}

impl Module for Ping {
    const NAME: &'static str = "ping";
    const FUSES: Fuses = Fuses::Looks;
    const AGAIN: Again = Again::Run;
    const EXAMPLE: &'static str = "\
- name: The node answers
  ping:
";

    type Plan = std::convert::Infallible;

    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let output = context.run(SCRIPT, [""; 0])?;
        if output.stdout == b"pong\n" {
            Ok(State::Satisfied(Outcome::ok().with("ping", self.data.0.as_str())))
        } else {
            Err(Failure::of_program("ping", &output))
        }
    }

    fn apply(&self, _: &mut Context<'_>, plan: Self::Plan) -> Result<Outcome, Failure> {
        match plan {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::modules::testing::{local_shell, run_module};

    #[test]
    fn a_shell_answers() {
        let outcome = run_module("ping", json!({}), &mut *local_shell()).unwrap();
        assert!(!outcome.changed);
        assert_eq!(outcome.result["ping"], "pong");
    }
}
