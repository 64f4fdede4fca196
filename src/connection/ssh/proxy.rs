use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::Route;
use super::config::Settings;
use crate::connection::{Endpoint, quote};

/// How much of what a child says is kept.
const TAIL: usize = 2000;

/// How long to wait for a child's last words.
const LAST_WORDS: Duration = Duration::from_secs(1);

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
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .stdin(Stdio::from(theirs.try_clone()?))
        .stdout(Stdio::from(theirs))
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let said = Arc::new(Said::default());
    if let Some(pipe) = child.stderr.take() {
        let listener = Arc::clone(&said);
        std::thread::Builder::new()
            .name("proxy's messages".to_owned())
            .spawn(move || listener.listen(pipe))?;
    }
    Ok(Route {
        socket: ours.into(),
        guard: Some(ProxyChild { child, said }),
    })
}

/// The child behind a proxied connection; ended with it.
pub(super) struct ProxyChild {
    child: Child,
    said: Arc<Said>,
}

impl ProxyChild {
    /// What it has said last, in one line: the only hint at what is wrong with a way to a node.
    pub(super) fn said(&self) -> String {
        let tail = self.said.tail.lock().unwrap_or_else(PoisonError::into_inner);
        // It closes the connection just before it ends.
        let waited = self
            .said
            .changed
            .wait_timeout_while(tail, LAST_WORDS, |tail| !tail.ended)
            .unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&waited.0.bytes).into_owned();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines.join("; ")
    }
}

impl Drop for ProxyChild {
    fn drop(&mut self) {
        // It may have ended by itself when its socket was closed.
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::TERM);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a child says on its standard error.
#[derive(Default)]
struct Said {
    tail: Mutex<Tail>,
    changed: Condvar,
}

#[derive(Default)]
struct Tail {
    bytes: Vec<u8>,
    ended: bool,
}

impl Said {
    fn listen(&self, mut pipe: impl Read) {
        let mut buffer = [0; TAIL];
        loop {
            let read = pipe.read(&mut buffer);
            let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => {
                    tail.ended = true;
                    self.changed.notify_all();
                    return;
                }
                Ok(read) => {
                    tail.bytes.extend_from_slice(buffer.get(..read).unwrap_or_default());
                    let surplus = tail.bytes.len().saturating_sub(TAIL);
                    tail.bytes.drain(..surplus);
                }
            }
        }
    }
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
