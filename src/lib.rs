//! x
pub mod connection;
pub mod syntax;
