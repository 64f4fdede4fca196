//! Becoming another user: the whole shell is started through sudo, su or doas.
//!
//! The password goes to the standard input of that program, after its prompt and nowhere else, and nothing else is
//! written until the shell behind it has reported: what follows could be read as a second password, and a password
//! that no one asked for could be read as a command.

use std::io;
use std::time::Instant;

use secrecy::ExposeSecret;

use super::protocol::said;
use super::stream::{Heard, Patience, Stream};
use super::{Become, BecomeMethod, ConnectionError, quote};

/// True when the program may read a password first, so that its shell has to report before anything is sent to it.
/// The others read nothing, so that the first request need not wait.
fn reports(user: &Become) -> bool {
    user.password.is_some() || user.method == BecomeMethod::Su
}

/// The command line that starts `shell` as the user, for the login shell.
///
/// # Errors
/// The method cannot be used this way.
pub(super) fn command(user: &Become, shell: &str, mark: &str) -> Result<String, ConnectionError> {
    let word = |text: &str| {
        quote::word(text).ok_or_else(|| refused(user, "a word of its command line holds a NUL character", None))
    };
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
        if let Some(end) = end_of_prompt(heard, user.method, mark) {
            let Some(password) = &user.password else {
                return Err(EnterError::Refused(no_password(user)));
            };
            if asked {
                return Err(EnterError::Refused(wrong_password(user)));
            }
            asked = true;
            heard.stderr.drain(..end);
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

/// Where the question for the password ends in what the program said on standard error.
fn end_of_prompt(heard: &Heard, method: BecomeMethod, mark: &str) -> Option<usize> {
    if method == BecomeMethod::Sudo {
        return end_of(&heard.stderr, prompt(mark).as_bytes());
    }
    // su's question cannot be chosen: it is whatever ends in a colon and leaves the line open.
    let text = heard.stderr.trim_ascii_end();
    let open = !heard.stderr.ends_with(b"\n");
    (open && (text.ends_with(b":") || text.ends_with("：".as_bytes()))).then_some(heard.stderr.len())
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
    } else if has(&["must have a tty", "no tty present"]) {
        refused(
            user,
            "sudo wants a terminal (`requiretty`)",
            Some(
                "take `Defaults requiretty` out of /etc/sudoers, or add `Defaults:USER !requiretty` for the login user",
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
            let command = command(&user(method, Some("hunter2")), "/bin/sh", "m").unwrap();
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
