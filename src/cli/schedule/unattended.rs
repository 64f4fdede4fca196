//! What cannot be had at night, when nobody sits at the terminal, is refused when the schedule is made.

use crate::cli::arguments::holds_secret;
use crate::cli::hosts::HostKeyChecking;
use crate::cli::run::RunArgs;
use crate::connection::HostKeyPolicy;
use crate::syntax::{Diagnostic, Diagnostics};

/// Options with which a run would ask, or which would put a secret where others can read it.
pub(super) fn refusals(args: &RunArgs) -> Diagnostics {
    let mut found = Diagnostics::default();
    let mut refuse = |message: String, help: &str| found.push(Diagnostic::error(message).help(help));
    let hosts = &args.hosts;
    if let Some(option) = args.attended() {
        refuse(format!("{option} does not go with a schedule"), "leave it out");
    }
    let nobody = |what: &str| format!("{what} asks for a password, and nobody is there to type one");
    if hosts.ask_pass {
        refuse(
            nobody("--ask-pass"),
            "log in with a key (--private-key), or set `ansible_password` in a vault and give --vault-password-file",
        );
    }
    if hosts.ask_become_pass {
        refuse(
            nobody("--ask-become-pass"),
            "set `ansible_become_password` in a vault and give --vault-password-file, or let sudo ask for none",
        );
    }
    if hosts.vault.ask_vault_pass {
        refuse(nobody("--ask-vault-pass"), "give --vault-password-file FILE");
    }
    for source in &hosts.vault.vault_id {
        if source == "prompt" || source.ends_with("@prompt") {
            refuse(nobody(&format!("--vault-id {source}")), "give --vault-id ID@FILE");
        }
    }
    if matches!(
        hosts.host_key_checking,
        Some(HostKeyChecking::Always(HostKeyPolicy::Ask))
    ) {
        refuse(
            "--host-key-checking ask asks, and nobody is there to answer".to_owned(),
            "log in to each host once, so that its key is in known_hosts, or give accept-new",
        );
    }
    for text in &hosts.extra_vars {
        if holds_secret(text) {
            let names = crate::cli::arguments::names_in(text).join(", ");
            refuse(
                format!(
                    "-e sets a variable that is secret by its name ({names}): everybody could read it in the schedule's files"
                ),
                "put it into a file that `krun vault encrypt` has encrypted, and give -e @FILE and --vault-password-file",
            );
        }
    }
    if let Some(key) = &hosts.private_key
        && has_passphrase(key)
    {
        refuse(
            format!(
                "--private-key: {} has a passphrase, and nobody is there to type it",
                key.display()
            ),
            "use a key of its own for the schedule, without a passphrase, which the nodes take from this machine only",
        );
    }
    found
}

fn has_passphrase(key: &std::path::Path) -> bool {
    // A file that cannot be read is found by the check of the run.
    let Ok(text) = std::fs::read_to_string(key) else {
        return false;
    };
    match ssh_key::PrivateKey::from_openssh(&text) {
        Ok(key) => key.is_encrypted(),
        Err(_) => text.contains("ENCRYPTED"),
    }
}
