//! Private keys: read and decrypted once for all hosts, as each decryption costs a fifth of a second.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use fs_err as fs;
use openssl::pkey::PKey;
use secrecy::{ExposeSecret, SecretString};
use ssh_key::{LineEnding, PrivateKey};

use super::certificate::Certificate;
use super::terminal;

/// How often a pass phrase is asked for.
const ASK_TIMES: usize = 3;

/// A private key that libssh2 can use as it is.
pub(super) struct Identity {
    /// The key, not encrypted.
    pub(super) private: SecretString,
    /// The public half as a line of `authorized_keys`, where it is known: libssh2 reads the private one a second time to find
    /// it, for every host.
    pub(super) public: Option<String>,
    /// Whether it is an RSA key, which can sign in more than one way.
    pub(super) is_rsa: bool,
    /// The user's certificate for it, where there is one beside it.
    pub(super) certificate: Option<String>,
}

/// A key, or why there is none. `Ok(None)` when the file does not exist.
pub(super) type Loaded = Arc<Result<Option<Identity>, String>>;

/// Loads a key; the terminal is asked for its pass phrase once, however many hosts want it.
pub(super) fn load(path: &Path) -> Loaded {
    static LOADED: Mutex<Option<HashMap<PathBuf, Loaded>>> = Mutex::new(None);
    // Held while the terminal is asked: the other hosts wait for the same answer.
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let keys = loaded.get_or_insert_default();
    Arc::clone(
        keys.entry(path.to_owned())
            .or_insert_with(|| Arc::new(read(path, &mut |question| terminal::ask_secret(question)))),
    )
}

/// The public keys by which an agent may hold the key of a file: from the file itself, which need not be readable without
/// a pass phrase for that and may as well be the public half, or from the file beside it; and its certificates.
pub(super) fn public_keys(path: &Path, certificates: &[PathBuf]) -> Vec<Vec<u8>> {
    let Some(key) = public_key(path) else {
        return Vec::new();
    };
    let beside = fs::read_to_string(format!("{}-cert.pub", path.display())).ok();
    let mut keys: Vec<_> = beside
        .iter()
        .chain(&certificates_of(&key, certificates))
        .filter_map(|text| blob(text))
        .collect();
    keys.push(key);
    keys
}

/// Those of the certificates that are for a file's key.
pub(super) fn certificates_for(path: &Path, certificates: &[PathBuf]) -> Vec<String> {
    if certificates.is_empty() {
        return Vec::new();
    }
    public_key(path).map_or_else(Vec::new, |key| certificates_of(&key, certificates))
}

fn certificates_of(key: &[u8], certificates: &[PathBuf]) -> Vec<String> {
    let is_for_key = |text: &String| {
        blob(text)
            .and_then(|bytes| Certificate::read(&bytes))
            .is_some_and(|certificate| certificate.key() == key)
    };
    certificates
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .filter(is_for_key)
        .collect()
}

fn public_key(path: &Path) -> Option<Vec<u8>> {
    let text = SecretString::from(fs::read_to_string(path).unwrap_or_default());
    let text = text.expose_secret();
    if text.contains("BEGIN OPENSSH PRIVATE KEY") {
        return PrivateKey::from_openssh(text).ok()?.public_key().to_bytes().ok();
    }
    if text.contains("PRIVATE KEY-----") || text.is_empty() {
        return blob(&fs::read_to_string(format!("{}.pub", path.display())).ok()?);
    }
    blob(text)
}

/// The key in a line of the form `TYPE KEY COMMENT`.
fn blob(line: &str) -> Option<Vec<u8>> {
    openssl::base64::decode_block(line.split_whitespace().nth(1)?).ok()
}

type Ask<'a> = &'a mut dyn FnMut(&str) -> io::Result<SecretString>;

fn read(path: &Path, ask: Ask<'_>) -> Result<Option<Identity>, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => SecretString::from(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot be read ({error})")),
    };
    let private = if text.expose_secret().contains("BEGIN OPENSSH PRIVATE KEY") {
        read_openssh(path, text, ask)?
    } else if text.expose_secret().contains("ENCRYPTED") {
        read_pem(path, &text, ask)?
    } else if text.expose_secret().contains("PRIVATE KEY-----") {
        text
    } else {
        return Err("is not a private key".to_owned());
    };
    let certificate = fs::read_to_string(format!("{}-cert.pub", path.display())).ok();
    let is_rsa = is_rsa(private.expose_secret());
    let public = PrivateKey::from_openssh(private.expose_secret())
        .ok()
        .and_then(|key| key.public_key().to_openssh().ok());
    Ok(Some(Identity {
        private,
        public,
        is_rsa,
        certificate,
    }))
}

fn is_rsa(key: &str) -> bool {
    if key.contains("BEGIN OPENSSH PRIVATE KEY") {
        PrivateKey::from_openssh(key).is_ok_and(|key| key.algorithm().as_str() == "ssh-rsa")
    } else {
        PKey::private_key_from_pem(key.as_bytes()).is_ok_and(|key| key.rsa().is_ok())
    }
}

fn read_openssh(path: &Path, text: SecretString, ask: Ask<'_>) -> Result<SecretString, String> {
    let key = PrivateKey::from_openssh(text.expose_secret()).map_err(|error| format!("is damaged ({error})"))?;
    if key.algorithm().as_str().starts_with("sk-") {
        return Err("is on a security key, which works through ssh-agent only".to_owned());
    }
    if !key.is_encrypted() {
        return Ok(text);
    }
    let plain = unlock(path, ask, |phrase| key.decrypt(phrase.as_bytes()).ok())?;
    let plain = plain
        .to_openssh(LineEnding::LF)
        .map_err(|error| format!("cannot be used ({error})"))?;
    Ok(SecretString::from(plain.as_str()))
}

fn read_pem(path: &Path, text: &SecretString, ask: Ask<'_>) -> Result<SecretString, String> {
    let plain = unlock(path, ask, |phrase| {
        PKey::private_key_from_pem_passphrase(text.expose_secret().as_bytes(), phrase.as_bytes()).ok()
    })?;
    plain
        .private_key_to_pem_pkcs8()
        .ok()
        .and_then(|pem| String::from_utf8(pem).ok())
        .map(SecretString::from)
        .ok_or_else(|| "cannot be used".to_owned())
}

fn unlock<K>(path: &Path, ask: Ask<'_>, decrypt: impl Fn(&str) -> Option<K>) -> Result<K, String> {
    let question = format!("Enter passphrase for key '{}': ", path.display());
    for _ in 0..ASK_TIMES {
        let phrase = ask(&question).map_err(|_| {
            "is encrypted, and there is no terminal to ask for its pass phrase on (add it to ssh-agent)".to_owned()
        })?;
        if let Some(key) = decrypt(phrase.expose_secret()) {
            return Ok(key);
        }
    }
    Err("is encrypted, and the pass phrase was wrong".to_owned())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn generate(directory: &Path, arguments: &[&str]) -> PathBuf {
        let path = directory.join("key");
        let status = Command::new("ssh-keygen")
            .args(["-q", "-f"])
            .arg(&path)
            .args(arguments)
            .status()
            .unwrap();
        assert!(status.success());
        path
    }

    #[test]
    fn encrypted_keys_are_unlocked_after_a_wrong_phrase() {
        for kind in [
            ["-t", "ed25519", "-a", "1"].as_slice(),
            &["-t", "ecdsa", "-a", "1"],
            &["-t", "rsa", "-b", "2048", "-m", "PEM"],
        ] {
            let directory = tempfile::tempdir().unwrap();
            let path = generate(directory.path(), &[kind, &["-N", "right"]].concat());
            let mut phrases = ["wrong", "right"].into_iter();
            let identity = read(&path, &mut |_| Ok(phrases.next().unwrap().to_owned().into()));
            let text = identity.unwrap().unwrap().private;
            assert!(text.expose_secret().contains("PRIVATE KEY"), "{kind:?}");
            assert!(!text.expose_secret().contains("ENCRYPTED"), "{kind:?}");
            let mut again = read(&path, &mut |_| Ok("wrong".to_owned().into()));
            assert!(again.as_mut().is_err_and(|error| error.contains("wrong")), "{kind:?}");
        }
    }

    #[test]
    fn what_is_no_key_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        assert!(matches!(
            read(&path, &mut |_| Err(io::ErrorKind::NotFound.into())),
            Ok(None)
        ));
        std::fs::write(&path, "hello").unwrap();
        assert!(read(&path, &mut |_| Err(io::ErrorKind::NotFound.into())).is_err());
    }
}
