use std::sync::Arc;

use super::{Context, Failure};

/// What a module leaves behind with the run: the way to take back what it did, for when the user ends the run early.
///
/// The runner keeps it until the module, or another one, withdraws it, and carries it out when the run is interrupted.
pub trait Undo: Send + Sync {
    /// What it does, for people: `uncordon w1`.
    fn title(&self) -> String;

    /// What it means that it was not done, for people: `w1 stays cordoned`.
    fn left(&self) -> String {
        format!("left to be done: {}", self.title())
    }

    /// Takes it back where that is safe; over the way to the node that the module had.
    ///
    /// # Errors
    /// The node cannot be asked, or refuses.
    fn undo(&self, context: &mut Context<'_>, since: Since) -> Result<Undone, Failure>;
}

/// What has happened to the host since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Since {
    /// A later task changed something for it, or failed.
    pub changed: bool,
    /// Something that was begun is not at its end: a task failed, or handlers were not run.
    pub unfinished: bool,
}

/// How taking back ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// Done; in the words for people: `w1 is uncordoned`.
    Done(String),
    /// There was nothing to take back any more.
    Needless,
    /// It would not be safe; what is left, and why.
    Left(String),
}

/// A module's word about its undo.
pub(crate) enum UndoNote {
    /// Keep it under this name, in place of what was kept there.
    Keep(String, Arc<dyn Undo>),
    /// Keep it under this name, unless something is kept there.
    KeepFirst(String, Arc<dyn Undo>),
    /// What is kept under this name is not needed any more.
    Withdraw(String),
}
