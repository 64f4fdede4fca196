use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::connection::{
    Become, Beside, Connection, DetachedJob, Output, Progress, Request, Script, run_detached_beside, running_jobs,
    start_detached,
};
use crate::vars::Scope;
use crate::vars::vault::{VaultPasswords, is_encrypted};

use super::background::SATISFIED;
use super::{
    Answer, Asker, Background, Failure, Held, LeftJob, Question, RunIdentity, Service, Undo, UndoNote, random_word,
    reconnect,
};

/// Takes the news of a long step (a line that kubeadm printed, what a drain waits for).
pub type Reporter<'a> = &'a (dyn Fn(&str) + Sync);

/// Finds the files that a task names without a full path, in Ansible's order.
#[derive(Clone, Debug, Default)]
pub struct FileFinder {
    /// Folder of the role that the task stands in.
    pub role: Option<PathBuf>,
    /// Folder of the file that the task stands in.
    pub task_folder: Option<PathBuf>,
    /// Folder of the playbook.
    pub playbook_folder: PathBuf,
}

impl FileFinder {
    /// Looks for `name` in the `kind` folder (`files`, `templates`) of the role, of the task's file and of the playbook,
    /// and in those folders themselves.
    ///
    /// # Errors
    /// It is in none of them; the failure lists where it was looked for.
    pub fn find(&self, kind: &str, name: &str) -> Result<PathBuf, Failure> {
        let places = self.places(kind, name);
        places.iter().find(|place| place.exists()).cloned().ok_or_else(|| {
            let list: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
            Failure::new(format!("the file `{name}` is not there")).help(format!("looked for {}", list.join(", ")))
        })
    }

    /// The same for a file whose content goes to a node, or is worked out for it: one that ansible-vault encrypted would
    /// arrive as it is.
    ///
    /// # Errors
    /// As [`FileFinder::find`], or it is encrypted.
    pub fn find_plain(&self, kind: &str, name: &str) -> Result<PathBuf, Failure> {
        let path = self.find(kind, name)?;
        let mut start = String::new();
        // What cannot be read, or is no text, is reported where it is used.
        let read = std::fs::File::open(&path).map(|file| file.take(64).read_to_string(&mut start));
        if matches!(read, Ok(Ok(_))) && is_encrypted(&start) {
            return Err(Failure::new(format!(
                "the file `{name}` is encrypted, and krun does not decrypt files that it sends"
            ))
            .help("keep the secret as a variable in a vault, and write it with `copy: content=…`; or `krun vault decrypt` it"));
        }
        Ok(path)
    }

    /// Where [`FileFinder::find`] looks, in order.
    pub fn places(&self, kind: &str, name: &str) -> Vec<PathBuf> {
        if Path::new(name).is_absolute() {
            return vec![PathBuf::from(name)];
        }
        let mut places = Vec::new();
        let folders = [
            self.role.as_deref(),
            self.task_folder.as_deref(),
            Some(self.playbook_folder.as_path()),
        ];
        for folder in folders.into_iter().flatten() {
            for place in [folder.join(kind).join(name), folder.join(name)] {
                if !places.contains(&place) {
                    places.push(place);
                }
            }
        }
        places
    }
}

/// What a module may touch while it works for one host.
pub struct Context<'a> {
    /// Inventory name of the host that the task is for (not of the one it is delegated to).
    pub host: &'a str,
    /// Look only.
    pub check_mode: bool,
    /// Contents before and after are wanted.
    pub diff: bool,
    /// The task's variables.
    pub scope: &'a Scope,
    /// Finds files and templates.
    pub files: &'a FileFinder,
    /// The run that the task belongs to.
    pub run: &'a RunIdentity,
    /// What opens encrypted files of variables.
    pub passwords: &'a VaultPasswords,
    pub(crate) connection: Option<&'a mut dyn Connection>,
    pub(crate) become_user: Option<&'a Become>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) deadline: Instant,
    pub(crate) reporter: Reporter<'a>,
    pub(crate) asker: Asker<'a>,
    /// Set by Ctrl-C.
    pub(crate) interrupted: &'a AtomicBool,
    /// Takes what the module says about its undo, at once: a second Ctrl-C does not wait for the module.
    pub(crate) undos: &'a dyn Fn(UndoNote),
    /// Takes what the module leaves to be done beside the tasks of the run.
    pub(crate) services: &'a dyn Fn(Service),
    /// How long a task goes on trying to reach a node again whose connection was lost.
    pub(crate) reconnect_for: Duration,
    /// The module only looks, so that a request may be repeated of which nobody knows whether the node has run it.
    pub(crate) only_looks: bool,
    /// What an earlier run did, from which this one goes on.
    pub(crate) before: super::Before,
    /// How the task's work goes on beside krun, if it is to.
    pub(crate) background: Option<Background>,
    /// What makes a detached command of this task findable again: same playbook, task and host, same identity.
    pub(crate) job_prefix: String,
    /// Gives words that nobody can guess.
    pub(crate) random_words: &'a dyn Fn() -> Result<String, Failure>,
}

/// How often a wait looks whether it is to end.
const WAIT_STEP: Duration = Duration::from_millis(200);

/// How long the result of a command that is to be run once stands for a rerun of its task.
const RESULT_LASTS: Duration = Duration::from_secs(3600);

impl Context<'_> {
    /// Runs a script with positional parameters; one exchange.
    ///
    /// # Errors
    /// The node could not be asked. An exit status other than 0 is no error here.
    pub fn run<S: Into<String>>(
        &mut self,
        script: Script,
        args: impl IntoIterator<Item = S>,
    ) -> Result<Output, Failure> {
        self.request(Request::new(script, args))
    }

    /// Runs a request; one exchange. The task's environment and what is left of its time apply.
    ///
    /// # Errors
    /// As [`Context::run`].
    pub fn request(&mut self, request: Request) -> Result<Output, Failure> {
        reconnect::execute(self, request)
    }

    /// The same, but a lost connection is an error at once: for who sees to that himself.
    ///
    /// # Errors
    /// As [`Context::run`].
    pub fn try_request(&mut self, request: Request) -> Result<Output, Failure> {
        let request = self.within_limits(request)?;
        let user = self.become_user;
        Ok(self.connection()?.execute(user, &request)?)
    }

    /// Runs something that takes long, detached on the node: it survives the connection and krun, its lines are shown
    /// as they come, and the same task run again finds it instead of starting a second one.
    ///
    /// `name` tells apart several such commands of one task. The limit is the task's remaining time.
    ///
    /// # Errors
    /// As [`Context::run`].
    pub fn run_detached(&mut self, name: &str, request: Request) -> Result<Output, Failure> {
        self.run_job(name, request, Duration::ZERO, &|_| true, None)
    }

    /// The same with a look at something else, which is repeated meanwhile; of its lines only those are shown that
    /// `shows` lets through.
    ///
    /// # Errors
    /// As [`Context::run`].
    pub(super) fn run_detached_beside(
        &mut self,
        name: &str,
        request: Request,
        shows: &dyn Fn(&str) -> bool,
        beside: Beside<'_>,
    ) -> Result<Output, Failure> {
        let look = self.within_limits(beside.request)?;
        self.run_job(
            name,
            request,
            Duration::ZERO,
            shows,
            Some(Beside {
                request: look,
                ..beside
            }),
        )
    }

    /// The same without its lines, where they are for krun alone.
    ///
    /// # Errors
    /// As [`Context::run`].
    pub fn run_detached_quietly(&mut self, name: &str, request: Request) -> Result<Output, Failure> {
        self.run_job(name, request, Duration::ZERO, &|_| false, None)
    }

    /// The same for what must not be done twice, and of which a look at the node does not tell that it was done: when krun
    /// died over it, and it has ended meanwhile, a rerun within the hour takes that for its own.
    ///
    /// # Errors
    /// As [`Context::run`].
    pub fn run_detached_once(&mut self, name: &str, request: Request) -> Result<Output, Failure> {
        self.run_job(name, request, RESULT_LASTS, &|_| true, None)
    }

    /// Runs what is the task's work: one exchange, which may take all of its time, or detached where the task says so.
    ///
    /// # Errors
    /// As [`Context::run`].
    pub(super) fn run_work(&mut self, name: &str, request: Request) -> Result<Output, Failure> {
        if self.background.is_some() {
            return self.run_job(name, request, Duration::ZERO, &|_| true, None);
        }
        let limit = self.remaining()?;
        self.request(request.with_timeout(limit))
    }

    /// Leaves a job on the node that has nothing to do, for a task whose work was done already.
    ///
    /// # Errors
    /// As [`Context::run`].
    pub(crate) fn leave_nothing(&mut self) -> Result<LeftJob, Failure> {
        const NOTHING: Script = Script {
            name: "nothing",
            text: ":",
        };
        self.leave(SATISFIED, Request::new(NOTHING, [""; 0]), None)
    }

    fn leave(&mut self, name: &str, request: Request, limit: Option<Duration>) -> Result<LeftJob, Failure> {
        let module = self.job_prefix.rsplit_once('-').map_or("job", |(module, _)| module);
        // Each time a job of its own.
        let identity = format!("{module}-{}-{name}", random_word()?);
        let job = DetachedJob {
            identity: &identity,
            request,
            reconnect_for: self.reconnect_for,
            result_lasts: Duration::ZERO,
            node_limit: limit,
        };
        let user = self.become_user;
        let directory = start_detached(self.connection()?, user, &job)?;
        Ok(LeftJob { identity, directory })
    }

    /// The identities of the detached commands, of this user's, that are at work on the node; one exchange.
    ///
    /// # Errors
    /// As [`Context::run`].
    pub fn running_jobs(&mut self) -> Result<Vec<String>, Failure> {
        let user = self.become_user;
        Ok(running_jobs(self.connection()?, user)?)
    }

    fn run_job(
        &mut self,
        name: &str,
        request: Request,
        result_lasts: Duration,
        shows: &dyn Fn(&str) -> bool,
        beside: Option<Beside<'_>>,
    ) -> Result<Output, Failure> {
        let request = Request {
            timeout: self.remaining()?,
            ..self.within_limits(request)?
        };
        let node_limit = match self.background {
            // What only looks is waited for in any case.
            Some(Background::Left(limit)) if !self.only_looks => {
                return Err(Failure::left(self.leave(name, request, Some(limit))?));
            }
            Some(Background::Followed(limit)) => Some(limit),
            _ => None,
        };
        let identity = format!("{}-{name}", self.job_prefix);
        let user = self.become_user;
        let reporter = self.reporter;
        let job = DetachedJob {
            identity: &identity,
            request,
            reconnect_for: self.reconnect_for,
            result_lasts,
            node_limit,
        };
        let mut show = |progress: Progress<'_>| match progress {
            Progress::Printed { bytes, .. } => String::from_utf8_lossy(bytes)
                .lines()
                .filter(|line| !line.trim().is_empty() && shows(line))
                .for_each(reporter),
            Progress::Found => reporter("found this command still running on the node, following it"),
            Progress::Reconnecting { cause } => reporter(&format!("connection lost ({cause}), reconnecting")),
            Progress::Reconnected => reporter("connected again"),
        };
        Ok(run_detached_beside(self.connection()?, user, &job, &mut show, beside)?)
    }

    /// Streams into a new file on the node; see [`Connection::upload`].
    ///
    /// # Errors
    /// As [`Context::run`], and when the node cannot write the file.
    pub fn upload(&mut self, source: &mut dyn Read, path: &str) -> Result<(), Failure> {
        let user = self.become_user;
        Ok(self.connection()?.upload(user, source, path)?)
    }

    /// Streams a file of the node into `sink`; see [`Connection::download`].
    ///
    /// # Errors
    /// As [`Context::run`], and when the file cannot be read or written.
    pub fn download(&mut self, path: &str, sink: &mut dyn Write) -> Result<(), Failure> {
        let user = self.become_user;
        Ok(self.connection()?.download(user, path, sink)?)
    }

    /// From here on the requests may change the node.
    pub(super) fn begin_to_act(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.begin_to_act();
        }
    }

    /// A word that nobody can guess, for names of temporary files.
    ///
    /// # Errors
    /// This machine gives no random bytes.
    pub fn random_word(&self) -> Result<String, Failure> {
        (self.random_words)()
    }

    /// Closes the connection, so that the next request opens it anew.
    pub fn reset_connection(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.reset();
        }
    }

    /// Shows what a long step is at; one line.
    pub fn report(&self, line: &str) {
        (self.reporter)(line);
    }

    /// Asks the person at the terminal.
    pub fn ask(&self, question: &Question) -> Answer {
        (self.asker)(question)
    }

    /// Waits within the task's time. Ctrl-C ends the wait: nothing is changed by waiting, so nothing is left half done.
    ///
    /// # Errors
    /// Ctrl-C, or the task's time is up.
    pub fn wait(&self, time: Duration) -> Result<(), Failure> {
        let end = Instant::now() + time;
        loop {
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(Failure {
                    interrupted: true,
                    ..Failure::new("interrupted while waiting")
                });
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(WAIT_STEP.min(left).min(self.remaining()?));
        }
    }

    /// Leaves the way to take back what the module is about to do, for when the run is interrupted. `name` is the same
    /// for all that is about the same thing: a later undo replaces an earlier one.
    pub fn keep_undo(&self, name: impl Into<String>, undo: impl Undo + 'static) {
        (self.undos)(UndoNote::Keep(name.into(), Arc::new(undo)));
    }

    /// The same for what the module found done already: an undo that this run keeps under this name knows more.
    pub fn keep_undo_of_found(&self, name: impl Into<String>, undo: impl Undo + 'static) {
        (self.undos)(UndoNote::KeepFirst(name.into(), Arc::new(undo)));
    }

    /// What was left under this name is not to be taken back any more.
    pub fn withdraw_undo(&self, name: impl Into<String>) {
        (self.undos)(UndoNote::Withdraw(name.into()));
    }

    /// Leaves something that is held as long as the run lasts. `name` is the same for the same thing: what is left later
    /// under it replaces it.
    pub fn hold(&self, name: impl Into<String>, held: impl Held + 'static) {
        (self.services)(Service::Hold(name.into(), Arc::new(held)));
    }

    /// What is left of the task's time.
    ///
    /// # Errors
    /// Nothing is left.
    pub fn remaining(&self) -> Result<Duration, Failure> {
        self.deadline
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
            .ok_or_else(|| Failure::new("the task's time is up").help("raise the task's `timeout`"))
    }

    pub(super) fn within_limits(&self, mut request: Request) -> Result<Request, Failure> {
        request.timeout = request.timeout.min(self.remaining()?);
        let mut environment = self.environment.clone();
        environment.append(&mut request.environment);
        request.environment = environment;
        Ok(request)
    }

    pub(super) fn connection(&mut self) -> Result<&mut dyn Connection, Failure> {
        match &mut self.connection {
            Some(connection) => Ok(&mut **connection),
            None => Err(Failure::new("this module works in krun itself and has no connection")),
        }
    }
}
