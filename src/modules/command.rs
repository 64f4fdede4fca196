use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::{Flag, Text};
use super::program::{Guard, input, outcome};
use super::{Again, ArgumentError, Context, Failure, Fuses, Module, Outcome, State};

/// Runs a program on the node, without a shell: no pipes, redirections, patterns or variables; see `shell` for those.
/// A task that runs one is always changed (say otherwise with `changed_when`); an exit status other than 0 fails it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The program and its arguments as one text, split into words as a shell does (quotes and backslashes count).
    cmd: Option<Text>,
    /// The program and its arguments as a list of words, which are passed on as they are. Either this or `cmd`.
    argv: Option<Vec<Text>>,
    /// Directory to change into first. Default: the user's home directory.
    chdir: Option<Text>,
    /// A file name or pattern on the node: when it exists, the program is not run.
    creates: Option<Text>,
    /// A file name or pattern on the node: when it does not exist, the program is not run.
    removes: Option<Text>,
    /// Text for the program's standard input. Default: nothing to read.
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

impl Command {
    fn words(&self) -> Result<Vec<String>, ArgumentError> {
        let words = match (&self.cmd, &self.argv) {
            (Some(text), None) => shlex::split(text)
                .ok_or_else(|| ArgumentError::option("cmd", "a quote or a backslash is not closed in the command"))?,
            (None, Some(words)) => words.iter().map(|word| word.0.clone()).collect(),
            (Some(_), Some(_)) => return Err(ArgumentError::option("argv", "give either `cmd` or `argv`, not both")),
            (None, None) => {
                return Err(ArgumentError::option(
                    "",
                    "give the command to run, as `cmd` or as `argv`",
                ));
            }
        };
        if words.first().is_none_or(String::is_empty) {
            return Err(ArgumentError::option("", "the command is empty"));
        }
        Ok(words)
    }

    fn guard(&self) -> Guard<'_> {
        Guard {
            chdir: self.chdir.as_ref(),
            creates: self.creates.as_ref(),
            removes: self.removes.as_ref(),
        }
    }
}

impl Module for Command {
    const NAME: &'static str = "command";
    const REFUSED_OPTIONS: &'static [(&'static str, &'static str)] = &[(
        "expand_argument_vars",
        "there is no shell in `command`: use the `shell` module for variables of the environment",
    )];
    const FREE_FORM: Option<&'static str> = Some("cmd");
    const FUSES: Fuses = Fuses::Whole;
    const AGAIN: Again = Again::Once;
    const EXAMPLE: &'static str = "\
- name: Ask for the kubelet's version
  command: kubelet --version
  register: kubelet
  changed_when: false

- name: Write the default configuration once
  command:
    argv: [containerd, config, dump]
    chdir: /etc/containerd
    creates: /etc/containerd/config.toml
";

    type Plan = Vec<String>;

    fn validate(&self) -> Result<(), ArgumentError> {
        self.words().map(drop)
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Vec<String>>, Failure> {
        let words = self.words().map_err(|error| Failure::new(error.message))?;
        self.guard().check(context, json!(words), words)
    }

    fn apply(&self, context: &mut Context<'_>, words: Vec<String>) -> Result<Outcome, Failure> {
        let cmd: Value = json!(words);
        let stdin = input(self.stdin.as_ref(), *self.stdin_add_newline);
        let name = format!("the command `{}`", words.first().map_or("", |word| word));
        let output = self.guard().run(context, words, stdin)?;
        outcome(&name, cmd, &output, *self.strip_empty_ends)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::connection::scripted::Answer;
    use crate::modules::testing::{asked, check_module, local_shell, run_module, scripted};

    #[test]
    fn a_command_is_one_exchange() {
        let (mut node, log) = scripted([Answer::stdout("Kubernetes v1.28.2\n\n")]);
        let outcome = run_module("command", json!({"cmd": "kubelet '--a b'", "chdir": "/etc"}), &mut node).unwrap();
        assert!(outcome.changed);
        assert_eq!(outcome.result["stdout"], "Kubernetes v1.28.2");
        assert_eq!(outcome.result["cmd"], json!(["kubelet", "--a b"]));
        assert_eq!(asked(&log), ["program/run /etc kubelet --a b"]);
    }

    #[test]
    fn check_mode_runs_nothing() {
        let (mut node, log) = scripted([]);
        assert!(
            check_module("command", json!({"cmd": "reboot"}), &mut node)
                .unwrap()
                .skipped
                .is_some()
        );
        assert!(asked(&log).is_empty());
    }

    #[test]
    fn guards_skip_the_command() {
        let mut node = local_shell();
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let touch = json!({"argv": ["touch", path("a file")], "creates": path("a f*")});
        assert!(check_module("command", touch.clone(), node.as_mut()).unwrap().changed);
        assert!(run_module("command", touch.clone(), node.as_mut()).unwrap().changed);
        let again = run_module("command", touch, node.as_mut()).unwrap();
        assert!(!again.changed && again.result["stdout"].as_str().unwrap().starts_with("skipped, since"));
        let removes = json!({"cmd": "false", "removes": path("nothing")});
        assert!(!run_module("command", removes, node.as_mut()).unwrap().changed);
    }

    #[test]
    fn words_stdin_and_failures_arrive_as_they_are() {
        let mut node = local_shell();
        let outcome = run_module("command", json!({"cmd": "echo '$HOME' \"*\" ; |"}), node.as_mut()).unwrap();
        assert_eq!(outcome.result["stdout"], "$HOME * ; |");
        let outcome = run_module("command", json!({"cmd": "wc -l", "stdin": "one"}), node.as_mut()).unwrap();
        assert_eq!(outcome.result["stdout"], "1");
        let failure = run_module("command", json!({"cmd": "ls /not/there"}), node.as_mut()).unwrap_err();
        assert!(
            failure.message.contains("/not/there") && failure.result["rc"] == 2,
            "{failure:?}"
        );
        let failure = run_module("command", json!({"cmd": "kubeadmin x"}), node.as_mut()).unwrap_err();
        assert!(failure.result["rc"] == 127 && failure.help.is_some());
    }

    #[test]
    fn wrong_options_are_found_before_the_run() {
        let command = crate::modules::find("ansible.builtin.command").unwrap();
        for wrong in [
            json!({"cmd": "echo 'x"}),
            json!({}),
            json!({"cmd": "a", "argv": ["a"]}),
            json!({"argv": []}),
        ] {
            assert!(command.validate(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
