//! Nodes over SSH, through libssh2, without ever blocking: every wait has a deadline.

mod address;
mod auth;
mod channel;
mod config;
mod host_key;
mod identity;
mod known_hosts;
mod link;
mod proxy;
mod terminal;
mod watchdog;

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use ssh2::{ErrorCode, MethodType, Session};

use super::shells::Transport;
use super::{ConnectionError, Endpoint};
use channel::ChannelStream;
use config::Settings;
use link::Link;

/// Limit for opening a channel on a session that stands.
const CHANNEL_LIMIT: Duration = Duration::from_secs(30);

/// libssh2's code for a channel that the server does not want to open.
const CHANNEL_REFUSED: ErrorCode = ErrorCode::Session(-21);

/// One node over SSH.
pub(super) struct Ssh {
    endpoint: Endpoint,
    /// What OpenSSH's configuration says about the host; asked once.
    settings: Option<Settings>,
    link: Option<Arc<Link>>,
}

impl Ssh {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            settings: None,
            link: None,
        }
    }

    fn connect(&mut self) -> Result<Arc<Link>, ConnectionError> {
        let settings = match self.settings.take() {
            Some(settings) => settings,
            None => Settings::of(&self.endpoint)?,
        };
        let link = Self::establish(&self.endpoint, &settings);
        self.settings = Some(settings);
        let link = Arc::new(link?);
        self.link = Some(Arc::clone(&link));
        Ok(link)
    }

    /// Connects, agrees on keys, checks the host's key and logs in.
    fn establish(endpoint: &Endpoint, settings: &Settings) -> Result<Link, ConnectionError> {
        let mut deadline = Instant::now() + settings.connect_timeout;
        let name = settings.describe(endpoint);
        let unreachable = |message: String, help: Option<&str>| ConnectionError::Unreachable {
            message: format!("cannot connect to {name}: {message}"),
            help: help.map(str::to_owned),
        };
        let mut session = Session::new().map_err(|error| unreachable(error.to_string(), None))?;
        let Route { socket, guard } = match proxy::command(endpoint, settings) {
            Some(command) => proxy::connect(&command),
            None => address::connect(&settings.hostname, settings.port, deadline).map(Route::direct),
        }
        .map_err(|error| unreachable(error.to_string(), address::help(&error)))?;
        let setup = |error: io::Error| unreachable(error.to_string(), None);
        rustix::io::ioctl_fionbio(socket.as_fd(), true).map_err(|error| setup(error.into()))?;
        let socket = Arc::new(socket);
        session.set_tcp_stream(SharedSocket(Arc::clone(&socket)));
        session.set_blocking(false);
        let known = host_key::Known::load(settings);
        host_key::prefer_known(&session, &known, settings).map_err(|error| unreachable(error.to_string(), None))?;
        session
            .method_pref(MethodType::SignAlgo, "rsa-sha2-512,rsa-sha2-256")
            .map_err(|error| unreachable(error.to_string(), None))?;
        let link = Link::new(
            session.clone(),
            socket,
            guard,
            settings.alive_interval,
            settings.alive_count,
        );
        link.drive(deadline, || session.handshake())
            .map_err(|error| handshake_failed(&name, settings, &error))?;
        host_key::verify(&session, &known, settings, &name)?;
        auth::log_in(&link, endpoint, settings, &name, &mut deadline)?;
        Ok(link)
    }

    fn start_on(link: &Arc<Link>, command: &str) -> Result<ChannelStream, ssh2::Error> {
        let deadline = Instant::now() + CHANNEL_LIMIT;
        let session = link.session();
        let mut channel = link.drive(deadline, || session.channel_session())?;
        link.drive(deadline, || channel.exec(command))?;
        Ok(ChannelStream::new(channel, Arc::clone(link)))
    }
}

impl Transport for Ssh {
    type Stream = ChannelStream;

    fn start(&mut self, command: &str) -> Result<ChannelStream, ConnectionError> {
        if let Some(link) = self.link.clone() {
            match Self::start_on(&link, command) {
                Ok(stream) => return Ok(stream),
                Err(error) if error.code() == CHANNEL_REFUSED => return Err(refused(&self.address(), &error)),
                // The session was lost while nothing ran on it: nobody need know.
                Err(_) => self.close(),
            }
        }
        let link = self.connect()?;
        Self::start_on(&link, command).map_err(|error| {
            self.close();
            refused(&self.address(), &error)
        })
    }

    fn close(&mut self) {
        if let Some(link) = self.link.take() {
            link.disconnect();
        }
    }

    fn address(&self) -> String {
        match &self.settings {
            Some(settings) => settings.describe(&self.endpoint),
            None => self.endpoint.host.clone(),
        }
    }

    fn shell(&self) -> &str {
        &self.endpoint.shell
    }
}

/// A way to the node's sshd, with the child process that keeps it open, if there is one.
struct Route {
    socket: OwnedFd,
    guard: Option<ProxyChild>,
}

impl Route {
    fn direct(socket: OwnedFd) -> Self {
        Self { socket, guard: None }
    }
}

/// The child behind a proxied connection; ended with it.
struct ProxyChild(std::process::Child);

impl Drop for ProxyChild {
    fn drop(&mut self) {
        // It may have ended by itself when its socket was closed.
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::TERM);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The socket as libssh2 wants it, while krun polls the same one.
struct SharedSocket(Arc<OwnedFd>);

impl AsRawFd for SharedSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

fn refused(address: &str, error: &ssh2::Error) -> ConnectionError {
    ConnectionError::Unreachable {
        message: format!("{address}: logged in, but sshd does not start a command: {error}"),
        help: Some(
            "look at MaxSessions, ForceCommand and the login shell on the node, and at sshd's log there".to_owned(),
        ),
    }
}

fn handshake_failed(name: &str, settings: &Settings, error: &ssh2::Error) -> ConnectionError {
    let (message, help) = match error.code() {
        link::TIMED_OUT => (
            format!(
                "connected, but no SSH answer within {} s",
                settings.connect_timeout.as_secs()
            ),
            "another service may listen on this port, or sshd has too many connections waiting (MaxStartups)",
        ),
        // LIBSSH2_ERROR_KEX_FAILURE and LIBSSH2_ERROR_METHOD_NONE
        ErrorCode::Session(-5 | -17) => (
            format!("no common key exchange, cipher or host key type ({error})"),
            "sshd is too old (CentOS 6 knows SHA-1 only) or too strict; `ssh -vv` shows what it offers",
        ),
        _ => (
            format!("SSH was not agreed on: {error}"),
            "check that sshd listens on this port, and its log on the node",
        ),
    };
    ConnectionError::Unreachable {
        message: format!("cannot connect to {name}: {message}"),
        help: Some(help.to_owned()),
    }
}
