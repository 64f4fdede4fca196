//! Variables: where they come from, which one wins, and how a template sees them.

pub mod files;
pub mod magic;
pub mod names;
mod scope;
mod variable;
pub mod vault;

pub use scope::{HostScopes, Scope, ScopeBuilder, Watch};
pub use variable::{VarMap, Variable};
