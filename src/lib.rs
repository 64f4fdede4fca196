//! krun runs Ansible-like playbooks over SSH, made for upgrading kubeadm clusters without an outage.
//!
//! The way of a run: text → [`syntax`] → [`inventory`] and [`playbook`] (every static error ends here, before any
//! connection) → [`runner`], task by task → [`modules`] through a [`connection`] → events → [`journal`] and [`output`] → exit code.
//! Dependencies point downward only.

pub mod cli;
pub mod connection;
pub mod inventory;
pub mod journal;
pub mod kube;
pub mod lint;
pub mod modules;
pub mod output;
pub mod playbook;
pub mod regexp;
pub mod runner;
pub mod schedule;
pub mod schema;
pub mod syntax;
pub mod template;
pub mod vars;
