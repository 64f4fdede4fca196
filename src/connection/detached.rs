use std::time::{Duration, Instant};

pub use news::{JobNews, JobState, forget_request, status_request};

use super::protocol::random_word;
use super::{Become, Connection, ConnectionError, Output, Request, Script};

mod news;

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
    /// The node itself ends the job after this time, in whole seconds, whether anybody follows it or not.
    pub node_limit: Option<Duration>,
}

/// A look at something else that is repeated while a job is at work, over the same connection.
pub struct Beside<'a> {
    /// Pause between two looks.
    pub every: Duration,
    /// What is asked.
    pub request: Request,
    /// Takes each answer. A look that cannot be made is left out: it is not what the caller waits for.
    pub answer: &'a mut dyn FnMut(&Output),
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
    run_detached_beside(connection, user, job, progress, None)
}

/// The same with a look at something else, which is repeated meanwhile.
///
/// # Errors
/// As [`run_detached`].
pub fn run_detached_beside(
    connection: &mut dyn Connection,
    user: Option<&Become>,
    job: &DetachedJob<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
    beside: Option<Beside<'_>>,
) -> Result<Output, ConnectionError> {
    let token = token_for(job)?;
    let follower = Follower {
        connection,
        user,
        job,
        progress,
        next_look: Instant::now() + beside.as_ref().map_or(PATIENCE, |beside| beside.every),
        beside,
        output: Output::default(),
        is_known: false,
    };
    follower.run(&token)
}

/// Starts a job and leaves it to itself; gives the directory on the node that holds it.
///
/// # Errors
/// As [`run_detached`].
pub fn start_detached(
    connection: &mut dyn Connection,
    user: Option<&Become>,
    job: &DetachedJob<'_>,
) -> Result<String, ConnectionError> {
    let token = token_for(job)?;
    let mut follower = Follower {
        connection,
        user,
        job,
        progress: &mut |_| {},
        next_look: Instant::now(),
        beside: None,
        output: Output::default(),
        is_known: false,
    };
    let start = follower.start_request(&token, Instant::now());
    Ok(follower.ask(&start)?.directory)
}

/// A word that tells this start of a job from all others.
fn token_for(job: &DetachedJob<'_>) -> Result<String, ConnectionError> {
    let failed = |reason: String| ConnectionError::Transfer {
        what: format!("starting `{}` detached", job.request.script.name),
        reason,
    };
    if !is_identity(job.identity) {
        return Err(failed(format!("`{}` cannot be a job's identity", job.identity)));
    }
    random_word().map_err(|error| failed(error.to_string()))
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

struct Follower<'a, 'j, 'b> {
    connection: &'a mut dyn Connection,
    user: Option<&'a Become>,
    job: &'a DetachedJob<'j>,
    progress: &'a mut dyn FnMut(Progress<'_>),
    beside: Option<Beside<'b>>,
    next_look: Instant,
    /// What the job has printed so far.
    output: Output,
    /// True once the node may know of the job, so that a lost connection is worth opening again.
    is_known: bool,
}

impl Follower<'_, '_, '_> {
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
                JobState::Finished(status) if is_drained => {
                    self.output.status = status;
                    // An uncollected job is cleaned up by a later one; its result is safe here.
                    let _ = self.act("collect");
                    return Ok(self.output);
                }
                JobState::Died if is_drained => return Err(self.died()),
                JobState::Expired if is_drained => {
                    self.act("collect")?;
                    return Err(self.timed_out());
                }
                JobState::Missing => return Err(self.cut_short("its directory was removed by somebody".to_owned())),
                _ if Instant::now() >= deadline => {
                    self.act("kill")?;
                    self.act("collect")?;
                    return Err(self.timed_out());
                }
                _ => {}
            }
            self.look_beside();
            let follow = self.request("follow", &[&self.rounds(deadline)]);
            news = self.ask(&follow)?;
        }
    }

    fn look_beside(&mut self) {
        let Some(beside) = self.beside.as_mut().filter(|_| self.next_look <= Instant::now()) else {
            return;
        };
        // A connection that was lost over this is opened again for the next question about the job.
        if let Ok(output) = self.connection.execute(self.user, &beside.request) {
            (beside.answer)(&output);
        }
        self.next_look = Instant::now() + beside.every;
    }

    /// How often the node looks for news before it answers, within the job's own limit.
    fn rounds(&self, deadline: Instant) -> String {
        let patience = self
            .beside
            .as_ref()
            .map_or(PATIENCE, |beside| beside.every.min(PATIENCE));
        let patience = deadline.saturating_duration_since(Instant::now()).min(patience);
        (patience.as_millis() / ROUND.as_millis() + 1).to_string()
    }

    /// Keeps and reports what the job has printed; true when the answer held all there is.
    fn take_in(&mut self, news: &mut JobNews) -> bool {
        let is_drained = news.is_all();
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
        let limit = self
            .job
            .node_limit
            .map_or(0, |limit| limit.as_secs().max(1))
            .to_string();
        let keeper = if self.job.node_limit.is_some() { SCRIPT } else { "" };
        let words = [
            &*self.rounds(deadline),
            token,
            &minutes,
            &limit,
            keeper,
            RUNNER,
            job.script.text,
        ];
        let mut request = self
            .request("start", &words)
            .with_stdin(job.stdin.clone())
            .with_environment(job.environment.clone());
        request.args.extend_from_slice(&job.args);
        request
    }

    fn act(&mut self, action: &str) -> Result<String, ConnectionError> {
        let request = self.request(action, &[]);
        Ok(self.execute(&request)?.stdout_text().trim().to_owned())
    }

    fn ask(&mut self, request: &Request) -> Result<JobNews, ConnectionError> {
        let output = self.execute(request)?;
        let reason = output.stderr_text();
        JobNews::parse(output).ok_or_else(|| ConnectionError::Transfer {
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

    fn timed_out(&self) -> ConnectionError {
        ConnectionError::TimedOut {
            what: self.what(),
            limit: self.job.request.timeout,
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

#[cfg(test)]
mod tests;
