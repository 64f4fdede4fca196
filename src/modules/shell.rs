use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::args::{Flag, Text};
use super::program::{Guard, input, outcome};
use super::{Again, ArgumentError, Context, Failure, Fuses, Module, Outcome, State};

/// Runs a shell command line on the node, with all that a shell offers. A task that runs one is always changed (say
/// otherwise with `changed_when`); an exit status other than 0 fails it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shell {
    /// The command line, or several lines.
    cmd: Text,
    /// The shell to use. Default: `/bin/sh`.
    executable: Option<Text>,
    /// Directory to change into first. Default: the user's home directory.
    chdir: Option<Text>,
    /// A file name or pattern on the node: when it exists, the command is not run.
    creates: Option<Text>,
    /// A file name or pattern on the node: when it does not exist, the command is not run.
    removes: Option<Text>,
    /// Text for the command's standard input. Default: nothing to read.
    stdin: Option<Text>,
    /// Adds a newline to `stdin`. Default: true.
    #[serde(default = "yes")]
    stdin_add_newline: Flag,
    /// Removes empty lines from the end of `stdout` and `stderr` in the result. Default: true.
    #[serde(default = "yes")]
    strip_empty_ends: Flag,
}

fn yes() -> Flag {
    Flag(true)
}

impl Shell {
    fn guard(&self) -> Guard<'_> {
        Guard {
            chdir: self.chdir.as_ref(),
            creates: self.creates.as_ref(),
            removes: self.removes.as_ref(),
        }
    }
}

impl Module for Shell {
    const NAME: &'static str = "shell";
    const FREE_FORM: Option<&'static str> = Some("cmd");
    const FUSES: Fuses = Fuses::Whole;
    const AGAIN: Again = Again::Once;
    const EXAMPLE: &'static str = "\
- name: Count the pods of this node
  shell: crictl pods --quiet | wc -l
  register: pods
  changed_when: false

- name: Use what only bash has
  shell:
    cmd: diff <(rpm -qa | sort) /root/packages.before
    executable: /bin/bash
";

    type Plan = ();

    fn validate(&self) -> Result<(), ArgumentError> {
        if self.cmd.trim().is_empty() {
            return Err(ArgumentError::option("cmd", "the command is empty"));
        }
        Ok(())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<()>, Failure> {
        self.guard().check(context, json!(self.cmd.0), ())
    }

    fn apply(&self, context: &mut Context<'_>, (): ()) -> Result<Outcome, Failure> {
        let shell = self.executable.as_ref().map_or("/bin/sh", |shell| shell);
        let words = [shell, "-c", &self.cmd].map(ToOwned::to_owned);
        let stdin = input(self.stdin.as_ref(), *self.stdin_add_newline);
        let output = self.guard().run(context, words, stdin)?;
        outcome("the command line", json!(self.cmd.0), &output, *self.strip_empty_ends)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::connection::scripted::Answer;
    use crate::modules::testing::{asked, local_shell, run_module, scripted};

    #[test]
    fn the_line_is_one_argument() {
        let (mut node, log) = scripted([Answer::stdout("")]);
        run_module("shell", json!({"cmd": "a | b", "executable": "/bin/bash"}), &mut node).unwrap();
        assert_eq!(asked(&log), ["program/run  /bin/bash -c a | b"]);
    }

    #[test]
    fn a_shell_does_what_shells_do() {
        let mut node = local_shell();
        let options = json!({"cmd": "x=$(cat); echo \"$x\" | tr a-z A-Z; echo no >&2; exit 3", "stdin": "hello"});
        let failure = run_module("shell", options, node.as_mut()).unwrap_err();
        assert_eq!(failure.result["stdout"], "HELLO");
        assert_eq!(failure.result["stderr_lines"], json!(["no"]));
        assert_eq!(failure.result["rc"], 3);
        let failure = run_module("shell", json!({"cmd": "pwd", "chdir": "/not/there"}), node.as_mut()).unwrap_err();
        assert!(failure.message.contains("/not/there"), "{failure:?}");
    }
}
