//! Few logins at a time through one jump host: its sshd turns away whoever comes while ten others are logging in
//! (`MaxStartups`, 10:30:100 by default), and a play begins with all its hosts at once.

use std::collections::HashMap;
use std::sync::{Condvar, LazyLock, Mutex, PoisonError};

/// Logins at a time.
const LIMIT: usize = 8;

static GATE: LazyLock<Gate> = LazyLock::new(Gate::default);

#[derive(Default)]
struct Gate {
    inside: Mutex<HashMap<String, usize>>,
    left: Condvar,
}

/// The right to log in; given back when dropped.
pub(super) struct Turn(String);

/// Waits for a turn. Those who have one give it back within their own time limit.
pub(super) fn enter(way: &str) -> Turn {
    let inside = GATE.inside.lock().unwrap_or_else(PoisonError::into_inner);
    let mut inside = GATE
        .left
        .wait_while(inside, |inside| inside.get(way).is_some_and(|count| *count >= LIMIT))
        .unwrap_or_else(PoisonError::into_inner);
    *inside.entry(way.to_owned()).or_default() += 1;
    Turn(way.to_owned())
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut inside = GATE.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = inside.get_mut(&self.0) {
            *count -= 1;
        }
        GATE.left.notify_all();
    }
}
