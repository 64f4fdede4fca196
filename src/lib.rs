//! x
pub mod connection;
pub mod inventory;
pub mod modules;
pub mod syntax;
pub mod template;
pub mod vars;
