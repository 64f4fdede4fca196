use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Connection, Endpoint};

/// Opens connections; the program's own opens SSH and local ones, tests give scripted ones.
pub type Opener = Arc<dyn Fn(&Endpoint) -> Box<dyn Connection> + Send + Sync>;

/// The sessions of a run, kept open between tasks.
///
/// A session is used by one worker at a time. When several hosts delegate to one node at once, each gets a session of
/// its own; they are all kept for the next task.
pub struct SessionPool {
    opener: Opener,
    idle: Mutex<HashMap<String, Vec<Box<dyn Connection>>>>,
}

impl SessionPool {
    /// A pool that opens real connections.
    pub fn new() -> Self {
        Self::with_opener(Arc::new(super::open))
    }

    /// A pool that opens connections by `opener`.
    pub fn with_opener(opener: Opener) -> Self {
        Self {
            opener,
            idle: Mutex::new(HashMap::new()),
        }
    }

    /// Takes an idle session to the endpoint, or a new one that connects at its first use.
    pub fn lease(&self, endpoint: &Endpoint) -> Lease<'_> {
        let idle = self.lock().get_mut(&endpoint.host).and_then(Vec::pop);
        Lease {
            pool: self,
            host: endpoint.host.clone(),
            connection: Some(idle.unwrap_or_else(|| (self.opener)(endpoint))),
        }
    }

    /// Drops the idle sessions to a host, so that the next lease connects anew.
    pub fn forget(&self, host: &str) {
        self.lock().remove(host);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<Box<dyn Connection>>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for SessionPool {
    fn default() -> Self {
        Self::new()
    }
}

/// A session in use; it goes back to the pool when dropped.
pub struct Lease<'p> {
    pool: &'p SessionPool,
    host: String,
    connection: Option<Box<dyn Connection>>,
}

impl Lease<'_> {
    /// The session.
    pub fn connection(&mut self) -> &mut dyn Connection {
        // The option is empty only while `drop` runs.
        self.connection
            .get_or_insert_with(|| unreachable!("a lease holds its session until it is dropped"))
            .as_mut()
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool
                .lock()
                .entry(std::mem::take(&mut self.host))
                .or_default()
                .push(connection);
        }
    }
}
