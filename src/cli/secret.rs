//! Asks on the terminal for what must not be seen. Ctrl-C there ends krun, and the terminal is left as it was.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;

use super::answers::line;
use super::print::complain;
use super::signals::{EXIT_INTERRUPTED, wanted};

/// What signals do before the run begins, once something was asked.
#[derive(Clone, Default)]
struct Before {
    /// Set by a signal while a question is open.
    interrupted: Arc<AtomicBool>,
    /// Nothing is asked: a signal ends krun at once.
    is_idle: Arc<AtomicBool>,
}

static BEFORE: OnceLock<Before> = OnceLock::new();

/// Asks for a password; gives what was typed.
///
/// # Errors
/// There is no terminal, or it has ended.
pub(super) fn ask(question: &str) -> io::Result<SecretString> {
    ask_terminal(question, false).map(SecretString::from)
}

/// Asks for something that may be seen while it is typed.
///
/// # Errors
/// There is no terminal, or it has ended.
pub(super) fn ask_openly(question: &str) -> io::Result<String> {
    ask_terminal(question, true)
}

fn ask_terminal(question: &str, shown: bool) -> io::Result<String> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let before = before()?;
    before.is_idle.store(false, Ordering::Relaxed);
    let answer = ask_on(&terminal, question, shown, &before.interrupted);
    before.is_idle.store(true, Ordering::Relaxed);
    match answer {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err(io::Error::other("there was no answer")),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            complain("interrupted: nothing was run");
            std::process::exit(EXIT_INTERRUPTED)
        }
        Err(error) => Err(error),
    }
}

/// From now on the run acts on signals.
pub(super) fn run_begins() {
    if let Some(before) = BEFORE.get() {
        before.is_idle.store(false, Ordering::Relaxed);
    }
}

fn before() -> io::Result<&'static Before> {
    if BEFORE.get().is_none() {
        let before = Before::default();
        for signal in wanted() {
            signal_hook::flag::register(signal, Arc::clone(&before.interrupted))?;
            signal_hook::flag::register_conditional_shutdown(signal, EXIT_INTERRUPTED, Arc::clone(&before.is_idle))?;
        }
        // Questions are asked one after the other.
        let _ = BEFORE.set(before);
    }
    BEFORE.get().ok_or_else(|| io::Error::other("no signals"))
}

fn ask_on(mut terminal: &File, question: &str, shown: bool, interrupted: &AtomicBool) -> io::Result<Option<String>> {
    write!(terminal, "{question}")?;
    terminal.flush()?;
    if shown {
        line(terminal, interrupted)
    } else {
        hidden_line(terminal, interrupted)
    }
}

/// One line that is not shown while it is typed.
pub(super) fn hidden_line(terminal: impl AsFd, interrupted: &AtomicBool) -> io::Result<Option<String>> {
    let hidden = Hidden::new(&terminal)?;
    let read = line(&terminal, interrupted);
    drop(hidden);
    // The line's end was not shown either.
    let _ = rustix::io::write(&terminal, b"\n");
    read
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Hidden<T: AsFd> {
    terminal: T,
    before: Termios,
}

impl<T: AsFd> Hidden<T> {
    fn new(terminal: T) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
        hidden.local_modes.insert(LocalModes::ICANON | LocalModes::ISIG);
        // What was typed before the question is no answer to it.
        tcsetattr(&terminal, OptionalActions::Flush, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl<T: AsFd> Drop for Hidden<T> {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}
