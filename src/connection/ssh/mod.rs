//! Nodes over SSH, through libssh2, without ever blocking: every wait has a deadline.

mod address;
mod auth;
mod certificate;
mod channel;
mod config;
mod gate;
mod host_key;
mod identity;
mod keys;
mod known_hosts;
mod link;
mod openssh;
mod proxy;
mod terminal;
mod tokens;
mod unsupported;
mod watchdog;

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ssh2::{ErrorCode, MethodType, Session};

use super::shells::Transport;
use super::{ConnectionError, Endpoint};
use channel::ChannelStream;
use config::Settings;
use link::Link;
use proxy::ProxyChild;

/// Limit for opening a channel on a session that stands.
const CHANNEL_LIMIT: Duration = Duration::from_secs(30);

/// libssh2's code for a channel that the server does not want to open.
const CHANNEL_REFUSED: ErrorCode = ErrorCode::Session(-21);

/// One node over SSH.
pub(super) struct Ssh {
    endpoint: Endpoint,
    /// What OpenSSH's configuration says about the host; asked once.
    settings: Option<Settings>,
    /// One session as a rule; more where the server allows few channels on each (`MaxSessions`).
    links: Vec<Arc<Link>>,
    /// As measured while the connection was made; not known through a jump host or a proxy.
    round_trip: Option<Duration>,
}

impl Ssh {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            settings: None,
            links: Vec::new(),
            round_trip: None,
        }
    }

    fn connect(&mut self) -> Result<Arc<Link>, ConnectionError> {
        let settings = match self.settings.take() {
            Some(settings) => settings,
            None => Settings::of(&self.endpoint)?,
        };
        let established = Self::establish(&self.endpoint, &settings);
        self.settings = Some(settings);
        let (link, round_trip) = established?;
        self.round_trip = round_trip;
        let link = Arc::new(link);
        self.links.push(Arc::clone(&link));
        Ok(link)
    }

    /// Connects, agrees on keys, checks the host's key and logs in; tells the round trip, too, when there is no proxy.
    fn establish(endpoint: &Endpoint, settings: &Settings) -> Result<(Link, Option<Duration>), ConnectionError> {
        let way = settings.proxy_command.as_ref().or(settings.proxy_jump.as_ref());
        // A proxy command may be a jump as well, and differs from host to host.
        let _turn = way.map(|way| gate::enter(if settings.proxy_command.is_some() { "" } else { way }));
        let mut deadline = Instant::now() + settings.connect_timeout;
        let name = settings.describe(endpoint);
        let unreachable = |message: String, help: Option<&str>| ConnectionError::Unreachable {
            message: format!("cannot connect to {name}: {message}"),
            help: help.map(str::to_owned),
        };
        let mut session = Session::new().map_err(|error| unreachable(error.to_string(), None))?;
        let mut round_trip = None;
        let Route { socket, guard } = match proxy::command(endpoint, settings) {
            Some(command) => proxy::connect(&command),
            None => address::connect(&settings.hostname, settings.port, settings.family, deadline).map(
                |(socket, measured)| {
                    round_trip = Some(measured);
                    Route::direct(socket)
                },
            ),
        }
        .map_err(|error| unreachable(error.to_string(), address::help(&error)))?;
        let setup = |error: io::Error| unreachable(error.to_string(), None);
        rustix::io::ioctl_fionbio(socket.as_fd(), true).map_err(|error| setup(error.into()))?;
        let socket = Arc::new(socket);
        session.set_tcp_stream(SharedSocket(Arc::clone(&socket)));
        session.set_blocking(false);
        choose_algorithms(&session, settings).map_err(|(option, error)| {
            unreachable(
                format!("nothing of what {option} asks for is there ({error})"),
                Some("leave it out, or add an algorithm that krun's SSH library has"),
            )
        })?;
        let known = host_key::Known::load(settings);
        host_key::prefer_known(&session, &known, settings).map_err(|error| unreachable(error.to_string(), None))?;
        session
            .method_pref(
                MethodType::SignAlgo,
                settings.signatures.as_deref().unwrap_or(auth::RSA_SIGNATURES),
            )
            .map_err(|error| unreachable(error.to_string(), None))?;
        let link = Link::new(
            session.clone(),
            socket,
            guard,
            settings.alive_interval,
            settings.alive_count,
        );
        link.drive(deadline, || session.handshake())
            .map_err(|error| handshake_failed(&name, settings, &error, link.proxy()))?;
        let trust = host_key::verify(&session, &known, settings, &name)?;
        auth::log_in(&link, endpoint, settings, trust, &name, &mut deadline)?;
        Ok((link, round_trip))
    }

    fn start_on(link: &Arc<Link>, command: &str) -> Result<ChannelStream, ssh2::Error> {
        let deadline = Instant::now() + CHANNEL_LIMIT;
        let session = link.session();
        let mut channel = link.drive(deadline, || session.channel_session())?;
        link.drive(deadline, || channel.exec(command))?;
        link.is_set_up();
        Ok(ChannelStream::new(channel, Arc::clone(link)))
    }
}

impl Transport for Ssh {
    type Stream = ChannelStream;

    fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    fn start(&mut self, command: &str) -> Result<ChannelStream, ConnectionError> {
        let mut position = 0;
        while let Some(link) = self.links.get(position) {
            match Self::start_on(link, command) {
                Ok(stream) => return Ok(stream),
                // It is full; another one may have room.
                Err(error) if error.code() == CHANNEL_REFUSED => position += 1,
                // The session was lost while nothing ran on it: nobody need know.
                Err(_) => self.links.remove(position).disconnect(),
            }
        }
        let link = self.connect()?;
        Self::start_on(&link, command).map_err(|error| {
            self.links.retain(|kept| !Arc::ptr_eq(kept, &link));
            link.disconnect();
            refused(&self.address(), &error)
        })
    }

    fn close(&mut self) {
        for link in self.links.drain(..) {
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

/// The socket as libssh2 wants it, while krun polls the same one.
struct SharedSocket(Arc<OwnedFd>);

impl AsRawFd for SharedSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Obeys what somebody has chosen; the library knows best otherwise.
fn choose_algorithms(session: &Session, settings: &Settings) -> Result<(), (&'static str, ssh2::Error)> {
    session.set_compress(settings.compression);
    if settings.compression {
        for way in [MethodType::CompCs, MethodType::CompSc] {
            session
                .method_pref(way, "zlib@openssh.com,zlib,none")
                .map_err(|error| ("Compression", error))?;
        }
    }
    for (option, chosen, ways) in [
        ("KexAlgorithms", &settings.key_exchanges, [MethodType::Kex].as_slice()),
        (
            "Ciphers",
            &settings.ciphers,
            &[MethodType::CryptCs, MethodType::CryptSc],
        ),
        ("MACs", &settings.macs, &[MethodType::MacCs, MethodType::MacSc]),
    ] {
        for way in ways.iter().filter(|_| chosen.is_some()) {
            let names = chosen.as_deref().unwrap_or_default().join(",");
            session.method_pref(*way, &names).map_err(|error| (option, error))?;
        }
    }
    Ok(())
}

fn refused(address: &str, error: &ssh2::Error) -> ConnectionError {
    ConnectionError::Unreachable {
        message: format!("{address}: logged in, but sshd does not start a command: {error}"),
        help: Some(
            "look at MaxSessions, ForceCommand and the login shell on the node, and at sshd's log there".to_owned(),
        ),
    }
}

fn handshake_failed(
    name: &str,
    settings: &Settings,
    error: &ssh2::Error,
    proxy: Option<&ProxyChild>,
) -> ConnectionError {
    if let Some(proxy) = proxy {
        let said = proxy.said();
        return ConnectionError::Unreachable {
            message: if said.is_empty() {
                format!("cannot connect to {name}: nobody answers behind the proxy or jump host ({error})")
            } else {
                format!("cannot connect to {name}: the proxy or jump host says: {said}")
            },
            help: Some(
                "the way there is OpenSSH's (ProxyJump, ProxyCommand), and never asks anything: try it by hand with `ssh -o BatchMode=yes`"
                    .to_owned(),
            ),
        };
    }
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
