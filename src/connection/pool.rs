use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Connection, Endpoint};

/// Opens connections; the program's own opens SSH and local ones, tests give scripted ones.
pub type Opener = Arc<dyn Fn(&Endpoint) -> Box<dyn Connection> + Send + Sync>;

/// The sessions of a run, kept open between tasks.
///
/// A session is used by one worker at a time. When several hosts delegate to one node at once, each gets a session of
/// its own; they are all kept for the next task.
pub struct SessionPool {
    opener: Opener,
    /// By host; a host may be reached in several ways (as another user, say).
    idle: Mutex<HashMap<String, Vec<Idle>>>,
}

struct Idle {
    endpoint: Endpoint,
    connection: Box<dyn Connection>,
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
        let idle = self.lock().get_mut(&endpoint.host).and_then(|sessions| {
            let position = sessions
                .iter()
                .position(|idle| idle.endpoint.leads_the_same_way(endpoint))?;
            Some(sessions.swap_remove(position))
        });
        let (endpoint, connection) = match idle {
            Some(idle) => (idle.endpoint, Some(idle.connection)),
            None => (endpoint.clone(), None),
        };
        Lease {
            pool: self,
            endpoint,
            connection,
        }
    }

    /// A session of its own, also where one is idle: for what goes on for long.
    pub fn fresh(&self, endpoint: &Endpoint) -> Lease<'_> {
        Lease {
            pool: self,
            endpoint: endpoint.clone(),
            connection: None,
        }
    }

    /// Drops the idle sessions to a host, so that the next lease connects anew.
    pub fn forget(&self, host: &str) {
        let sessions = self.lock().remove(host);
        // Closing takes its time: not under the lock.
        drop(sessions);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Idle>>> {
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
    endpoint: Endpoint,
    connection: Option<Box<dyn Connection>>,
}

impl Lease<'_> {
    /// The session.
    pub fn connection(&mut self) -> &mut dyn Connection {
        self.connection
            .get_or_insert_with(|| (self.pool.opener)(&self.endpoint))
            .as_mut()
    }

    /// How many exchanges the session has made.
    pub fn exchanges(&self) -> u64 {
        self.connection.as_ref().map_or(0, |connection| connection.exchanges())
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let endpoint = std::mem::replace(&mut self.endpoint, Endpoint::ssh(String::new()));
            let mut idle = self.pool.lock();
            match idle.get_mut(&endpoint.host) {
                Some(sessions) => sessions.push(Idle { endpoint, connection }),
                None => {
                    idle.insert(endpoint.host.clone(), vec![Idle { endpoint, connection }]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::scripted::{Log, ScriptedConnection};
    use super::*;

    #[test]
    fn sessions_are_kept_for_the_same_way_to_a_host() {
        let opened = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&opened);
        let pool = SessionPool::with_opener(Arc::new(move |endpoint: &Endpoint| {
            counter.fetch_add(1, Ordering::Relaxed);
            Box::new(ScriptedConnection::new(&endpoint.host, [], Log::default()))
        }));
        let endpoint = Endpoint::ssh("w1");
        let other_user = Endpoint {
            user: Some("ops".to_owned()),
            ..endpoint.clone()
        };
        for (way, expected) in [(&endpoint, 1), (&endpoint, 1), (&other_user, 2), (&endpoint, 2)] {
            pool.lease(way).connection();
            assert_eq!(opened.load(Ordering::Relaxed), expected);
        }
        let (mut first, mut second) = (pool.lease(&endpoint), pool.lease(&endpoint));
        first.connection();
        second.connection();
        assert_eq!(opened.load(Ordering::Relaxed), 3);
        drop((first, second));
        pool.forget("w1");
        pool.lease(&endpoint).connection();
        assert_eq!(opened.load(Ordering::Relaxed), 4);
    }
}
