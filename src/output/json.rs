use std::io::Write;
use std::sync::mpsc::Receiver;

use crate::runner::Event;

/// Writes each event as one line of JSON.
pub(super) fn consume(events: &Receiver<Event>) {
    for event in events {
        let mut out = std::io::stdout().lock();
        let written = serde_json::to_writer(&mut out, &event)
            .map_err(std::io::Error::from)
            .and_then(|()| out.write_all(b"\n"))
            .and_then(|()| out.flush());
        if let Err(error) = written {
            super::tell_once(&error);
            // Nobody reads any more; the run goes on, since a closed pipe must not leave a node half done.
            for _ in events {}
            return;
        }
    }
}
