//! Which variables a text reads, where, and under which conditions: what can be said of an expression or a template
//! without a value for any variable.

mod choices;
mod jinja;
mod tree;
mod unparse;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use super::handlebars_files::reads_of as of_handlebars;
pub use choices::possible_texts;
pub(in crate::template) use jinja::assumptions_of;
pub use jinja::{of_expression, of_text};
pub(in crate::template) use tree::{argument, literal, parts};

/// What a text reads of the variables around it.
#[derive(Clone, Debug, Default)]
pub struct Reads {
    /// Every place where a variable is read, those aside that only ask whether it is there.
    pub reads: Vec<Read>,
    /// Names that the text is prepared to miss: it asks whether they are defined, or has a default for them.
    pub guarded: BTreeSet<String>,
    /// What is true of an expression's parts when the whole expression is true.
    pub implies: Vec<Condition>,
}

/// One place where a variable is read.
#[derive(Clone, Debug)]
pub struct Read {
    /// The variable.
    pub name: String,
    /// Byte of the text where the name begins.
    pub start: usize,
    /// It is called like a function.
    pub called: bool,
    /// The place is reached only when all of these are met.
    pub under: Vec<Arc<Condition>>,
}

/// What has to be so for a part of a text to be evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// An expression has this truth value.
    Truth {
        /// The expression.
        expression: String,
        /// Whether it must be true or false.
        expected: bool,
    },
    /// A variable has no value, so that its default is needed.
    Missing(String),
}
