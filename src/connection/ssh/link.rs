use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use ssh2::{BlockDirections, DisconnectCode, ErrorCode, Session};

use super::proxy::ProxyChild;
use super::watchdog::Watchdog;
use crate::connection::local::poll_until;

/// libssh2's code for "try again when the socket is ready".
const AGAIN: ErrorCode = ErrorCode::Session(-37);

/// libssh2's code for a time limit that has passed.
pub(super) const TIMED_OUT: ErrorCode = ErrorCode::Session(-9);

/// libssh2's code for a socket that is closed.
const DISCONNECTED: ErrorCode = ErrorCode::Session(-13);

/// Limit for saying good-bye.
const DISCONNECT_LIMIT: Duration = Duration::from_millis(200);

/// A session and its socket. Everything that has to wait for the socket waits here, with a deadline.
pub(super) struct Link {
    session: Session,
    socket: Arc<OwnedFd>,
    alive_interval: Duration,
    alive_count: u32,
    /// Keepalives sent since anything was heard.
    unanswered: AtomicU32,
    /// Waits may be short and many: the silence goes on over them.
    silence: Mutex<Silence>,
    /// The first program has not started yet.
    is_being_set_up: AtomicBool,
    /// Ended after the session.
    proxy: Option<ProxyChild>,
}

/// A silence on the connection while somebody waits.
#[derive(Clone, Copy)]
struct Silence {
    /// When the next keepalive is due.
    until: Instant,
    /// When the last wait ended.
    waited: Instant,
}

/// Longer pauses between two waits than this are no part of a silence: nobody listened.
const NOT_LISTENING: Duration = Duration::from_secs(1);

impl Link {
    pub(super) fn new(
        session: Session,
        socket: Arc<OwnedFd>,
        proxy: Option<ProxyChild>,
        alive_interval: Duration,
        alive_count: u32,
    ) -> Self {
        session.set_keepalive(true, 1);
        Self {
            session,
            socket,
            alive_interval,
            alive_count,
            unanswered: AtomicU32::new(0),
            silence: Mutex::new(Silence {
                until: Instant::now() + alive_interval,
                waited: Instant::now(),
            }),
            is_being_set_up: AtomicBool::new(true),
            proxy,
        }
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// From now on every answer comes in one piece.
    pub(super) fn is_set_up(&self) {
        self.is_being_set_up.store(false, Ordering::Relaxed);
    }

    /// The child that keeps the way to the node open, if there is one.
    pub(super) fn proxy(&self) -> Option<&ProxyChild> {
        self.proxy.as_ref()
    }

    /// Repeats an operation of libssh2 until it is done, waiting for the socket in between.
    pub(super) fn drive<V>(
        &self,
        deadline: Instant,
        mut operation: impl FnMut() -> Result<V, ssh2::Error>,
    ) -> Result<V, ssh2::Error> {
        let timed_out = || ssh2::Error::new(TIMED_OUT, "no answer in time");
        // Whoever has logged krun in is an sshd.
        let watchdog = if self.session.authenticated() {
            None
        } else {
            Watchdog::watch(&self.socket, deadline).ok()
        };
        loop {
            match operation() {
                Err(error) if error.code() == AGAIN => self.wait(deadline).map_err(|error| {
                    if error.kind() == io::ErrorKind::TimedOut {
                        timed_out()
                    } else {
                        ssh2::Error::new(DISCONNECTED, "the connection was closed or fell silent")
                    }
                })?,
                Err(_) if watchdog.as_ref().is_some_and(Watchdog::has_bitten) => return Err(timed_out()),
                other => return other,
            }
        }
    }

    /// Waits until the socket is ready for what libssh2 wants to do next. Sends keepalives meanwhile, so that a peer
    /// that is gone without a word is noticed.
    pub(super) fn wait(&self, deadline: Instant) -> io::Result<()> {
        let wanted = match self.session.block_directions() {
            BlockDirections::Outbound => PollFlags::OUT,
            BlockDirections::Both => PollFlags::IN | PollFlags::OUT,
            BlockDirections::Inbound | BlockDirections::None => PollFlags::IN,
        };
        let mut silence = *self.silence();
        if silence.waited.elapsed() > NOT_LISTENING {
            silence.until = Instant::now() + self.alive_interval;
        }
        let waited = self.wait_through(&mut silence, wanted, deadline);
        silence.waited = Instant::now();
        *self.silence() = silence;
        waited
    }

    fn wait_through(&self, silence: &mut Silence, wanted: PollFlags, deadline: Instant) -> io::Result<()> {
        loop {
            if Instant::now() >= deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if self.is_being_set_up.load(Ordering::Relaxed) {
                self.acknowledge_at_once();
            }
            let mut polled = [PollFd::new(&self.socket, wanted)];
            if poll_until(&mut polled, deadline.min(silence.until))? {
                if polled.iter().any(|socket| socket.revents().contains(PollFlags::IN)) {
                    self.unanswered.store(0, Ordering::Relaxed);
                    silence.until = Instant::now() + self.alive_interval;
                }
                return Ok(());
            }
            if Instant::now() >= silence.until {
                silence.until = Instant::now() + self.alive_interval;
                if self.session.authenticated() {
                    self.ask_for_a_sign()?;
                }
            }
        }
    }

    fn silence(&self) -> MutexGuard<'_, Silence> {
        self.silence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// sshd sends its host keys right after the login and, with Nagle's algorithm on, holds the answer to the first channel
    /// back until they are acknowledged: for 40 ms, if the kernel thinks that there is time. It thinks so again after each
    /// answer.
    fn acknowledge_at_once(&self) {
        // There is no such option on the way through a proxy, nor a need for it.
        let _ = rustix::net::sockopt::set_tcp_quickack(&self.socket, true);
    }

    fn ask_for_a_sign(&self) -> io::Result<()> {
        let unanswered = self.unanswered.fetch_add(1, Ordering::Relaxed);
        if unanswered >= self.alive_count {
            return Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                format!("{unanswered} keepalives in a row were not answered"),
            ));
        }
        match self.session.keepalive_send() {
            Err(error) if error.code() != AGAIN => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Says good-bye, without waiting for long.
    pub(super) fn disconnect(&self) {
        let deadline = Instant::now() + DISCONNECT_LIMIT;
        // Whether the peer hears it does not matter any more.
        let _ = self.drive(deadline, || {
            self.session
                .disconnect(Some(DisconnectCode::ByApplication), "done", None)
        });
    }
}
