//! Logging in: the given key, the agent's keys, the default keys, the password, in this order.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use ssh2::{ErrorCode, KeyboardInteractivePrompt, Prompt};

use super::config::Settings;
use super::identity::{self, Identity};
use super::link::{self, Link};
use crate::connection::{ConnectionError, Endpoint};

/// How long the agent may take to say that it is there.
const AGENT_LIMIT: Duration = Duration::from_secs(2);

/// libssh2's codes for "no": authentication failed, and a signature that was not accepted.
const DENIED: [ErrorCode; 2] = [ErrorCode::Session(-18), ErrorCode::Session(-19)];

/// Logs in, or says what was tried and why each attempt failed. Time spent at a prompt does not count.
pub(super) fn log_in(
    link: &Link,
    endpoint: &Endpoint,
    settings: &Settings,
    name: &str,
    deadline: &mut Instant,
) -> Result<(), ConnectionError> {
    let mut login = Login {
        link,
        endpoint,
        settings,
        deadline,
        methods: None,
        tried: Vec::new(),
    };
    match login.run() {
        Ok(()) => Ok(()),
        Err(Stop::Exhausted) => Err(login.denied(name)),
        Err(Stop::Broken(error)) => Err(login.interrupted(name, &error)),
    }
}

/// Why the login ended without success.
enum Stop {
    /// Nothing is left to try.
    Exhausted,
    /// The server hung up, or the time is up.
    Broken(ssh2::Error),
}

struct Login<'a> {
    link: &'a Link,
    endpoint: &'a Endpoint,
    settings: &'a Settings,
    deadline: &'a mut Instant,
    /// What the server accepts, as it says it; `None` before it was asked.
    methods: Option<String>,
    tried: Vec<String>,
}

impl Login<'_> {
    fn run(&mut self) -> Result<(), Stop> {
        // To ask what the server accepts costs a round trip, and later on one of sshd's MaxAuthTries. Keys need no question
        // before them; a password that comes after them is not to be lost to that limit.
        let asks_first = self.endpoint.password.is_some();
        if asks_first && self.ask_methods()? {
            return Ok(());
        }
        if self.accepts("publickey") && self.try_keys()? {
            return Ok(());
        }
        if !asks_first {
            match self.ask_methods() {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(stop) if self.tried.is_empty() => return Err(stop),
                // One question too many after so many keys; it was for the message only.
                Err(_) => {}
            }
        }
        if let Some(password) = &self.endpoint.password {
            let session = self.link.session();
            let password = password.expose_secret();
            let user = &self.settings.user;
            if self.accepts("password") && self.attempt("password", || session.userauth_password(user, password))? {
                return Ok(());
            }
            if self.accepts("keyboard-interactive") && self.try_keyboard(password)? {
                return Ok(());
            }
        }
        Err(Stop::Exhausted)
    }

    /// Asks what the server accepts; true when that is to let everybody in.
    fn ask_methods(&mut self) -> Result<bool, Stop> {
        let session = self.link.session();
        let methods = self.link.drive(*self.deadline, || {
            session.auth_methods(&self.settings.user).map(str::to_owned)
        });
        if session.authenticated() {
            return Ok(true);
        }
        self.methods = Some(methods.map_err(Stop::Broken)?);
        Ok(false)
    }

    fn try_keys(&mut self) -> Result<bool, Stop> {
        if let Some(path) = &self.endpoint.private_key
            && self.try_file(path, true)?
        {
            return Ok(true);
        }
        if self.try_agent()? {
            return Ok(true);
        }
        for path in &self.settings.identity_files {
            if Some(path) != self.endpoint.private_key.as_ref() && self.try_file(path, false)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// True for a way to log in that is worth trying.
    fn accepts(&self, method: &str) -> bool {
        let does_the_server = self
            .methods
            .as_ref()
            .is_none_or(|methods| methods.split(',').any(|accepted| accepted == method));
        does_the_server && !self.settings.methods_off.contains(&method)
    }

    /// Makes one attempt; true when it has logged in.
    fn attempt(&mut self, what: &str, operation: impl FnMut() -> Result<(), ssh2::Error>) -> Result<bool, Stop> {
        match self.link.drive(*self.deadline, operation) {
            Ok(()) if self.link.session().authenticated() => Ok(true),
            Ok(()) => {
                self.tried
                    .push(format!("{what}: accepted, but not enough for the server"));
                Ok(false)
            }
            Err(error) if DENIED.contains(&error.code()) => {
                self.tried.push(format!("{what}: refused by the server"));
                Ok(false)
            }
            Err(error) if is_broken(&error) => {
                self.tried.push(format!("{what}: the server hung up"));
                Err(Stop::Broken(error))
            }
            Err(error) => {
                self.tried.push(format!("{what}: {error}"));
                Ok(false)
            }
        }
    }

    fn try_file(&mut self, path: &Path, is_given: bool) -> Result<bool, Stop> {
        let begin = Instant::now();
        let loaded = identity::load(path);
        *self.deadline += begin.elapsed();
        let what = format!("key {}", path.display());
        match loaded.as_ref() {
            Ok(Some(identity)) => self.try_identity(&what, identity),
            Ok(None) => {
                if is_given {
                    self.tried.push(format!("{what}: there is no such file"));
                }
                Ok(false)
            }
            Err(reason) => {
                self.tried.push(format!("{what}: {reason}"));
                Ok(false)
            }
        }
    }

    fn try_identity(&mut self, what: &str, identity: &Identity) -> Result<bool, Stop> {
        let session = self.link.session();
        let user = self.settings.user.as_str();
        let private = identity.private.expose_secret();
        if let Some(certificate) = &identity.certificate
            && self.attempt(&format!("{what} with its certificate"), || {
                session.userauth_pubkey_memory(user, Some(certificate), private, None)
            })?
        {
            return Ok(true);
        }
        self.attempt(what, || session.userauth_pubkey_memory(user, None, private, None))
    }

    fn try_agent(&mut self) -> Result<bool, Stop> {
        let Some(socket) = &self.settings.agent else {
            return Ok(false);
        };
        if let Err(error) = probe_agent(socket) {
            self.tried.push(format!("agent {}: {error}", socket.display()));
            return Ok(false);
        }
        let listed = self.link.session().agent().and_then(|mut agent| {
            agent.set_identity_path(socket)?;
            agent.connect()?;
            agent.list_identities()?;
            let keys = agent.identities()?;
            Ok((agent, keys))
        });
        let (agent, keys) = match listed {
            Ok(listed) => listed,
            Err(error) => {
                self.tried.push(format!("agent {}: {error}", socket.display()));
                return Ok(false);
            }
        };
        if keys.is_empty() {
            self.tried.push("agent: it holds no keys".to_owned());
        }
        for key in keys {
            if self.settings.identities_only && !self.is_chosen(key.blob()) {
                continue;
            }
            let what = format!("agent's key {}", key.comment());
            if self.attempt(&what, || agent.userauth(&self.settings.user, &key))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// True when the agent's key is one of the identity files, by the public key beside each.
    fn is_chosen(&self, blob: &[u8]) -> bool {
        let given = self.endpoint.private_key.iter();
        given.chain(&self.settings.identity_files).any(|path| {
            std::fs::read_to_string(format!("{}.pub", path.display()))
                .ok()
                .and_then(|text| openssl::base64::decode_block(text.split_whitespace().nth(1)?).ok())
                .is_some_and(|key| key == blob)
        })
    }

    fn try_keyboard(&mut self, password: &str) -> Result<bool, Stop> {
        let session = self.link.session();
        let mut prompter = Prompter {
            password,
            unanswered: Vec::new(),
        };
        let done = self.attempt("keyboard-interactive", || {
            session.userauth_keyboard_interactive(&self.settings.user, &mut prompter)
        })?;
        if let Some(question) = prompter.unanswered.first() {
            self.tried
                .push(format!("keyboard-interactive: krun cannot answer `{question}`"));
        }
        Ok(done)
    }

    fn denied(&self, name: &str) -> ConnectionError {
        let tried = if self.tried.is_empty() {
            "there was no key and no password to try".to_owned()
        } else {
            format!("tried {}", self.tried.join("; "))
        };
        let accepted = match &self.methods {
            Some(methods) => format!(" (the server accepts {methods})"),
            None => String::new(),
        };
        let help = if self.endpoint.password.is_none() && !self.accepts("publickey") {
            "give the password with --ask-pass (-k) or `ansible_password`"
        } else {
            "give the right key (--private-key, `ansible_ssh_private_key_file`) or user (-u, `ansible_user`), or put your public key into the user's ~/.ssh/authorized_keys on the node"
        };
        ConnectionError::Unreachable {
            message: format!("cannot log in to {name} as {}: {tried}{accepted}", self.settings.user),
            help: Some(help.to_owned()),
        }
    }

    fn interrupted(&self, name: &str, error: &ssh2::Error) -> ConnectionError {
        let tried = if self.tried.is_empty() {
            String::new()
        } else {
            format!(" (tried {})", self.tried.join("; "))
        };
        let help = if self.tried.len() > 2 {
            "the server ends a login after some keys (MaxAuthTries): name the right one with --private-key, or set IdentitiesOnly in ~/.ssh/config; for a server that takes passwords only, give --ask-pass (-k)"
        } else {
            "sshd's log on the node says why"
        };
        ConnectionError::Unreachable {
            message: format!("cannot log in to {name} as {}: {error}{tried}", self.settings.user),
            help: Some(help.to_owned()),
        }
    }
}

/// True when the session can be used no longer.
fn is_broken(error: &ssh2::Error) -> bool {
    // Socket closed while sending or receiving, disconnected, timed out.
    error.code() == link::TIMED_OUT || matches!(error.code(), ErrorCode::Session(-1 | -7 | -13 | -43))
}

/// Asks the agent for its keys, only to see that it answers: libssh2 would wait for ever.
fn probe_agent(socket: &Path) -> std::io::Result<()> {
    const REQUEST_IDENTITIES: [u8; 5] = [0, 0, 0, 1, 11];
    let mut agent = UnixStream::connect(socket)?;
    agent.set_read_timeout(Some(AGENT_LIMIT))?;
    agent.set_write_timeout(Some(AGENT_LIMIT))?;
    agent.write_all(&REQUEST_IDENTITIES)?;
    agent.read_exact(&mut [0; 5])
}

/// Answers every hidden question with the password, once.
struct Prompter<'a> {
    password: &'a str,
    unanswered: Vec<String>,
}

impl KeyboardInteractivePrompt for Prompter<'_> {
    fn prompt(&mut self, _user: &str, _instructions: &str, prompts: &[Prompt<'_>]) -> Vec<String> {
        prompts
            .iter()
            .map(|prompt| {
                if prompt.echo {
                    self.unanswered.push(prompt.text.trim().to_owned());
                    String::new()
                } else {
                    self.password.to_owned()
                }
            })
            .collect()
    }
}
