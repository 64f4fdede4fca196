use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::args::Text;
use super::program::{Guard, outcome};
use super::{Again, ArgumentError, Context, Failure, Fuses, Module, Outcome, State};

/// Runs a command line through the node's shell, and nothing else: as `shell`, but with no option beside the shell.
/// Kept for playbooks that use it; krun's other modules need no Python on the node either.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    /// The command line.
    cmd: Text,
    /// The shell to use. Default: `/bin/sh`.
    executable: Option<Text>,
}

const GUARD: Guard<'static> = Guard {
    chdir: None,
    creates: None,
    removes: None,
};

impl Module for Raw {
    const NAME: &'static str = "raw";
    const FREE_FORM: Option<&'static str> = Some("cmd");
    const FUSES: Fuses = Fuses::Whole;
    const AGAIN: Again = Again::Once;
    const EXAMPLE: &'static str = "\
- name: Is anybody there?
  raw: uname -a
  changed_when: false
";

    type Plan = ();

    fn validate(&self) -> Result<(), ArgumentError> {
        if self.cmd.trim().is_empty() {
            return Err(ArgumentError::option("cmd", "the command is empty"));
        }
        Ok(())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<()>, Failure> {
        GUARD.check(context, json!(self.cmd.0), ())
    }

    fn apply(&self, context: &mut Context<'_>, (): ()) -> Result<Outcome, Failure> {
        let shell = self.executable.as_ref().map_or("/bin/sh", |shell| shell);
        let words = [shell, "-c", &self.cmd].map(ToOwned::to_owned);
        let output = GUARD.run(context, words, Vec::new())?;
        outcome("the command line", json!(self.cmd.0), &output, false)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::modules::testing::{local_shell, run_module};

    #[test]
    fn output_is_kept_as_it_is() {
        let outcome = run_module("raw", json!({"cmd": "echo a; echo b"}), local_shell().as_mut()).unwrap();
        assert_eq!(outcome.result["stdout"], "a\nb\n");
        assert_eq!(outcome.result["stdout_lines"], json!(["a", "b"]));
    }
}
