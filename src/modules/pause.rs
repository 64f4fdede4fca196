use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;

use super::args::{Flag, Text};
use super::{Again, Answer, ArgumentError, Context, Failure, Module, Outcome, Question, RunsOn, State};

/// Waits for a time, or for somebody at the terminal.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pause {
    /// How many seconds to wait.
    seconds: Option<Number>,
    /// How many minutes to wait.
    minutes: Option<Number>,
    /// What to ask; the answer is the result's `user_input`. Without a time krun waits for Enter.
    prompt: Option<Text>,
    /// Whether the answer is shown while it is typed.
    echo: Option<Flag>,
}

/// A time from 0 up, perhaps with a fraction, perhaps as text.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "serde_json::Value")]
#[schemars(with = "f64")]
struct Number(f64);

impl TryFrom<serde_json::Value> for Number {
    type Error = String;

    fn try_from(value: serde_json::Value) -> Result<Self, String> {
        let number = match &value {
            serde_json::Value::String(text) => text.trim().parse().ok(),
            other => other.as_f64(),
        };
        match number {
            Some(number) if number >= 0.0 && f64::is_finite(number) => Ok(Self(number)),
            _ => Err(format!("a number from 0 up is wanted, not {value}")),
        }
    }
}

/// The longest wait that can be asked for; the task's time limit usually ends it earlier.
const LONGEST: f64 = 30.0 * 24.0 * 3600.0;

impl Pause {
    fn wait(&self) -> Option<Duration> {
        let seconds = self.seconds.map(|number| number.0);
        let minutes = self.minutes.map(|number| number.0 * 60.0);
        seconds
            .or(minutes)
            .map(|wait| Duration::from_secs_f64(wait.min(LONGEST)))
    }

    fn ask(&self, context: &Context<'_>) -> Result<String, Failure> {
        let text = self
            .prompt
            .as_deref()
            .unwrap_or("Press Enter to continue, Ctrl-C to stop");
        let text = text.trim().trim_end_matches(':').to_owned();
        let answer = context.ask(&Question {
            text: format!("{text}: "),
            echo: self.echo.is_none_or(|echo| *echo),
            terminal_only: true,
        });
        match answer {
            Answer::Text(answer) => Ok(answer),
            Answer::Interrupted => Err(Failure {
                interrupted: true,
                ..Failure::new(format!("interrupted at the question \"{text}\""))
            }),
            Answer::Nobody(reason) => {
                let message = format!("`pause` wants to ask \"{text}\", and {reason}");
                Err(Failure::new(message).help(
                    "run krun in a terminal, or take the task out of this run: by a condition, a tag, or with `seconds` \
                     instead of `prompt`",
                ))
            }
        }
    }
}

impl Module for Pause {
    const NAME: &'static str = "pause";
    const RUNS_ON: RunsOn = RunsOn::Controller;
    const RUNS_ONCE: bool = true;
    const AGAIN: Again = Again::Once;
    const EXAMPLE: &'static str = "\
- name: Let the workloads settle
  pause:
    seconds: 30

- name: Somebody has to agree
  pause:
    prompt: The masters are done. Press Enter to go on with the workers
";

    type Plan = ();

    fn validate(&self) -> Result<(), ArgumentError> {
        if self.seconds.is_some() && self.minutes.is_some() {
            return Err(ArgumentError::option(
                "minutes",
                "`seconds` and `minutes` exclude each other",
            ));
        }
        if self.wait().is_some() && self.echo.is_some() {
            return Err(ArgumentError::option(
                "echo",
                "`echo` goes with a `prompt` that waits for an answer, without a time",
            ));
        }
        Ok(())
    }

    fn check(&self, _: &mut Context<'_>) -> Result<State<()>, Failure> {
        Ok(State::Unknown {
            plan: (),
            reason: "krun would pause here".to_owned(),
        })
    }

    fn apply(&self, context: &mut Context<'_>, (): ()) -> Result<Outcome, Failure> {
        let start = Instant::now();
        let Some(wait) = self.wait() else {
            return Ok(Outcome::ok().with("user_input", self.ask(context)?));
        };
        if let Some(prompt) = &self.prompt {
            context.report(prompt);
        }
        context.report(&format!("waiting {} s", wait.as_secs()));
        context.wait(wait)?;
        Ok(Outcome::ok()
            .with("delta", start.elapsed().as_secs())
            .with("user_input", ""))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use crate::modules::testing::{Trial, run_on_controller};

    #[test]
    fn a_pause_takes_its_time() {
        let start = Instant::now();
        run_on_controller("pause", json!({"seconds": "0.3"})).unwrap();
        assert!(start.elapsed() >= Duration::from_millis(300));
    }

    #[test]
    fn check_mode_does_not_wait() {
        let outcome = Trial::new("pause", json!({"minutes": 5})).check_mode().run().unwrap();
        assert!(outcome.skipped.is_some());
    }

    #[test]
    fn a_prompt_needs_a_terminal() {
        let failure = run_on_controller("pause", json!({"prompt": "Go on?"})).unwrap_err();
        assert!(failure.message.contains("no terminal"), "{}", failure.message);
    }

    #[test]
    fn times_exclude_each_other() {
        let module = crate::modules::find("pause").unwrap();
        assert!(module.validate(json!({"seconds": 1, "minutes": 1})).is_err());
        assert!(module.validate(json!({"seconds": -1})).is_err());
    }
}
