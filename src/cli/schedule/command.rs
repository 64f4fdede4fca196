//! The command that a schedule runs, and what it needs: paths in full, the environment, files with secrets.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::add::AddArgs;
use crate::cli::arguments::{holds_secret, is_secret_name};
use crate::cli::error::Error;
use crate::schedule::{Credential, Word, place_in_cluster};
use crate::syntax::{Diagnostic, Diagnostics};

/// Where the run will find its files.
#[derive(Clone, Debug)]
pub(super) enum Ground {
    /// Where they are.
    Here,
    /// In a container that has those below this folder.
    Cluster(PathBuf),
}

/// What a schedule runs.
#[derive(Debug, Default)]
pub(super) struct Command {
    pub(super) words: Vec<Word>,
    pub(super) credentials: Vec<Credential>,
    pub(super) environment: Vec<(String, String)>,
    /// What the user should know.
    pub(super) notes: Vec<String>,
}

impl Ground {
    /// A path as the run has to name it.
    pub(super) fn place(&self, path: &str) -> Result<String, Diagnostic> {
        let wrong = |error: std::io::Error| Diagnostic::error(format!("{path}: {error}"));
        match self {
            // The shell of the run knows the home directory as well.
            Self::Here if path.starts_with("~/") => Ok(path.to_owned()),
            Self::Here => {
                let full = std::path::absolute(path).map_err(wrong)?;
                full.into_os_string().into_string().map_err(|path| {
                    Diagnostic::error(format!(
                        "{} is not UTF-8 text, and a schedule's files are",
                        path.display()
                    ))
                })
            }
            Self::Cluster(root) => below(root, Path::new(path)).map(|inner| place_in_cluster(&inner)),
        }
    }
}

/// A path from a folder on.
pub(super) fn below(root: &Path, path: &Path) -> Result<String, Diagnostic> {
    let full =
        std::fs::canonicalize(path).map_err(|error| Diagnostic::error(format!("{}: {error}", path.display())))?;
    let inner = full.strip_prefix(root).ok().and_then(Path::to_str);
    inner.map(str::to_owned).ok_or_else(|| {
        Diagnostic::error(format!("{} is not below {}", path.display(), root.display()))
            .help("a run in a cluster has the files of the current folder: go to the folder that has all of them")
    })
}

/// Variables that name files with secrets, with the options that stand for them.
const FILES: [(&str, [&str; 2]); 3] = [
    ("private_key", ["KRUN_PRIVATE_KEY_FILE", "ANSIBLE_PRIVATE_KEY_FILE"]),
    (
        "vault_password_file",
        ["KRUN_VAULT_PASSWORD_FILE", "ANSIBLE_VAULT_PASSWORD_FILE"],
    ),
    ("vault_id", ["KRUN_VAULT_ID", "ANSIBLE_VAULT_IDENTITY_LIST"]),
];

/// Puts the command together.
pub(super) fn build(args: &AddArgs, ground: &Ground) -> Result<Command, Error> {
    let mut command = Command::default();
    let program = match ground {
        Ground::Here => own_path(),
        Ground::Cluster(_) => "krun".to_owned(),
    };
    command.words.push(Word::Text(program));
    let mut problems = Diagnostics::default();
    for playbook in &args.run.playbooks {
        let place = ground.place(&playbook.to_string_lossy());
        command.words.extend(problems.keep(place).map(Word::Text));
    }
    for given in &args.given {
        for _ in 0..given.times {
            command.words.push(Word::Text(given.option.clone()));
        }
        for value in &given.values {
            let word = word(&given.id, &given.option, value, ground, &mut command.credentials);
            command.words.extend(problems.keep(word));
        }
    }
    for (id, variables) in FILES {
        let is_given = args.given.iter().any(|given| given.id == id);
        if is_given || !variables.iter().any(|name| std::env::var_os(name).is_some()) {
            continue;
        }
        let (option, values) = match id {
            "private_key" => (
                "--private-key",
                args.run
                    .hosts
                    .private_key
                    .iter()
                    .map(|key| key.display().to_string())
                    .collect(),
            ),
            "vault_id" => ("--vault-id", args.run.hosts.vault.vault_id.clone()),
            _ => (
                "--vault-password-file",
                args.run.hosts.vault.vault_password_file.clone(),
            ),
        };
        for value in &values {
            let word = word(id, option, value, ground, &mut command.credentials);
            command.words.extend(problems.keep(word));
        }
    }
    if args.run_check {
        command.words.push(Word::Text("--check".to_owned()));
    }
    environment(ground, &mut command, &mut problems);
    let has_key = command
        .credentials
        .iter()
        .any(|credential| credential.id.starts_with(KEY));
    if !has_key && std::env::var_os("SSH_AUTH_SOCK").is_some() && matches!(ground, Ground::Here) {
        command.notes.push(
            "note: the keys of your ssh-agent are not there when the schedule runs: give --private-key, or see that \
             ~/.ssh has a key without a passphrase"
                .to_owned(),
        );
    }
    problems.into_result(command).map_err(Error::options)
}

const KEY: &str = "private-key";
const PASSWORD: &str = "vault-password";

/// An option of the run with its value.
fn word(
    id: &str,
    option: &str,
    value: &str,
    ground: &Ground,
    credentials: &mut Vec<Credential>,
) -> Result<Word, Diagnostic> {
    let text = match id {
        "private_key" | "vault_password_file" => {
            return secret_file(id, &format!("{option}="), value, ground, credentials);
        }
        "vault_id" => {
            let (label, file) = value.split_once('@').unwrap_or(("", value));
            return secret_file(id, &format!("{option}={label}@"), file, ground, credentials);
        }
        "inventory" if Path::new(value).exists() => ground.place(value)?,
        "roles_path" | "fact_cache" | "journal" => ground.place(value)?,
        "extra_vars" | "limit" => match value.trim().strip_prefix('@') {
            Some(file) => format!("@{}", ground.place(file)?),
            None => value.to_owned(),
        },
        _ => value.to_owned(),
    };
    Ok(Word::Text(format!("{option}={text}")))
}

/// A file with a secret becomes a credential; a program that prints one stays where it is.
fn secret_file(
    id: &str,
    before: &str,
    file: &str,
    ground: &Ground,
    credentials: &mut Vec<Credential>,
) -> Result<Word, Diagnostic> {
    let is_key = id == "private_key";
    let expanded = match (file.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(file),
    };
    let is_program = std::fs::metadata(&expanded).is_ok_and(|about| about.permissions().mode() & 0o111 != 0);
    if is_program && !is_key {
        return Ok(Word::Text(format!(
            "{before}{}",
            ground.place(&expanded.to_string_lossy())?
        )));
    }
    let path = Ground::Here.place(&expanded.to_string_lossy())?;
    let kind = if is_key { KEY } else { PASSWORD };
    let number = credentials.iter().filter(|known| known.id.starts_with(kind)).count();
    let id = if number == 0 {
        kind.to_owned()
    } else {
        format!("{kind}-{}", number + 1)
    };
    let certificate = format!("{path}-cert.pub");
    let has_certificate = is_key && Path::new(&certificate).is_file();
    credentials.push(Credential { id: id.clone(), path });
    if has_certificate {
        // It is looked for beside the key.
        credentials.push(Credential {
            id: format!("{id}-cert.pub"),
            path: certificate,
        });
    }
    Ok(Word::File {
        before: before.to_owned(),
        id,
    })
}

/// What the run needs of the environment here.
fn environment(ground: &Ground, command: &mut Command, problems: &mut Diagnostics) {
    const ALWAYS: [&str; 5] = ["HOME", "PATH", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"];
    let (mut withheld, mut elsewhere) = (Vec::new(), Vec::new());
    for (name, value) in std::env::vars_os() {
        let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else {
            continue;
        };
        let is_setting = name.starts_with("KRUN_") || name.starts_with("ANSIBLE_");
        let is_wanted = is_setting || (matches!(ground, Ground::Here) && ALWAYS.contains(&name));
        if !is_wanted || FILES.iter().any(|(_, variables)| variables.contains(&name)) {
            continue;
        }
        if is_setting && is_secret_name(name) {
            withheld.push(name.to_owned());
        } else if matches!(ground, Ground::Cluster(_)) && value.starts_with(['/', '~']) {
            elsewhere.push(name.to_owned());
        } else if name == "KRUN_EXTRA_VARS" && holds_secret(value) {
            problems.push(
                Diagnostic::error("KRUN_EXTRA_VARS sets a variable that is secret by its name: everybody could read it in the schedule's files")
                    .help("put it into a file that `krun vault encrypt` has encrypted, and give -e @FILE"),
            );
        } else {
            command.environment.push((name.to_owned(), value.to_owned()));
        }
    }
    command.environment.sort();
    for (mut names, why) in [
        (withheld, "as their names say that they are secret"),
        (elsewhere, "as they name places of this machine"),
    ] {
        if !names.is_empty() {
            names.sort();
            command
                .notes
                .push(format!("note: left out, {why}: {}", names.join(", ")));
        }
    }
}

/// Where krun is, as it was called: behind a link there may be another version tomorrow.
fn own_path() -> String {
    let called = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let found = if called.components().count() > 1 {
        std::path::absolute(called).ok()
    } else {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .map(|folder| folder.join(&called))
            .find(|file| file.is_absolute() && file.is_file())
    };
    let found = found
        .filter(|file| file.is_file())
        .or_else(|| std::env::current_exe().ok());
    found.map_or_else(|| "krun".to_owned(), |file| file.display().to_string())
}
