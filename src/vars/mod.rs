//! Variables: where they come from, which one wins, and how a template sees them.

mod scope;
mod variable;

pub use scope::{HostScopes, Scope, ScopeBuilder};
pub use variable::{VarMap, Variable};
