use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;

use rustix::net::{Shutdown, shutdown};

/// Ends a connection whose peer never stops sending: libssh2 takes in what arrives for as long as something does, and
/// looks at no clock meanwhile.
pub(super) struct Watchdog {
    /// Dropped with the watchdog, which its thread notices.
    _leash: Sender<()>,
    has_bitten: Arc<AtomicBool>,
}

impl Watchdog {
    /// Shuts the socket down at the deadline, unless it is dropped before.
    pub(super) fn watch(socket: &Arc<OwnedFd>, deadline: Instant) -> io::Result<Self> {
        let (leash, freed) = channel();
        let has_bitten = Arc::new(AtomicBool::new(false));
        let (socket, bites) = (Arc::clone(socket), Arc::clone(&has_bitten));
        std::thread::Builder::new()
            .name("ssh watchdog".to_owned())
            .spawn(move || sit(&freed, &socket, deadline, &bites))?;
        Ok(Self {
            _leash: leash,
            has_bitten,
        })
    }

    /// True when the deadline has passed.
    pub(super) fn has_bitten(&self) -> bool {
        self.has_bitten.load(Ordering::Relaxed)
    }
}

fn sit(freed: &Receiver<()>, socket: &OwnedFd, deadline: Instant, bites: &AtomicBool) {
    let left = deadline.saturating_duration_since(Instant::now());
    if freed.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
        bites.store(true, Ordering::Relaxed);
        // What is shut down already need not be.
        let _ = shutdown(socket, Shutdown::Both);
    }
}
