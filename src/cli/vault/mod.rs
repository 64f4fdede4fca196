//! `krun vault`: encrypts and decrypts what `ansible-vault` does.

mod editor;
mod files;
mod strings;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueHint};

use super::error::{EXIT_ERROR, Error};
use super::print::complain;
use super::vault_options::{Asking, VaultArgs, add_file, add_source};
use crate::syntax::Diagnostic;
use crate::vars::vault::{Key, Opened, VaultError, VaultPasswords, is_encrypted, open};
use files::Access;

/// Encrypt and decrypt files and values, as ansible-vault does
#[derive(Args, Debug)]
pub(super) struct VaultCommandArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Encrypt(EncryptArgs),
    Decrypt(DecryptArgs),
    View(ViewArgs),
    Edit(EditArgs),
    Create(CreateArgs),
    Rekey(RekeyArgs),
    #[command(name = "encrypt-string", visible_alias = "encrypt_string")]
    EncryptString(strings::EncryptStringArgs),
}

/// With which password something is encrypted.
#[derive(Args, Debug)]
struct EncryptWith {
    /// The vault id whose password encrypts; needed when there are several
    #[arg(long, value_name = "ID", env = "KRUN_ENCRYPT_VAULT_ID")]
    encrypt_vault_id: Option<String>,
}

/// Encrypt files in place; standard input without a file or with `-`
#[derive(Args, Debug)]
struct EncryptArgs {
    /// The files
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// Write here instead; `-` for standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<String>,
    #[command(flatten)]
    with: EncryptWith,
    #[command(flatten)]
    vault: VaultArgs,
}

/// Decrypt files in place, readable by their owner only; standard input without a file or with `-`
#[derive(Args, Debug)]
struct DecryptArgs {
    /// The files
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// Write here instead; `-` for standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<String>,
    #[command(flatten)]
    vault: VaultArgs,
}

/// Show encrypted files
#[derive(Args, Debug)]
struct ViewArgs {
    /// The files; `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
    #[command(flatten)]
    vault: VaultArgs,
}

/// Change encrypted files with $EDITOR; password and vault id stay
#[derive(Args, Debug)]
struct EditArgs {
    /// The files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    vault: VaultArgs,
}

/// Make an encrypted file with $EDITOR
#[derive(Args, Debug)]
struct CreateArgs {
    /// The file, which must not be there yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Start the editor also where standard output is no terminal
    #[arg(long)]
    skip_tty_check: bool,
    #[command(flatten)]
    with: EncryptWith,
    #[command(flatten)]
    vault: VaultArgs,
}

/// Encrypt encrypted files with another password
#[derive(Args, Debug)]
struct RekeyArgs {
    /// The files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
    /// The new vault id and its password's source: ID@FILE or ID@prompt
    #[arg(long, value_name = "ID@SOURCE", conflicts_with = "new_vault_password_file")]
    new_vault_id: Option<String>,
    /// File that holds the new password, or program that prints it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    new_vault_password_file: Option<String>,
    #[command(flatten)]
    with: EncryptWith,
    #[command(flatten)]
    vault: VaultArgs,
}

/// Runs the subcommand; gives its exit code.
pub(super) fn run(args: &VaultCommandArgs) -> i32 {
    let done = match &args.action {
        Action::Encrypt(args) => encrypt(args),
        Action::Decrypt(args) => decrypt(args),
        Action::View(args) => view(args),
        Action::Edit(args) => edit(args),
        Action::Create(args) => create(args),
        Action::Rekey(args) => rekey(args),
        Action::EncryptString(args) => strings::run(args),
    };
    match done {
        Ok(()) => 0,
        Err(error) => error.print(),
    }
}

fn encrypt(args: &EncryptArgs) -> Result<(), Error> {
    let inputs = inputs(&args.files, args.output.as_deref())?;
    let passwords = args.vault.passwords_or_ask(Asking::New).map_err(Error::options)?;
    let key = args.with.key(&passwords)?;
    let vaults = for_each(&inputs, |name| {
        hint_at_stdin(name, "the text to encrypt");
        let plain = files::read(name)?;
        Ok(key.encrypt(&plain).map_err(|error| about(name, &error))?.into_bytes())
    })?;
    write_all(&inputs, args.output.as_deref(), &vaults, Access::Kept)?;
    told("encrypted", &inputs);
    Ok(())
}

fn decrypt(args: &DecryptArgs) -> Result<(), Error> {
    let inputs = inputs(&args.files, args.output.as_deref())?;
    let passwords = args.vault.passwords_or_ask(Asking::Old).map_err(Error::options)?;
    let plains = for_each(&inputs, |name| {
        hint_at_stdin(name, "the encrypted text");
        Ok(opened(name, &passwords)?.plain)
    })?;
    write_all(&inputs, args.output.as_deref(), &plains, Access::OwnerOnly)?;
    told("decrypted", &inputs);
    Ok(())
}

fn view(args: &ViewArgs) -> Result<(), Error> {
    let passwords = args.vault.passwords_or_ask(Asking::Old).map_err(Error::options)?;
    let plains = for_each(&args.files, |name| Ok(opened(name, &passwords)?.plain))?;
    plains.iter().try_for_each(|plain| editor::show(plain))
}

fn edit(args: &EditArgs) -> Result<(), Error> {
    let passwords = args.vault.passwords_or_ask(Asking::Old).map_err(Error::options)?;
    // A password that does not fit one of them changes none.
    let all = args
        .files
        .iter()
        .map(|file| opened(&file.to_string_lossy(), &passwords));
    let all = all.collect::<Result<Vec<_>, _>>()?;
    for (file, opened) in args.files.iter().zip(all) {
        let name = file.to_string_lossy();
        let key = opened.key().map_err(|error| about(&name, &error))?;
        let changed = editor::edit(file, &opened.plain)?;
        if changed != opened.plain {
            let vault = key.encrypt(&changed).map_err(|error| about(&name, &error))?;
            files::write(&name, vault.as_bytes(), Access::Kept)?;
        }
    }
    Ok(())
}

fn create(args: &CreateArgs) -> Result<(), Error> {
    if !args.skip_tty_check && !std::io::stdout().is_terminal() {
        let error = Diagnostic::error("standard output is no terminal, so there is none for the editor");
        return Err(Error::options(error.help(
            "start it on a terminal, or with --skip-tty-check; `krun vault encrypt` needs none",
        )));
    }
    let name = args.file.to_string_lossy();
    if args.file.symlink_metadata().is_ok() {
        return Err(failed(
            Diagnostic::error("this file is there already")
                .in_file(&args.file)
                .help("`krun vault edit` changes an encrypted file, `krun vault encrypt` encrypts a plain one"),
        ));
    }
    let passwords = args.vault.passwords_or_ask(Asking::New).map_err(Error::options)?;
    let key = args.with.key(&passwords)?;
    let plain = editor::edit(&args.file, b"")?;
    let vault = key.encrypt(&plain).map_err(|error| about(&name, &error))?;
    files::make_folder_of(&args.file)?;
    files::write(&name, vault.as_bytes(), Access::Kept)
}

fn rekey(args: &RekeyArgs) -> Result<(), Error> {
    let passwords = args.vault.passwords_or_ask(Asking::Old).map_err(Error::options)?;
    let plains = for_each(&args.files, |name| {
        if name == files::STANDARD {
            return Err(Error::options(Diagnostic::error(
                "rekey works on files, not on standard input",
            )));
        }
        Ok(opened(name, &passwords)?.plain)
    })?;
    let new = args.new_passwords(&passwords).map_err(Error::options)?;
    let key = args.with.key(&new)?;
    let vaults = plains
        .iter()
        .zip(&args.files)
        .map(|(plain, name)| Ok(key.encrypt(plain).map_err(|error| about(name, &error))?.into_bytes()))
        .collect::<Result<Vec<_>, Error>>()?;
    write_all(&args.files, None, &vaults, Access::Kept)?;
    told("rekeyed", &args.files);
    Ok(())
}

impl RekeyArgs {
    /// The new password: the one that is given, else one of the old ones when a vault id is named, else what is typed.
    fn new_passwords(&self, old: &VaultPasswords) -> Result<VaultPasswords, Diagnostic> {
        let mut new = VaultPasswords::default();
        if let Some(source) = &self.new_vault_id {
            add_source(&mut new, source, Asking::New)?;
        } else if let Some(file) = &self.new_vault_password_file {
            add_file(&mut new, None, file)?;
        } else if self.with.encrypt_vault_id.is_some() {
            return Ok(old.clone());
        } else {
            return VaultArgs::default().passwords_or_ask(Asking::New);
        }
        Ok(new)
    }
}

impl EncryptWith {
    fn key<'a>(&self, passwords: &'a VaultPasswords) -> Result<Key<'a>, Error> {
        passwords
            .to_encrypt(self.encrypt_vault_id.as_deref())
            .map_err(|error| Error::options(Diagnostic::error(error.to_string()).help(error.help())))
    }
}

/// The files, or standard input.
fn inputs(files: &[String], output: Option<&str>) -> Result<Vec<String>, Error> {
    if output.is_some() && files.len() > 1 {
        let error = Diagnostic::error("--output takes the result of one file, and several are given");
        return Err(Error::options(
            error.help("leave --output out, and each file is changed in place"),
        ));
    }
    Ok(if files.is_empty() {
        vec![files::STANDARD.to_owned()]
    } else {
        files.to_vec()
    })
}

/// Works on all files before anything is written, so that a wrong password leaves all of them as they are.
fn for_each<T>(names: &[String], mut work: impl FnMut(&str) -> Result<T, Error>) -> Result<Vec<T>, Error> {
    names.iter().map(|name| work(name)).collect()
}

fn write_all(names: &[String], output: Option<&str>, contents: &[Vec<u8>], access: Access) -> Result<(), Error> {
    for (name, content) in names.iter().zip(contents) {
        files::write(output.unwrap_or(name), content, access)?;
    }
    Ok(())
}

fn opened<'a>(name: &str, passwords: &'a VaultPasswords) -> Result<Opened<'a>, Error> {
    let bytes = files::read(name)?;
    let text = String::from_utf8_lossy(&bytes);
    if !is_encrypted(&text) && text.contains("!vault") {
        return Err(failed(
            Diagnostic::error("this file is not encrypted as a whole")
                .in_file(shown(name))
                .help("single values are encrypted in it: `krun inventory --host NAME` and playbooks read them"),
        ));
    }
    open(&text, passwords).map_err(|error| about(name, &error))
}

fn hint_at_stdin(name: &str, what: &str) {
    if name == files::STANDARD && std::io::stdin().is_terminal() {
        complain(&format!("type {what}, and end it with ctrl-d"));
    }
}

/// Says on a terminal what was done.
fn told(what: &str, names: &[String]) {
    let files: Vec<_> = names.iter().filter(|name| *name != files::STANDARD).cloned().collect();
    if std::io::stdout().is_terminal() && !files.is_empty() {
        complain(&format!("{what}: {}", files.join(", ")));
    }
}

fn about(name: &str, error: &VaultError) -> Error {
    failed(
        Diagnostic::error(error.to_string())
            .in_file(shown(name))
            .help(error.help()),
    )
}

fn failed(error: Diagnostic) -> Error {
    Error::Findings(error.into(), EXIT_ERROR)
}

fn shown(name: &str) -> &Path {
    Path::new(if name == files::STANDARD {
        "standard input"
    } else {
        name
    })
}
