//! Is the host the one it was? OpenSSH's rules and words.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use fs_err as fs;
use sha2::{Digest, Sha256};
use ssh2::{MethodType, Session};

use super::config::Settings;
use super::known_hosts::{self, KnownHosts, Verdict, display_kind, kind_of};
use super::terminal;
use crate::connection::{ConnectionError, HostKeyPolicy};

/// Signature algorithms with the key type each belongs to, best first. Certificates are left out: libssh2 would
/// negotiate them, but does not check them.
const ALGORITHMS: [(&str, &str); 7] = [
    ("ssh-ed25519", "ssh-ed25519"),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"),
    ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"),
    ("ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "ssh-rsa"),
    ("rsa-sha2-256", "ssh-rsa"),
    ("ssh-rsa", "ssh-rsa"),
];

/// The known hosts, and the name that the host has among them.
pub(super) struct Known {
    hosts: KnownHosts,
    name: String,
    /// The name without its port, where it has one: a key that is known for the host counts for its other ports too.
    plain_name: Option<String>,
}

impl Known {
    /// Reads the files; those that are missing or unreadable know nothing, as with OpenSSH.
    pub(super) fn load(settings: &Settings) -> Self {
        let mut hosts = KnownHosts::default();
        for file in settings.known_hosts.iter().chain(&settings.system_known_hosts) {
            if let Ok(bytes) = fs::read(file) {
                hosts.add(file, &String::from_utf8_lossy(&bytes));
            }
        }
        let (name, plain_name) = match &settings.host_key_alias {
            Some(alias) => (alias.to_ascii_lowercase(), None),
            None => (
                known_hosts::host_name(&settings.hostname, settings.port),
                (settings.port != 22).then(|| settings.hostname.to_ascii_lowercase()),
            ),
        };
        Self {
            hosts,
            name,
            plain_name,
        }
    }

    fn check(&self, key: &[u8]) -> Verdict {
        match (self.hosts.check(&self.name, key), &self.plain_name) {
            (Verdict::Unknown { others }, Some(plain)) => match self.hosts.check(plain, key) {
                Verdict::Known => Verdict::Known,
                Verdict::Revoked(place) => Verdict::Revoked(place),
                _ => Verdict::Unknown { others },
            },
            (verdict, _) => verdict,
        }
    }
}

/// Asks for the key types that are known for the host before all others, so that a host with several keys is not taken
/// for a stranger.
pub(super) fn prefer_known(session: &Session, known: &Known, settings: &Settings) -> Result<(), ssh2::Error> {
    let mut kinds = known.hosts.kinds(&known.name);
    if let Some(plain) = &known.plain_name {
        kinds.extend(known.hosts.kinds(plain));
    }
    let is_known = |kind: &str| settings.host_key_policy != HostKeyPolicy::Off && kinds.contains(&kind);
    let (mut first, rest): (Vec<_>, Vec<_>) = ALGORITHMS.iter().partition(|(_, kind)| is_known(kind));
    first.extend(rest);
    let names: Vec<&str> = first.iter().map(|(algorithm, _)| *algorithm).collect();
    session.method_pref(MethodType::HostKey, &names.join(","))
}

/// Compares the key that the host showed with what is known.
pub(super) fn verify(session: &Session, known: &Known, settings: &Settings, name: &str) -> Result<(), ConnectionError> {
    let Some((key, _)) = session.host_key() else {
        return Err(refused(name, "the server has shown no host key", None));
    };
    if settings.host_key_policy == HostKeyPolicy::Off {
        return Ok(());
    }
    let kind = display_kind(kind_of(key));
    let fingerprint = fingerprint(key);
    match known.check(key) {
        Verdict::Known => Ok(()),
        Verdict::Changed(place) => Err(refused(
            name,
            &format!(
                "REMOTE HOST IDENTIFICATION HAS CHANGED! IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY! \
                 The fingerprint for the {kind} key sent by the remote host is {fingerprint}. \
                 Offending {} key in {}:{}. Host key verification failed.",
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
                "REVOKED HOST KEY DETECTED! The {kind} host key ({fingerprint}) is marked as revoked in {}:{}. \
                 Host key verification failed.",
                place.file.display(),
                place.line
            ),
            Some("this key must not be trusted; the host needs a new one".to_owned()),
        )),
        Verdict::Unknown { others } => {
            let others: Vec<String> = others
                .iter()
                .map(|place| format!("{} in {}:{}", place.kind, place.file.display(), place.line))
                .collect();
            welcome(
                key,
                known,
                settings,
                name,
                &Stranger {
                    kind,
                    fingerprint,
                    others,
                },
            )
        }
    }
}

struct Stranger {
    kind: &'static str,
    fingerprint: String,
    /// Keys of other types that are known for the host.
    others: Vec<String>,
}

/// A host whose key is not known: refused, asked about, or written down.
fn welcome(
    key: &[u8],
    known: &Known,
    settings: &Settings,
    name: &str,
    stranger: &Stranger,
) -> Result<(), ConnectionError> {
    let Stranger {
        kind,
        fingerprint,
        others,
    } = stranger;
    let unknown = |more: &str| {
        let others = if others.is_empty() {
            String::new()
        } else {
            format!(" Keys of other types are known: {}.", others.join(", "))
        };
        refused(
            name,
            &format!(
                "No {kind} host key is known for {} and you have requested strict checking{more}. \
                 {kind} key fingerprint is {fingerprint}.{others} Host key verification failed.",
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
        fs::create_dir_all(directory)?;
    }
    let mut line = known_hosts::line(&known.name, key, settings.hash_known_hosts)
        .ok_or_else(|| io::Error::other("the host's name cannot be hashed"))?;
    if fs::read(file).is_ok_and(|text| !text.is_empty() && !text.ends_with(b"\n")) {
        line.insert(0, '\n');
    }
    fs::OpenOptions::new()
        .create(true)
        .append(true)
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
