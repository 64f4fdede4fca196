use std::time::Duration;

use indexmap::IndexMap;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What hosts are doing right now, as lines below the output that change in place. On a terminal only.
pub(super) struct Live {
    bars: MultiProgress,
    hosts: IndexMap<String, ProgressBar>,
}

impl Live {
    pub(super) fn new() -> Self {
        Self {
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::stdout()),
            hosts: IndexMap::new(),
        }
    }

    /// Shows the last line that a host's task reported.
    pub(super) fn show(&mut self, host: &str, line: &str) {
        let bars = &self.bars;
        let bar = self.hosts.entry(host.to_owned()).or_insert_with(|| {
            let bar = bars.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {prefix} {elapsed:>4}  {wide_msg:.dim}") {
                bar.set_style(style);
            }
            bar.set_prefix(host.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        bar.set_message(line.to_owned());
    }

    /// The host's task has ended.
    pub(super) fn end(&mut self, host: &str) {
        if let Some(bar) = self.hosts.shift_remove(host) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
    }

    /// Prints above the changing lines.
    pub(super) fn print(&self, text: &str) {
        // Without a reader there is nobody to tell.
        let _ = self.bars.suspend(|| super::text::write_stdout(text));
    }
}
