//! This machine as a node, without SSH: the same shells, as child processes.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::ConnectionError;
use super::shells::Transport;
use super::stream::{Source, Stream};

/// How long a shell may take to end after its standard input was closed.
const GRACE: Duration = Duration::from_secs(2);

/// Starts programs on this machine.
pub(super) struct Local {
    shell: String,
}

impl Local {
    pub(super) fn new(shell: String) -> Self {
        Self { shell }
    }
}

impl Transport for Local {
    type Stream = LocalStream;

    fn start(&mut self, command: &str) -> Result<LocalStream, ConnectionError> {
        LocalStream::start(command).map_err(|error| ConnectionError::Unreachable {
            message: format!("cannot start a shell on this machine: {error}"),
            help: None,
        })
    }

    fn close(&mut self) {}

    fn address(&self) -> String {
        "this machine".to_owned()
    }

    fn shell(&self) -> &str {
        &self.shell
    }
}

/// A child process in a process group of its own, so that a Ctrl-C on the terminal does not reach it.
pub(super) struct LocalStream {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

impl LocalStream {
    pub(super) fn start(command: &str) -> io::Result<Self> {
        let mut child = Command::new("/bin/sh")
            .arg("-c")
            .arg(command)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stream = Self {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            child,
        };
        for pipe in [
            stream.stdin.as_ref().map(AsFd::as_fd),
            stream.stdout.as_ref().map(AsFd::as_fd),
            stream.stderr.as_ref().map(AsFd::as_fd),
        ]
        .into_iter()
        .flatten()
        {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        Ok(stream)
    }

    /// Waits for the child's end; false when the deadline passes first.
    fn wait_for_end(&mut self, deadline: Instant) -> io::Result<bool> {
        if self.child.try_wait()?.is_none() {
            let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else {
                return Ok(false);
            };
            let process = pidfd_open(pid, PidfdFlags::empty())?;
            if !poll_until(&mut [PollFd::new(&process, PollFlags::IN)], deadline)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Stream for LocalStream {
    fn read(&mut self, source: Source, into: &mut [u8]) -> io::Result<usize> {
        let read = match source {
            Source::Stdout => self.stdout.as_mut().map(|pipe| pipe.read(into)),
            Source::Stderr => self.stderr.as_mut().map(|pipe| pipe.read(into)),
        };
        match read {
            None => Ok(0),
            Some(Ok(0)) => {
                // A pipe at its end would make every poll return at once.
                match source {
                    Source::Stdout => self.stdout = None,
                    Source::Stderr => self.stderr = None,
                }
                Ok(0)
            }
            Some(other) => other,
        }
    }

    fn write(&mut self, bytes: &[u8], _deadline: Instant) -> io::Result<usize> {
        match self.stdin.as_mut() {
            Some(pipe) => pipe.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn close_input(&mut self, _deadline: Instant) -> io::Result<()> {
        self.stdin = None;
        Ok(())
    }

    fn wait(&mut self, to_write: bool, deadline: Instant) -> io::Result<()> {
        let mut pipes: Vec<(BorrowedFd<'_>, PollFlags)> = Vec::with_capacity(3);
        pipes.extend(self.stdout.as_ref().map(|pipe| (pipe.as_fd(), PollFlags::IN)));
        pipes.extend(self.stderr.as_ref().map(|pipe| (pipe.as_fd(), PollFlags::IN)));
        if to_write {
            pipes.extend(self.stdin.as_ref().map(|pipe| (pipe.as_fd(), PollFlags::OUT)));
        }
        let mut polled: Vec<PollFd<'_>> = pipes
            .iter()
            .map(|(pipe, flags)| PollFd::from_borrowed_fd(*pipe, *flags))
            .collect();
        if poll_until(&mut polled, deadline)? {
            Ok(())
        } else {
            Err(io::ErrorKind::TimedOut.into())
        }
    }

    fn exit_status(&mut self, deadline: Instant) -> io::Result<i32> {
        if !self.wait_for_end(deadline)? {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let status = self.child.wait()?;
        Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)))
    }
}

impl Drop for LocalStream {
    fn drop(&mut self) {
        // A shell ends by itself at the end of its input, and removes its directory then.
        self.stdin = None;
        if !self.wait_for_end(Instant::now() + GRACE).unwrap_or(false)
            && let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
        {
            // What cannot be ended (it became another user) is left to end by itself.
            let _ = kill_process_group(group, Signal::KILL);
            let _ = self.wait_for_end(Instant::now() + GRACE);
        }
        let _ = self.child.try_wait();
    }
}

/// Waits until one of the descriptors is ready; false when the deadline passes first.
pub(super) fn poll_until(polled: &mut [PollFd<'_>], deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let limit = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(polled, Some(&limit)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
