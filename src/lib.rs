//! x
pub mod connection;
pub mod inventory;
pub mod modules;
pub mod playbook;
pub mod runner;
pub mod syntax;
pub mod template;
pub mod vars;
