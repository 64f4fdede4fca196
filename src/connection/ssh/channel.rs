use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Instant;

use ssh2::{BlockDirections, Channel};

use super::link::Link;
use crate::connection::stream::{Source, Stream};

/// A program on the node, on a channel of its own.
pub(in crate::connection) struct ChannelStream {
    // Before the link: a channel is closed while its session still stands.
    channel: Channel,
    link: Arc<Link>,
}

impl ChannelStream {
    pub(super) fn new(channel: Channel, link: Arc<Link>) -> Self {
        Self { channel, link }
    }

    /// True when libssh2 has half a packet to write; until that is out, it can do nothing else.
    fn is_stuck_writing(&self) -> bool {
        matches!(
            self.link.session().block_directions(),
            BlockDirections::Outbound | BlockDirections::Both
        )
    }
}

impl Stream for ChannelStream {
    fn read(&mut self, source: Source, into: &mut [u8]) -> io::Result<usize> {
        match source {
            Source::Stdout => self.channel.read(into),
            Source::Stderr => self.channel.stderr().read(into),
        }
    }

    fn write(&mut self, bytes: &[u8], deadline: Instant) -> io::Result<usize> {
        if self.channel.eof() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        loop {
            match self.channel.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.is_stuck_writing() => {
                    self.link.wait(deadline)?;
                }
                Err(error) if error.kind() != io::ErrorKind::WouldBlock && self.channel.eof() => {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                other => return other,
            }
        }
    }

    fn close_input(&mut self, deadline: Instant) -> io::Result<()> {
        Ok(self.link.drive(deadline, || self.channel.send_eof())?)
    }

    fn wait(&mut self, _to_write: bool, deadline: Instant) -> io::Result<()> {
        self.link.wait(deadline)
    }

    fn exit_status(&mut self, deadline: Instant) -> io::Result<i32> {
        self.link.drive(deadline, || self.channel.wait_eof())?;
        self.link.drive(deadline, || self.channel.close())?;
        self.link.drive(deadline, || self.channel.wait_close())?;
        // A program that a signal ended has status 0 here.
        if self.channel.exit_signal()?.exit_signal.is_some() {
            return Ok(128);
        }
        Ok(self.channel.exit_status()?)
    }
}
