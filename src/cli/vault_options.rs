//! The options by which vault passwords are given; the same for every subcommand that reads variables.

use std::path::Path;

use clap::{Args, ValueHint};
use secrecy::{ExposeSecret, SecretString};

use super::secret;
use crate::syntax::Diagnostic;
use crate::vars::vault::{DEFAULT_ID, VaultPasswords};

/// Their own part of the help.
const VAULT: &str = "Vault";

/// Where vault passwords come from.
#[derive(Args, Clone, Debug, Default)]
pub struct VaultArgs {
    /// File that holds a vault password, or program that prints it (may be repeated)
    #[arg(long, value_name = "FILE", value_delimiter = ',', value_hint = ValueHint::FilePath, help_heading = VAULT)]
    pub vault_password_file: Vec<String>,
    /// Vault id and its password's source: ID@FILE or ID@prompt (may be repeated)
    #[arg(long, value_name = "ID@SOURCE", value_delimiter = ',', help_heading = VAULT)]
    pub vault_id: Vec<String>,
    /// Ask for the vault password
    #[arg(long, visible_alias = "ask-vault-password", short = 'J', help_heading = VAULT)]
    pub ask_vault_pass: bool,
}

/// What a password is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    /// To open what is encrypted.
    Old,
    /// To encrypt: it is typed twice.
    New,
}

/// Ansible's name for a password that is typed.
const PROMPT: &str = "prompt";

impl VaultArgs {
    /// Reads the files and asks for what is to be typed.
    ///
    /// # Errors
    /// A file that cannot be used, or no terminal to ask on.
    pub fn passwords(&self) -> Result<VaultPasswords, Diagnostic> {
        self.read(Asking::Old)
    }

    /// As [`passwords`](Self::passwords); a password is asked for when nothing says where one is.
    pub(super) fn passwords_or_ask(&self, asking: Asking) -> Result<VaultPasswords, Diagnostic> {
        let mut passwords = self.read(asking)?;
        if passwords.is_empty() {
            passwords.add(DEFAULT_ID, ask(None, asking)?);
        }
        Ok(passwords)
    }

    fn read(&self, asking: Asking) -> Result<VaultPasswords, Diagnostic> {
        let mut passwords = VaultPasswords::default();
        for source in &self.vault_id {
            add_source(&mut passwords, source, asking)?;
        }
        for file in &self.vault_password_file {
            add_file(&mut passwords, None, file)?;
        }
        if self.ask_vault_pass {
            passwords.add(DEFAULT_ID, ask(None, asking)?);
        }
        Ok(passwords)
    }
}

/// Adds the password of `ID@FILE`, `ID@prompt`, `FILE` or `prompt`.
pub(super) fn add_source(passwords: &mut VaultPasswords, source: &str, asking: Asking) -> Result<(), Diagnostic> {
    let (id, place) = match source.split_once('@') {
        Some((id, place)) => (Some(id).filter(|id| !id.is_empty()), place),
        None => (None, source),
    };
    if id.is_some_and(|id| id.contains(';')) {
        return Err(Diagnostic::error(format!(
            "--vault-id: `{source}` has a `;`, which no vault id may have"
        )));
    }
    if place == PROMPT {
        let id = id.unwrap_or(DEFAULT_ID);
        passwords.add(id, ask(Some(id), asking)?);
        return Ok(());
    }
    add_file(passwords, id, place)
}

pub(super) fn add_file(passwords: &mut VaultPasswords, id: Option<&str>, file: &str) -> Result<(), Diagnostic> {
    passwords
        .add_file(id, Path::new(file))
        .map_err(|error| Diagnostic::error(error.to_string()).help(error.help()))
}

fn ask(id: Option<&str>, asking: Asking) -> Result<SecretString, Diagnostic> {
    let of = id.map(|id| format!(" ({id})")).unwrap_or_default();
    if asking == Asking::Old {
        return ask_once(&format!("Vault password{of}: "));
    }
    let password = ask_once(&format!("New Vault password{of}: "))?;
    let again = ask_once(&format!("Confirm New Vault password{of}: "))?;
    if password.expose_secret() != again.expose_secret() {
        return Err(Diagnostic::error("the two passwords differ").help("nothing was changed; try again"));
    }
    Ok(password)
}

fn ask_once(question: &str) -> Result<SecretString, Diagnostic> {
    let answer = secret::ask(question).map_err(|error| {
        Diagnostic::error(format!("cannot ask for the vault password: {error}"))
            .help("without a terminal give it with --vault-password-file FILE")
    })?;
    // Ansible takes blanks around it off, too.
    match answer.expose_secret().trim() {
        "" => Err(Diagnostic::error("an empty vault password was given")),
        text => Ok(SecretString::from(text)),
    }
}
