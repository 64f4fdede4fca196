use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};
use rustix::fs::{FlockOperation, flock};

use super::folder::Folder;
use super::header::{End, Header};
use super::reader::JournalError;
use super::{KEPT_RUNS, schema};
use crate::runner::{Event, Record, TaskKey, TaskRecord};
use crate::vars::Secrets;

/// Events that are written together, at most; whoever waits is waited for no longer than they take.
const MOST_TOGETHER: usize = 256;

/// Writes a run's file.
pub struct Writer {
    id: String,
    connection: Connection,
    /// Locked as long as the run lasts, so that others can tell a run that goes on from one that was killed.
    _lock: File,
    secrets: Secrets,
    events: i64,
    ends: i64,
    /// Why nothing more is written.
    broken: Option<String>,
}

/// The answer that somebody waits for before a task is begun.
type Waiting = SyncSender<Result<(), String>>;

impl Writer {
    /// Begins the file of a run, and removes what is too old.
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub fn begin(folder: &Folder, header: &Header, secrets: Secrets) -> Result<Self, JournalError> {
        folder.create()?;
        folder.prune(KEPT_RUNS);
        let path = folder.file(&header.id);
        let failed = |error: String| JournalError::NotWritable(path.clone(), error);
        let lock = create(&path).map_err(|error| failed(error.to_string()))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|error| failed(error.to_string()))?;
        let connection = Connection::open(&path).map_err(|error| failed(error.to_string()))?;
        let writer = Self {
            id: header.id.clone(),
            connection,
            _lock: lock,
            secrets,
            events: 0,
            ends: 0,
            broken: None,
        };
        schema::create(&writer.connection)
            .and_then(|()| writer.put("header", &serde_json::to_string(header).unwrap_or_default()))
            .map_err(|error| failed(error.to_string()))?;
        Ok(writer)
    }

    /// Name of the run.
    pub fn id(&self) -> &str {
        &self.id
    }

    fn put(&self, part: &str, content: &str) -> rusqlite::Result<()> {
        self.connection
            .execute("INSERT OR REPLACE INTO run VALUES (?1, ?2)", params![part, content])
            .map(drop)
    }

    /// Writes events until the last one has come, and hands each on when it is written.
    pub fn consume(&mut self, events: &Receiver<Event>, next: &Sender<Event>) {
        while let Ok(first) = events.recv() {
            let mut together = vec![first];
            together.extend(events.try_iter().take(MOST_TOGETHER - 1));
            let was_broken = self.broken.is_some();
            if !was_broken && let Err(error) = self.write(&together) {
                self.broken = Some(error.to_string());
            }
            for event in together {
                match event {
                    Event::Record(Record::Begun { written, .. }) => self.answer(&written),
                    Event::Record(Record::Ended { .. } | Record::NotRun(_)) => {}
                    // When the output is gone the run goes on.
                    event => drop(next.send(event)),
                }
            }
            if !was_broken && let Some(reason) = &self.broken {
                let message = format!(
                    "the journal cannot be written any more ({reason}): no further task is begun, and `krun resume` will not \
                     know of what ends from now on"
                );
                let _ = next.send(Event::Warning { message });
            }
        }
    }

    fn answer(&self, written: &Waiting) {
        // Whoever asked may have been given up.
        let _ = written.send(self.broken.clone().map_or(Ok(()), Err));
    }

    fn write(&mut self, events: &[Event]) -> rusqlite::Result<()> {
        // As many digits each time, so that they sort as text.
        let now = format!("{:.6}", Timestamp::now());
        self.secrets.refresh();
        let transaction = self.connection.transaction()?;
        for event in events {
            match event {
                Event::Record(Record::Begun { tasks, .. }) => {
                    for (key, title, module) in tasks {
                        begun(&transaction, key, title, module, &now)?;
                    }
                }
                Event::Record(Record::Ended {
                    key,
                    title,
                    module,
                    record,
                }) => {
                    self.ends += 1;
                    begun(&transaction, key, title, module, &now)?;
                    ended(&transaction, key, record, self.ends, &self.secrets, &now)?;
                }
                Event::Record(Record::NotRun(keys)) => {
                    for key in keys {
                        not_run(&transaction, key)?;
                    }
                }
                // It is of the moment, and may be long.
                Event::Progress { .. } | Event::Asked { .. } => {}
                event => {
                    self.events += 1;
                    let Ok(mut value) = serde_json::to_value(event) else {
                        continue;
                    };
                    self.secrets.hide(&mut value);
                    let mut insert = transaction.prepare_cached("INSERT INTO events VALUES (?1, ?2, ?3)")?;
                    insert.execute(params![self.events, now, value.to_string()])?;
                }
            }
        }
        transaction.commit()
    }

    /// Writes how the run ended.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn end(self, end: &End) -> Result<(), JournalError> {
        let written = self.put("end", &serde_json::to_string(end).unwrap_or_default());
        let path = self.connection.path().map(PathBuf::from).unwrap_or_default();
        written.map_err(|error| JournalError::NotWritable(path, error.to_string()))
    }
}

fn begun(transaction: &Transaction<'_>, key: &TaskKey, title: &str, module: &str, now: &str) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT OR IGNORE INTO tasks (play, host, place, occurrence, title, module, begun_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    insert
        .execute(params![
            key.play,
            key.host,
            key.place,
            key.occurrence,
            title,
            module,
            now
        ])
        .map(drop)
}

fn not_run(transaction: &Transaction<'_>, key: &TaskKey) -> rusqlite::Result<()> {
    let mut delete = transaction.prepare_cached(
        "DELETE FROM tasks WHERE play = ?1 AND host = ?2 AND place = ?3 AND occurrence = ?4 AND ended IS NULL",
    )?;
    delete
        .execute(params![key.play, key.host, key.place, key.occurrence])
        .map(drop)
}

fn ended(
    transaction: &Transaction<'_>,
    key: &TaskKey,
    record: &TaskRecord,
    number: i64,
    secrets: &Secrets,
    now: &str,
) -> rusqlite::Result<()> {
    let mut record = record.clone();
    for part in [&mut record.result, &mut record.facts, &mut record.variables] {
        if !secrets.is_empty() {
            record.is_partial |= secrets.hide_in_map(part);
        }
    }
    let mut update = transaction.prepare_cached(
        "UPDATE tasks SET ended = ?5, ended_at = ?6, record = ?7 WHERE play = ?1 AND host = ?2 AND place = ?3 AND occurrence = ?4",
    )?;
    let text = serde_json::to_string(&record).unwrap_or_default();
    update
        .execute(params![
            key.play,
            key.host,
            key.place,
            key.occurrence,
            number,
            now,
            text
        ])
        .map(drop)
}

/// A file that nobody else can read.
fn create(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// True when a krun is writing the file.
pub(super) fn is_at_work(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    flock(&file, FlockOperation::NonBlockingLockShared).is_err()
}
