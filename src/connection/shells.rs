//! What SSH and local connections have in common: a long-lived shell for each user, on top of a way to start programs.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::become_user::BecomeMethod;
use super::escalate::{self, EnterError};
use super::protocol::{ChainReader, Next};
use super::protocol::{Shell, ShellError, random_word, said};
use super::stream::{Heard, Stream};
use super::{Answered, Become, ConnectionError, Output, Request, Script, Step, StepAnswer};

/// Limit for sudo, su or doas: PAM waits some seconds after a wrong password, and a directory service may be slow.
const ESCALATION_LIMIT: Duration = Duration::from_secs(30);

/// Limit for opening a shell that ends what another one left running.
const KILL_LIMIT: Duration = Duration::from_secs(10);

const KILL: Script = Script {
    name: "connection/kill",
    text: include_str!("kill.sh"),
};

const STOP: Script = Script {
    name: "connection/stop",
    text: include_str!("stop.sh"),
};

const HELD: Script = Script {
    name: "connection/held",
    text: include_str!("held.sh"),
};

/// How long a chain is waited for before its answers so far are asked for, and how long then at most.
const FIRST_LOOK: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What is done while a chain runs.
struct Watch<'a> {
    user: Option<&'a Become>,
    interrupted: &'a AtomicBool,
    is_stopping: bool,
    /// The answers so far cannot be had.
    is_blind: bool,
    next_look: Instant,
    pause: Duration,
}

impl<'a> Watch<'a> {
    fn new(user: Option<&'a Become>, interrupted: &'a AtomicBool) -> Self {
        Self {
            user,
            interrupted,
            is_stopping: false,
            is_blind: false,
            next_look: Instant::now() + FIRST_LOOK,
            pause: FIRST_LOOK,
        }
    }

    /// Whether it is time to look at the answers so far.
    fn is_due(&mut self) -> bool {
        let now = Instant::now();
        if self.is_blind || now < self.next_look {
            return false;
        }
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.next_look = now + self.pause;
        true
    }
}

/// A way to start programs on a node.
pub(super) trait Transport: Send {
    /// A program that was started.
    type Stream: Stream;

    /// Starts a command through the login shell, connecting first when need be.
    fn start(&mut self, command: &str) -> Result<Self::Stream, ConnectionError>;

    /// Closes the connection; the next start opens it anew.
    fn close(&mut self);

    /// What the node is called in messages.
    fn address(&self) -> String;

    /// The POSIX shell on the node.
    fn shell(&self) -> &str;

    /// How long a packet is under way to the node and back, once that is known.
    fn round_trip(&self) -> Option<Duration> {
        None
    }
}

/// Whose shell it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Owner(Option<(BecomeMethod, String, Option<String>, Vec<String>)>);

impl Owner {
    fn of(user: Option<&Become>) -> Self {
        Self(user.map(|user| {
            let (method, name, executable, flags) = user.key();
            (method, name.to_owned(), executable.map(str::to_owned), flags.to_vec())
        }))
    }
}

/// The shells on one node, each opened at its first use and kept.
pub(super) struct Shells<T: Transport> {
    transport: T,
    open: HashMap<Owner, Shell<T::Stream>>,
    exchanges: u64,
    /// sudo on this node runs on a terminal only (`requiretty`).
    on_terminal: bool,
    /// The shortest time that an exchange has taken.
    quickest: Option<Duration>,
}

impl<T: Transport> Shells<T> {
    pub(super) fn new(transport: T) -> Self {
        Self {
            transport,
            open: HashMap::new(),
            exchanges: 0,
            on_terminal: false,
            quickest: None,
        }
    }

    /// Runs a script in the user's shell, which is opened first when need be.
    pub(super) fn run(&mut self, user: Option<&Become>, request: &Request) -> Result<Output, ConnectionError> {
        let owner = Owner::of(user);
        let mut shell = self.shell_of(user, &owner)?;
        self.exchanges += 1;
        let start = Instant::now();
        match shell.run(request, start + request.timeout) {
            Ok(output) => {
                self.took(start.elapsed());
                self.open.insert(owner, shell);
                Ok(output)
            }
            // It has run nothing yet.
            Err(ShellError::NotStarted(said)) if self.may_use_terminal(user, &said) => self.run(user, request),
            Err(error) => Err(self.give_up(user, owner, shell, request, error)),
        }
    }

    /// Runs a chain in the user's shell; see [`super::Connection::chain`].
    pub(super) fn run_chain(
        &mut self,
        user: Option<&Become>,
        steps: &[Step],
        afresh: bool,
        interrupted: &AtomicBool,
        answered: Answered<'_>,
    ) {
        let Some(first) = steps.first() else { return };
        let owner = Owner::of(user);
        let mut shell = match self.shell_of(user, &owner) {
            Ok(shell) => shell,
            Err(error) => return answered(0, Err(error)),
        };
        self.exchanges += 1;
        let mut chain = match shell.send_chain(steps, afresh) {
            Ok(chain) => chain,
            Err(error) => {
                let error = self.give_up(user, owner, shell, &first.request, error);
                return answered(0, Err(error));
            }
        };
        let mut watch = Watch::new(user, interrupted);
        for (number, step) in steps.iter().enumerate() {
            let start = Instant::now();
            let rest = steps.get(number..).unwrap_or_default();
            match self.await_answer(&mut watch, &mut shell, &mut chain, start, rest) {
                Ok(answer) => {
                    if number == 0 {
                        self.took(start.elapsed());
                    }
                    answered(number, Ok(answer));
                }
                // It has run nothing yet.
                Err(ShellError::NotStarted(said)) if number == 0 && self.may_use_terminal(user, &said) => {
                    drop(shell);
                    return self.run_chain(user, steps, afresh, interrupted, answered);
                }
                // The shell goes on, and tells of each step behind it that it is not run.
                Err(error @ (ShellError::NoRoom | ShellError::OutputLost(_))) => {
                    let error = self.explain(user, &step.request, error);
                    answered(number, Err(error));
                }
                Err(error) => {
                    let error = self.give_up(user, owner, shell, &step.request, error);
                    return answered(number, Err(error));
                }
            }
        }
        self.open.insert(owner, shell);
    }

    /// Waits for the next answer of a chain, of which `rest` are the steps that have none yet.
    fn await_answer(
        &mut self,
        watch: &mut Watch<'_>,
        shell: &mut Shell<T::Stream>,
        chain: &mut ChainReader,
        start: Instant,
        rest: &[Step],
    ) -> Result<StepAnswer, ShellError> {
        loop {
            // Who cannot tell which step the node is at cannot hold it to that step's limit.
            let steps = if watch.is_blind {
                rest
            } else {
                rest.get(..1).unwrap_or_default()
            };
            let deadline = start + steps.iter().map(|step| step.request.timeout).sum::<Duration>();
            if let Next::Answer(answer) = shell.next_answer(chain, deadline)? {
                return Ok(answer);
            }
            if watch.interrupted.load(Ordering::Relaxed) && !watch.is_stopping {
                watch.is_stopping = true;
                // Without it the rest of the chain runs too, and is reported.
                self.beside(watch.user, &Request::new(STOP, [shell.session()]));
            }
            if chain.waits_for_several() && watch.is_due() {
                match self.beside(watch.user, &Request::new(HELD, [shell.session()])) {
                    Some(answers) => chain.hold(answers.stdout),
                    None => watch.is_blind = true,
                }
            }
        }
    }

    /// Has a shell of the user's ready.
    pub(super) fn open_for(&mut self, user: Option<&Become>) -> Result<(), ConnectionError> {
        let owner = Owner::of(user);
        let shell = self.shell_of(user, &owner)?;
        self.open.insert(owner, shell);
        Ok(())
    }

    fn shell_of(&mut self, user: Option<&Become>, owner: &Owner) -> Result<Shell<T::Stream>, ConnectionError> {
        let kept = self
            .open
            .remove(owner)
            .and_then(|mut shell| (!shell.is_gone()).then_some(shell));
        match kept {
            Some(shell) => Ok(shell),
            None => self.open_shell(user),
        }
    }

    /// Ends what has to be ended after an error, keeps the shell where it is still of use, and explains.
    fn give_up(
        &mut self,
        user: Option<&Become>,
        owner: Owner,
        shell: Shell<T::Stream>,
        request: &Request,
        error: ShellError,
    ) -> ConnectionError {
        let reusable = matches!(
            error,
            ShellError::Unsayable(_) | ShellError::NoRoom | ShellError::OutputLost(_)
        );
        // What the shell has started may have outlived it.
        let killed = match error {
            ShellError::TimedOut | ShellError::TooMuchOutput | ShellError::Ended(_) => self.kill(user, &shell),
            _ => Ok(()),
        };
        let error = match (error, killed) {
            // It is the node that is gone, whatever has become of the script.
            (ShellError::TimedOut, Err(gone)) if gone.is_unreachable() => ConnectionError::Lost {
                address: self.transport.address(),
                what: request.script.name.to_owned(),
                cause: format!("no answer within {} s, and then: {gone}", request.timeout.as_secs()),
            },
            (error, _) => self.explain(user, request, error),
        };
        if reusable {
            self.open.insert(owner, shell);
        }
        error
    }

    /// Closes everything; the next call opens it anew.
    pub(super) fn close(&mut self) {
        self.open.clear();
        self.transport.close();
    }

    /// How many exchanges were made.
    pub(super) fn asked(&self) -> u64 {
        self.exchanges
    }

    fn took(&mut self, time: Duration) {
        self.quickest = Some(self.quickest.map_or(time, |quickest| quickest.min(time)));
    }

    /// How long a packet is under way at most: the machines may be busy while it is measured.
    pub(super) fn measured_round_trip(&self) -> Option<Duration> {
        self.transport.round_trip().into_iter().chain(self.quickest).min()
    }

    /// Counts an exchange that goes past the shells.
    pub(super) fn count_exchange(&mut self) {
        self.exchanges += 1;
    }

    /// Starts `sh` as the user, reading its standard input.
    pub(super) fn start_shell(&mut self, user: Option<&Become>) -> Result<(T::Stream, Heard), ConnectionError> {
        let shell = self.transport.shell().to_owned();
        let mut heard = Heard::default();
        let Some(user) = user else {
            let word = super::quote::for_any_shell(&shell).unwrap_or_else(|| "/bin/sh".to_owned());
            return Ok((self.transport.start(&format!("exec {word}"))?, heard));
        };
        let mark = random_word().map_err(|error| self.no_random_numbers(&error))?;
        let command = escalate::command(user, &shell, &mark, self.on_terminal)?;
        let mut stream = self.transport.start(&command)?;
        match escalate::enter(&mut stream, &mut heard, user, &mark, Instant::now() + ESCALATION_LIMIT) {
            Ok(()) => Ok((stream, heard)),
            Err(EnterError::Refused(_)) if self.may_use_terminal(Some(user), &said(&heard)) => {
                drop(stream);
                self.start_shell(Some(user))
            }
            Err(EnterError::Refused(error)) => Err(error),
            Err(EnterError::Io(error)) if error.kind() == io::ErrorKind::TimedOut => {
                Err(ConnectionError::EscalationRefused {
                    user: user.user.clone(),
                    method: user.method.name(),
                    reason: format!("no answer within {} s", ESCALATION_LIMIT.as_secs()),
                    help: Some(
                        "try it on the node by hand: a broken PAM module or name service may be the cause".to_owned(),
                    ),
                })
            }
            Err(EnterError::Io(error)) => Err(self.broken("the change of the user", &error)),
        }
    }

    /// Takes to a terminal when that is what sudo has refused for; true when it is worth another try.
    fn may_use_terminal(&mut self, user: Option<&Become>, said: &str) -> bool {
        let wanted = !self.on_terminal && user.is_some_and(|user| escalate::wants_terminal(user, said));
        self.on_terminal |= wanted;
        wanted
    }

    /// The connection broke: everything on it is closed.
    pub(super) fn broken(&mut self, what: &str, error: &io::Error) -> ConnectionError {
        self.close();
        ConnectionError::Lost {
            address: self.transport.address(),
            what: what.to_owned(),
            cause: error.to_string(),
        }
    }

    fn open_shell(&mut self, user: Option<&Become>) -> Result<Shell<T::Stream>, ConnectionError> {
        let (stream, heard) = self.start_shell(user)?;
        Shell::new(stream, heard).map_err(|error| self.no_random_numbers(&error))
    }

    /// Ends what a shell runs, through another shell. The connection is dropped when that does not succeed.
    /// `Err` when no other shell can be had, so that nobody knows.
    fn kill(&mut self, user: Option<&Become>, shell: &Shell<T::Stream>) -> Result<(), ConnectionError> {
        let ended = self
            .in_another_shell(user, &Request::new(KILL, [shell.session()]))
            .map(drop);
        if ended.is_err() {
            self.close();
        }
        ended
    }

    /// Runs a request beside what another shell of the user runs.
    fn in_another_shell(&mut self, user: Option<&Become>, request: &Request) -> Result<Output, ConnectionError> {
        self.open_shell(user)?
            .run(request, Instant::now() + KILL_LIMIT)
            .map_err(|error| self.explain(user, request, error))
    }

    /// The same, where it does not matter much whether it succeeds: what runs on the connection is left alone.
    fn beside(&mut self, user: Option<&Become>, request: &Request) -> Option<Output> {
        let mut shell = self.open_shell(user).ok()?;
        shell.run(request, Instant::now() + KILL_LIMIT).ok()
    }

    fn explain(&mut self, user: Option<&Become>, request: &Request, error: ShellError) -> ConnectionError {
        let what = request.script.name.to_owned();
        match error {
            ShellError::Unsayable(reason) => ConnectionError::Transfer { what, reason },
            ShellError::NotStarted(said) => match user {
                Some(user) => escalate::refusal(user, &said),
                None => self.no_shell(&said),
            },
            ShellError::Ended(said) => ConnectionError::Lost {
                address: self.transport.address(),
                what,
                cause: if said.is_empty() {
                    "it ended the shell that it ran in; a new shell is opened for the next task".to_owned()
                } else {
                    format!("the shell that it ran in ended ({said}); a new shell is opened for the next task")
                },
            },
            ShellError::TimedOut => ConnectionError::TimedOut {
                what,
                limit: request.timeout,
            },
            ShellError::NoRoom => ConnectionError::Transfer {
                what,
                reason: "not run: neither /dev/shm, /tmp, /var/tmp nor $TMPDIR on the node can take a file (full, read-only, or no right)".to_owned(),
            },
            ShellError::OutputLost(directory) => ConnectionError::Transfer {
                what,
                reason: format!("it ran, but its output did not fit into {directory} on the node (file system full)"),
            },
            ShellError::TooMuchOutput => ConnectionError::Transfer {
                what,
                reason: "it printed more than 256 MiB and was ended; write large output to a file and fetch that".to_owned(),
            },
            ShellError::Broken(error) => self.broken(&what, &error),
        }
    }

    fn no_shell(&self, said: &str) -> ConnectionError {
        let said = if said.is_empty() { "it said nothing" } else { said };
        ConnectionError::Unreachable {
            message: format!(
                "{}: logged in, but the login shell did not start {}: {said}",
                self.transport.address(),
                self.transport.shell()
            ),
            help: Some(
                "log in as a user whose shell may run commands, or set `ansible_shell_executable` to a POSIX shell that exists on the node"
                    .to_owned(),
            ),
        }
    }

    fn no_random_numbers(&self, error: &io::Error) -> ConnectionError {
        ConnectionError::Unreachable {
            message: format!(
                "{}: this machine gives no random numbers: {error}",
                self.transport.address()
            ),
            help: None,
        }
    }
}
