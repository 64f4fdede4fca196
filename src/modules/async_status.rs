//! `async-status`: what has become of a task that was left on the node.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::Text;
use super::background::SATISFIED;
use super::{Again, ArgumentError, Context, Failure, Module, NO_JOB, Outcome, State};
use crate::connection::{JobNews, JobState, Output, forget_request, status_request};

/// forget says by this status that there is no such job.
const NO_SUCH_JOB: i32 = 3;

/// What `async-status` does.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// Tells how the job stands.
    #[default]
    Status,
    /// Removes what the node keeps of the job.
    Cleanup,
}

/// Tells how a task stands that was left on the node with `async` and no `poll`, by the `ansible_job_id` of its result.
///
/// The result has `started` and `finished` (0 or 1) and, when it is finished, `rc`, `stdout` and `stderr`. A job that
/// failed, or was ended when its time was up, fails this task.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AsyncStatus {
    /// The job's identity: `ansible_job_id` of the task's result.
    jid: Text,
    /// Whether to ask for its state or to remove what is kept of it.
    #[serde(default)]
    mode: Mode,
}

impl AsyncStatus {
    fn no_such_job(&self) -> Failure {
        Failure::new(format!(
            "could not find job: the node keeps none of the name `{}`",
            &*self.jid
        ))
        .help(
            "give the `ansible_job_id` of the task's result, on the same host and with the same `become`; \
                 a job that nobody asks for is removed after a week",
        )
        .with("ansible_job_id", &*self.jid)
        .with("started", 1)
        .with("finished", 1)
    }

    /// How the job stands, and all that it has printed when it has ended.
    fn look(&self, context: &mut Context<'_>) -> Result<(JobNews, Output), Failure> {
        let mut output = Output::default();
        loop {
            let request = status_request(&self.jid, output.stdout.len(), output.stderr.len());
            let answer = context.request(request.ok_or_else(|| self.no_such_job())?)?;
            let failure = Failure::of_program("asking for the job", &answer);
            let news = JobNews::parse(answer).ok_or(failure)?;
            output.stdout.extend_from_slice(&news.stdout);
            output.stderr.extend_from_slice(&news.stderr);
            if news.state == JobState::Running || news.is_all() {
                return Ok((news, output));
            }
        }
    }

    fn status(&self, context: &mut Context<'_>) -> Result<Outcome, Failure> {
        let (news, mut output) = self.look(context)?;
        let outcome = |changed: bool, finished: u8| Outcome {
            changed,
            ..Outcome::ok()
                .with("ansible_job_id", &*self.jid)
                .with("results_file", news.directory.as_str())
                .with("started", 1)
                .with("finished", finished)
        };
        let failed = |failure: Failure| {
            let mut failure = failure;
            failure.result.extend(outcome(false, 1).result);
            failure
        };
        match news.state {
            JobState::Missing => Err(self.no_such_job()),
            JobState::Running => {
                let nothing = [("stdout", json!("")), ("stderr", json!(""))];
                let lists = [("stdout_lines", json!([])), ("stderr_lines", json!([]))];
                let mut running = outcome(false, 0);
                running.result.extend(
                    nothing
                        .into_iter()
                        .chain(lists)
                        .map(|(name, value)| (name.to_owned(), value)),
                );
                Ok(running)
            }
            JobState::Expired => Err(failed(
                Failure::new("the job did not end within its time and was ended (Timeout exceeded)")
                    .help("raise the task's `async`, or look on the node what it waits for"),
            )),
            JobState::Died => Err(failed(Failure::new(
                "the job ended without an exit status, as after a restart of the node or `kill -9`",
            ))),
            JobState::Finished(status) => {
                output.status = status;
                let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
                let mut ended = outcome(!self.jid.ends_with(SATISFIED), 1)
                    .with("rc", status)
                    .with("stdout_lines", lines(&stdout))
                    .with("stdout", stdout)
                    .with("stderr_lines", lines(&stderr))
                    .with("stderr", stderr);
                if status == 0 {
                    return Ok(ended);
                }
                let mut failure = Failure::of_program("the job", &output);
                failure.result.append(&mut ended.result);
                Err(failure)
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches(['\r', '\n']).to_owned()
}

fn lines(text: &str) -> Value {
    text.lines().collect()
}

impl Module for AsyncStatus {
    const NAME: &'static str = "async-status";
    const AGAIN: Again = Again::Once;
    const EXAMPLE: &'static str = "\
- name: Begin a long download, and go on
  get-url: {url: \"https://example.org/images.tar\", dest: /var/tmp/images.tar}
  async: 3600
  poll: 0
  register: download

- name: Wait for its end
  async-status: {jid: \"{{ download.ansible_job_id }}\"}
  register: job
  until: job is finished
  retries: 120
  delay: 30
";

    type Plan = ();

    fn validate(&self) -> Result<(), ArgumentError> {
        if self.jid.trim().is_empty() {
            return Err(ArgumentError::option("jid", "the job's identity is empty"));
        }
        Ok(())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<()>, Failure> {
        if &*self.jid == NO_JOB {
            let mut outcome = Outcome::skipped("check mode: nothing was started")
                .with("ansible_job_id", NO_JOB)
                .with("started", 1)
                .with("finished", 1);
            outcome.result.insert("rc".to_owned(), json!(0));
            return Ok(State::Satisfied(outcome));
        }
        match self.mode {
            Mode::Status => self.status(context).map(State::Satisfied),
            Mode::Cleanup => Ok(State::Unknown {
                plan: (),
                reason: "what the node keeps of the job is not removed in check mode".to_owned(),
            }),
        }
    }

    fn apply(&self, context: &mut Context<'_>, (): ()) -> Result<Outcome, Failure> {
        let request = forget_request(&self.jid).ok_or_else(|| self.no_such_job())?;
        let output = context.request(request)?;
        match output.status {
            // Not a change of the node: only krun's own notes are gone.
            0 => Ok(Outcome::ok()
                .with("ansible_job_id", &*self.jid)
                .with("erased", output.stdout_text().trim_end_matches('\n'))
                .with("started", 0)
                .with("finished", 0)),
            NO_SUCH_JOB => Err(self.no_such_job()),
            _ => Err(Failure::of_program("removing the job", &output)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::{Value, json};

    use crate::connection::Connection;
    use crate::modules::testing::{Trial, local_shell, run_module, shells};
    use crate::modules::{Background, Failure, LeftJob, Outcome};

    /// Leaves a shell command on the node.
    fn leave(text: &str, seconds: u64, node: &mut dyn Connection) -> LeftJob {
        let trial = Trial::new("shell", json!({"cmd": text})).on(node);
        let left = trial.background(Background::Left(Duration::from_secs(seconds))).run();
        left.unwrap_err().left.unwrap()
    }

    fn status(job: &LeftJob, node: &mut dyn Connection) -> Result<Outcome, Failure> {
        run_module("async-status", json!({"jid": job.identity}), node)
    }

    /// How it ended, once it has.
    fn end(job: &LeftJob, node: &mut dyn Connection) -> Result<Outcome, Failure> {
        let limit = Instant::now() + Duration::from_secs(30);
        loop {
            match status(job, node) {
                Ok(outcome) if outcome.result["finished"] == 0 && Instant::now() < limit => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                ended => return ended,
            }
        }
    }

    fn clean(job: &LeftJob, node: &mut dyn Connection) -> Result<Outcome, Failure> {
        run_module("async-status", json!({"jid": job.identity, "mode": "cleanup"}), node)
    }

    #[rstest::rstest]
    fn a_job_that_was_left_is_found_again(#[values("dash", "busybox sh")] shell: &str) {
        let mut node = shells(shell);
        let node = node.connection();
        let gate = tempfile::tempdir().unwrap();
        let here = gate.path().join("go");
        let wait = format!(
            "echo out; while ! [ -e {} ]; do sleep 0.05; done; echo end; echo no >&2",
            here.display()
        );
        let job = leave(&wait, 60, node);
        let now = status(&job, node).unwrap();
        assert_eq!(
            (&now.result["started"], &now.result["finished"], now.changed),
            (&json!(1), &json!(0), false)
        );
        std::fs::write(&here, "").unwrap();
        let ended = end(&job, node).unwrap();
        assert!(ended.changed);
        assert_eq!(
            (
                &ended.result["rc"],
                &ended.result["stdout_lines"],
                &ended.result["stderr"]
            ),
            (&json!(0), &json!(["out", "end"]), &json!("no"))
        );
        assert_eq!(ended.result["results_file"], json!(job.directory));
        assert_eq!(clean(&job, node).unwrap().result["erased"], json!(job.directory));
        let gone = status(&job, node).unwrap_err();
        assert!(gone.message.contains("could not find job"), "{}", gone.message);
        assert_eq!(gone.result["finished"], 1);
        assert!(clean(&job, node).is_err());
    }

    #[test]
    fn a_failed_job_fails_whoever_asks() {
        let mut node = local_shell();
        let job = leave("echo why >&2; exit 4", 60, node.as_mut());
        let failure = end(&job, node.as_mut()).unwrap_err();
        assert!(failure.message.contains("why"), "{}", failure.message);
        assert_eq!(
            (&failure.result["rc"], &failure.result["finished"]),
            (&json!(4), &json!(1))
        );
        clean(&job, node.as_mut()).unwrap();
    }

    #[rstest::rstest]
    fn a_job_is_ended_with_its_children_when_its_time_is_up(#[values("dash", "busybox sh")] shell: &str) {
        let mut node = shells(shell);
        let node = node.connection();
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        // One child keeps the session, one has a session of its own.
        let text = format!(
            "sleep 71 & echo $! >> {0}; setsid sleep 72 & echo $! >> {0}; wait",
            pids.display()
        );
        let job = leave(&text, 1, node);
        let failure = end(&job, node).unwrap_err();
        assert!(failure.message.contains("Timeout exceeded"), "{}", failure.message);
        assert_eq!(failure.result["finished"], 1);
        for pid in std::fs::read_to_string(&pids).unwrap().lines() {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
        }
        clean(&job, node).unwrap();
    }

    #[test]
    fn a_task_that_is_followed_has_its_limit_on_the_node() {
        let mut node = local_shell();
        let followed = Background::Followed(Duration::from_secs(30));
        let trial = Trial::new("command", json!({"cmd": "echo hello"})).on(node.as_mut());
        let outcome = trial.background(followed).run().unwrap();
        assert_eq!(outcome.result["stdout"], "hello");
    }

    #[test]
    fn wrong_names_are_no_paths() {
        let mut node = local_shell();
        for jid in ["../x", "", "a b"] {
            let ran = run_module("async-status", json!({"jid": jid}), node.as_mut());
            let Value::String(message) = json!(ran.unwrap_err().message) else {
                unreachable!()
            };
            assert!(
                message.contains("could not find job") || message.contains("empty"),
                "{message}"
            );
        }
    }
}
