//! The lock while it is held.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::{ClusterLock, NotTaken, change, take};
use crate::kube::lock;
use crate::modules::{Context, Failure, Held, Renewed};

/// How often a lock is renewed while it lasts.
const RENEWALS: u64 = 6;

/// A lock that a run holds, or is about to take.
pub(super) struct HeldLock {
    lock: ClusterLock,
    holder: String,
    /// The node's time when this run first saw it; a sign of life of another krun that is older is one of the past.
    since: Mutex<Option<Timestamp>>,
}

impl HeldLock {
    pub(super) fn new(lock: ClusterLock, holder: String, since: Option<Timestamp>) -> Self {
        Self {
            lock,
            holder,
            since: Mutex::new(since),
        }
    }

    /// What is to be done about a lock that is not this run's any more.
    fn regain(&self, context: &mut Context<'_>, NotTaken { view, failure }: NotTaken) -> Result<Renewed, Failure> {
        let Some(lease) = &view.lease else {
            // etcd was restored from a time before it, or somebody has removed it.
            return self.take_again(context, None);
        };
        if lease.holder == self.holder {
            return Err(failure);
        }
        // Before the API server answered there was nobody who could have given signs of life.
        let since = *self
            .since
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(view.now);
        let is_of_the_past = lease.renewed.is_none_or(|renewed| renewed < since);
        if lease.holder.is_empty() || is_of_the_past {
            // etcd was restored from a time in which another run had it.
            return self.take_again(context, Some(lease));
        }
        Ok(Renewed::Lost(format!(
            "the lock on the cluster is in other hands: {}",
            lease.about(view.now)
        )))
    }

    fn take_again(&self, context: &mut Context<'_>, seen: Option<&lock::Lease>) -> Result<Renewed, Failure> {
        match take(context, &self.lock, &self.holder, seen)? {
            Ok(()) => Ok(Renewed::Kept),
            // Whoever was faster is seen the next time.
            Err(NotTaken { failure, .. }) => Err(failure),
        }
    }
}

impl Held for HeldLock {
    fn title(&self) -> String {
        "the lock on the cluster".to_owned()
    }

    fn period(&self) -> Duration {
        self.lasts() / u32::try_from(RENEWALS).unwrap_or(1)
    }

    fn lasts(&self) -> Duration {
        Duration::from_secs(self.lock.duration.0)
    }

    fn renew(&self, context: &mut Context<'_>) -> Result<Renewed, Failure> {
        let patch = lock::renewal(&self.holder).to_string();
        match change(context, &self.lock, "patch", &patch, "renewing the lock")? {
            Ok(()) => Ok(Renewed::Kept),
            Err(not_renewed) => self.regain(context, not_renewed),
        }
    }

    fn release(&self, context: &mut Context<'_>) -> Result<(), Failure> {
        let patch = lock::release(&self.holder).to_string();
        match change(context, &self.lock, "patch", &patch, "giving the lock back") {
            Ok(Ok(())) => Ok(()),
            // Somebody else has it, or nobody: there is nothing to give back.
            Ok(Err(NotTaken { view, .. })) if view.lease.as_ref().is_none_or(|lease| lease.holder != self.holder) => Ok(()),
            Ok(Err(NotTaken { failure, .. })) | Err(failure) => Err(failure.help(format!(
                "it is stale after {} s; `krun resume` of this run takes it at once, another run with -e lock_take_over=true",
                self.lock.duration.0
            ))),
        }
    }
}
