//! The playbooks on lab nodes; one program, so that several labs are at work at the same time.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backup;
mod bad_nodes;
mod bastion;
mod capacity;
mod drain;
mod far_target;
mod fault_matrix;
mod interrupted;
mod killed;
mod known_problems;
mod kubeadm_fails;
mod kubelet_restart;
mod link_cut;
mod lock;
mod looks_only;
mod minor_upgrade;
mod odd_nodes;
mod other_orders;
mod pods_at_risk;
mod preflight;
mod real;
mod reboots;
mod restore;
mod resume;
mod rollback;
mod schedule;
#[path = "../support/mod.rs"]
mod support;
mod three_hops;
mod three_masters;
mod upgrade;
