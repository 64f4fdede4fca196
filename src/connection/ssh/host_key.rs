//! Is the host the one it was? OpenSSH's rules and words.

use std::io::{self, Write};
use std::iter;
use std::os::unix::fs::DirBuilderExt;
use std::sync::{Mutex, PoisonError};

use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt;
use sha2::{Digest, Sha256};
use ssh2::{MethodType, Session};

use super::certificate::Certificate;
use super::config::Settings;
use super::known_hosts::{self, KnownHost, Verdict, display_kind, kind_of};
use super::terminal;
use crate::connection::{ConnectionError, HostKeyPolicy};

/// Signature algorithms with the key type each belongs to, best first.
const ALGORITHMS: [(&str, &str); 6] = [
    ("ssh-ed25519", "ssh-ed25519"),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"),
    ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"),
    ("ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "ssh-rsa"),
    ("rsa-sha2-256", "ssh-rsa"),
];

/// The same for certificates, which are asked for only where an authority is known: a host that has one shows it before
/// its plain keys, and libssh2 does not look who has signed it.
const CERTIFICATES: [&str; 6] = [
    "ssh-ed25519-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
];

/// What is known about the host, and its name among the known hosts.
pub(super) struct Known {
    host: KnownHost,
    name: String,
    /// By its name without its port, where it has one: a key that is known for the host counts for its other ports too.
    plain: Option<KnownHost>,
}

impl Known {
    /// Looks the host up in all files.
    pub(super) fn load(settings: &Settings) -> Self {
        let (name, plain_name) = match &settings.host_key_alias {
            Some(alias) => (alias.to_ascii_lowercase(), None),
            None => (
                known_hosts::host_name(&settings.hostname, settings.port),
                (settings.port != 22).then(|| settings.hostname.to_ascii_lowercase()),
            ),
        };
        let look_up =
            |name: &str| KnownHost::load(settings.known_hosts.iter().chain(&settings.system_known_hosts), name);
        Self {
            host: look_up(&name),
            plain: plain_name.map(|name| look_up(&name)),
            name,
        }
    }

    fn check(&self, key: &[u8]) -> Verdict {
        match (self.host.check(key), &self.plain) {
            (Verdict::Unknown, Some(plain)) => match plain.check(key) {
                Verdict::Changed(_) => Verdict::Unknown,
                verdict => verdict,
            },
            (verdict, _) => verdict,
        }
    }

    /// What is known by each name that the host may have.
    fn by_name(&self) -> impl Iterator<Item = &KnownHost> {
        iter::once(&self.host).chain(&self.plain)
    }

    /// Judges a certificate that the host showed.
    fn check_certificate(&self, certificate: &Certificate, settings: &Settings) -> Result<Verdict, String> {
        let authority = certificate.authority();
        for known in self.by_name() {
            for key in [certificate.key(), authority] {
                if let Some(place) = known.revocation(key) {
                    return Ok(Verdict::Revoked(place));
                }
            }
        }
        if !self.by_name().any(|known| known.is_authority(authority)) {
            return Err("no known authority has signed it".to_owned());
        }
        let name = match &settings.host_key_alias {
            Some(alias) => alias.clone(),
            None => settings.hostname.to_ascii_lowercase(),
        };
        certificate.speaks_for(&name)?;
        Ok(Verdict::Known)
    }
}

/// Asks for the key types that are known for the host before all others, so that a host with several keys is not taken
/// for a stranger.
pub(super) fn prefer_known(session: &Session, known: &Known, settings: &Settings) -> Result<(), ssh2::Error> {
    let kinds: Vec<&str> = known.by_name().flat_map(KnownHost::kinds).collect();
    let (mut first, rest): (Vec<_>, Vec<_>) = ALGORITHMS.iter().partition(|(_, kind)| kinds.contains(kind));
    first.extend(rest);
    let mut names: Vec<&str> = first.iter().map(|(algorithm, _)| *algorithm).collect();
    if known.by_name().any(KnownHost::has_authority) {
        names.splice(..0, CERTIFICATES);
    }
    if let Some(allowed) = &settings.host_key_algorithms {
        names.retain(|name| allowed.iter().any(|allowed| allowed == name));
    }
    session.method_pref(MethodType::HostKey, &names.join(","))
}

/// How far a host may be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// It is the one it was, or is to be taken for it.
    Full,
    /// Its key is not the one that is known; checking is switched off, but no password is sent there.
    NoPasswords,
}

/// Compares the key that the host showed with what is known.
pub(super) fn verify(
    session: &Session,
    known: &Known,
    settings: &Settings,
    name: &str,
) -> Result<Trust, ConnectionError> {
    let Some((shown, _)) = session.host_key() else {
        return Err(refused(name, "the server has shown no host key", None));
    };
    let mut key = shown.to_vec();
    // A certificate that does not hold counts as the plain key that is in it.
    let mut complaint = String::new();
    let mut verdict = None;
    if kind_of(shown).contains("-cert-v01@") {
        let certificate = Certificate::read(shown)
            .ok_or_else(|| refused(name, "the certificate that the server has shown cannot be read", None))?;
        match known.check_certificate(&certificate, settings) {
            Ok(judged) => verdict = Some(judged),
            Err(reason) => complaint = format!(" Its certificate does not count: {reason}."),
        }
        certificate.key().clone_into(&mut key);
    }
    let verdict = verdict.unwrap_or_else(|| known.check(&key));
    if settings.host_key_policy == HostKeyPolicy::Off {
        return Ok(match verdict {
            Verdict::Known => Trust::Full,
            Verdict::Unknown => {
                // So that a later change is noticed; where it cannot be written, nobody has asked for it either.
                let _ = write_down(&key, known, settings);
                Trust::Full
            }
            Verdict::Changed(_) | Verdict::Revoked(_) => Trust::NoPasswords,
        });
    }
    judge(&key, &verdict, &complaint, known, settings, name)?;
    Ok(Trust::Full)
}

fn judge(
    key: &[u8],
    verdict: &Verdict,
    complaint: &str,
    known: &Known,
    settings: &Settings,
    name: &str,
) -> Result<(), ConnectionError> {
    let kind = display_kind(kind_of(key));
    let fingerprint = fingerprint(key);
    match verdict {
        Verdict::Known => Ok(()),
        Verdict::Changed(place) => Err(refused(
            name,
            &format!(
                "REMOTE HOST IDENTIFICATION HAS CHANGED! IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY! \
                 The fingerprint for the {kind} key sent by the remote host is {fingerprint}. \
                 Offending {} key in {}:{}.{complaint} Host key verification failed.",
                place.kind,
                place.file.display(),
                place.line
            ),
            Some(format!(
                "if the host was installed anew, and only then: ssh-keygen -f '{}' -R '{}'",
                place.file.display(),
                known.name
            )),
        )),
        Verdict::Revoked(place) => Err(refused(
            name,
            &format!(
                "REVOKED HOST KEY DETECTED! The {kind} host key ({fingerprint}) or its authority is marked as revoked in {}:{}. \
                 Host key verification failed.",
                place.file.display(),
                place.line
            ),
            Some("this key must not be trusted; the host needs a new one".to_owned()),
        )),
        Verdict::Unknown => welcome(
            key,
            known,
            settings,
            name,
            &Stranger {
                kind,
                fingerprint,
                complaint,
            },
        ),
    }
}

struct Stranger<'s> {
    kind: &'static str,
    fingerprint: String,
    /// Why its certificate does not count, if it has one.
    complaint: &'s str,
}

/// A host whose key is not known: refused, asked about, or written down.
fn welcome(
    key: &[u8],
    known: &Known,
    settings: &Settings,
    name: &str,
    stranger: &Stranger<'_>,
) -> Result<(), ConnectionError> {
    let Stranger {
        kind,
        fingerprint,
        complaint,
    } = stranger;
    let unknown = |more: &str| {
        refused(
            name,
            &format!(
                "No {kind} host key is known for {} and you have requested strict checking{more}. \
                 {kind} key fingerprint is {fingerprint}.{complaint} Host key verification failed.",
                known.name
            ),
            Some(format!(
                "compare the fingerprint with the one on the host's console, then: ssh-keyscan -p {} {} >> {}; or let krun write new keys down with `ansible_ssh_common_args=-oStrictHostKeyChecking=accept-new`",
                settings.port,
                settings.hostname,
                settings
                    .known_hosts
                    .first()
                    .map_or_else(|| "~/.ssh/known_hosts".to_owned(), |file| file.display().to_string()),
            )),
        )
    };
    match settings.host_key_policy {
        HostKeyPolicy::Strict => return Err(unknown("")),
        HostKeyPolicy::Ask => {
            let question = format!(
                "The authenticity of host '{name}' can't be established.\n{kind} key fingerprint is {fingerprint}.\n\
                 Are you sure you want to continue connecting (yes/no)? "
            );
            match terminal::ask(&question) {
                Ok(answer) if answer.eq_ignore_ascii_case("yes") || answer == *fingerprint => {}
                Ok(_) => return Err(refused(name, "Host key verification failed.", None)),
                Err(_) => return Err(unknown(", and there is no terminal to ask on")),
            }
        }
        HostKeyPolicy::AcceptNew | HostKeyPolicy::Off => {}
    }
    write_down(key, known, settings).map_err(|error| {
        refused(
            name,
            &format!("the new host key cannot be written down: {error}"),
            Some("UserKnownHostsFile names the file for it".to_owned()),
        )
    })
}

fn write_down(key: &[u8], known: &Known, settings: &Settings) -> io::Result<()> {
    // Hosts connect side by side; a line is never torn.
    static ONE_WRITER: Mutex<()> = Mutex::new(());
    let _turn = ONE_WRITER.lock().unwrap_or_else(PoisonError::into_inner);
    let file = settings
        .known_hosts
        .first()
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no user's known_hosts file"))?;
    if let Some(directory) = file.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    let mut line = known_hosts::line(&known.name, key, settings.hash_known_hosts)
        .ok_or_else(|| io::Error::other("the host's name cannot be hashed"))?;
    if fs::read(file).is_ok_and(|text| !text.is_empty() && !text.ends_with(b"\n")) {
        line.insert(0, '\n');
    }
    fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(file)?
        .write_all(line.as_bytes())
}

/// `SHA256:…`, as OpenSSH shows it.
fn fingerprint(key: &[u8]) -> String {
    let hash = openssl::base64::encode_block(&Sha256::digest(key));
    format!("SHA256:{}", hash.trim_end_matches('='))
}

fn refused(name: &str, message: &str, help: Option<String>) -> ConnectionError {
    ConnectionError::Distrusted {
        message: format!("cannot connect to {name}: {message}"),
        help,
    }
}
