use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::playbook::Task;

/// The handlers of a play and who notified which.
#[derive(Default)]
pub(super) struct Handlers {
    all: Vec<Arc<Task>>,
    pending: HashMap<String, BTreeSet<usize>>,
    /// The flush has come to the handlers from here on.
    position: usize,
}

impl Handlers {
    pub(super) fn new(all: Vec<Arc<Task>>) -> Self {
        Self {
            all,
            pending: HashMap::new(),
            position: 0,
        }
    }

    /// Handlers that an include brings; they run after those that were there.
    pub(super) fn extend(&mut self, more: Vec<Arc<Task>>) {
        for handler in more {
            if !self
                .all
                .iter()
                .any(|known| known.place.to_string() == handler.place.to_string())
            {
                self.all.push(handler);
            }
        }
    }

    /// Notes a notification. False when no handler has the name or listens to it.
    ///
    /// Of several handlers with the name the first of the last list (a role's, the play's) counts; all that listen to it
    /// count.
    pub(super) fn notify(&mut self, host: &str, name: &str) -> bool {
        let is_named = |handler: &Task| handler.name.as_deref() == Some(name) || handler.title() == name;
        let last = self.all.iter().rfind(|handler| is_named(handler));
        let named = last.and_then(|last| {
            let in_list = |handler: &Task| Arc::ptr_eq(&handler.place.source, &last.place.source);
            self.all
                .iter()
                .position(|handler| is_named(handler) && in_list(handler))
        });
        let listening = self
            .all
            .iter()
            .enumerate()
            .filter(|(_, handler)| handler.listen.iter().any(|topic| topic == name));
        let hit: Vec<usize> = named.into_iter().chain(listening.map(|(index, _)| index)).collect();
        let found = !hit.is_empty();
        self.pending.entry(host.to_owned()).or_default().extend(hit);
        found
    }

    /// Begins with the first handler again.
    pub(super) fn rewind(&mut self) {
        self.position = 0;
    }

    /// The next handler, in definition order, that is pending on one of the hosts; with those hosts. It is no longer
    /// pending there. A handler that notified an earlier one has it run when the later ones are through.
    pub(super) fn next(&mut self, hosts: &[String]) -> Option<(Arc<Task>, Vec<String>)> {
        let from = |position: usize| {
            let pending = hosts.iter().filter_map(|host| self.pending.get(host));
            pending
                .filter_map(|pending| pending.range(position..).next().copied())
                .min()
        };
        let first = from(self.position).or_else(|| from(0))?;
        self.position = first + 1;
        let notified: Vec<String> = hosts
            .iter()
            .filter(|host| {
                self.pending
                    .get_mut(*host)
                    .is_some_and(|pending| pending.remove(&first))
            })
            .cloned()
            .collect();
        Some((Arc::clone(&self.all[first]), notified))
    }

    /// Names of the handlers that are still pending on a host.
    pub(super) fn pending_on(&self, host: &str) -> Vec<String> {
        let pending = self.pending.get(host).into_iter().flatten();
        pending.map(|&index| self.all[index].title()).collect()
    }
}
