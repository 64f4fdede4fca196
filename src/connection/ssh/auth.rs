//! Logging in: keys, then the password, unless `PreferredAuthentications` says otherwise; step after step where the
//! server wants several.

use std::path::Path;
use std::time::Instant;

use secrecy::ExposeSecret;
use ssh2::{ErrorCode, KeyboardInteractivePrompt, MethodType, Prompt};

use super::config::Settings;
use super::host_key::Trust;
use super::identity::{self, Identity};
use super::keys::{Candidate, Keys};
use super::known_hosts::kind_of;
use super::link::{self, Link};
use crate::connection::{ConnectionError, Endpoint};

/// libssh2's code for a login that is refused.
const DENIED: ErrorCode = ErrorCode::Session(-18);

/// libssh2's code for a signature that did not lead in: also when the server took it and wants more, which the library
/// does not tell apart; and when the server hung up instead of answering.
const NOT_LET_IN: ErrorCode = ErrorCode::Session(-19);

/// The signatures of RSA keys, best first.
pub(super) const RSA_SIGNATURES: &str = "rsa-sha2-512,rsa-sha2-256";

/// How many steps a login may have (`AuthenticationMethods publickey,password` has two).
const STEPS: usize = 8;

/// Logs in, or says what was tried and why each attempt failed. Time spent at a prompt does not count.
pub(super) fn log_in(
    link: &Link,
    endpoint: &Endpoint,
    settings: &Settings,
    trust: Trust,
    name: &str,
    deadline: &mut Instant,
) -> Result<(), ConnectionError> {
    let mut login = Login {
        link,
        endpoint,
        settings,
        deadline,
        trust,
        methods: String::new(),
        tried: Vec::new(),
        keys_offered: 0,
        got_somewhere: false,
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

/// What an attempt has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    LoggedIn,
    /// It was right, and the server wants something more.
    Further,
    Refused,
}

struct Login<'a> {
    link: &'a Link,
    endpoint: &'a Endpoint,
    settings: &'a Settings,
    deadline: &'a mut Instant,
    trust: Trust,
    /// What the server accepts now, as it says it; empty before it was asked.
    methods: String,
    tried: Vec<String>,
    keys_offered: usize,
    /// One step was accepted.
    got_somewhere: bool,
}

impl Login<'_> {
    fn run(&mut self) -> Result<(), Stop> {
        // To ask what the server accepts costs a round trip, and later on one of sshd's MaxAuthTries. Keys need no question
        // before them; a password that comes after them is not to be lost to that limit.
        let keys_first = self
            .settings
            .login_methods
            .first()
            .is_some_and(|method| method == "publickey");
        let mut keys: Option<Keys> = None;
        if keys_first && self.endpoint.password.is_none() {
            let mut found = self.find_keys();
            match self.try_keys(&mut found)? {
                Step::LoggedIn => return Ok(()),
                Step::Refused => return self.ask_in_vain(),
                Step::Further => keys = Some(found),
            }
        } else {
            self.methods = self.ask_methods()?;
            if self.link.session().authenticated() {
                return Ok(());
            }
        }
        for _ in 0..STEPS {
            let mut step = Step::Refused;
            let mut sent_password = false;
            for method in &self.settings.login_methods {
                if !self.accepts(method) {
                    continue;
                }
                if method == "publickey" {
                    let mut found = match keys.take() {
                        Some(found) => found,
                        None => self.find_keys(),
                    };
                    step = self.try_keys(&mut found)?;
                    keys = Some(found);
                } else if let Some(password) = &self.endpoint.password {
                    if self.trust == Trust::NoPasswords {
                        self.tried
                            .push(format!("{method}: no password is sent to a host whose key has changed"));
                        continue;
                    }
                    sent_password = true;
                    step = self.try_password(method, password.expose_secret())?;
                }
                if step != Step::Refused {
                    break;
                }
            }
            match step {
                Step::LoggedIn => return Ok(()),
                Step::Further => {}
                // A right password that is not enough looks like a wrong one; only the question costs an attempt.
                Step::Refused if sent_password && self.is_further()? => {}
                Step::Refused => break,
            }
        }
        Err(Stop::Exhausted)
    }

    /// Asks what the server accepts, for the message; it may still let in at once.
    fn ask_in_vain(&mut self) -> Result<(), Stop> {
        match self.ask_methods() {
            Ok(methods) => self.methods = methods,
            Err(stop) if self.tried.is_empty() => return Err(stop),
            // One question too many after so many keys.
            Err(_) => {}
        }
        if self.link.session().authenticated() {
            return Ok(());
        }
        Err(Stop::Exhausted)
    }

    /// Asks what the server accepts. Sometimes it lets in at once.
    fn ask_methods(&self) -> Result<String, Stop> {
        let session = self.link.session();
        let methods = self.link.drive(*self.deadline, || {
            session.auth_methods(&self.settings.user).map(str::to_owned)
        });
        match methods {
            _ if session.authenticated() => Ok(String::new()),
            methods => methods.map_err(Stop::Broken),
        }
    }

    /// True when the server wants something else than before.
    fn is_further(&mut self) -> Result<bool, Stop> {
        let now = self.ask_methods()?;
        let is_further = now != self.methods;
        self.methods = now;
        self.got_somewhere |= is_further;
        Ok(is_further)
    }

    fn accepts(&self, method: &str) -> bool {
        self.methods.split(',').any(|accepted| accepted == method)
    }

    /// Makes one attempt.
    fn attempt(&mut self, what: &str, operation: impl FnMut() -> Result<(), ssh2::Error>) -> Result<Step, Stop> {
        match self.link.drive(*self.deadline, operation) {
            Ok(()) if self.link.session().authenticated() => Ok(Step::LoggedIn),
            Err(error) if is_broken(&error) => {
                self.tried.push(format!("{what}: the server hung up"));
                Err(Stop::Broken(error))
            }
            Ok(()) | Err(_) if self.link.session().authenticated() => Ok(Step::LoggedIn),
            Ok(()) => self.look_further(what),
            Err(error) if error.code() == NOT_LET_IN => self.look_further(what),
            Err(error) if error.code() == DENIED => {
                self.tried.push(format!("{what}: refused by the server"));
                Ok(Step::Refused)
            }
            Err(error) => {
                self.tried.push(format!("{what}: {error}"));
                Ok(Step::Refused)
            }
        }
    }

    fn look_further(&mut self, what: &str) -> Result<Step, Stop> {
        if self.is_further()? {
            self.tried.push(format!("{what}: accepted, but not enough"));
            return Ok(Step::Further);
        }
        self.tried
            .push(format!("{what}: its signature was refused by the server"));
        Ok(Step::Refused)
    }

    fn find_keys(&mut self) -> Keys {
        let (keys, trouble) = Keys::find(self.link.session(), self.endpoint, self.settings);
        self.tried.extend(trouble);
        keys
    }

    /// Offers the keys that were not offered yet.
    fn try_keys(&mut self, keys: &mut Keys) -> Result<Step, Stop> {
        while let Some(candidate) = keys.next() {
            let step = match candidate {
                Candidate::Agent { position, is_given } => match keys.agent_key(position) {
                    Some((agent, key)) => {
                        let what = format!("agent's key {}", key.comment());
                        let is_rsa = kind_of(key.blob()) == "ssh-rsa";
                        self.offer(&what, is_given && is_rsa, || agent.userauth(&self.settings.user, key))?
                    }
                    None => Step::Refused,
                },
                Candidate::File { path, is_given } => self.try_file(&path, is_given)?,
            };
            if step != Step::Refused {
                return Ok(step);
            }
        }
        Ok(Step::Refused)
    }

    fn try_file(&mut self, path: &Path, is_given: bool) -> Result<Step, Stop> {
        let begin = Instant::now();
        let loaded = identity::load(path);
        *self.deadline += begin.elapsed();
        let what = format!("key {}", path.display());
        match loaded.as_ref() {
            Ok(Some(identity)) => self.try_identity(&what, path, identity, is_given),
            Ok(None) => {
                if is_given {
                    self.tried.push(format!("{what}: there is no such file"));
                }
                Ok(Step::Refused)
            }
            Err(reason) => {
                self.tried.push(format!("{what}: {reason}"));
                Ok(Step::Refused)
            }
        }
    }

    fn try_identity(&mut self, what: &str, path: &Path, identity: &Identity, is_given: bool) -> Result<Step, Stop> {
        let session = self.link.session();
        let user = self.settings.user.as_str();
        let private = identity.private.expose_secret();
        let others = identity::certificates_for(path, &self.settings.certificate_files);
        for certificate in identity.certificate.iter().chain(&others) {
            let step = self.offer(&format!("{what} with its certificate"), false, || {
                session.userauth_pubkey_memory(user, Some(certificate), private, None)
            })?;
            if step != Step::Refused {
                return Ok(step);
            }
        }
        self.offer(what, is_given && identity.is_rsa, || {
            session.userauth_pubkey_memory(user, None, private, None)
        })
    }

    /// Offers a key; one that the user has chosen also with the weaker of the two signatures that RSA keys have: a server
    /// that allows no other does not say so.
    fn offer(
        &mut self,
        what: &str,
        with_both_signatures: bool,
        mut operation: impl FnMut() -> Result<(), ssh2::Error>,
    ) -> Result<Step, Stop> {
        self.keys_offered += 1;
        let step = self.attempt(what, &mut operation)?;
        if step != Step::Refused || !with_both_signatures || self.settings.signatures.is_some() {
            return Ok(step);
        }
        let session = self.link.session();
        let prefer = |algorithms: &str| {
            session
                .method_pref(MethodType::SignAlgo, algorithms)
                .map_err(Stop::Broken)
        };
        prefer("rsa-sha2-256")?;
        let step = self.attempt(&format!("{what} with rsa-sha2-256"), operation)?;
        prefer(RSA_SIGNATURES)?;
        Ok(step)
    }

    fn try_password(&mut self, method: &str, password: &str) -> Result<Step, Stop> {
        if method == "keyboard-interactive" {
            return self.try_keyboard(password);
        }
        let session = self.link.session();
        let user = &self.settings.user;
        self.attempt("password", || session.userauth_password(user, password))
    }

    fn try_keyboard(&mut self, password: &str) -> Result<Step, Stop> {
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
        let accepted = if self.methods.is_empty() {
            String::new()
        } else {
            format!(" (the server accepts {})", self.methods)
        };
        let wants_password = self.accepts("password") || self.accepts("keyboard-interactive");
        let help = if self.endpoint.password.is_none() && wants_password && !self.accepts("publickey") {
            "give the password with --ask-pass (-k) or `ansible_password`"
        } else if self.endpoint.password.is_none() && wants_password && self.keys_offered == 0 {
            "give a key (--private-key, `ansible_ssh_private_key_file`) or the password (--ask-pass, `ansible_password`)"
        } else if self.got_somewhere {
            "this server wants several steps (AuthenticationMethods): every one of them has to be there, a key and a password for example (--private-key, -k or `ansible_password`)"
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
        let help = if self.keys_offered > 1 {
            "the server ends a login after some keys (MaxAuthTries): name the right one with --private-key or `ansible_ssh_private_key_file`, which is offered first, or set IdentityFile and IdentitiesOnly in ~/.ssh/config"
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
    error.code() == link::TIMED_OUT
        || matches!(error.code(), ErrorCode::Session(-1 | -7 | -13 | -43))
        || error.message().contains("Waiting for")
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
