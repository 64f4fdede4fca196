//! The rules, one file each.

mod asks;
mod clear_text;
mod drain_errors;
mod drain_loses;
mod drain_timeout;
mod hold;
mod kubelet_first;
mod latest;
mod module_exists;
mod no_backup;
mod old_command;
mod old_repository;
mod preflight;
mod restore_member;
mod signature;
mod sleeps;
mod uncordon_early;
mod upgrade_errors;
mod without_serial;

use super::Rule;

/// All rules, in the order of the documentation.
pub static ALL: [Rule; 19] = [
    uncordon_early::RULE,
    without_serial::RULE,
    drain_timeout::RULE,
    drain_errors::RULE,
    drain_loses::RULE,
    no_backup::RULE,
    kubelet_first::RULE,
    upgrade_errors::RULE,
    preflight::RULE,
    asks::RULE,
    clear_text::RULE,
    latest::RULE,
    signature::RULE,
    old_repository::RULE,
    old_command::RULE,
    restore_member::RULE,
    hold::RULE,
    sleeps::RULE,
    module_exists::RULE,
];

/// The rule of this name.
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.id == id)
}
