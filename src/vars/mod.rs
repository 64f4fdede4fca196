//! Variables: where they come from, which one wins, and how a template sees them.

pub mod files;
pub mod magic;
pub mod names;
mod scope;
mod secrets;
mod variable;
pub mod vault;

pub use scope::{HostScopes, Scope, ScopeBuilder, Watch};
pub use secrets::Secrets;
pub use variable::{VarMap, Variable};
