use std::time::{Duration, Instant};

use super::protocol::random_word;
use super::{Become, Connection, ConnectionError, Output, Request, Script};

/// Which of a command's streams a piece of output came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// News of a command that runs detached.
#[derive(Clone, Debug)]
pub enum Progress<'a> {
    /// It printed something.
    Printed {
        /// On which stream.
        stream: ProgressStream,
        /// What, byte for byte.
        bytes: &'a [u8],
    },
    /// A command of the same identity was found running on the node (or finished, see [`DetachedJob::result_lasts`]) and
    /// is followed instead of a second one being started.
    Found,
    /// The connection was lost and is being opened again.
    Reconnecting {
        /// Why it was lost.
        cause: String,
    },
    /// The connection stands again.
    Reconnected,
}

/// A command that runs on the node in a session of its own and survives the connection and krun itself.
pub struct DetachedJob<'a> {
    /// What makes two jobs the same: a job that runs on the node under this identity is found again, not started twice.
    /// Letters, digits, `-`, `_` and `.` only.
    pub identity: &'a str,
    /// What to run; its `timeout` is the limit for the whole job.
    pub request: Request,
    /// How long to go on trying to reconnect after the connection was lost.
    pub reconnect_for: Duration,
    /// How long a success that nobody has collected stands for the same job (in whole minutes). Zero where the caller has
    /// looked at the node, which needs the work all the same: an old drain does not stand for a new one.
    pub result_lasts: Duration,
}

/// Runs a job detached and follows it until it ends, over lost connections and reboots of the way there.
///
/// # Errors
/// As [`Connection::execute`]; `Lost` only after `reconnect_for` has passed without a new connection, and `CutShort` when
/// the job has ended on the node without leaving an exit status. When the job's time is up its processes are killed and the
/// error is `TimedOut`.
pub fn run_detached(
    connection: &mut dyn Connection,
    user: Option<&Become>,
    job: &DetachedJob<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Output, ConnectionError> {
    let failed = |reason: String| ConnectionError::Transfer {
        what: format!("starting `{}` detached", job.request.script.name),
        reason,
    };
    if !is_identity(job.identity) {
        return Err(failed(format!("`{}` cannot be a job's identity", job.identity)));
    }
    let token = random_word().map_err(|error| failed(error.to_string()))?;
    let follower = Follower {
        connection,
        user,
        job,
        progress,
        output: Output::default(),
        is_known: false,
    };
    follower.run(&token)
}

/// The identities of the user's jobs that are at work on the node.
///
/// # Errors
/// As [`Connection::execute`].
pub fn running_jobs(connection: &mut dyn Connection, user: Option<&Become>) -> Result<Vec<String>, ConnectionError> {
    let script = Script {
        name: "connection/jobs",
        text: SCRIPT,
    };
    let output = connection.execute(user, &Request::new(script, ["running", "-"]))?;
    Ok(output.stdout_text().lines().map(str::to_owned).collect())
}

const SCRIPT: &str = include_str!("detached.sh");
const RUNNER: &str = include_str!("detached_run.sh");

/// The most of each stream that one answer carries; detached.sh knows the same number.
const PIECE: usize = 1024 * 1024;

/// How long the node waits for news before it answers that there is none.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the node waits between two looks.
const ROUND: Duration = Duration::from_millis(300);

/// Limit of one exchange, on a busy node too.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(60);

/// Pauses between attempts to connect again: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

struct Follower<'a, 'j> {
    connection: &'a mut dyn Connection,
    user: Option<&'a Become>,
    job: &'a DetachedJob<'j>,
    progress: &'a mut dyn FnMut(Progress<'_>),
    /// What the job has printed so far.
    output: Output,
    /// True once the node may know of the job, so that a lost connection is worth opening again.
    is_known: bool,
}

impl Follower<'_, '_> {
    fn run(mut self, token: &str) -> Result<Output, ConnectionError> {
        let deadline = Instant::now() + self.job.request.timeout;
        let start = self.start_request(token, deadline);
        let mut news = self.ask(&start)?;
        if news.was_found {
            (self.progress)(Progress::Found);
        }
        loop {
            let is_drained = self.take_in(&mut news);
            match news.state {
                State::Finished(status) if is_drained => {
                    self.output.status = status;
                    // An uncollected job is cleaned up by a later one; its result is safe here.
                    let _ = self.act("collect");
                    return Ok(self.output);
                }
                State::Died if is_drained => return Err(self.died()),
                State::Missing => return Err(self.cut_short("its directory was removed by somebody".to_owned())),
                _ if Instant::now() >= deadline => {
                    self.act("kill")?;
                    self.act("collect")?;
                    return Err(ConnectionError::TimedOut {
                        what: self.what(),
                        limit: self.job.request.timeout,
                    });
                }
                _ => {}
            }
            let follow = self.request("follow", &[&rounds(deadline)]);
            news = self.ask(&follow)?;
        }
    }

    /// Keeps and reports what the job has printed; true when the answer held all there is.
    fn take_in(&mut self, news: &mut News) -> bool {
        let is_drained = news.stdout.len() < PIECE && news.stderr.len() < PIECE;
        for (stream, bytes) in [
            (ProgressStream::Stdout, &mut news.stdout),
            (ProgressStream::Stderr, &mut news.stderr),
        ] {
            if !bytes.is_empty() {
                (self.progress)(Progress::Printed { stream, bytes });
            }
        }
        self.output.stdout.append(&mut news.stdout);
        self.output.stderr.append(&mut news.stderr);
        is_drained
    }

    fn what(&self) -> String {
        self.job.request.script.name.to_owned()
    }

    /// A request for detached.sh; in messages it goes by the job's own name.
    fn request(&self, action: &str, more: &[&str]) -> Request {
        let offsets = [
            self.output.stdout.len().to_string(),
            self.output.stderr.len().to_string(),
        ];
        let words = [action, self.job.identity].into_iter();
        let words = words
            .chain(offsets.iter().map(String::as_str))
            .chain(more.iter().copied());
        let script = Script {
            name: self.job.request.script.name,
            text: SCRIPT,
        };
        Request::new(script, words).with_timeout(EXCHANGE_LIMIT)
    }

    fn start_request(&self, token: &str, deadline: Instant) -> Request {
        let job = &self.job.request;
        let minutes = (self.job.result_lasts.as_secs() / 60).to_string();
        let mut request = self
            .request("start", &[&rounds(deadline), token, &minutes, RUNNER, job.script.text])
            .with_stdin(job.stdin.clone())
            .with_environment(job.environment.clone());
        request.args.extend_from_slice(&job.args);
        request
    }

    fn act(&mut self, action: &str) -> Result<String, ConnectionError> {
        let request = self.request(action, &[]);
        Ok(self.execute(&request)?.stdout_text().trim().to_owned())
    }

    fn ask(&mut self, request: &Request) -> Result<News, ConnectionError> {
        let output = self.execute(request)?;
        let reason = output.stderr_text();
        News::parse(output).ok_or_else(|| ConnectionError::Transfer {
            what: format!("`{}` (detached)", self.what()),
            reason: reason.trim().to_owned(),
        })
    }

    /// Asks the node, over as many connections as it takes. Every action can be repeated: a job that was started
    /// already is found.
    fn execute(&mut self, request: &Request) -> Result<Output, ConnectionError> {
        match self.connection.execute(self.user, request) {
            Ok(output) => {
                self.is_known = true;
                Ok(output)
            }
            Err(error) if !may_pass(&error) || (!self.is_known && error.was_before()) => Err(error),
            Err(error) => self.execute_again(request, &error),
        }
    }

    fn execute_again(&mut self, request: &Request, first: &ConnectionError) -> Result<Output, ConnectionError> {
        (self.progress)(Progress::Reconnecting {
            cause: first.to_string(),
        });
        let begin = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            self.connection.reset();
            match self.connection.execute(self.user, request) {
                Ok(output) => {
                    self.is_known = true;
                    (self.progress)(Progress::Reconnected);
                    return Ok(output);
                }
                Err(error) if !may_pass(&error) => return Err(error),
                Err(error) if begin.elapsed() + pause > self.job.reconnect_for => {
                    return Err(self.lost(format!(
                        "no new connection within {} s ({error}); it goes on on the node, and the next run finds it there",
                        self.job.reconnect_for.as_secs()
                    )));
                }
                Err(_) => {
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn died(&mut self) -> ConnectionError {
        let kept = self.act("aside");
        let kept = kept.map_or_else(
            |error| format!(" ({error})"),
            |path| format!("; what is left of it is in {path} on the node"),
        );
        self.cut_short(format!(
            "its process ended without an exit status, as after a restart of the node or `kill -9`{kept}; \
             what it has done is unknown, and the next run may start it again"
        ))
    }

    fn cut_short(&self, cause: String) -> ConnectionError {
        ConnectionError::CutShort {
            what: self.what(),
            cause,
        }
    }

    fn lost(&self, cause: String) -> ConnectionError {
        ConnectionError::Lost {
            address: format!("job {}", self.job.identity),
            what: self.what(),
            cause,
        }
    }
}

/// How often the node looks for news before it answers, within the job's own limit.
fn rounds(deadline: Instant) -> String {
    let patience = deadline.saturating_duration_since(Instant::now()).min(PATIENCE);
    (patience.as_millis() / ROUND.as_millis() + 1).to_string()
}

/// True for an error that another connection may not have.
fn may_pass(error: &ConnectionError) -> bool {
    error.may_pass() || matches!(error, ConnectionError::TimedOut { .. })
}

fn is_identity(identity: &str) -> bool {
    (1..=200).contains(&identity.len())
        && !identity.starts_with(['.', '-'])
        && identity
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.'))
}

/// How a job stands.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Running,
    Finished(i32),
    Died,
    Missing,
}

/// What detached.sh has answered.
#[derive(Debug)]
struct News {
    state: State,
    was_found: bool,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl News {
    /// `None` when the script has failed.
    fn parse(output: Output) -> Option<Self> {
        let end = memchr::memchr(b'\n', &output.stdout)?;
        let (line, rest) = output.stdout.split_at_checked(end + 1)?;
        let line = String::from_utf8_lossy(line);
        let mut words = line.split_whitespace();
        if words.next() != Some("krun-job") {
            return None;
        }
        let state = match (words.next()?, words.next()?) {
            ("running", _) => State::Running,
            ("finished", status) => State::Finished(status.parse().ok()?),
            ("died", _) => State::Died,
            ("missing", _) => State::Missing,
            _ => return None,
        };
        Some(Self {
            state,
            was_found: words.next() == Some("yes"),
            stdout: rest.to_vec(),
            stderr: output.stderr,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use rstest::rstest;

    use super::super::tests::{TestNode, wait_until};
    use super::*;

    /// Identities of their own for tests that run side by side; what a failed test leaves is removed.
    struct Job {
        identity: String,
        directory: PathBuf,
        result_lasts: Duration,
    }

    impl Job {
        fn new() -> Self {
            let identity = format!("test-{}", random_word().unwrap());
            let home = std::env::home_dir().unwrap();
            let jobs = if rustix::process::getuid().is_root() {
                PathBuf::from("/var/lib/krun/jobs")
            } else {
                home.join(".krun/jobs")
            };
            Self {
                directory: jobs.join(&identity),
                identity,
                result_lasts: Duration::ZERO,
            }
        }

        fn run(
            &self,
            node: &mut TestNode,
            request: Request,
            progress: &mut dyn FnMut(Progress<'_>),
        ) -> Result<Output, ConnectionError> {
            let job = DetachedJob {
                identity: &self.identity,
                request,
                reconnect_for: Duration::from_secs(5),
                result_lasts: self.result_lasts,
            };
            run_detached(node.connection.as_mut(), None, &job, progress)
        }

        fn pid(&self) -> String {
            let text = std::fs::read_to_string(self.directory.join("pid")).unwrap();
            text.split(' ').next().unwrap().to_owned()
        }

        /// Where what is left of it is kept when it has died.
        fn aside(&self) -> PathBuf {
            let jobs = std::fs::read_dir(self.directory.parent().unwrap()).unwrap();
            jobs.map(|entry| entry.unwrap().path())
                .find(|path| path.to_str().unwrap().contains(&format!("{}.died.", self.identity)))
                .unwrap()
        }
    }

    impl Drop for Job {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }

    fn request<const N: usize>(text: &'static str, args: [&str; N]) -> Request {
        Request::new(Script { name: "job", text }, args).with_timeout(Duration::from_secs(30))
    }

    #[rstest]
    fn a_job_is_followed_to_its_end(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
        let mut node = TestNode::new(shell);
        let job = Job::new();
        let ask = request(
            "printf '%s|' \"$@\"; cat; echo \"$KRUN_TEST\" >&2; sleep 0.3; head -c 3000000 /dev/zero; exit 255",
            ["it's", "", "a\nb"],
        );
        let ask = ask
            .with_stdin(b"in\0put".to_vec())
            .with_environment(vec![("KRUN_TEST".to_owned(), "set".to_owned())]);
        let mut printed = 0;
        let output = job
            .run(&mut node, ask, &mut |progress| match progress {
                Progress::Printed { bytes, .. } => printed += bytes.len(),
                other => panic!("{other:?}"),
            })
            .unwrap();
        assert_eq!(output.status, 255);
        assert!(output.stdout.starts_with(b"it's||a\nb|in\0put\0\0"));
        assert_eq!(output.stdout.len(), 16 + 3_000_000);
        assert_eq!(output.stderr_text(), "set\n");
        assert_eq!(printed, 16 + 3_000_000 + 4);
        assert!(!job.directory.exists());
    }

    #[test]
    fn a_silent_job_is_asked_for_news_rarely() {
        let mut node = TestNode::new("dash");
        Job::new().run(&mut node, request("sleep 2", []), &mut |_| {}).unwrap();
        assert_eq!(node.connection.exchanges(), 2);
    }

    #[test]
    fn a_quick_job_costs_two_exchanges() {
        let mut node = TestNode::new("dash");
        Job::new()
            .run(&mut node, request("echo quick", []), &mut |_| {})
            .unwrap();
        assert_eq!(node.connection.exchanges(), 2);
    }

    #[rstest]
    fn a_job_is_found_again(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
        let job = Job::new();
        let node = TestNode::new(shell);
        let (log, go_on) = (node.path("log"), node.path("go-on"));
        let text = "echo started >>\"$1\"; echo out; while [ ! -e \"$2\" ]; do sleep 0.05; done; exit 7";
        let ask = request(text, [log.to_str().unwrap(), go_on.to_str().unwrap()]);
        // The first krun dies as soon as the job runs.
        let first = std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    let mut node = TestNode::new(shell);
                    job.run(&mut node, ask.clone(), &mut |_| panic!("krun dies"))
                })
                .join()
        });
        assert!(first.is_err());
        let is_running = || {
            let mut node = TestNode::new(shell);
            let running = running_jobs(node.connection.as_mut(), None).unwrap();
            running.contains(&job.identity)
        };
        assert!(is_running());
        let mut found = 0;
        let mut node = node;
        let output = job.run(&mut node, ask, &mut |progress| match progress {
            Progress::Found => found += 1,
            Progress::Printed { .. } => std::fs::write(&go_on, "").unwrap(),
            other => panic!("{other:?}"),
        });
        let output = output.unwrap();
        assert_eq!((output.status, output.stdout.as_slice()), (7, b"out\n".as_slice()));
        assert_eq!(found, 1);
        assert!(!is_running());
        assert_eq!(std::fs::read(&log).unwrap(), b"started\n");
    }

    /// What became of a job whose krun has died, for the next krun: what it prints, and whether that was found.
    fn rerun(job: &Job, shell: &str, first: &'static str, until: &str) -> (Vec<u8>, bool) {
        let dies = std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    job.run(&mut TestNode::new(shell), request(first, []), &mut |_| {
                        panic!("krun dies")
                    })
                })
                .join()
        });
        assert!(dies.is_err());
        if until == "killed" {
            let killed = std::process::Command::new("pkill")
                .args(["-KILL", "-s", &job.pid()])
                .status();
            assert!(killed.unwrap().success());
            wait_until("the job's end", || {
                !std::path::Path::new("/proc").join(job.pid()).exists()
            });
        } else {
            wait_until("the job's end", || job.directory.join("status").exists());
        }
        let mut found = false;
        let again = job.run(&mut TestNode::new(shell), request("echo again", []), &mut |progress| {
            found |= matches!(progress, Progress::Found);
        });
        (again.unwrap().stdout, found)
    }

    #[rstest]
    fn an_old_result_does_not_stand_for_a_new_job(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
        let job = Job::new();
        let (stdout, found) = rerun(&job, shell, "echo result; exit 4", "finished");
        assert_eq!((stdout.as_slice(), found), (b"again\n".as_slice(), false));
        assert!(!job.directory.exists());
    }

    #[rstest]
    fn a_fresh_result_stands_where_that_is_wanted(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
        let mut job = Job::new();
        job.result_lasts = Duration::from_secs(600);
        let (stdout, found) = rerun(&job, shell, "echo result", "finished");
        assert_eq!((stdout.as_slice(), found), (b"result\n".as_slice(), true));
        // What failed is tried again.
        let (stdout, found) = rerun(&job, shell, "echo result; exit 4", "finished");
        assert_eq!((stdout.as_slice(), found), (b"again\n".as_slice(), false));
    }

    #[rstest]
    fn a_job_that_died_unseen_is_begun_anew(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
        let job = Job::new();
        let (stdout, found) = rerun(&job, shell, "echo before; sleep 1000", "killed");
        assert_eq!((stdout.as_slice(), found), (b"again\n".as_slice(), false));
        std::fs::remove_dir_all(job.aside()).unwrap();
    }

    #[rstest]
    fn a_killed_job_is_lost_and_can_be_started_again(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
        let job = Job::new();
        let mut node = TestNode::new(shell);
        let error = job
            .run(&mut node, request("echo before; sleep 1000", []), &mut |_| {
                let status = std::process::Command::new("pkill")
                    .args(["-KILL", "-s", &job.pid()])
                    .status();
                assert!(status.unwrap().success());
            })
            .unwrap_err();
        assert!(matches!(error, ConnectionError::CutShort { .. }), "{error}");
        assert!(error.to_string().contains("without an exit status"), "{error}");
        let aside = job.aside();
        assert_eq!(std::fs::read(aside.join("stdout")).unwrap(), b"before\n");
        std::fs::remove_dir_all(aside).unwrap();
        assert!(job.run(&mut node, request(":", []), &mut |_| {}).unwrap().success());
    }

    #[rstest]
    fn when_the_time_is_up_the_job_is_killed(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
        let job = Job::new();
        let mut node = TestNode::new(shell);
        let ask = request("echo early; trap : TERM; sleep 1000 & sh -c 'sleep 1000'", []);
        let mut pid = String::new();
        let error = job
            .run(&mut node, ask.with_timeout(Duration::from_millis(500)), &mut |_| {
                pid = job.pid();
            })
            .unwrap_err();
        assert!(matches!(error, ConnectionError::TimedOut { .. }), "{error}");
        // Zombies do not count.
        let left = std::process::Command::new("pgrep")
            .args(["-r", "S,R,D", "-s", &pid])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&left.stdout), "");
        assert!(!job.directory.exists());
    }

    #[test]
    fn what_is_old_is_removed_unless_it_is_at_work() {
        let (old, working, new) = (Job::new(), Job::new(), Job::new());
        let node = TestNode::new("dash");
        let go_on = node.path("go-on");
        let ask = request(
            "echo; while [ ! -e \"$1\" ]; do sleep 0.05; done",
            [go_on.to_str().unwrap()],
        );
        for (job, ask) in [(&old, request("echo", [])), (&working, ask.clone())] {
            let dies = std::thread::scope(|scope| {
                scope
                    .spawn(|| job.run(&mut TestNode::new("dash"), ask, &mut |_| panic!("krun dies")))
                    .join()
            });
            assert!(dies.is_err());
        }
        wait_until("the old job's end", || old.directory.join("status").exists());
        for job in [&old, &working] {
            let aged = std::process::Command::new("touch")
                .args(["-d", "10 days ago"])
                .arg(&job.directory)
                .status();
            assert!(aged.unwrap().success());
        }
        let mut node = node;
        new.run(&mut node, request(":", []), &mut |_| {}).unwrap();
        assert!(!old.directory.exists());
        assert!(working.directory.exists());
        std::fs::write(&go_on, "").unwrap();
        working.run(&mut node, ask, &mut |_| {}).unwrap();
    }

    #[test]
    fn nothing_of_the_input_is_kept() {
        let job = Job::new();
        let mut node = TestNode::new("dash");
        let ask = request("cat; sleep 0.2", []).with_stdin("secret");
        job.run(&mut node, ask, &mut |_| {
            assert!(!job.directory.join("stdin").exists());
            let mode = std::fs::metadata(&job.directory).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        })
        .unwrap();
    }

    #[test]
    fn identities_are_file_names() {
        assert!(is_identity("kubeadm-apply_1.28.2"));
        for wrong in ["", ".", "..", "-x", "a/b", "a b", "é"] {
            assert!(!is_identity(wrong), "{wrong}");
        }
    }
}
