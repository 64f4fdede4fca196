//! Regular expressions as Python's `re` reads them, which is what playbooks are written for, on top of the `regex` crate.
//!
//! What the crate cannot (looking ahead or behind, references back to a group) is refused by name, so that a pattern
//! never means something else than its author thought.

mod class;
mod pattern;
mod replacement;
#[cfg(test)]
mod tests;
mod translate;

pub use pattern::{Pattern, Reading};
pub use replacement::Replacement;

/// Why a pattern or a replacement cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RegexpError(String);

impl RegexpError {
    fn pattern(cause: impl std::fmt::Display) -> Self {
        Self(format!("the regular expression cannot be used: {cause}"))
    }

    fn replacement(cause: impl std::fmt::Display) -> Self {
        Self(format!("the replacement cannot be used: {cause}"))
    }
}
