//! Consumers of a run's events: text for people, JSON lines for programs.

mod diff;
mod excerpt;
mod json;
mod live;
mod paces;
mod readable;
mod report;
mod text;

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;

pub use diff::render as render_diff;

use crate::runner::Event;

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line: the events themselves.
    Json,
}

/// What the text is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Plays, batches, tasks and a recap.
    Play,
    /// What one module says on each host.
    Module,
}

/// What the text shows.
#[derive(Clone, Copy, Debug)]
pub struct TextOptions {
    /// What it is about.
    pub style: Style,
    /// Number of `-v`.
    pub verbosity: u8,
    /// Show what hosts are at, in lines that change in place; on a terminal only.
    pub live: bool,
    /// Width of the banners.
    pub width: usize,
    /// Show hosts that a task skipped, and tasks that all hosts skipped.
    pub shows_skipped: bool,
}

/// Says on standard error that standard output takes no more, for example on a full disk. That a reader has gone is
/// no news.
fn tell_once(error: &io::Error) {
    static IS_TOLD: AtomicBool = AtomicBool::new(false);
    if error.kind() != io::ErrorKind::BrokenPipe && !IS_TOLD.swap(true, Ordering::Relaxed) {
        // When nobody can read it there is nobody to tell.
        let _ = writeln!(
            io::stderr().lock(),
            "warning: cannot write to standard output: {error}; the run goes on"
        );
    }
}

/// Shows events until the last one has come.
pub fn consume(format: Format, options: TextOptions, events: &Receiver<Event>) {
    match format {
        Format::Text => text::TextOutput::new(options).consume(events),
        Format::Json => json::consume(events),
    }
}
