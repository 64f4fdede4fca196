use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::reader::{JournalError, StoredRun};

/// So many runs are kept; older ones are removed when a new one begins.
pub const KEPT_RUNS: usize = 500;

const ENDING: &str = "db";

/// The folder that holds the runs' files.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A folder that the user names.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The user's own: `krun/runs` in the directory for programs' state (XDG base directories).
    pub fn of_user() -> Option<Self> {
        let set = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let state = set("XDG_STATE_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| set("HOME").map(|home| home.join(".local/state")))?;
        Some(Self(state.join("krun/runs")))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes the folder, for its owner alone.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn create(&self) -> Result<(), JournalError> {
        use std::os::unix::fs::DirBuilderExt;
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.map_err(|error| JournalError::Folder(self.0.clone(), error.to_string()))
    }

    /// A name for a run that begins now: the time, with its microseconds in four letters. Names sort as the runs began.
    pub fn new_id(now: Timestamp) -> String {
        const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let mut rest = usize::try_from(now.subsec_microsecond()).unwrap_or_default();
        let mut letters = Vec::new();
        for _ in 0..4 {
            letters.push(char::from(DIGITS[rest % DIGITS.len()]));
            rest /= DIGITS.len();
        }
        let letters: String = letters.into_iter().rev().collect();
        format!("{}-{letters}", now.strftime("%Y%m%d-%H%M%S"))
    }

    /// The file of a run.
    pub(super) fn file(&self, id: &str) -> PathBuf {
        self.0.join(format!("{id}.{ENDING}"))
    }

    /// Names of all runs, the oldest first.
    pub fn ids(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        let mut ids: Vec<String> = entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                Some(name.strip_suffix(&format!(".{ENDING}"))?.to_owned())
            })
            .collect();
        ids.sort();
        ids
    }

    /// The run that is meant: its name or the beginning of it; the newest when nothing is said.
    ///
    /// # Errors
    /// There is none, or several begin like that.
    pub fn find(&self, wanted: Option<&str>) -> Result<String, JournalError> {
        let ids = self.ids();
        let Some(wanted) = wanted else {
            return ids.last().cloned().ok_or_else(|| JournalError::NoRuns(self.0.clone()));
        };
        let mut fitting = ids.iter().filter(|id| id.starts_with(wanted));
        match (fitting.next(), fitting.next()) {
            (Some(id), None) => Ok(id.clone()),
            (Some(id), _) if id == wanted => Ok(id.clone()),
            (Some(_), Some(_)) => Err(JournalError::Ambiguous(wanted.to_owned())),
            (None, _) => Err(JournalError::NoSuchRun(wanted.to_owned(), self.0.clone())),
        }
    }

    /// Opens a run's file for reading.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(&self, id: &str) -> Result<StoredRun, JournalError> {
        StoredRun::open(&self.file(id))
    }

    /// Removes the oldest runs beyond those that are kept; one that is going on stays.
    pub fn prune(&self, kept: usize) {
        let ids = self.ids();
        let too_many = ids.len().saturating_sub(kept);
        for id in ids.iter().take(too_many) {
            let file = self.file(id);
            if super::writer::is_at_work(&file) {
                continue;
            }
            for path in [file.clone(), companion(&file, "-wal"), companion(&file, "-shm")] {
                // What cannot be removed now is tried again with the next run.
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

/// A file that SQLite keeps beside its own.
fn companion(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_the_runs_began() {
        let at = |text: &str| Folder::new_id(text.parse().unwrap());
        assert_eq!(at("2026-03-04T05:06:07.000035Z"), "20260304-050607-000z");
        let ids = [
            "2026-03-04T05:06:07Z",
            "2026-03-04T05:06:07.000036Z",
            "2026-03-04T05:06:07.999999Z",
        ]
        .map(at);
        assert!(ids.is_sorted(), "{ids:?}");
    }

    #[test]
    fn a_run_is_found_by_the_beginning_of_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let runs = Folder::at(folder.path());
        assert!(matches!(runs.find(None), Err(JournalError::NoRuns(_))));
        for id in ["20260304-1-a", "20260304-1", "20260305-1"] {
            std::fs::write(runs.file(id), "").unwrap();
        }
        assert_eq!(runs.find(None).unwrap(), "20260305-1");
        assert_eq!(runs.find(Some("20260305")).unwrap(), "20260305-1");
        assert_eq!(runs.find(Some("20260304-1")).unwrap(), "20260304-1");
        assert!(matches!(runs.find(Some("2026030")), Err(JournalError::Ambiguous(_))));
        assert!(matches!(runs.find(Some("2025")), Err(JournalError::NoSuchRun(..))));
    }

    #[test]
    fn only_the_newest_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let runs = Folder::at(folder.path());
        for number in 0..5 {
            std::fs::write(runs.file(&number.to_string()), "").unwrap();
        }
        let lock = std::fs::File::open(runs.file("0")).unwrap();
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        runs.prune(2);
        assert_eq!(runs.ids(), ["0", "3", "4"], "the first one is being written");
    }
}
