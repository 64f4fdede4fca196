//! The way to standard output and standard error for everything that is not a run. A reader that has gone is no error.

use std::io::{self, Write};

use crate::syntax::Diagnostics;

const FAILED: i32 = 1;

/// Prints to standard output, with a line's end behind it; gives the exit code.
pub(super) fn print(text: &str) -> i32 {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("error: cannot write to standard output: {error}"));
            FAILED
        }
        _ => 0,
    }
}

/// Prints to standard error, with a line's end behind it.
pub(super) fn complain(text: &str) {
    // When nobody can read it there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Asks on standard error; the answer stands right behind it.
pub(super) fn prompt(text: &str) {
    let mut out = io::stderr().lock();
    // When nobody can read it there is nobody to ask.
    let _ = write!(out, "{text}").and_then(|()| out.flush());
}

/// Prints what is wrong with what the user wrote, if anything is.
pub(super) fn print_findings(findings: &Diagnostics) {
    if !findings.is_empty() {
        complain(&findings.render(console::colors_enabled_stderr()));
    }
}
