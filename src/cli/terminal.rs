//! The terminal while lines change in place on it: a Ctrl-C that it showed would move them.

use std::io;
use std::sync::{Mutex, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// What the terminal was like before.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Keeps the terminal from showing `^C`, until it is dropped.
///
/// The `^C` would stand behind the last of the lines, whose rewriting would then begin a line too low.
pub(super) struct Calm(());

impl Calm {
    pub(super) fn new() -> Self {
        if let Ok(before) = tcgetattr(io::stdin()) {
            let mut calm = before.clone();
            calm.local_modes.remove(LocalModes::ECHOCTL);
            if tcsetattr(io::stdin(), OptionalActions::Now, &calm).is_ok() {
                *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
            }
        }
        Self(())
    }
}

impl Drop for Calm {
    fn drop(&mut self) {
        restore();
    }
}

/// Makes the terminal what it was, also where krun ends in the middle.
pub(super) fn restore() {
    if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
    }
}
