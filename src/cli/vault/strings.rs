//! `krun vault encrypt-string`: single values, in the form in which they are pasted into YAML.

use std::io::IsTerminal;

use clap::{Args, ValueHint};
use secrecy::ExposeSecret;

use super::files::{self, Access, STANDARD};
use super::{EncryptWith, failed, hint_at_stdin};
use crate::cli::error::Error;
use crate::cli::print::complain;
use crate::cli::secret;
use crate::cli::vault_options::{Asking, VaultArgs};
use crate::syntax::Diagnostic;

/// Blanks before the lines of an encrypted value.
const INDENT: &str = "          ";

/// Encrypt single values for YAML files; standard input without a value or with `-`
#[derive(Args, Debug)]
pub(super) struct EncryptStringArgs {
    /// The values; other users of this machine may see them in the list of processes
    #[arg(value_name = "VALUE")]
    values: Vec<String>,
    /// Variable that the value is for (may be repeated, one for each value)
    #[arg(short, long, value_name = "NAME")]
    name: Vec<String>,
    /// Variable that the value on standard input is for
    #[arg(long, value_name = "NAME")]
    stdin_name: Option<String>,
    /// Ask for the value
    #[arg(short, long)]
    prompt: bool,
    /// Show the value while it is typed
    #[arg(long, requires = "prompt")]
    show_input: bool,
    /// Write here instead of to standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<String>,
    #[command(flatten)]
    with: EncryptWith,
    #[command(flatten)]
    vault: VaultArgs,
}

/// A value, the variable that it is for, and where it came from.
struct Plain {
    name: Option<String>,
    value: Vec<u8>,
    from: &'static str,
}

pub(super) fn run(args: &EncryptStringArgs) -> Result<(), Error> {
    let values: Vec<&String> = args.values.iter().filter(|value| *value != STANDARD).collect();
    let reads_stdin =
        values.len() < args.values.len() || args.stdin_name.is_some() || (values.is_empty() && !args.prompt);
    if args.prompt && reads_stdin {
        let error = Diagnostic::error("--prompt and a value on standard input do not go together");
        return Err(Error::options(error));
    }
    if args.name.len() > values.len() {
        let error = Diagnostic::error(format!(
            "--name: {} for {}",
            counted(args.name.len(), "name"),
            counted(values.len(), "value")
        ));
        return Err(Error::options(
            error.help("the value on standard input gets its name from --stdin-name"),
        ));
    }
    let passwords = args.vault.passwords_or_ask(Asking::New).map_err(Error::options)?;
    let key = args.with.key(&passwords)?;
    let mut plains = Vec::new();
    if args.prompt {
        plains.push(ask(args.show_input)?);
    }
    if reads_stdin {
        hint_at_stdin(STANDARD, "the value to encrypt");
        plains.push(Plain {
            name: args.stdin_name.clone(),
            value: files::read(STANDARD)?,
            from: "standard input",
        });
    }
    let given = values.into_iter().enumerate().map(|(index, value)| Plain {
        name: args.name.get(index).cloned(),
        value: value.clone().into_bytes(),
        from: "the command line",
    });
    plains.extend(given);
    let mut text = String::new();
    for (index, plain) in plains.iter().enumerate() {
        if plain.value.is_empty() {
            return Err(failed(Diagnostic::error(format!(
                "the value of {} is empty",
                plain.from
            ))));
        }
        if plains.len() > 1 {
            let which = match &plain.name {
                Some(name) => format!("variable `{name}`"),
                None => format!("value {}", index + 1),
            };
            complain(&format!("# {which}, from {}", plain.from));
        }
        let vault = key
            .encrypt(&plain.value)
            .map_err(|error| failed(Diagnostic::error(error.to_string()).help(error.help())))?;
        text.push_str(&as_yaml(plain.name.as_deref(), &vault));
    }
    // A shell's prompt that stands behind the value would look like a part of it.
    if reads_stdin && std::io::stdout().is_terminal() && plains.iter().any(|plain| !plain.value.ends_with(b"\n")) {
        complain("");
    }
    files::write(
        args.output.as_deref().unwrap_or(STANDARD),
        text.as_bytes(),
        Access::Kept,
    )
}

/// The value as it stands in a YAML file.
fn as_yaml(name: Option<&str>, vault: &str) -> String {
    let mut text = name.map(|name| format!("{name}: ")).unwrap_or_default();
    text.push_str("!vault |\n");
    for line in vault.lines() {
        text.push_str(&format!("{INDENT}{line}\n"));
    }
    text
}

fn ask(shown: bool) -> Result<Plain, Error> {
    let cannot = |error: std::io::Error| {
        Error::options(
            Diagnostic::error(format!("cannot ask for the value: {error}"))
                .help("without a terminal give it on standard input, and its name with --stdin-name"),
        )
    };
    let name = secret::ask_openly("Variable name (enter for no name): ").map_err(cannot)?;
    let value = if shown {
        secret::ask_openly("String to encrypt: ").map_err(cannot)?
    } else {
        let value = secret::ask("String to encrypt (hidden): ").map_err(cannot)?;
        value.expose_secret().to_owned()
    };
    Ok(Plain {
        name: Some(name).filter(|name| !name.is_empty()),
        value: value.into_bytes(),
        from: "the terminal",
    })
}

fn counted(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}
