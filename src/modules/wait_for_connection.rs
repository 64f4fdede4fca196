//! The `wait-for-connection` module.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;

use super::args::Count;
use super::{Again, Context, Failure, Module, Outcome, State};
use crate::connection::{Request, Script};

const PING: Script = Script {
    name: "wait-for-connection/ping",
    text: "echo pong",
};

/// Waits until a node can be logged in to and its shell answers, for example after it was made or rebooted by others.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WaitForConnection {
    /// How long it waits at most, in seconds. The task's `timeout` limits it too.
    timeout: Count,
    /// How long it waits before the first attempt, in seconds.
    delay: Count,
    /// How long it waits between two attempts, in seconds.
    sleep: Count,
    /// How long an answer may take, in seconds.
    connect_timeout: Count,
}

impl Default for WaitForConnection {
    fn default() -> Self {
        Self {
            timeout: Count(600),
            delay: Count(0),
            sleep: Count(1),
            connect_timeout: Count(5),
        }
    }
}

impl Module for WaitForConnection {
    const NAME: &'static str = "wait-for-connection";
    const AGAIN: Again = Again::Run;
    const EXAMPLE: &'static str = "\
- name: The machine is there
  wait-for-connection:
    delay: 5
    timeout: 300
";

    type Plan = ();

    fn check(&self, _: &mut Context<'_>) -> Result<State<()>, Failure> {
        Ok(State::Unknown {
            plan: (),
            reason: "krun would wait until the node answers".to_owned(),
        })
    }

    fn apply(&self, context: &mut Context<'_>, (): ()) -> Result<Outcome, Failure> {
        let start = Instant::now();
        let deadline = start + Duration::from_secs(self.timeout.0);
        context.report("waiting until the node answers");
        context.wait(Duration::from_secs(self.delay.0))?;
        let limit = Duration::from_secs(self.connect_timeout.0.max(1));
        loop {
            // What is open may lead to a machine that is going down.
            context.reset_connection();
            let failure = match context.try_request(Request::new(PING, [""; 0]).with_timeout(limit)) {
                Ok(output) if output.stdout == b"pong\n" => {
                    return Ok(Outcome::ok().with("elapsed", start.elapsed().as_secs()));
                }
                Ok(output) => Failure::of_program("the node's shell", &output),
                Err(failure) => failure,
            };
            let pause = Duration::from_secs(self.sleep.0).max(Duration::from_millis(100));
            if Instant::now() + pause >= deadline {
                return Err(Failure {
                    unreachable: failure.unreachable,
                    ..Failure::new(format!(
                        "the node did not answer within {} s: {}",
                        self.timeout.0, failure.message
                    ))
                    .help("look whether it is up and reachable, or raise `timeout`")
                    .with("elapsed", start.elapsed().as_secs())
                });
            }
            context.wait(pause)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::connection::scripted::Answer;
    use crate::modules::testing::{asked, check_module, local_shell, run_module, scripted};

    #[test]
    fn a_node_that_answers_late() {
        let (mut node, log) = scripted([Answer::Lost, Answer::Lost, Answer::stdout("pong\n")]);
        let outcome = run_module("wait_for_connection", json!({"sleep": 0}), &mut node).unwrap();
        assert!(!outcome.changed && outcome.result.contains_key("elapsed"));
        assert_eq!(asked(&log).len(), 3);
        run_module("wait_for_connection", json!({}), &mut *local_shell()).unwrap();
    }

    #[test]
    fn a_node_that_never_answers() {
        let (mut node, _) = scripted([Answer::Lost]);
        let failure = run_module("wait_for_connection", json!({"timeout": 0}), &mut node).unwrap_err();
        assert!(
            failure.message.starts_with("the node did not answer within 0 s"),
            "{failure:?}"
        );
    }

    #[test]
    fn check_mode_does_not_wait() {
        let (mut node, log) = scripted([]);
        let outcome = check_module("wait_for_connection", json!({}), &mut node).unwrap();
        assert!(outcome.skipped.is_some() && asked(&log).is_empty());
    }
}
