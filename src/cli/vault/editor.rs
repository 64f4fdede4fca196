//! Shows plain text in a pager, and has it changed in an editor.

use std::fs::{OpenOptions, Permissions};
use std::io::{IsTerminal, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::failed;
use super::files::{self, STANDARD, overwrite};
use crate::cli::error::Error;
use crate::cli::secret;
use crate::syntax::Diagnostic;

const EDITOR: &str = "vi";
const PAGER: &str = "less";

/// Has the text changed in $EDITOR; gives what it is then. The plain text stands in a folder that only its owner may enter.
pub(super) fn edit(file: &Path, plain: &[u8]) -> Result<Vec<u8>, Error> {
    let wanted = std::env::var("EDITOR").unwrap_or_default();
    let wanted = if wanted.trim().is_empty() { EDITOR } else { &wanted };
    let words = shlex::split(wanted).unwrap_or_default();
    let Some((program, arguments)) = words.split_first() else {
        return Err(failed(Diagnostic::error(format!("$EDITOR cannot be read: {wanted}"))));
    };
    // A signal that ended krun now would leave the plain text behind. The editor gets the same signals.
    let seen = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGQUIT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&seen))
            .map_err(|error| failed(Diagnostic::error(format!("cannot watch for signals: {error}"))))?;
    }
    secret::run_begins();

    let cannot = |error: std::io::Error| failed(Diagnostic::error(format!("cannot keep the plain text: {error}")));
    let folder = tempfile::Builder::new()
        .prefix("krun-vault-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(private_folder())
        .map_err(cannot)?;
    // The editor knows the language by the name's ending.
    let copy = folder.path().join(file.file_name().unwrap_or("vault".as_ref()));
    let mut written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&copy)
        .map_err(cannot)?;
    written.write_all(plain).map_err(cannot)?;
    drop(written);

    let ended = Command::new(program).args(arguments).arg(&copy).status();
    let changed = std::fs::read(&copy);
    if let Ok(copy) = OpenOptions::new().write(true).open(&copy) {
        overwrite(&copy);
    }
    folder.close().map_err(cannot)?;
    let help = "the encrypted file is as it was; set EDITOR to the editor that you want";
    match ended {
        Err(error) => Err(failed(
            Diagnostic::error(format!("cannot run the editor `{wanted}`: {error}")).help(help),
        )),
        Ok(status) if !status.success() => Err(failed(
            Diagnostic::error(format!("the editor `{wanted}` failed: {status}"))
                .in_file(file)
                .help(help),
        )),
        Ok(_) => changed.map_err(|error| {
            failed(Diagnostic::error(format!("the editor left no file behind: {error}")).in_file(file))
        }),
    }
}

/// In memory where the system offers that.
fn private_folder() -> PathBuf {
    std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute() && folder.is_dir())
        .unwrap_or_else(std::env::temp_dir)
}

/// Shows a text: in $PAGER on a terminal, else as it is.
pub(super) fn show(plain: &[u8]) -> Result<(), Error> {
    if std::io::stdout().is_terminal() {
        let pager = std::env::var("PAGER").unwrap_or_default();
        let pager = if pager.trim().is_empty() { PAGER } else { &pager };
        let words = shlex::split(pager).unwrap_or_default();
        let started = words
            .split_first()
            .and_then(|(program, arguments)| Command::new(program).args(arguments).stdin(Stdio::piped()).spawn().ok());
        if let Some(mut pager) = started {
            if let Some(mut input) = pager.stdin.take() {
                // Whoever leaves the pager has seen enough.
                let _ = input.write_all(plain);
            }
            let ended = pager.wait();
            return ended
                .map(drop)
                .map_err(|error| failed(Diagnostic::error(format!("the pager: {error}"))));
        }
    }
    files::write(STANDARD, plain, files::Access::Kept)
}
