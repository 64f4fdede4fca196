use std::collections::HashMap;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::journal::{Folder, StoredRun};
use crate::runner::{Event, Known, Status};

/// So many earlier runs are looked at, the newest ones.
const MOST_RUNS: usize = 20;

/// How long a batch of a play took in earlier runs of the same playbooks, by the play's name.
#[derive(Debug, Default)]
pub(super) struct Durations(HashMap<String, Vec<f64>>);

impl Durations {
    /// Reads the journal. Runs that cannot be read, were checks, or went on from others are passed over: they tell nothing
    /// about time.
    pub(super) fn of(folder: &Folder, playbooks: &[PathBuf]) -> Self {
        let wanted: Vec<String> = playbooks.iter().map(|path| path.display().to_string()).collect();
        let mut durations = Self::default();
        let runs = folder.ids().into_iter().rev().filter_map(|id| folder.open(&id).ok());
        let is_like = |run: &StoredRun| {
            run.header.playbooks == wanted && !run.header.check_mode && run.header.continues.is_none()
        };
        for run in runs.filter(is_like).take(MOST_RUNS) {
            durations.add(&run);
        }
        durations
    }

    /// Takes the time of each host in each play: from its first task to its last. Where nothing was changed there was
    /// nothing to do, and where something failed the time is not that of the work.
    fn add(&mut self, run: &StoredRun) {
        struct Span {
            begin: Timestamp,
            end: Timestamp,
            changed: bool,
            failed: bool,
        }
        let (Ok(events), Ok(tasks)) = (run.events(), run.tasks()) else {
            return;
        };
        let plays: Vec<String> = events
            .into_iter()
            .filter_map(|event| match event {
                Event::PlayStarted { name, .. } | Event::PlaySkipped { name, .. } => Some(name),
                _ => None,
            })
            .collect();
        let mut spans: HashMap<(u32, String), Span> = HashMap::new();
        for task in tasks {
            let (Ok(begin), Some(Ok(end)), Known::Ended { record, .. }) = (
                task.begun_at.parse(),
                task.ended_at.as_ref().map(|at| at.parse()),
                &task.known,
            ) else {
                continue;
            };
            let span = spans.entry((task.key.play, task.key.host)).or_insert(Span {
                begin,
                end,
                changed: false,
                failed: false,
            });
            span.begin = span.begin.min(begin);
            span.end = span.end.max(end);
            span.changed |= record.status == Status::Changed;
            span.failed |= matches!(record.status, Status::Failed | Status::Unreachable) && !record.ignored;
        }
        for ((play, _), span) in spans {
            let name = usize::try_from(play).ok().and_then(|play| plays.get(play));
            if let (Some(name), true, false) = (name, span.changed, span.failed) {
                let seconds = span.end.duration_since(span.begin).as_secs_f64();
                self.0.entry(name.clone()).or_default().push(seconds);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn known<const N: usize>(durations: [(&str, f64); N]) -> Self {
        Self(durations.map(|(play, seconds)| (play.to_owned(), vec![seconds])).into())
    }

    /// Median of what a host took in this play.
    pub(super) fn seconds(&self, play: &str) -> Option<f64> {
        let mut all = self.0.get(play)?.clone();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    }
}
