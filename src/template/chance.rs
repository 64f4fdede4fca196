//! Random numbers for templates, counted: what a task says with them is not the same when it is asked again.

use std::cell::Cell;

use minijinja::Error;

use super::arguments::refusal;

thread_local! {
    static DRAWN: Cell<u64> = const { Cell::new(0) };
}

/// Fills the buffer from the system's random numbers.
pub(super) fn draw(bytes: &mut [u8]) -> Result<(), Error> {
    note();
    getrandom::fill(bytes).map_err(|_| refusal("the system gives no random numbers"))
}

/// Notes that a value came from outside, so that it may be another one the next time.
pub(super) fn note() {
    DRAWN.set(DRAWN.get() + 1);
}

/// How often templates have drawn random numbers on this thread so far.
pub fn random_draws() -> u64 {
    DRAWN.get()
}
