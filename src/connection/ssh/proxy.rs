use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use super::config::Settings;
use super::{ProxyChild, Route};
use crate::connection::{Endpoint, quote};

/// The command whose standard input and output lead to the node, when it is not reached directly.
///
/// A `ProxyJump` goes through OpenSSH's client (`ssh -W`), which knows the jump host's own configuration and keys; it
/// never asks anything (`BatchMode`), so the keys have to be in the agent or without a pass phrase.
pub(super) fn command(endpoint: &Endpoint, settings: &Settings) -> Option<String> {
    if let Some(command) = &settings.proxy_command {
        // OpenSSH runs it the same way, so that no second shell stays in between.
        return Some(if command.starts_with("exec ") {
            command.clone()
        } else {
            format!("exec {command}")
        });
    }
    let jumps = settings.proxy_jump.as_deref()?;
    let (before, last) = match jumps.rsplit_once(',') {
        Some((before, last)) => (Some(before), last),
        None => (None, jumps),
    };
    let target = if settings.hostname.contains(':') {
        format!("[{}]:{}", settings.hostname, settings.port)
    } else {
        format!("{}:{}", settings.hostname, settings.port)
    };
    let mut words = vec![
        "exec".to_owned(),
        "ssh".to_owned(),
        "-o".to_owned(),
        "BatchMode=yes".to_owned(),
    ];
    // A configuration file that was named for the node counts for the jump as well, as with OpenSSH.
    let mut arguments = endpoint.ssh_args.iter();
    while let Some(argument) = arguments.next() {
        if let Some(file) = argument.strip_prefix("-F") {
            let file = if file.is_empty() { arguments.next()? } else { file };
            words.extend(["-F".to_owned(), quote::word(file)?]);
        }
    }
    if let Some(before) = before {
        words.extend(["-J".to_owned(), quote::word(before)?]);
    }
    words.extend(["-W".to_owned(), quote::word(&target)?]);
    let (login, port) = split_jump(last);
    if let Some(port) = port {
        words.extend(["-p".to_owned(), quote::word(port)?]);
    }
    words.extend(["--".to_owned(), quote::word(&login)?]);
    Some(words.join(" "))
}

/// Starts the command on one end of a socket pair and gives the other one.
pub(super) fn connect(command: &str) -> io::Result<Route> {
    let (ours, theirs) = UnixStream::pair()?;
    let theirs = OwnedFd::from(theirs);
    let child = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .stdin(Stdio::from(theirs.try_clone()?))
        .stdout(Stdio::from(theirs))
        // What it says about a failure is the user's only hint.
        .stderr(Stdio::inherit())
        .process_group(0)
        .spawn()?;
    Ok(Route {
        socket: ours.into(),
        guard: Some(ProxyChild(child)),
    })
}

/// `[user@]host[:port]`, `[user@][v6]:port` or `ssh://…` as login and port.
fn split_jump(jump: &str) -> (String, Option<&str>) {
    let jump = jump.strip_prefix("ssh://").unwrap_or(jump);
    let (user, host) = match jump.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, jump),
    };
    let (host, port) = if let Some((host, rest)) = host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        (host, rest.strip_prefix(':'))
    } else if host.matches(':').count() == 1 {
        host.split_once(':')
            .map_or((host, None), |(host, port)| (host, Some(port)))
    } else {
        (host, None)
    };
    let login = user.map_or_else(|| host.to_owned(), |user| format!("{user}@{host}"));
    (login, port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_are_split() {
        assert_eq!(split_jump("bastion"), ("bastion".to_owned(), None));
        assert_eq!(split_jump("ops@bastion:2222"), ("ops@bastion".to_owned(), Some("2222")));
        assert_eq!(split_jump("ops@[::1]:22"), ("ops@::1".to_owned(), Some("22")));
        assert_eq!(split_jump("::1"), ("::1".to_owned(), None));
        assert_eq!(split_jump("ssh://a@b:1"), ("a@b".to_owned(), Some("1")));
    }
}
