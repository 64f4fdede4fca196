//! x
pub mod connection;
pub mod syntax;
pub mod template;
pub mod vars;
