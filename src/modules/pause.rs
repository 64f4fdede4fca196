use std::io::{BufRead, IsTerminal, Write};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;

use super::args::{Flag, Text};
use super::{ArgumentError, Context, Failure, Module, Outcome, RunsOn, State};

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

/// How often a wait looks at the task's time.
const STEP: Duration = Duration::from_millis(200);

impl Pause {
    fn wait(&self) -> Option<Duration> {
        let seconds = self.seconds.map(|number| number.0);
        let minutes = self.minutes.map(|number| number.0 * 60.0);
        seconds
            .or(minutes)
            .map(|wait| Duration::from_secs_f64(wait.min(LONGEST)))
    }

    fn ask(&self) -> Result<String, Failure> {
        let prompt = self
            .prompt
            .as_deref()
            .unwrap_or("Press Enter to continue, Ctrl-C to stop");
        let prompt = format!("{}: ", prompt.trim_end().trim_end_matches(':'));
        if !std::io::stdin().is_terminal() {
            return Err(Failure::new(format!("`pause` wants to ask \"{}\", and there is no terminal to ask on", prompt.trim()))
                .help("run krun in a terminal, or take the task out of this run: by a condition, a tag, or with `seconds` instead of `prompt`"));
        }
        let answer = if self.echo.is_some_and(|echo| !*echo) {
            rpassword::prompt_password(&prompt)
        } else {
            let mut answer = String::new();
            let mut terminal = std::io::stderr();
            write!(terminal, "{prompt}")
                .and_then(|()| terminal.flush())
                .and_then(|()| std::io::stdin().lock().read_line(&mut answer))
                .map(|_| answer)
        };
        let answer = answer.map_err(|error| Failure::new(format!("the answer cannot be read: {error}")))?;
        Ok(answer.trim_end_matches(['\n', '\r']).to_owned())
    }
}

impl Module for Pause {
    const NAME: &'static str = "pause";
    const RUNS_ON: RunsOn = RunsOn::Controller;
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
            return Ok(Outcome::ok().with("user_input", self.ask()?));
        };
        if let Some(prompt) = &self.prompt {
            context.report(prompt);
        }
        context.report(&format!("waiting {} s", wait.as_secs()));
        while start.elapsed() < wait {
            let left = context.remaining()?;
            std::thread::sleep(STEP.min(left).min(wait.saturating_sub(start.elapsed())));
        }
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
        if std::io::IsTerminal::is_terminal(&std::io::stdin()) {
            return;
        }
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
