//! Moving files to and from a node: small ones through the shell, in one exchange; large ones through a `cat` of
//! their own, which at every delay is faster than SFTP, works as any user and needs no SFTP server.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use super::protocol::{random_word, said};
use super::quote;
use super::shells::{Shells, Transport};
use super::stream::{Heard, Patience, Stream};
use super::{Become, ConnectionError, Output, Request, Script};

/// What fits into one exchange with the shell.
const SMALL: usize = 64 * 1024;

/// How much is read from a large file at a time.
const BUFFER: usize = 1024 * 1024;

/// A transfer that stands still for so long is given up.
const STALL_LIMIT: Duration = Duration::from_secs(60);

/// `get.sh` ends with this status when the file is not small.
const NOT_SMALL: i32 = 77;

const PUT: Script = Script {
    name: "connection/put",
    text: include_str!("put.sh"),
};

const REMOVE: Script = Script {
    name: "connection/remove",
    text: "rm -f -- \"$1\"",
};

const GET: Script = Script {
    name: "connection/get",
    text: include_str!("get.sh"),
};

/// The request that uploads what fits into one; `None` when there is more than that. What was
/// read of a source that is too large is lost.
///
/// # Errors
/// The source cannot be read.
pub fn as_request(source: &mut dyn Read, path: &str) -> Result<Option<Request>, ConnectionError> {
    let mut content = Vec::new();
    let limit = u64::try_from(SMALL + 1).unwrap_or(u64::MAX);
    source
        .take(limit)
        .read_to_end(&mut content)
        .map_err(|error| Transfer(format!("upload to {path}")).failed(error))?;
    Ok((content.len() <= SMALL).then(|| small_upload(path, content)))
}

fn small_upload(path: &str, content: Vec<u8>) -> Request {
    Request::new(PUT, [path]).with_stdin(content).with_timeout(STALL_LIMIT)
}

/// Reads the answer to the request of a small upload.
///
/// # Errors
/// The node could not write the file.
pub fn uploaded(path: &str, output: &Output) -> Result<(), ConnectionError> {
    if output.success() {
        Ok(())
    } else {
        Err(Transfer(format!("upload to {path}")).failed(output.stderr_text().trim()))
    }
}

impl<T: Transport> Shells<T> {
    /// Streams a source into a new file on the node.
    pub(super) fn put(
        &mut self,
        user: Option<&Become>,
        source: &mut dyn Read,
        path: &str,
    ) -> Result<(), ConnectionError> {
        let transfer = Transfer(format!("upload to {path}"));
        let mut head = Vec::new();
        let limit = u64::try_from(SMALL + 1).unwrap_or(u64::MAX);
        source
            .take(limit)
            .read_to_end(&mut head)
            .map_err(|error| transfer.failed(error))?;
        if head.len() > SMALL {
            let outcome = self.upload_large(user, &mut head.as_slice().chain(source), path, &transfer);
            if matches!(outcome, Err(ConnectionError::Transfer { .. })) {
                // Half a file is of no use to anybody, and would keep a full disk full. The first error is the one that
                // counts.
                let _ = self.run(user, &Request::new(REMOVE, [path]).with_timeout(STALL_LIMIT));
            }
            return outcome;
        }
        uploaded(path, &self.run(user, &small_upload(path, head))?)
    }

    fn upload_large(
        &mut self,
        user: Option<&Become>,
        source: &mut dyn Read,
        path: &str,
        transfer: &Transfer,
    ) -> Result<(), ConnectionError> {
        let file = quote::word(path).ok_or_else(|| transfer.failed("a path cannot hold a NUL character"))?;
        let mark = random_word().map_err(|error| transfer.failed(error))?;
        self.count_exchange();
        let (mut stream, mut heard) = self.start_shell(user)?;
        // The shell may read ahead, so nothing but this line is sent before `cat` has begun. A connection that breaks ends
        // the input as well; but then nobody hears the last word any more, and half a file is of no use to anybody.
        let line = format!(
            "umask 077; trap '' PIPE; rm -f -- {file} && set -C && exec 3>{file} && echo {mark} >&2 && \
             {{ cat >&3 && echo {mark} || {{ rm -f -- {file}; exit 1; }}; }}; exit\n"
        );
        let outcome = (|| {
            heard.say(&mut stream, line.as_bytes(), Patience::Stalled(STALL_LIMIT))?;
            while memchr::memmem::find(&heard.stderr, mark.as_bytes()).is_none() {
                if heard.ended() {
                    return Err(Trouble::There);
                }
                heard.listen(&mut stream, Instant::now() + STALL_LIMIT)?;
            }
            heard.stdout.clear();
            heard.stderr.clear();
            let mut buffer = vec![0; BUFFER];
            loop {
                let filled = fill(source, &mut buffer).map_err(Trouble::Here)?;
                if filled == 0 {
                    break;
                }
                let piece = buffer.get(..filled).unwrap_or_default();
                match heard.say(&mut stream, piece, Patience::Stalled(STALL_LIMIT)) {
                    // `cat` has ended early and says why on its standard error.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
                    other => other?,
                }
            }
            finish(&mut stream, &mut heard)
        })();
        self.conclude(transfer, outcome, &heard)
    }

    /// Streams a file on the node into a sink.
    pub(super) fn get(
        &mut self,
        user: Option<&Become>,
        path: &str,
        sink: &mut dyn Write,
    ) -> Result<(), ConnectionError> {
        let transfer = Transfer(format!("download of {path}"));
        let request = Request::new(GET, [path, &SMALL.to_string()]).with_timeout(STALL_LIMIT);
        let output = self.run(user, &request)?;
        match output.status {
            0 => sink.write_all(&output.stdout).map_err(|error| transfer.failed(error)),
            NOT_SMALL => self.download_large(user, path, sink, &transfer),
            _ => Err(transfer.failed(output.stderr_text().trim())),
        }
    }

    fn download_large(
        &mut self,
        user: Option<&Become>,
        path: &str,
        sink: &mut dyn Write,
        transfer: &Transfer,
    ) -> Result<(), ConnectionError> {
        let file = quote::word(path).ok_or_else(|| transfer.failed("a path cannot hold a NUL character"))?;
        let mark = random_word().map_err(|error| transfer.failed(error))?;
        self.count_exchange();
        let (mut stream, mut heard) = self.start_shell(user)?;
        let line = format!("exec <{file} && printf {mark} && exec cat\n");
        let outcome = (|| {
            heard.say(&mut stream, line.as_bytes(), Patience::Stalled(STALL_LIMIT))?;
            // What comes before the mark is the login shell's.
            let begin = loop {
                if let Some(position) = memchr::memmem::find(&heard.stdout, mark.as_bytes()) {
                    break position + mark.len();
                }
                if heard.ended() {
                    return Err(Trouble::There);
                }
                heard.listen(&mut stream, Instant::now() + STALL_LIMIT)?;
            };
            heard.stdout.drain(..begin);
            loop {
                sink.write_all(&heard.stdout).map_err(Trouble::Here)?;
                heard.stdout.clear();
                if heard.ended() {
                    break;
                }
                heard.listen(&mut stream, Instant::now() + STALL_LIMIT)?;
            }
            finish(&mut stream, &mut heard)
        })();
        self.conclude(transfer, outcome, &heard)
    }

    fn conclude(
        &mut self,
        transfer: &Transfer,
        outcome: Result<(), Trouble>,
        heard: &Heard,
    ) -> Result<(), ConnectionError> {
        match outcome {
            Ok(()) => Ok(()),
            Err(Trouble::There) => Err(transfer.failed(said(heard))),
            Err(Trouble::Here(error)) => Err(transfer.failed(format!("on this machine: {error}"))),
            Err(Trouble::Between(error)) if error.kind() == io::ErrorKind::TimedOut => Err(ConnectionError::TimedOut {
                what: transfer.0.clone(),
                limit: STALL_LIMIT,
            }),
            // The program on the node ended before it had read everything.
            Err(Trouble::Between(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                Err(transfer.failed(said(heard)))
            }
            Err(Trouble::Between(error)) => Err(self.broken(&transfer.0, &error)),
        }
    }
}

/// Which side a transfer failed on.
enum Trouble {
    /// The node said why.
    There,
    /// This machine's file.
    Here(io::Error),
    /// The connection.
    Between(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Between(error)
    }
}

/// A transfer's name for messages.
struct Transfer(String);

impl Transfer {
    fn failed(&self, reason: impl std::fmt::Display) -> ConnectionError {
        ConnectionError::Transfer {
            what: self.0.clone(),
            reason: reason.to_string(),
        }
    }
}

/// Closes the input, takes in the rest, and asks for the exit status.
fn finish(stream: &mut impl Stream, heard: &mut Heard) -> Result<(), Trouble> {
    let deadline = Instant::now() + STALL_LIMIT;
    stream.close_input(deadline)?;
    while !heard.ended() {
        heard.listen(stream, deadline)?;
    }
    match stream.exit_status(deadline)? {
        0 => Ok(()),
        _ => Err(Trouble::There),
    }
}

/// Reads until the buffer is full or the source has ended.
fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
