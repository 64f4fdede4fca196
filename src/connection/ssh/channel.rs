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
    /// Since the channel was opened nothing has been read or written, which takes in all that has arrived. Opening it may
    /// have read more from the socket than it has looked at.
    is_new: bool,
}

impl ChannelStream {
    pub(super) fn new(channel: Channel, link: Arc<Link>) -> Self {
        Self {
            channel,
            link,
            is_new: true,
        }
    }

    /// True when libssh2 has taken from the socket what is waited for: each of its calls takes in packets of all kinds, so
    /// that a look for stderr may have brought stdout, and the socket has nothing more to tell. Asks nothing of the peer.
    fn has_something_already(&self, to_write: bool) -> bool {
        self.is_new
            || self.channel.read_window().available > 0
            || self.channel.eof()
            || (to_write && self.channel.write_window().remaining > 0)
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
        self.is_new = false;
        match source {
            Source::Stdout => self.channel.read(into),
            Source::Stderr => self.channel.stderr().read(into),
        }
    }

    fn may_bring(&self, _source: Source) -> bool {
        self.channel.read_window().available > 0 || self.channel.eof()
    }

    fn write(&mut self, bytes: &[u8], deadline: Instant) -> io::Result<usize> {
        if self.channel.eof() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.is_new = false;
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

    fn wait(&mut self, to_write: bool, deadline: Instant) -> io::Result<()> {
        if self.has_something_already(to_write) {
            return Ok(());
        }
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;
    use std::time::Duration;

    use super::super::Ssh;
    use super::*;
    use crate::connection::Endpoint;
    use crate::connection::shells::Transport as _;

    const SSHD: &str = "/usr/sbin/sshd";

    /// A command on an sshd that is a child of krun's, as a proxy command is.
    fn start(directory: &Path, command: &str) -> ChannelStream {
        for name in ["host_key", "id"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(directory.join(name))
                .status();
            assert!(made.unwrap().success());
        }
        std::fs::create_dir_all("/run/sshd").unwrap();
        let at = directory.display();
        let config = format!(
            "HostKey {at}/host_key\nAuthorizedKeysFile {at}/id.pub\nPermitRootLogin yes\nStrictModes no\nUsePAM no\n"
        );
        std::fs::write(directory.join("sshd_config"), config).unwrap();
        let options = [
            "-F".to_owned(),
            "none".to_owned(),
            "-o".to_owned(),
            format!("ProxyCommand={SSHD} -i -f {at}/sshd_config"),
            "-o".to_owned(),
            "IdentityAgent=none".to_owned(),
            "-o".to_owned(),
            "StrictHostKeyChecking=no".to_owned(),
            "-o".to_owned(),
            format!("UserKnownHostsFile={at}/known_hosts"),
        ];
        let mut ssh = Ssh::new(Endpoint {
            user: Some("root".to_owned()),
            private_key: Some(directory.join("id")),
            ssh_args: options.to_vec(),
            ..Endpoint::ssh("node")
        });
        ssh.start(command).unwrap()
    }

    #[test]
    fn what_a_look_for_stderr_has_brought_of_stdout_is_not_waited_for() {
        if !Path::new(SSHD).exists() || !rustix::process::getuid().is_root() {
            eprintln!("skipped: an sshd of one's own needs root and {SSHD}");
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let mut stream = start(directory.path(), "cat");
        let deadline = Instant::now() + Duration::from_secs(10);
        assert_eq!(stream.write(b"hello\n", deadline).unwrap(), 6);
        let mut buffer = [0; 64];
        while stream.channel.read_window().available == 0 {
            stream.link.wait(deadline).unwrap();
            let read = stream.read(Source::Stderr, &mut buffer);
            assert_eq!(read.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        }

        stream.wait(false, Instant::now() + Duration::from_secs(2)).unwrap();

        assert_eq!(stream.read(Source::Stdout, &mut buffer).unwrap(), 6);
        // `cat` is silent now, and a wait is a wait again.
        let silent = stream.wait(false, Instant::now() + Duration::from_millis(50));
        assert_eq!(silent.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
