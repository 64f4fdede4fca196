//! Reads what `ansible-vault` encrypted: whole files and single values, formats 1.1 and 1.2.

use std::path::Path;

use openssl::hash::MessageDigest;
use openssl::memcmp;
use openssl::pkcs5::pbkdf2_hmac;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::symm::{Cipher, decrypt as decipher};
use secrecy::{ExposeSecret, SecretString};

const HEADER: &str = "$ANSIBLE_VAULT";
const ITERATIONS: usize = 10_000;
const KEY: usize = 32;
const BLOCK: usize = 16;

/// The passwords that may open what is encrypted, each under the vault id that it was given for.
#[derive(Clone, Debug, Default)]
pub struct VaultPasswords(Vec<(String, SecretString)>, Opened);

/// What was opened, so that it can be kept out of what is written down.
type Opened = std::sync::Arc<std::sync::Mutex<Vec<SecretString>>>;

/// Why something encrypted cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Nobody gave a password.
    #[error("this is encrypted and no vault password is given")]
    NoPassword,
    /// None of the passwords fits.
    #[error("none of the vault passwords opens this{}", id.as_ref().map(|id| format!(" (encrypted for the vault id `{id}`)")).unwrap_or_default())]
    WrongPassword {
        /// The vault id in its header.
        id: Option<String>,
    },
    /// It was cut, edited, or never was a vault.
    #[error("this is not a vault that can be read: {0}")]
    Malformed(&'static str),
    /// The password file cannot be used.
    #[error("cannot read the vault password file `{file}`: {reason}")]
    PasswordFile {
        /// The file's name as given.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl VaultError {
    /// What the user can do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoPassword => "give it with --vault-password-file FILE or --ask-vault-pass",
            Self::WrongPassword { .. } => "check the password, or give the right one with --vault-password-file FILE",
            Self::Malformed(_) => "encrypt it again, or restore it from where it was copied",
            Self::PasswordFile { .. } => "the file must be readable text whose only content is the password",
        }
    }
}

impl VaultPasswords {
    /// Adds a password; Ansible's id for one that was given without is `default`.
    pub fn add(&mut self, id: &str, password: SecretString) {
        self.0.push((id.to_owned(), password));
    }

    /// Adds the password that a file holds; blanks and line ends around it do not count.
    ///
    /// # Errors
    /// The file cannot be read, is empty, or is a program.
    pub fn add_file(&mut self, id: &str, path: &Path) -> Result<(), VaultError> {
        let failed = |reason: String| VaultError::PasswordFile {
            file: path.display().to_string(),
            reason,
        };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let password = text.trim();
        if text.starts_with("#!") {
            return Err(failed(
                "it is a program, and krun does not run password programs".to_owned(),
            ));
        }
        if password.is_empty() {
            return Err(failed("it is empty".to_owned()));
        }
        self.add(id, SecretString::from(password));
        Ok(())
    }

    /// The passwords, and the values of all that was opened with them: nothing of it may be written down.
    pub fn opened(&self) -> Vec<String> {
        let passwords = self.0.iter().map(|(_, password)| password.expose_secret().to_owned());
        let opened = self.1.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let values = opened.iter().flat_map(|text| values_of(text.expose_secret()));
        passwords.chain(values).collect()
    }

    fn remember(&self, text: &str) {
        let mut opened = self.1.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !opened.iter().any(|known| known.expose_secret() == text) {
            opened.push(SecretString::from(text));
        }
    }

    /// The passwords in the order in which they are tried: those of the wanted id first.
    fn candidates(&self, id: Option<&str>) -> impl Iterator<Item = &SecretString> {
        let wanted = move |entry: &&(String, SecretString)| id.is_some_and(|id| entry.0 == id);
        let others = move |entry: &&(String, SecretString)| id.is_none_or(|id| entry.0 != id);
        self.0
            .iter()
            .filter(wanted)
            .chain(self.0.iter().filter(others))
            .map(|(_, password)| password)
    }
}

/// The texts in a file of variables; a text that is none as a whole.
fn values_of(text: &str) -> Vec<String> {
    fn collect(value: &serde_json::Value, into: &mut Vec<String>) {
        match value {
            serde_json::Value::String(text) => into.push(text.clone()),
            serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
            serde_json::Value::Object(map) => map.values().for_each(|value| collect(value, into)),
            _ => {}
        }
    }
    let mut values = Vec::new();
    match serde_yaml::from_str::<serde_json::Value>(text) {
        Ok(value @ (serde_json::Value::Object(_) | serde_json::Value::Array(_))) => collect(&value, &mut values),
        _ => values.push(text.to_owned()),
    }
    values
}

/// True for a text that `ansible-vault` made.
pub fn is_encrypted(text: &str) -> bool {
    text.trim_start().starts_with(HEADER)
}

/// The plain text of what `ansible-vault` made.
///
/// # Errors
/// No password opens it, or it is damaged.
pub fn decrypt(text: &str, passwords: &VaultPasswords) -> Result<String, VaultError> {
    let envelope = Envelope::parse(text)?;
    if passwords.0.is_empty() {
        return Err(VaultError::NoPassword);
    }
    for password in passwords.candidates(envelope.id.as_deref()) {
        if let Some(plain) = envelope.open(password)? {
            let text = String::from_utf8(plain).map_err(|_| VaultError::Malformed("its content is not UTF-8 text"))?;
            passwords.remember(&text);
            return Ok(text);
        }
    }
    Err(VaultError::WrongPassword { id: envelope.id })
}

/// What stands in a vault.
struct Envelope {
    id: Option<String>,
    salt: Vec<u8>,
    signature: Vec<u8>,
    ciphertext: Vec<u8>,
}

impl Envelope {
    fn parse(text: &str) -> Result<Self, VaultError> {
        let mut lines = text.trim().lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().trim().split(';').collect();
        let id = match header[..] {
            [HEADER, "1.1" | "1.2", "AES256"] => None,
            [HEADER, "1.2", "AES256", id] => Some(id.to_owned()),
            [HEADER, "1.1" | "1.2", _, ..] => {
                return Err(VaultError::Malformed("only the cipher AES256 is known"));
            }
            [HEADER, ..] => return Err(VaultError::Malformed("only the formats 1.1 and 1.2 are known")),
            _ => return Err(VaultError::Malformed("it does not begin with $ANSIBLE_VAULT")),
        };
        let body: String = lines.map(str::trim).collect();
        let inner = unhex(body.as_bytes())?;
        let mut parts = inner.splitn(3, |&byte| byte == b'\n');
        let mut part = || unhex(parts.next().ok_or(VaultError::Malformed("a part of it is missing"))?);
        Ok(Self {
            id,
            salt: part()?,
            signature: part()?,
            ciphertext: part()?,
        })
    }

    /// The content; `None` when the password does not fit.
    fn open(&self, password: &SecretString) -> Result<Option<Vec<u8>>, VaultError> {
        let broken = |_| VaultError::Malformed("OpenSSL refused it");
        let mut keys = [0; KEY + KEY + BLOCK];
        pbkdf2_hmac(
            password.expose_secret().as_bytes(),
            &self.salt,
            ITERATIONS,
            MessageDigest::sha256(),
            &mut keys,
        )
        .map_err(broken)?;
        let (cipher_key, rest) = keys.split_at(KEY);
        let (signing_key, counter) = rest.split_at(KEY);

        let signing_key = PKey::hmac(signing_key).map_err(broken)?;
        let signature = Signer::new(MessageDigest::sha256(), &signing_key)
            .and_then(|mut signer| signer.sign_oneshot_to_vec(&self.ciphertext))
            .map_err(broken)?;
        if signature.len() != self.signature.len() || !memcmp::eq(&signature, &self.signature) {
            return Ok(None);
        }
        let mut plain = decipher(Cipher::aes_256_ctr(), cipher_key, Some(counter), &self.ciphertext).map_err(broken)?;
        unpad(&mut plain)?;
        Ok(Some(plain))
    }
}

/// Takes the PKCS#7 padding off.
fn unpad(plain: &mut Vec<u8>) -> Result<(), VaultError> {
    let length = plain.last().copied().map_or(0, usize::from);
    let sound = (1..=BLOCK).contains(&length)
        && length <= plain.len()
        && plain[plain.len() - length..]
            .iter()
            .all(|&byte| usize::from(byte) == length);
    if !sound {
        return Err(VaultError::Malformed("its padding is damaged"));
    }
    plain.truncate(plain.len() - length);
    Ok(())
}

fn unhex(digits: &[u8]) -> Result<Vec<u8>, VaultError> {
    let damaged = VaultError::Malformed("it holds something other than hexadecimal digits");
    if !digits.len().is_multiple_of(2) {
        return Err(VaultError::Malformed("its end is missing"));
    }
    let value = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
    };
    digits
        .chunks_exact(2)
        .map(|pair| Some(value(pair[0])? << 4 | value(pair[1])?))
        .collect::<Option<_>>()
        .ok_or(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by ansible-vault with the password of [`passwords`].
    const VERSION_1_1: &str = "$ANSIBLE_VAULT;1.1;AES256
        62626165323335646538613238303337376330333731636532393532306535353933323836303461
        3931623832393239356435336434356365653261353264620a633835613538353236643164313665
        33303632363937353565663263333731376563336161663364363231356661626164343264303462
        3861303462623662310a626263636139313164386139346663343030333834323463646665613038
        6661\n";
    const VERSION_1_2: &str = "$ANSIBLE_VAULT;1.2;AES256;dev
        36393830303433646336653666623339366264326463313039666365336335663130633065396166
        6662376432663462663530343562363531623935383566300a386230646439643333613838653063
        32373961303261643761636233633762353566623530303735333135306333393539393636313364
        3834663863323466340a313634306535663765623837613837383566343061313966323961393465
        6431\n";

    fn passwords(list: &[(&str, &str)]) -> VaultPasswords {
        let mut passwords = VaultPasswords::default();
        for (id, password) in list {
            passwords.add(id, SecretString::from(*password));
        }
        passwords
    }

    #[test]
    fn what_ansible_vault_encrypted_is_read() {
        let passwords = passwords(&[("default", "wrong"), ("dev", "correct horse")]);
        assert_eq!(decrypt(VERSION_1_1, &passwords).unwrap(), "s3cret {{ x }}");
        assert_eq!(decrypt(VERSION_1_2, &passwords).unwrap(), "other");
    }

    #[test]
    fn a_wrong_or_missing_password_is_said() {
        let error = decrypt(VERSION_1_2, &passwords(&[("default", "wrong")])).unwrap_err();
        assert!(error.to_string().contains("`dev`"), "{error}");
        assert!(matches!(
            decrypt(VERSION_1_1, &VaultPasswords::default()),
            Err(VaultError::NoPassword)
        ));
    }

    #[test]
    fn damage_is_an_error_and_never_a_value() {
        let passwords = passwords(&[("default", "correct horse")]);
        let flipped = VERSION_1_1.replace("6661\n", "6662\n");
        assert!(matches!(
            decrypt(&flipped, &passwords),
            Err(VaultError::WrongPassword { .. })
        ));
        for (from, to) in [
            ("6661\n", ""),
            ("6661\n", "666"),
            ("6661\n", "zz"),
            ("1.1", "2.0"),
            ("AES256", "AES"),
        ] {
            let damaged = VERSION_1_1.replace(from, to);
            assert!(decrypt(&damaged, &passwords).is_err(), "{to}");
        }
        for text in [
            "",
            "$ANSIBLE_VAULT",
            "$ANSIBLE_VAULT;1.1;AES256",
            "$ANSIBLE_VAULT;1.1;AES256\n0a0a",
        ] {
            assert!(decrypt(text, &passwords).is_err(), "{text}");
        }
    }

    #[test]
    fn password_files_are_trimmed_and_checked() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        let mut passwords = VaultPasswords::default();
        std::fs::write(&file, "correct horse\n").unwrap();
        passwords.add_file("default", &file).unwrap();
        assert_eq!(decrypt(VERSION_1_2, &passwords).unwrap(), "other");
        for bad in ["", "\n", "#!/bin/sh\necho x\n"] {
            std::fs::write(&file, bad).unwrap();
            assert!(passwords.add_file("default", &file).is_err());
        }
    }
}
