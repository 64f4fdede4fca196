//! What `command`, `shell`, `script` and `raw` have in common: whether the program has to run, and what it left.

use serde_json::{Value, json};

use super::args::Text;
use super::{Context, Failure, Outcome, Pending, State};
use crate::connection::{Output, Request, Script};

const GUARD: Script = Script {
    name: "program/guard",
    text: include_str!("guard.sh"),
};

const RUN: Script = Script {
    name: "program/run",
    text: include_str!("run.sh"),
};

/// Status that a shell gives when there is no such program.
const NOT_FOUND: i32 = 127;

/// Options that say where a program runs and when it need not.
pub(super) struct Guard<'a> {
    pub(super) chdir: Option<&'a Text>,
    pub(super) creates: Option<&'a Text>,
    pub(super) removes: Option<&'a Text>,
}

impl Guard<'_> {
    /// The check of a program: nobody can know what it would change, but a file that it makes may be there already.
    pub(super) fn check<P>(&self, context: &mut Context<'_>, cmd: Value, plan: P) -> Result<State<P>, Failure> {
        if self.creates.is_none() && self.removes.is_none() {
            return Ok(State::Unknown {
                plan,
                reason: "what it would change cannot be known without running it".to_owned(),
            });
        }
        let words = [self.chdir, self.creates, self.removes].map(|word| word.map_or("", |word| word));
        let output = context.run(GUARD, words)?;
        if !output.success() {
            return Err(Failure::of_program("changing into the directory of `chdir`", &output));
        }
        let said = match (
            output.pairs().get("skip").map(String::as_str),
            self.creates,
            self.removes,
        ) {
            (Some("creates"), Some(file), _) => format!("skipped, since {file} exists"),
            (Some("removes"), _, Some(file)) => format!("skipped, since {file} does not exist"),
            _ => return Ok(Pending::new(plan, Vec::<String>::new()).into()),
        };
        Ok(State::Satisfied(
            Outcome::ok()
                .with("cmd", cmd)
                .with("rc", 0)
                .with("msg", said.clone())
                .with("stdout", said.clone())
                .with("stdout_lines", json!([said]))
                .with("stderr", "")
                .with("stderr_lines", json!([])),
        ))
    }

    /// Runs a program; one exchange, which may take all of the task's time.
    pub(super) fn run(
        &self,
        context: &mut Context<'_>,
        words: impl IntoIterator<Item = String>,
        stdin: Vec<u8>,
    ) -> Result<Output, Failure> {
        let chdir = self.chdir.map_or_else(String::new, |word| word.0.clone());
        let request = Request::new(RUN, std::iter::once(chdir).chain(words));
        let limit = context.remaining()?;
        context.request(request.with_stdin(stdin).with_timeout(limit))
    }
}

/// The text for standard input; Ansible adds the newline that most programs expect.
pub(super) fn input(stdin: Option<&Text>, add_newline: bool) -> Vec<u8> {
    let mut bytes = stdin.map(|text| text.0.clone().into_bytes()).unwrap_or_default();
    if stdin.is_some() && add_newline && !bytes.ends_with(b"\n") {
        bytes.push(b'\n');
    }
    bytes
}

/// What a program left: changed, as nobody can know better, or failed.
pub(super) fn outcome(name: &str, cmd: Value, output: &Output, strip_empty_ends: bool) -> Result<Outcome, Failure> {
    let clean = |text: String| {
        if strip_empty_ends {
            text.trim_end_matches(['\r', '\n']).to_owned()
        } else {
            text
        }
    };
    let stdout = clean(output.stdout_text());
    let stderr = clean(output.stderr_text());
    if output.success() {
        return Ok(Outcome::changed(Vec::<String>::new())
            .with("cmd", cmd)
            .with("rc", 0)
            .with("stdout_lines", lines(&stdout))
            .with("stdout", stdout)
            .with("stderr_lines", lines(&stderr))
            .with("stderr", stderr));
    }
    // What ran may have done something before it failed.
    let failure = Failure::of_program(name, output)
        .with("changed", true)
        .with("cmd", cmd)
        .with("stdout_lines", lines(&stdout))
        .with("stdout", stdout)
        .with("stderr_lines", lines(&stderr))
        .with("stderr", stderr);
    Err(if output.status == NOT_FOUND {
        failure.help("the program was not found on the node: is its package installed, and is it in PATH?")
    } else {
        failure
    })
}

fn lines(text: &str) -> Value {
    text.lines().collect()
}
