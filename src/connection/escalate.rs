//! Becoming another user: the whole shell is started through sudo, su or doas.
//!
//! The password goes to the standard input of that program, after its prompt and nowhere else, and nothing else is
//! written until the shell behind it has reported: what follows could be read as a second password, and a password
//! that no one asked for could be read as a command.

use std::io;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;

use super::protocol::said;
use super::stream::{Heard, Patience, Stream};
use super::{Become, BecomeMethod, ConnectionError, quote};

/// What is said where the node has no `script`.
const NO_TERMINAL: &str = "krun-no-terminal";

/// A line that is left open for so long is a question.
const QUESTION_AFTER: Duration = Duration::from_secs(1);

/// True when the program may read a password first, so that its shell has to report before anything is sent to it.
/// The others read nothing, so that the first request need not wait.
fn reports(user: &Become) -> bool {
    user.password.is_some() || user.method == BecomeMethod::Su
}

/// The command line that starts `shell` as the user, for the login shell.
///
/// # Errors
/// The method cannot be used this way.
pub(super) fn command(user: &Become, shell: &str, mark: &str, on_terminal: bool) -> Result<String, ConnectionError> {
    let plain = plain_command(user, shell, mark)?;
    if !on_terminal {
        return Ok(plain);
    }
    // `script` makes a terminal and starts the command on it; the three streams go past it, as they are.
    let inner = quoted(user, &format!("{plain} <&3 >&4 2>&5 3<&- 4>&- 5>&-"))?;
    let outer = format!(
        "command -v script >/dev/null || {{ echo {NO_TERMINAL} >&2; exit 1; }}; exec 3<&0 4>&1 5>&2; SHELL=/bin/sh; \
         export SHELL; exec script -q -e -c {inner} /dev/null </dev/null >/dev/null 2>&1"
    );
    Ok(format!("exec /bin/sh -c {}", quoted(user, &outer)?))
}

/// True when the program on the node has refused because it has no terminal, and could be given one.
pub(super) fn wants_terminal(user: &Become, said: &str) -> bool {
    user.method == BecomeMethod::Sudo && said.contains("must have a tty")
}

fn quoted(user: &Become, text: &str) -> Result<String, ConnectionError> {
    quote::for_any_shell(text).ok_or_else(|| refused(user, "a word of its command line holds a NUL character", None))
}

fn plain_command(user: &Become, shell: &str, mark: &str) -> Result<String, ConnectionError> {
    let word = |text: &str| quoted(user, text);
    let shell = word(shell)?;
    let name = word(&user.user)?;
    let program = word(user.executable.as_deref().unwrap_or(user.method.name()))?;
    let flags = user
        .flags
        .iter()
        // With a password the program has to ask.
        .filter(|flag| user.password.is_none() || !matches!(flag.as_str(), "-n" | "--non-interactive"))
        .map(|flag| word(flag).map(|flag| format!(" {flag}")))
        .collect::<Result<String, _>>()?;
    let start = if reports(user) {
        word(&format!("echo {}; exec {shell}", ready(mark)))?
    } else {
        word(&format!("exec {shell}"))?
    };
    match (user.method, &user.password) {
        (BecomeMethod::Sudo, None) => Ok(format!("exec {program} -n -H{flags} -u {name} -- {shell}")),
        (BecomeMethod::Sudo, Some(_)) => Ok(format!(
            "exec {program} -S -H -p {}{flags} -u {name} -- {shell} -c {start}",
            prompt(mark)
        )),
        // In English, so that a refusal can be told.
        (BecomeMethod::Su, _) => Ok(format!("exec env LC_ALL=C {program}{flags} {name} -c {start}")),
        (BecomeMethod::Doas, None) => Ok(format!("exec {program} -n{flags} -u {name} {shell}")),
        (BecomeMethod::Doas, Some(_)) => Err(refused(
            user,
            "doas reads a password from a terminal only, and there is none",
            Some("add `nopass` to the rule in /etc/doas.conf and leave the password out, or use sudo"),
        )),
    }
}

/// Gives the password when it is asked for, and waits until the shell has reported.
///
/// # Errors
/// The password is wrong, or becoming the user is refused.
pub(super) fn enter(
    stream: &mut impl Stream,
    heard: &mut Heard,
    user: &Become,
    mark: &str,
    deadline: Instant,
) -> Result<(), EnterError> {
    if !reports(user) {
        return Ok(());
    }
    let ready = ready(mark);
    let mut asked = false;
    loop {
        if let Some(end) = end_of(&heard.stdout, ready.as_bytes()) {
            heard.stdout.drain(..end);
            heard.stderr.clear();
            return Ok(());
        }
        let has_asked = match question(&heard.stderr, user.method, mark) {
            Question::Certain => true,
            Question::Perhaps if !heard.stdout_ended() => {
                let soon = deadline.min(Instant::now() + QUESTION_AFTER);
                match heard.listen(stream, soon) {
                    Err(error) if error.kind() == io::ErrorKind::TimedOut && soon < deadline => true,
                    other => {
                        other?;
                        continue;
                    }
                }
            }
            _ => false,
        };
        // sudo says so before it asks again, perhaps in words of its own.
        if asked && (has_asked || memchr::memmem::find(&heard.stderr, b"Sorry, try again").is_some()) {
            return Err(EnterError::Refused(wrong_password(user)));
        }
        if has_asked {
            let Some(password) = &user.password else {
                return Err(EnterError::Refused(no_password(user)));
            };
            asked = true;
            heard.stderr.clear();
            let line = format!("{}\n", password.expose_secret());
            heard.say(stream, line.as_bytes(), Patience::Until(deadline))?;
            continue;
        }
        if heard.stdout_ended() {
            return Err(EnterError::Refused(refusal(user, &said(heard))));
        }
        heard.listen(stream, deadline)?;
    }
}

/// Whether a program asks for the password.
enum Question {
    No,
    /// It does if it says nothing more: sudoers and PAM may have words of their own, and messages come in pieces.
    Perhaps,
    Certain,
}

fn question(said: &[u8], method: BecomeMethod, mark: &str) -> Question {
    let is_own = match method {
        BecomeMethod::Sudo => end_of(said, prompt(mark).as_bytes()).is_some(),
        // Its question cannot be chosen, but it is in English.
        BecomeMethod::Su => said.ends_with(b"assword: "),
        BecomeMethod::Doas => false,
    };
    let open = said.trim_ascii_end();
    if is_own {
        Question::Certain
    } else if !said.ends_with(b"\n") && (open.ends_with(b":") || open.ends_with("：".as_bytes())) {
        Question::Perhaps
    } else {
        Question::No
    }
}

/// Why the other user's shell was not reached.
#[derive(Debug)]
pub(super) enum EnterError {
    /// The program on the node said no.
    Refused(ConnectionError),
    /// The connection broke, or the time is up.
    Io(io::Error),
}

impl From<io::Error> for EnterError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn prompt(mark: &str) -> String {
    format!("krun-password-{mark}")
}

fn ready(mark: &str) -> String {
    format!("krun-ready-{mark}")
}

fn end_of(text: &[u8], mark: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, mark).map(|position| position + mark.len())
}

/// The error for what sudo, su or doas said.
pub(super) fn refusal(user: &Become, said: &str) -> ConnectionError {
    let has = |parts: &[&str]| parts.iter().any(|part| said.contains(part));
    let method = user.method.name();
    if has(&[
        "password is required",
        "no tty present and no askpass",
        "Authorization required",
        "Authentication required",
    ]) || (user.password.is_none() && has(&["Authentication failure", "Password:"]))
    {
        no_password(user)
    } else if has(&["must have a tty", "no tty present", NO_TERMINAL]) {
        refused(
            user,
            "sudo wants a terminal (`requiretty`), and there is no `script` on the node to make one",
            Some(
                "install `script` (bsdutils, util-linux), take `Defaults requiretty` out of /etc/sudoers, or add `Defaults:USER !requiretty` for the login user",
            ),
        )
    } else if has(&[
        "not in the sudoers",
        "is not allowed to",
        "may not run sudo",
        "Operation not permitted",
    ]) {
        refused(
            user,
            said,
            Some(
                "give the login user this right (in /etc/sudoers.d, with visudo), or log in as another user (`ansible_user`, -u)",
            ),
        )
    } else if user.password.is_some()
        && has(&[
            "incorrect password",
            "Sorry, try again",
            "Authentication failure",
            "Permission denied",
            "incorrect authentication",
        ])
    {
        wrong_password(user)
    } else if has(&["unknown user", "does not exist", "no passwd entry"]) {
        refused(user, "there is no such user on the node", Some("check `become_user`"))
    } else if has(&["not found", "No such file", "Unknown command", "unknown command"]) {
        refused(
            user,
            &format!("{method} was not found on the node ({said})"),
            Some("install it there, choose another `become_method`, or log in as root (`ansible_user=root`)"),
        )
    } else if said.is_empty() {
        refused(user, &format!("{method} ended without a word"), None)
    } else {
        refused(user, said, None)
    }
}

fn no_password(user: &Become) -> ConnectionError {
    refused(
        user,
        "a password is required and none was given",
        Some(
            "give it with `--ask-become-pass` (-K) or `ansible_become_password`, or allow the user to go without (NOPASSWD in /etc/sudoers, `nopass` in doas.conf)",
        ),
    )
}

fn wrong_password(user: &Become) -> ConnectionError {
    refused(
        user,
        "the password is wrong",
        Some(
            "check `--ask-become-pass` or `ansible_become_password`: sudo wants the login user's password, su the other user's",
        ),
    )
}

fn refused(user: &Become, reason: &str, help: Option<&str>) -> ConnectionError {
    ConnectionError::EscalationRefused {
        user: user.user.clone(),
        method: user.method.name(),
        reason: reason.to_owned(),
        help: help.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(method: BecomeMethod, password: Option<&str>) -> Become {
        Become {
            method,
            user: "root".to_owned(),
            password: password.map(|text| text.to_owned().into()),
            executable: None,
            flags: vec!["-n".to_owned()],
        }
    }

    #[test]
    fn no_command_line_holds_the_password() {
        for method in [BecomeMethod::Sudo, BecomeMethod::Su] {
            let command = command(&user(method, Some("hunter2")), "/bin/sh", "m", true).unwrap();
            assert!(!command.contains("hunter2"), "{command}");
            assert!(!command.contains(" -n"), "{command}");
        }
    }

    #[test]
    fn refusals_are_told_apart() {
        let sudo = user(BecomeMethod::Sudo, None);
        for (said, reason) in [
            ("sudo: a password is required", "a password is required"),
            ("sudo: sorry, you must have a tty to run sudo", "requiretty"),
            ("bob is not in the sudoers file.", "not in the sudoers"),
            ("sudo: unknown user nobody2", "no such user"),
            ("sh: 1: exec: sudo: not found", "was not found"),
            ("sh: 1: exec: sudo: Permission denied", "Permission denied"),
            ("", "without a word"),
        ] {
            let error = refusal(&sudo, said).to_string();
            assert!(error.contains(reason), "{said}: {error}");
        }
    }
}
