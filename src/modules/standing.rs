use std::sync::Arc;
use std::time::Duration;

use super::{Context, Failure};

/// What a module takes for the time of the run, such as a lock: the runner renews it in the background, over a session of
/// its own, and gives it back when the run ends, however it ends.
pub trait Held: Send + Sync {
    /// What it is, for people: `the lock on the cluster`.
    fn title(&self) -> String;

    /// How often it is to be renewed.
    fn period(&self) -> Duration;

    /// For how long others respect it without a renewal.
    fn lasts(&self) -> Duration;

    /// Renews it.
    ///
    /// # Errors
    /// It could not be renewed this time. That is tried again.
    fn renew(&self, context: &mut Context<'_>) -> Result<Renewed, Failure>;

    /// Gives it back.
    ///
    /// # Errors
    /// It could not be given back; the failure says what becomes of it.
    fn release(&self, context: &mut Context<'_>) -> Result<(), Failure>;
}

/// How a renewal ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// It is held on.
    Kept,
    /// It is in other hands, for the reason given: the run ends.
    Lost(String),
}

/// What a module leaves with the run, to be done beside its tasks.
pub(crate) enum Service {
    /// To be held, under this name.
    Hold(String, Arc<dyn Held>),
}
