//! Consumers of a run's events: text for people, JSON lines for programs.

mod diff;
mod excerpt;
mod json;
mod live;
mod text;

use std::sync::mpsc::Receiver;

use crate::runner::Event;

pub use text::TextOptions;

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line: the events themselves.
    Json,
}

/// Shows events until the last one has come.
pub fn consume(format: Format, options: TextOptions, events: &Receiver<Event>) {
    match format {
        Format::Text => text::TextOutput::new(options).consume(events),
        Format::Json => json::consume(events),
    }
}
