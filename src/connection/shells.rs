//! What SSH and local connections have in common: a long-lived shell for each user, on top of a way to start programs.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use super::become_user::BecomeMethod;
use super::escalate::{self, EnterError};
use super::protocol::{Shell, ShellError, random_word, said};
use super::stream::{Heard, Stream};
use super::{Become, ConnectionError, Output, Request, Script};

/// Limit for sudo, su or doas: PAM waits some seconds after a wrong password, and a directory service may be slow.
const ESCALATION_LIMIT: Duration = Duration::from_secs(30);

/// Limit for opening a shell that ends what another one left running.
const KILL_LIMIT: Duration = Duration::from_secs(10);

const KILL: Script = Script {
    name: "connection/kill",
    text: include_str!("kill.sh"),
};

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
}

impl<T: Transport> Shells<T> {
    pub(super) fn new(transport: T) -> Self {
        Self {
            transport,
            open: HashMap::new(),
            exchanges: 0,
            on_terminal: false,
        }
    }

    /// Runs a script in the user's shell, which is opened first when need be.
    pub(super) fn run(&mut self, user: Option<&Become>, request: &Request) -> Result<Output, ConnectionError> {
        let owner = Owner::of(user);
        let kept = self
            .open
            .remove(&owner)
            .and_then(|mut shell| (!shell.is_gone()).then_some(shell));
        let mut shell = match kept {
            Some(shell) => shell,
            None => self.open_shell(user)?,
        };
        self.exchanges += 1;
        match shell.run(request, Instant::now() + request.timeout) {
            Ok(output) => {
                self.open.insert(owner, shell);
                Ok(output)
            }
            // It has run nothing yet.
            Err(ShellError::NotStarted(said)) if self.may_use_terminal(user, &said) => self.run(user, request),
            Err(error) => {
                let reusable = matches!(
                    error,
                    ShellError::Unsayable(_) | ShellError::NoRoom | ShellError::OutputLost(_)
                );
                // What the shell has started may have outlived it.
                if matches!(
                    error,
                    ShellError::TimedOut | ShellError::TooMuchOutput | ShellError::Ended(_)
                ) {
                    self.kill(user, &shell);
                }
                let error = self.explain(user, request, error);
                if reusable {
                    self.open.insert(owner, shell);
                }
                Err(error)
            }
        }
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
    fn kill(&mut self, user: Option<&Become>, shell: &Shell<T::Stream>) {
        let request = Request::new(KILL, [shell.session()]);
        let killed = self
            .open_shell(user)
            .is_ok_and(|mut killer| killer.run(&request, Instant::now() + KILL_LIMIT).is_ok());
        if !killed {
            self.close();
        }
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
