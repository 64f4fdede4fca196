//! Consumers of a run's events: text for people, JSON lines for programs.

mod diff;
mod excerpt;
mod json;
mod live;
mod readable;
mod report;
mod text;

use std::sync::mpsc::Receiver;

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
}

/// Shows events until the last one has come.
pub fn consume(format: Format, options: TextOptions, events: &Receiver<Event>) {
    match format {
        Format::Text => text::TextOutput::new(options).consume(events),
        Format::Json => json::consume(events),
    }
}
