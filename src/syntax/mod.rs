//! YAML text to a tree in which every node knows its place, and the diagnostics that point there.

mod diagnostic;
mod excerpt;
mod fields;
mod node;
mod scalar;
mod source;
mod suggest;
mod text_file;
mod yaml;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use excerpt::Excerpt;
pub use fields::Fields;
pub use node::{Entry, Kind, Node, Style};
pub use scalar::{parse_bool, parse_plain_scalar};
pub use source::{Place, SourceFile};
pub use suggest::closest;
pub use text_file::read_text;
pub use yaml::{parse, read};
