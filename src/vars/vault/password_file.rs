//! Vault passwords from files, and from programs that print them.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::{Password, VaultError, VaultPasswords, open};

/// How long a program may take; it may have to ask somebody.
const PROGRAM_LIMIT: Duration = Duration::from_secs(300);
/// With this status a program says that it does not know the vault id.
const UNKNOWN_ID: i32 = 2;
/// A password file is no longer than this.
const LARGEST: u64 = 1 << 20;

/// The password that stands in the file, or that the program prints.
pub(super) fn read(path: &Path, id: Option<&str>, earlier: &VaultPasswords) -> Result<Password, VaultError> {
    let file = expanded(path);
    let failed = |reason: String, help: &'static str| VaultError::PasswordFile {
        file: path.display().to_string(),
        reason,
        help,
    };
    const CHECK: &str =
        "the file must be readable text whose only content is the password, or a program that prints it";
    let metadata = std::fs::metadata(&file).map_err(|error| {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        };
        failed(reason, CHECK)
    })?;
    if metadata.is_dir() {
        return Err(failed("it is a directory".to_owned(), CHECK));
    }
    let bytes = if metadata.permissions().mode() & 0o111 != 0 {
        let printed = run(&file, id).map_err(|reason| {
            failed(
                reason,
                "the file may be executed, so it is run; if it is no program: chmod a-x FILE",
            )
        })?;
        trimmed(&printed, |byte| matches!(byte, b'\r' | b'\n')).to_vec()
    } else {
        let mut text = Vec::new();
        std::fs::File::open(&file)
            .and_then(|file| file.take(LARGEST).read_to_end(&mut text))
            .map_err(|error| failed(error.to_string(), CHECK))?;
        if text.starts_with(b"#!") {
            return Err(failed(
                "it is a program, and may not be executed".to_owned(),
                "make it executable: chmod u+x FILE",
            ));
        }
        let text = trimmed(&text, |byte| byte.is_ascii_whitespace() || byte == 0x0b);
        match std::str::from_utf8(text) {
            Ok(text) if super::is_encrypted(text) => {
                let opened = open(text, earlier).map_err(|error| {
                    failed(
                        error.to_string(),
                        "give the password that opens it first, with a --vault-id of its own",
                    )
                })?;
                trimmed(&opened.plain, |byte| matches!(byte, b'\r' | b'\n')).to_vec()
            }
            _ => text.to_vec(),
        }
    };
    let password = Password::from(bytes);
    if password.expose_secret().is_empty() {
        return Err(failed("it gives an empty password".to_owned(), CHECK));
    }
    Ok(password)
}

/// The path from the root, `~` replaced; links stay, so that a program finds what stands beside it.
fn expanded(path: &Path) -> PathBuf {
    let path = match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    };
    std::path::absolute(&path).unwrap_or(path)
}

/// A program that wants to know the vault id: `NAME-client`, with any ending.
fn is_client(program: &Path) -> bool {
    program
        .file_stem()
        .is_some_and(|name| name.to_string_lossy().ends_with("-client"))
}

/// What the program prints. Its standard error and standard input are krun's own: it may ask.
fn run(program: &Path, id: Option<&str>) -> Result<Vec<u8>, String> {
    let mut command = Command::new(program);
    if let Some(id) = id.filter(|id| is_client(program) && !id.is_empty()) {
        command.args(["--vault-id", id]);
    }
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("it cannot be run: {error}"))?;
    let output = child.stdout.take();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut printed = Vec::new();
        let read = output.map(|output| output.take(LARGEST).read_to_end(&mut printed));
        // Nobody waits any more when the time is up.
        let _ = sender.send(read.transpose().map(|_| printed));
    });
    let printed = receiver.recv_timeout(PROGRAM_LIMIT);
    if printed.is_err() {
        // It may have ended by itself.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let printed = match printed {
        Ok(printed) => printed.map_err(|error| error.to_string())?,
        Err(_) => return Err(format!("the program did not end within {} s", PROGRAM_LIMIT.as_secs())),
    };
    match status.code() {
        Some(0) => Ok(printed),
        Some(UNKNOWN_ID) if is_client(program) => Err(format!(
            "the program has no password for the vault id `{}`",
            id.unwrap_or_default()
        )),
        Some(code) => Err(format!("the program failed with exit status {code}")),
        None => Err("the program was ended by a signal".to_owned()),
    }
}

fn trimmed(bytes: &[u8], is_blank: impl Fn(u8) -> bool) -> &[u8] {
    let start = bytes.iter().position(|&byte| !is_blank(byte)).unwrap_or(bytes.len());
    let end = bytes
        .iter()
        .rposition(|&byte| !is_blank(byte))
        .map_or(start, |last| last + 1);
    &bytes[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use secrecy::SecretString;

    fn file(text: &str, name: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        (directory, path)
    }

    #[rstest]
    #[case("correct horse\n", "password", 0o600, "correct horse")]
    #[case(" \t blanks around \n\n", "password", 0o600, "blanks around")]
    #[case("#!/bin/sh\necho ' printed '\n", "password", 0o700, " printed ")]
    #[case("#!/bin/sh\necho \"$*.\"\n", "password", 0o700, ".")]
    #[case("#!/bin/sh\necho \"$*\"\n", "keyring-client", 0o755, "--vault-id dev")]
    #[case("#!/bin/sh\necho \"$*\"\n", "keyring-client.py", 0o711, "--vault-id dev")]
    fn passwords_are_read_as_ansible_does(
        #[case] text: &str,
        #[case] name: &str,
        #[case] mode: u32,
        #[case] expected: &str,
    ) {
        let (_directory, path) = file(text, name, mode);
        let password = read(&path, Some("dev"), &VaultPasswords::default()).unwrap();
        assert_eq!(password.expose_secret(), expected.as_bytes());
    }

    #[rstest]
    #[case("", 0o600, "empty")]
    #[case("\n", 0o600, "empty")]
    #[case("#!/bin/sh\necho x\n", 0o600, "may not be executed")]
    #[case("#!/bin/sh\nexit 2\n", 0o700, "no password for the vault id `dev`")]
    #[case("#!/bin/sh\nexit 3\n", 0o700, "exit status 3")]
    #[case("#!/bin/sh\nkill -9 $$\n", 0o700, "signal")]
    #[case("#!/bin/sh\ntrue\n", 0o700, "empty")]
    #[case("#!/gone/sh\n", 0o700, "cannot be run")]
    fn what_gives_no_password_is_said(#[case] text: &str, #[case] mode: u32, #[case] expected: &str) {
        let (_directory, path) = file(text, "my-client", mode);
        let error = read(&path, Some("dev"), &VaultPasswords::default()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn a_password_file_may_be_encrypted_itself() {
        let mut first = VaultPasswords::default();
        first.add("first", SecretString::from("one"));
        let vault = first.to_encrypt(None).unwrap().encrypt(b"two\n").unwrap();
        let (_directory, path) = file(&vault, "password", 0o600);
        assert_eq!(read(&path, None, &first).unwrap().expose_secret(), b"two");
        let error = read(&path, None, &VaultPasswords::default()).unwrap_err();
        assert!(error.to_string().contains("no vault password is given"), "{error}");
    }
}
