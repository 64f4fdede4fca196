use std::time::{Duration, Instant};

use indexmap::IndexMap;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Hosts with a line of their own; of more there is only the number.
const MOST: usize = 10;

/// The key of the line that counts the other hosts: no host has this name.
const OTHERS: &str = "";

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

    /// Shows that these hosts are at work, those that have no line yet.
    pub(super) fn at_work(&mut self, hosts: &[String], since: Instant) {
        for host in hosts.iter().take(MOST) {
            self.bar(host, since);
        }
        if hosts.len() > MOST {
            self.bar(OTHERS, since)
                .set_message(format!("and {} more hosts", hosts.len() - MOST));
        }
    }

    /// Shows the last line that a host's task reported.
    pub(super) fn show(&mut self, host: &str, line: &str, since: Instant) {
        if self.hosts.contains_key(host) || self.hosts.len() < MOST {
            self.bar(host, since).set_message(line.to_owned());
        }
    }

    fn bar(&mut self, host: &str, since: Instant) -> &ProgressBar {
        let bars = &self.bars;
        self.hosts.entry(host.to_owned()).or_insert_with(|| {
            let bar = bars.add(ProgressBar::new_spinner().with_elapsed(since.elapsed()));
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {prefix} {elapsed:>4}  {wide_msg:.dim}") {
                bar.set_style(style);
            }
            bar.set_prefix(host.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        })
    }

    /// The host's task has ended.
    pub(super) fn end(&mut self, host: &str) {
        if let Some(bar) = self.hosts.shift_remove(host) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
    }

    /// No host is at work any more.
    pub(super) fn end_all(&mut self) {
        let hosts: Vec<_> = self.hosts.keys().cloned().collect();
        for host in &hosts {
            self.end(host);
        }
    }

    /// Prints above the changing lines.
    pub(super) fn print(&self, text: &str) {
        // Without a reader there is nobody to tell.
        let _ = self.bars.suspend(|| super::text::write_stdout(text));
    }
}
