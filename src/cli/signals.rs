//! Ctrl-C once: the tasks in flight are finished and the run ends in order. Twice: krun ends at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use super::print::complain;
use super::terminal;
use crate::runner::{Event, EventSink, RunOptions};

/// Exit code after Ctrl-C.
pub(super) const EXIT_INTERRUPTED: i32 = 99;

/// The signals that end a run.
pub(super) fn wanted() -> Vec<i32> {
    let mut wanted = vec![SIGINT, SIGTERM];
    // `nohup` has it ignored, and means that.
    if !is_ignored(SIGHUP) {
        wanted.push(SIGHUP);
    }
    wanted
}

/// A thread that acts on signals while a run lasts.
pub(super) struct Watch {
    handle: Handle,
    thread: JoinHandle<()>,
}

impl Watch {
    pub(super) fn start(options: &Arc<RunOptions>, events: EventSink) -> io::Result<Self> {
        let wanted = wanted();
        let is_stopping = Arc::new(AtomicBool::new(false));
        for signal in &wanted {
            // The third signal needs no thread, should the second one be stuck on a terminal that takes no text.
            signal_hook::flag::register_conditional_shutdown(*signal, EXIT_INTERRUPTED, Arc::clone(&is_stopping))?;
        }
        let mut signals = Signals::new(wanted)?;
        let handle = signals.handle();
        super::secret::run_begins();
        let options = Arc::clone(options);
        let thread = std::thread::spawn(move || {
            for _ in &mut signals {
                if options.interrupted.swap(true, Ordering::Relaxed) {
                    is_stopping.store(true, Ordering::Relaxed);
                    stop(&options);
                }
                // The receiver is gone only when the run is over.
                let _ = events.send(Event::Interrupted);
            }
        });
        Ok(Self { handle, thread })
    }

    /// Ends the thread, which would keep the output waiting for events.
    pub(super) fn end(self) {
        self.handle.close();
        // It has nothing to give; a panic there has printed its own text.
        let _ = self.thread.join();
    }
}

/// The second Ctrl-C.
fn stop(options: &RunOptions) -> ! {
    terminal::restore();
    let mut text =
        "\nstopped at once; commands that were begun may go on on the nodes, and the next run finds them there"
            .to_owned();
    let mut left = options.undos.titles();
    left.extend(options.standing.titles());
    if !left.is_empty() {
        text.push_str(&format!(
            "\n  left to do by hand, or by the next run: {}",
            left.join(", ")
        ));
    }
    complain(&text);
    std::process::exit(EXIT_INTERRUPTED)
}

/// Whether this process was started with the signal ignored.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}
