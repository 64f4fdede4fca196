//! Files on the node, for all modules that look at them or change them: attributes, contents, and putting a new
//! content in place in one step.

mod algorithm;
mod attributes;
mod content;
mod edited;
mod edits;
mod found;
mod install;
mod mode;
mod mode_flags;

pub use algorithm::Algorithm;
pub(super) use attributes::{Attributes, mode_word, octal, word};
pub(super) use content::Content;
pub(super) use edited::{Installation, Original};
pub(super) use edits::edits_file;
pub(super) use found::{Besides, Found, Query};
pub(super) use install::{FilePlan, Wanted, check_validation, make_directories, refuse_preserve};
pub(super) use mode_flags::mode_flags;

/// The last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}
