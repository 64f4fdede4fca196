//! The format: a header line, and hexadecimal digits of a salt, a signature and the encrypted content.

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::memcmp;
use openssl::pkcs5::pbkdf2_hmac;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::symm::{Cipher, decrypt as decipher, encrypt as encipher};
use secrecy::ExposeSecret;

use super::{DEFAULT_ID, HEADER, Password, VaultError};

const ITERATIONS: usize = 10_000;
const KEY: usize = 32;
const BLOCK: usize = 16;
const SALT: usize = 32;
/// Characters of a line.
const LINE: usize = 80;

/// What stands in a vault.
pub(super) struct Envelope {
    pub(super) id: Option<String>,
    salt: Vec<u8>,
    signature: Vec<u8>,
    ciphertext: Vec<u8>,
}

/// What a password and a salt give.
struct Keys([u8; KEY + KEY + BLOCK]);

impl Keys {
    fn derive(password: &Password, salt: &[u8]) -> Result<Self, ErrorStack> {
        let mut keys = [0; KEY + KEY + BLOCK];
        pbkdf2_hmac(
            password.expose_secret(),
            salt,
            ITERATIONS,
            MessageDigest::sha256(),
            &mut keys,
        )?;
        Ok(Self(keys))
    }

    fn cipher(&self) -> &[u8] {
        &self.0[..KEY]
    }

    fn counter(&self) -> &[u8] {
        &self.0[KEY + KEY..]
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let key = PKey::hmac(&self.0[KEY..KEY + KEY])?;
        Signer::new(MessageDigest::sha256(), &key)?.sign_oneshot_to_vec(text)
    }
}

impl Envelope {
    pub(super) fn parse(text: &str) -> Result<Self, VaultError> {
        let mut lines = text.trim().lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().split(';').map(str::trim).collect();
        let id = match header[..] {
            [HEADER, "1.1" | "1.2", "AES256"] => None,
            // Ansible takes what stands there in either version.
            [HEADER, "1.1" | "1.2", "AES256", id, ..] => Some(id).filter(|id| !id.is_empty() && *id != DEFAULT_ID),
            [HEADER, "1.1" | "1.2", _, ..] => {
                return Err(VaultError::Malformed("only the cipher AES256 is known"));
            }
            [HEADER, ..] => return Err(VaultError::Malformed("only the formats 1.1 and 1.2 are known")),
            _ => return Err(VaultError::NotEncrypted),
        };
        let body: String = lines.map(str::trim).collect();
        let inner = unhex(body.as_bytes())?;
        let mut parts = inner.splitn(3, |&byte| byte == b'\n');
        let mut part = || unhex(parts.next().ok_or(VaultError::Malformed("a part of it is missing"))?);
        Ok(Self {
            id: id.map(ToOwned::to_owned),
            salt: part()?,
            signature: part()?,
            ciphertext: part()?,
        })
    }

    /// The content; `None` when the password does not fit.
    pub(super) fn open(&self, password: &Password) -> Result<Option<Vec<u8>>, VaultError> {
        let broken = |_| VaultError::Malformed("OpenSSL refused it");
        let keys = Keys::derive(password, &self.salt).map_err(broken)?;
        let signature = keys.sign(&self.ciphertext).map_err(broken)?;
        if signature.len() != self.signature.len() || !memcmp::eq(&signature, &self.signature) {
            return Ok(None);
        }
        let mut plain = decipher(
            Cipher::aes_256_ctr(),
            keys.cipher(),
            Some(keys.counter()),
            &self.ciphertext,
        )
        .map_err(broken)?;
        unpad(&mut plain)?;
        Ok(Some(plain))
    }

    /// Encrypts with a new salt.
    pub(super) fn seal(plain: &[u8], password: &Password, id: Option<String>) -> Result<Self, VaultError> {
        let broken = |error: ErrorStack| VaultError::Broken(error.to_string());
        let mut salt = vec![0; SALT];
        getrandom::fill(&mut salt).map_err(|error| VaultError::Broken(error.to_string()))?;
        let keys = Keys::derive(password, &salt).map_err(broken)?;
        let ciphertext = encipher(
            Cipher::aes_256_ctr(),
            keys.cipher(),
            Some(keys.counter()),
            &padded(plain),
        )
        .map_err(broken)?;
        Ok(Self {
            id,
            signature: keys.sign(&ciphertext).map_err(broken)?,
            salt,
            ciphertext,
        })
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = match &self.id {
            None => format!("{HEADER};1.1;AES256\n"),
            Some(id) => format!("{HEADER};1.2;AES256;{id}\n"),
        };
        let parts = [&self.salt, &self.signature, &self.ciphertext].map(|part| hex(part));
        for (index, digit) in hex(parts.join("\n").as_bytes()).chars().enumerate() {
            if index > 0 && index % LINE == 0 {
                text.push('\n');
            }
            text.push(digit);
        }
        text.push('\n');
        text
    }
}

/// Adds the PKCS#7 padding.
fn padded(plain: &[u8]) -> Vec<u8> {
    let length = BLOCK - plain.len() % BLOCK;
    let mut padded = Vec::with_capacity(plain.len() + length);
    padded.extend_from_slice(plain);
    padded.resize(plain.len() + length, u8::try_from(length).unwrap_or_default());
    padded
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

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)])
        .collect()
}
