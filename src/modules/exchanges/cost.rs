use serde_json::Value;

use crate::connection::scripted::Answer;

/// The node that a module works on.
pub(super) enum Node {
    /// This machine, in a folder of its own.
    Real,
    /// One that answers like this while something is to be changed, and like that when nothing is.
    Scripted(Vec<Answer>, Vec<Answer>),
}

/// What a module costs. `None` is for what it does not do.
pub(super) struct Cost {
    pub(super) module: &'static str,
    /// `DIR` stands for the folder.
    pub(super) options: Value,
    pub(super) node: Node,
    pub(super) check: Option<usize>,
    pub(super) changed: Option<usize>,
    pub(super) satisfied: Option<usize>,
    /// How many of the exchanges of a change are payload, which has no limit: contents that are sent or fetched.
    pub(super) payload: usize,
    /// How many of those in check mode are a rehearsal of the change (`kubeadm … --dry-run`).
    pub(super) rehearsal: usize,
    /// Why a change needs more than others.
    pub(super) more: Option<&'static str>,
}

/// A module that looks, changes and finds things done, on this machine.
pub(super) fn real(module: &'static str, options: Value, changed: usize) -> Cost {
    Cost {
        module,
        options,
        node: Node::Real,
        check: Some(1),
        changed: Some(changed),
        satisfied: Some(1),
        payload: 0,
        rehearsal: 0,
        more: None,
    }
}

/// One that only looks or only acts.
pub(super) fn one_way(module: &'static str, options: Value, satisfied: Option<usize>) -> Cost {
    let changed = if satisfied.is_some() { None } else { Some(1) };
    Cost {
        // In check mode it is skipped, unless it only looks.
        check: Some(usize::from(satisfied.is_some())),
        satisfied,
        ..real(module, options, 1)
    }
    .changed(changed)
}

/// One whose node answers from a list.
pub(super) fn answered(module: &'static str, options: Value, wrong: Vec<Answer>, right: Vec<Answer>) -> Cost {
    let changed = wrong.len();
    let satisfied = right.len();
    Cost {
        node: Node::Scripted(wrong, right),
        satisfied: Some(satisfied),
        ..real(module, options, changed)
    }
}

impl Cost {
    pub(super) fn changed(self, changed: Option<usize>) -> Self {
        Self { changed, ..self }
    }

    pub(super) fn payload(self, payload: usize) -> Self {
        Self { payload, ..self }
    }

    pub(super) fn rehearsal(self, rehearsal: usize) -> Self {
        Self {
            check: self.check.map(|check| check + rehearsal),
            rehearsal,
            ..self
        }
    }

    pub(super) fn more(self, why: &'static str) -> Self {
        Self {
            more: Some(why),
            ..self
        }
    }
}
