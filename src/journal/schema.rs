use rusqlite::Connection;

/// Version of the files' layout.
pub(super) const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE run (part TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE events (number INTEGER PRIMARY KEY, at TEXT NOT NULL, event TEXT NOT NULL);
CREATE TABLE tasks (
    play INTEGER NOT NULL, host TEXT NOT NULL, place TEXT NOT NULL, occurrence INTEGER NOT NULL,
    title TEXT NOT NULL, module TEXT NOT NULL, begun_at TEXT NOT NULL,
    ended INTEGER, ended_at TEXT, record TEXT,
    PRIMARY KEY (play, host, place, occurrence)
) WITHOUT ROWID;
";

/// Lays a new file out.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    // A commit is with the kernel when it returns, which is what a killed krun needs; a power cut may cost the last ones
    // but never the file.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.execute_batch(TABLES)?;
    connection.pragma_update(None, "user_version", VERSION)
}

/// The version that a file says it has.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
