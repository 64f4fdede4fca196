use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::header::{End, Header};
use super::{schema, writer};
use crate::runner::{Event, Known, TaskKey, TaskRecord};

/// What is wrong with the journal, or with what is asked of it.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder cannot be made.
    #[error("cannot make the journal's folder {}: {}", .0.display(), .1)]
    Folder(PathBuf, String),
    /// A run's file cannot be written.
    #[error("cannot write the journal {}: {}", .0.display(), .1)]
    NotWritable(PathBuf, String),
    /// A run's file cannot be read.
    #[error("cannot read the journal {}: {}", .0.display(), .1)]
    NotReadable(PathBuf, String),
    /// Nothing was run.
    #[error("no run stands in the journal ({})", .0.display())]
    NoRuns(PathBuf),
    /// The name is not known.
    #[error("there is no run `{}` in the journal ({})", .0, .1.display())]
    NoSuchRun(String, PathBuf),
    /// The name may mean several.
    #[error("several runs begin with `{0}`")]
    Ambiguous(String),
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It goes on.
    AtWork,
    /// It ended.
    Ended(End),
    /// krun was killed, or its machine went down.
    Cut,
}

/// A task as a run's file has it.
#[derive(Clone, Debug)]
pub struct StoredTask {
    /// Which.
    pub key: TaskKey,
    /// Its name.
    pub title: String,
    /// Its module.
    pub module: String,
    /// When it was begun.
    pub begun_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
    /// What is known of its end.
    pub known: Known,
}

/// A run's file, opened for reading.
pub struct StoredRun {
    path: PathBuf,
    connection: Connection,
    /// What was known when it began.
    pub header: Header,
    /// How it stands.
    pub state: RunState,
}

impl StoredRun {
    /// Opens a run's file.
    pub(super) fn open(path: &Path) -> Result<Self, JournalError> {
        let failed = |reason: String| JournalError::NotReadable(path.to_owned(), reason);
        // Asked first: whoever closes a file that SQLite has open loses the locks that SQLite holds on it.
        let is_at_work = writer::is_at_work(path);
        let sql = |error: rusqlite::Error| failed(error.to_string());
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(sql)?;
        let version = schema::version(&connection).map_err(sql)?;
        if version == 0 {
            return Err(failed("the run was cut before it had begun".to_owned()));
        }
        if version != schema::VERSION {
            return Err(failed(format!(
                "it has the layout {version}, and this krun knows {}; use the krun that wrote it",
                schema::VERSION
            )));
        }
        let part = |name: &str| -> Result<Option<String>, JournalError> {
            let row = connection.query_row("SELECT content FROM run WHERE part = ?1", [name], |row| row.get(0));
            row.optional().map_err(sql)
        };
        let json = |error: serde_json::Error| failed(error.to_string());
        let header = part("header")?.ok_or_else(|| failed("it has no beginning".to_owned()))?;
        let header = serde_json::from_str(&header).map_err(json)?;
        let state = match part("end")? {
            Some(end) => RunState::Ended(serde_json::from_str(&end).map_err(json)?),
            None if is_at_work => RunState::AtWork,
            None => RunState::Cut,
        };
        Ok(Self {
            path: path.to_owned(),
            connection,
            header,
            state,
        })
    }

    fn failed(&self, reason: impl ToString) -> JournalError {
        JournalError::NotReadable(self.path.clone(), reason.to_string())
    }

    /// The events in their order.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn events(&self) -> Result<Vec<Event>, JournalError> {
        let sql = |error: rusqlite::Error| self.failed(error);
        let mut select = self
            .connection
            .prepare("SELECT event FROM events ORDER BY number")
            .map_err(sql)?;
        let rows = select.query_map([], |row| row.get::<_, String>(0)).map_err(sql)?;
        rows.map(|text| serde_json::from_str(&text.map_err(sql)?).map_err(|error| self.failed(error)))
            .collect()
    }

    /// The tasks, in the order in which they were begun.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn tasks(&self) -> Result<Vec<StoredTask>, JournalError> {
        let sql = |error: rusqlite::Error| self.failed(error);
        let mut select = self
            .connection
            .prepare(
                "SELECT play, host, place, occurrence, title, module, begun_at, ended_at, ended, record FROM tasks \
                 ORDER BY begun_at, play, host",
            )
            .map_err(sql)?;
        let rows = select
            .query_map([], |row| {
                let key = TaskKey {
                    play: row.get(0)?,
                    host: row.get(1)?,
                    place: row.get(2)?,
                    occurrence: row.get(3)?,
                };
                let end: Option<i64> = row.get(8)?;
                let record: Option<String> = row.get(9)?;
                Ok((
                    StoredTask {
                        key,
                        title: row.get(4)?,
                        module: row.get(5)?,
                        begun_at: row.get(6)?,
                        ended_at: row.get(7)?,
                        known: Known::Begun,
                    },
                    end.zip(record),
                ))
            })
            .map_err(sql)?;
        rows.map(|row| {
            let (mut task, end) = row.map_err(sql)?;
            if let Some((number, record)) = end {
                let record: Box<TaskRecord> = serde_json::from_str(&record).map_err(|error| self.failed(error))?;
                task.known = Known::Ended { record, number };
            }
            Ok(task)
        })
        .collect()
    }
}
