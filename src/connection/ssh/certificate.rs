//! OpenSSH's certificates: libssh2 proves that a host has the key in one; who signed it, for whom and for how long is
//! looked at here.

use std::time::{SystemTime, UNIX_EPOCH};

use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::Rsa;
use openssl::sign::Verifier;

/// What the name of a certificate's type has behind the name of its key's type.
const SUFFIX: &str = "-cert-v01@openssh.com";

/// The certificate's type number for hosts.
const FOR_HOST: u32 = 2;

/// A certificate, as PROTOCOL.certkeys of OpenSSH describes it.
pub(super) struct Certificate {
    key: Vec<u8>,
    authority: Vec<u8>,
    kind: u32,
    names: Vec<String>,
    valid_after: u64,
    valid_before: u64,
    has_critical_options: bool,
    /// What the authority has signed: all before the signature.
    signed: Vec<u8>,
    signature: Vec<u8>,
}

impl Certificate {
    /// Takes a certificate apart; nothing of it is believed yet.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let kind_of_key = std::str::from_utf8(fields.string()?).ok()?.strip_suffix(SUFFIX)?;
        let _nonce = fields.string()?;
        let mut key = string_of(kind_of_key.as_bytes())?;
        for _ in 0..if kind_of_key == "ssh-ed25519" { 1 } else { 2 } {
            key.extend(string_of(fields.string()?)?);
        }
        let _serial = fields.long()?;
        let kind = fields.int()?;
        let _identity = fields.string()?;
        let mut list = Fields(fields.string()?);
        let mut names = Vec::new();
        while !list.0.is_empty() {
            names.push(String::from_utf8_lossy(list.string()?).into_owned());
        }
        let (valid_after, valid_before) = (fields.long()?, fields.long()?);
        let has_critical_options = !fields.string()?.is_empty();
        let (_extensions, _reserved) = (fields.string()?, fields.string()?);
        let authority = fields.string()?.to_vec();
        let signed = bytes.get(..bytes.len().checked_sub(fields.0.len())?)?.to_vec();
        let signature = fields.string()?.to_vec();
        fields.0.is_empty().then_some(Self {
            key,
            authority,
            kind,
            names,
            valid_after,
            valid_before,
            has_critical_options,
            signed,
            signature,
        })
    }

    /// The key that it is about.
    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The key that has signed it.
    pub(super) fn authority(&self) -> &[u8] {
        &self.authority
    }

    /// Whether it is valid now, for a host of this name.
    ///
    /// # Errors
    /// Why it is not.
    pub(super) fn speaks_for(&self, host: &str) -> Result<(), String> {
        // An error of the library means that it cannot make anything of the signature.
        if !matches!(self.is_signed(), Ok(Some(true))) {
            return Err("its signature is wrong, or of a kind that is not trusted".to_owned());
        }
        if self.kind != FOR_HOST {
            return Err("it is a user's and not a host's".to_owned());
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_err(|_| "this machine's clock is wrong".to_owned())?
            .as_secs();
        if now < self.valid_after {
            return Err("it is not yet valid".to_owned());
        }
        if now >= self.valid_before {
            return Err("it has expired".to_owned());
        }
        if !self.names.is_empty() && !self.names.iter().any(|name| name == host) {
            return Err(format!(
                "`{host}` is not a listed principal ({})",
                self.names.join(", ")
            ));
        }
        if self.has_critical_options {
            return Err("it has critical options, which a host's must not have".to_owned());
        }
        Ok(())
    }

    /// `None` when it is not of the form that it should have.
    fn is_signed(&self) -> Result<Option<bool>, ErrorStack> {
        let mut fields = Fields(&self.signature);
        let (Some(algorithm), Some(signature)) = (fields.string(), fields.string()) else {
            return Ok(None);
        };
        let mut key = Fields(&self.authority);
        let (Some(kind), Some(first)) = (key.string(), key.string()) else {
            return Ok(None);
        };
        let digest = match algorithm {
            b"ssh-ed25519" if kind == algorithm => {
                let key = PKey::public_key_from_raw_bytes(first, Id::ED25519)?;
                let mut verifier = Verifier::new_without_digest(&key)?;
                return verifier.verify_oneshot(signature, &self.signed).map(Some);
            }
            b"rsa-sha2-256" if kind == b"ssh-rsa" => MessageDigest::sha256(),
            b"rsa-sha2-512" if kind == b"ssh-rsa" => MessageDigest::sha512(),
            b"ecdsa-sha2-nistp256" if kind == algorithm => MessageDigest::sha256(),
            b"ecdsa-sha2-nistp384" if kind == algorithm => MessageDigest::sha384(),
            b"ecdsa-sha2-nistp521" if kind == algorithm => MessageDigest::sha512(),
            _ => return Ok(None),
        };
        let Some(second) = key.string() else { return Ok(None) };
        if kind == b"ssh-rsa" {
            let (e, n) = (BigNum::from_slice(first)?, BigNum::from_slice(second)?);
            let key = PKey::from_rsa(Rsa::from_public_components(n, e)?)?;
            return self.verify(&key, digest, signature).map(Some);
        }
        let mut numbers = Fields(signature);
        let (Some(r), Some(s)) = (numbers.string(), numbers.string()) else {
            return Ok(None);
        };
        let signature = EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
        let key = PKey::from_ec_key(elliptic(kind, second)?)?;
        self.verify(&key, digest, &signature.to_der()?).map(Some)
    }

    fn verify(&self, key: &PKey<Public>, digest: MessageDigest, signature: &[u8]) -> Result<bool, ErrorStack> {
        let mut verifier = Verifier::new(digest, key)?;
        verifier.verify_oneshot(signature, &self.signed)
    }
}

fn elliptic(kind: &[u8], point: &[u8]) -> Result<EcKey<Public>, ErrorStack> {
    let curve = match kind {
        b"ecdsa-sha2-nistp256" => Nid::X9_62_PRIME256V1,
        b"ecdsa-sha2-nistp384" => Nid::SECP384R1,
        _ => Nid::SECP521R1,
    };
    let group = EcGroup::from_curve_name(curve)?;
    let mut context = BigNumContext::new()?;
    let point = EcPoint::from_bytes(&group, point, &mut context)?;
    EcKey::from_public_key(&group, &point)
}

/// The fields of a message of the SSH protocol, one after the other.
struct Fields<'b>(&'b [u8]);

impl<'b> Fields<'b> {
    fn int(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*bytes))
    }

    fn long(&mut self) -> Option<u64> {
        let (bytes, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_be_bytes(*bytes))
    }

    fn string(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.int()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}

fn string_of(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut string = u32::try_from(bytes.len()).ok()?.to_be_bytes().to_vec();
    string.extend_from_slice(bytes);
    Some(string)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;

    fn keygen(directory: &Path, arguments: &[&str]) {
        let status = Command::new("ssh-keygen")
            .arg("-q")
            .args(arguments)
            .current_dir(directory)
            .status();
        assert!(status.unwrap().success(), "{arguments:?}");
    }

    /// A host's key, signed by an authority of the given type.
    fn certificate(directory: &Path, authority: &[&str], more: &[&str]) -> Vec<u8> {
        keygen(directory, &["-t", "ed25519", "-N", "", "-f", "host"]);
        keygen(directory, &[authority, &["-N", "", "-f", "ca"]].concat());
        keygen(directory, &[&["-s", "ca", "-I", "test"], more, &["host.pub"]].concat());
        let text = std::fs::read_to_string(directory.join("host-cert.pub")).unwrap();
        openssl::base64::decode_block(text.split_whitespace().nth(1).unwrap()).unwrap()
    }

    #[test]
    fn authorities_of_every_type_are_believed_and_forgeries_are_not() {
        for authority in [
            ["-t", "ed25519"].as_slice(),
            &["-t", "ecdsa", "-b", "256"],
            &["-t", "ecdsa", "-b", "384"],
            &["-t", "ecdsa", "-b", "521"],
            &["-t", "rsa", "-b", "2048"],
        ] {
            let directory = tempfile::tempdir().unwrap();
            let bytes = certificate(directory.path(), authority, &["-h", "-n", "w1,w*"]);
            let good = Certificate::read(&bytes).unwrap();
            assert_eq!(good.speaks_for("w1"), Ok(()), "{authority:?}");
            // No pattern, as with OpenSSH.
            let refused = good.speaks_for("w2").unwrap_err();
            assert!(refused.contains("not a listed principal"), "{refused}");
            for cut in [0, 10, bytes.len() - 1] {
                assert!(Certificate::read(&bytes[..cut]).is_none(), "{cut}");
            }
            let mut forged = bytes.clone();
            let position = memchr::memmem::find(&forged, b"w1").unwrap();
            forged[position + 1] = b'2';
            let refused = Certificate::read(&forged).unwrap().speaks_for("w2").unwrap_err();
            assert!(refused.contains("signature"), "{authority:?}: {refused}");
        }
    }

    #[test]
    fn what_is_not_for_a_host_or_not_for_now_is_refused() {
        for (more, reason) in [
            (["-n", "w1"].as_slice(), "user's"),
            (&["-h", "-n", "w1", "-V", "20200101:20210101"], "expired"),
            (&["-h", "-n", "w1", "-V", "20900101:20910101"], "not yet valid"),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let bytes = certificate(directory.path(), &["-t", "ed25519"], more);
            let refused = Certificate::read(&bytes).unwrap().speaks_for("w1").unwrap_err();
            assert!(refused.contains(reason), "{refused}");
        }
    }
}
