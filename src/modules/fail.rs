use schemars::JsonSchema;
use serde::Deserialize;

use super::args::Text;
use super::{Again, Context, Failure, Fuses, Module, Outcome, RunsOn, State};

/// Ends the work on a host with a message; usually under a condition.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Fail {
    /// Why.
    msg: Text,
}

impl Default for Fail {
    fn default() -> Self {
        Self {
            msg: Text("Failed as requested from task".to_owned()),
        }
    }
}

impl Module for Fail {
    const NAME: &'static str = "fail";
    const RUNS_ON: RunsOn = RunsOn::Controller;
    const FUSES: Fuses = Fuses::Whole;
    const AGAIN: Again = Again::Run;
    const EXAMPLE: &'static str = "\
- name: Stop where swap is on
  fail:
    msg: Switch swap off first (swapoff -a, and take it out of /etc/fstab)
  when: ansible_swaptotal_mb > 0
";

    type Plan = std::convert::Infallible;

    fn check(&self, _: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        Err(Failure::new(self.msg.0.as_str()))
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
    fn the_message_is_the_reason() {
        let failure = run_on_controller("fail", json!({"msg": "swap is on"})).unwrap_err();
        assert_eq!(failure.message, "swap is on");
    }
}
