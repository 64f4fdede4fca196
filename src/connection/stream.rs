use std::cell::RefCell;
use std::io;
use std::time::{Duration, Instant};

/// The two streams that a program on the node writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Stdout,
    Stderr,
}

/// A program that runs on the node, with its three streams; nothing here blocks but [`Stream::wait`].
pub(super) trait Stream: Send {
    /// Reads what has arrived: `WouldBlock` when there is nothing yet, 0 at the end of the stream.
    /// Fills the buffer as far as it can: after less than that there is nothing more for now.
    fn read(&mut self, source: Source, into: &mut [u8]) -> io::Result<usize>;

    /// False when a read of this stream, the other one having just been read, is known to bring nothing.
    fn may_bring(&self, _source: Source) -> bool {
        true
    }

    /// Writes as much as fits to the program's standard input; `WouldBlock` when nothing fits.
    fn write(&mut self, bytes: &[u8], deadline: Instant) -> io::Result<usize>;

    /// Closes the program's standard input.
    fn close_input(&mut self, deadline: Instant) -> io::Result<()>;

    /// Waits until something can be read (or, when `to_write`, written); `TimedOut` once the deadline has passed.
    fn wait(&mut self, to_write: bool, deadline: Instant) -> io::Result<()>;

    /// Waits until the program has ended, both its streams having been read to the end, and gives its exit status.
    fn exit_status(&mut self, deadline: Instant) -> io::Result<i32>;
}

/// How long to wait for the other side.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    /// Until this moment.
    Until(Instant),
    /// This long after each piece that got through: for transfers, whose length is not known.
    Stalled(Duration),
}

impl Patience {
    pub(super) fn deadline(self) -> Instant {
        match self {
            Self::Until(moment) => moment,
            Self::Stalled(limit) => Instant::now() + limit,
        }
    }
}

/// Bytes that are asked for at a time: what libssh2 hands out at most in one packet.
const CHUNK: usize = 32 * 1024;

thread_local! {
    /// What a read is made into. A buffer of its own would have to be zeroed for every read.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Bytes taken in before anything else gets its turn, so that a flood cannot hide a time limit.
const GULP: usize = 1024 * 1024;

/// What both streams of a program have brought so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    stdout_ended: bool,
    stderr_ended: bool,
}

impl Heard {
    /// True when the program has closed both streams.
    pub(super) fn ended(&self) -> bool {
        self.stdout_ended && self.stderr_ended
    }

    /// True when the program has closed its standard output.
    pub(super) fn stdout_ended(&self) -> bool {
        self.stdout_ended
    }

    /// Takes in what has arrived; false when nothing has.
    pub(super) fn take_in(&mut self, stream: &mut impl Stream) -> io::Result<bool> {
        let stdout = fill(stream, Source::Stdout, &mut self.stdout, &mut self.stdout_ended)?;
        let stderr =
            stream.may_bring(Source::Stderr) && fill(stream, Source::Stderr, &mut self.stderr, &mut self.stderr_ended)?;
        Ok(stdout || stderr)
    }

    /// Takes in what arrives next, waiting for it first: a look right after a request was written finds nothing.
    pub(super) fn listen(&mut self, stream: &mut impl Stream, deadline: Instant) -> io::Result<()> {
        if Instant::now() >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        while !self.ended() {
            stream.wait(false, deadline)?;
            if self.take_in(stream)? {
                break;
            }
        }
        Ok(())
    }

    /// Writes all bytes while taking in what arrives meanwhile, so that neither side blocks the other.
    pub(super) fn say(&mut self, stream: &mut impl Stream, mut bytes: &[u8], patience: Patience) -> io::Result<()> {
        let mut deadline = patience.deadline();
        while !bytes.is_empty() {
            match stream.write(bytes, deadline) {
                Ok(0) => {}
                Ok(written) => {
                    bytes = bytes.get(written..).unwrap_or_default();
                    deadline = patience.deadline();
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            if !self.take_in(stream)? {
                if self.ended() {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                stream.wait(true, deadline)?;
            } else if Instant::now() >= deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }
}

/// Reads what has arrived on one stream; true when there was something, or the end.
fn fill(stream: &mut impl Stream, source: Source, into: &mut Vec<u8>, ended: &mut bool) -> io::Result<bool> {
    BUFFER.with_borrow_mut(|buffer| {
        buffer.resize(CHUNK, 0);
        let mut taken = 0;
        let mut progress = false;
        while !*ended && taken < GULP {
            let read = match stream.read(source, buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            progress = true;
            *ended = read == 0;
            taken += read;
            into.extend_from_slice(buffer.get(..read).unwrap_or_default());
            if read < buffer.len() {
                break;
            }
        }
        Ok(progress)
    })
}
