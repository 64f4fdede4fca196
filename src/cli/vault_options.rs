//! The options by which vault passwords are given; the same for every subcommand that reads variables.

use std::path::Path;

use clap::Args;
use secrecy::SecretString;

use super::secret;
use crate::syntax::Diagnostic;
use crate::vars::vault::VaultPasswords;

/// Their own part of the help.
const VAULT: &str = "Vault";

/// Where vault passwords come from.
#[derive(Args, Clone, Debug, Default)]
pub struct VaultArgs {
    /// File that holds a vault password (may be repeated)
    #[arg(long, value_name = "FILE", env = "KRUN_VAULT_PASSWORD_FILE", value_delimiter = ',', help_heading = VAULT)]
    pub vault_password_file: Vec<String>,
    /// Vault id and its password's source: ID@FILE or ID@prompt (may be repeated)
    #[arg(long, value_name = "ID@SOURCE", help_heading = VAULT)]
    pub vault_id: Vec<String>,
    /// Ask for the vault password
    #[arg(long, visible_alias = "ask-vault-password", short = 'J', help_heading = VAULT)]
    pub ask_vault_pass: bool,
}

impl VaultArgs {
    /// Reads the files and asks for what is to be typed.
    ///
    /// # Errors
    /// A file that cannot be used, or no terminal to ask on.
    pub fn passwords(&self) -> Result<VaultPasswords, Diagnostic> {
        let mut passwords = VaultPasswords::default();
        for source in &self.vault_id {
            match source.split_once('@') {
                Some((id, "prompt")) => passwords.add(id, ask(id)?),
                Some((id, file)) => add_file(&mut passwords, id, file)?,
                None => add_file(&mut passwords, "default", source)?,
            }
        }
        for file in &self.vault_password_file {
            add_file(&mut passwords, "default", file)?;
        }
        if self.ask_vault_pass {
            passwords.add("default", ask("default")?);
        }
        Ok(passwords)
    }
}

fn add_file(passwords: &mut VaultPasswords, id: &str, file: &str) -> Result<(), Diagnostic> {
    passwords
        .add_file(id, Path::new(file))
        .map_err(|error| Diagnostic::error(error.to_string()).help(error.help()))
}

fn ask(id: &str) -> Result<SecretString, Diagnostic> {
    let question = match id {
        "" | "default" => "Vault password: ".to_owned(),
        id => format!("Vault password ({id}): "),
    };
    secret::ask(&question).map_err(|error| {
        Diagnostic::error(format!("cannot ask for the vault password: {error}"))
            .help("without a terminal give it with --vault-password-file FILE")
    })
}
