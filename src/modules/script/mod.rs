use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::Text;
use super::program::{Guard, outcome};
use super::{Again, ArgumentError, Context, Failure, Fuses, Module, Outcome, State};
use crate::connection::{Request, Script as NodeScript};

const RUN: NodeScript = NodeScript {
    name: "script/run",
    text: include_str!("run.sh"),
};

/// Sends a script of this machine to the node, runs it there and removes it. A task that runs one is always changed
/// (say otherwise with `changed_when`); an exit status other than 0 fails it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The script's file and its arguments, split into words as a shell does. A file without a full path is looked for
    /// in `files/` of the role, beside the task's file and beside the playbook.
    cmd: Text,
    /// The program that reads the script, with its options. Default: what the script's first line (`#!`) says.
    executable: Option<Text>,
    /// Directory to change into first. Default: the user's home directory.
    chdir: Option<Text>,
    /// A file name or pattern on the node: when it exists, the script is not run.
    creates: Option<Text>,
    /// A file name or pattern on the node: when it does not exist, the script is not run.
    removes: Option<Text>,
}

impl Script {
    fn guard(&self) -> Guard<'_> {
        Guard {
            chdir: self.chdir.as_ref(),
            creates: self.creates.as_ref(),
            removes: self.removes.as_ref(),
        }
    }

    /// The file's name and the arguments.
    fn words(&self) -> Result<(String, Vec<String>), ArgumentError> {
        let words = shlex::split(&self.cmd)
            .ok_or_else(|| ArgumentError::option("cmd", "a quote or a backslash is not closed in it"))?;
        let mut words = words.into_iter();
        match words.next() {
            Some(file) if !file.is_empty() => Ok((file, words.collect())),
            _ => Err(ArgumentError::option("cmd", "give the script's file")),
        }
    }
}

/// A script that is ready to be sent.
pub struct Ready {
    name: String,
    content: Vec<u8>,
    interpreter: Vec<String>,
    arguments: Vec<String>,
}

/// The words of the first line behind `#!`: a program and, as the kernel does, one argument. The script is started
/// by way of them so that it also runs where temporary files must not be executed.
fn interpreter(content: &[u8]) -> Vec<String> {
    let first = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some(line) = first.strip_prefix(b"#!") else {
        return Vec::new();
    };
    let line = String::from_utf8_lossy(line);
    let line = line.trim();
    let (program, argument) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    [program, argument.trim()]
        .into_iter()
        .filter(|word| !word.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}

impl Module for Script {
    const NAME: &'static str = "script";
    const REFUSED_OPTIONS: &'static [(&'static str, &'static str)] = &[(
        "decrypt",
        "scripts are sent as they are; keep secrets in vaulted variables and hand them over in `environment`",
    )];
    const FREE_FORM: Option<&'static str> = Some("cmd");
    const FUSES: Fuses = Fuses::Whole;
    const AGAIN: Again = Again::Once;
    const EXAMPLE: &'static str = "\
- name: Look at the disks with a script of our own
  script: check-disks.sh --limit 80
  register: disks
  changed_when: false
";

    type Plan = Ready;

    fn validate(&self) -> Result<(), ArgumentError> {
        self.words().map(drop)
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Ready>, Failure> {
        let (name, arguments) = self.words().map_err(|error| Failure::new(error.message))?;
        let file = context.files.find_plain("files", &name)?;
        let content = fs_err::read(&file).map_err(|error| Failure::new(error.to_string()))?;
        let interpreter = match &self.executable {
            None => interpreter(&content),
            Some(words) => shlex::split(words)
                .ok_or_else(|| Failure::new("a quote or a backslash is not closed in `executable`"))?,
        };
        let ready = Ready {
            name,
            content,
            interpreter,
            arguments,
        };
        let mut state = self.guard().check(context, json!(self.cmd.0), ready)?;
        if let State::Satisfied(outcome) = &mut state {
            // A script that need not run counts as skipped, a command does not: Ansible's ways.
            outcome.skipped = outcome.result.get("msg").and_then(Value::as_str).map(str::to_owned);
        }
        Ok(state)
    }

    fn apply(&self, context: &mut Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        let base = ready.name.rsplit('/').next().unwrap_or_default();
        let file = format!("/tmp/krun-script-{}/{base}", context.random_word()?);
        let chdir = self.chdir.as_ref().map_or("", |chdir| chdir).to_owned();
        let mut words = vec![file.clone(), chdir];
        words.extend(ready.interpreter);
        words.push(file);
        words.extend(ready.arguments);
        let request = Request::new(RUN, words).with_stdin(ready.content);
        let output = context.run_work("script", request)?;
        outcome(&format!("the script {}", ready.name), json!(self.cmd.0), &output, false)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::interpreter;
    use crate::modules::FileFinder;
    use crate::modules::testing::{Trial, local_shell};

    #[rstest]
    #[case("#!/bin/sh -eu\n", &["/bin/sh", "-eu"])]
    #[case("#! /usr/bin/env python3\r\n", &["/usr/bin/env", "python3"])]
    #[case("echo\n", &[])]
    fn first_lines(#[case] text: &str, #[case] expected: &[&str]) {
        assert_eq!(interpreter(text.as_bytes()), expected);
    }

    #[test]
    fn a_script_runs_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("files")).unwrap();
        let text = "#!/bin/sh -u\npwd; echo \"$0\"; echo \"$#:$1\"; exit 4\n";
        std::fs::write(folder.path().join("files/look.sh"), text).unwrap();
        let files = FileFinder {
            playbook_folder: folder.path().to_owned(),
            ..FileFinder::default()
        };
        let options = json!({"cmd": "look.sh 'a b'", "chdir": "/"});
        let mut node = local_shell();
        let failure = Trial::new("script", options)
            .on(node.as_mut())
            .files(files)
            .run()
            .unwrap_err();
        let lines = failure.result["stdout_lines"].as_array().unwrap();
        assert_eq!(
            (&lines[0], &lines[2], &failure.result["rc"]),
            (&json!("/"), &json!("1:a b"), &json!(4))
        );
        assert!(!std::path::Path::new(lines[1].as_str().unwrap()).exists());
    }

    #[test]
    fn a_missing_script_says_where_it_was_looked_for() {
        let mut node = local_shell();
        let failure = Trial::new("script", json!({"cmd": "no.sh"}))
            .on(node.as_mut())
            .run()
            .unwrap_err();
        assert!(failure.help.unwrap().contains("files/no.sh"));
    }
}
