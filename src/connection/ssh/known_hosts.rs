//! OpenSSH's `known_hosts` files: plain and hashed names, wildcards, negation, `[host]:port`, markers.

use std::path::{Path, PathBuf};

use openssl::base64::{decode_block, encode_block};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;

/// One line of such a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    marker: Marker,
    names: String,
    kind: String,
    key: Vec<u8>,
    place: Place,
}

/// What a line says about its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marker {
    /// It is the host's.
    Host,
    /// It signs the certificates of hosts.
    Authority,
    /// It must not be trusted.
    Revoked,
}

/// Where a line stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) line: usize,
    /// The type of the key in it, as OpenSSH calls it: `ED25519`.
    pub(super) kind: &'static str,
}

/// What the files say about a host's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is this host's key.
    Known,
    /// The host has other keys, of this type or another: whoever shows a key of a new type may be somebody else.
    Changed(Place),
    /// No key is known for the host.
    Unknown,
    /// It must not be trusted any more.
    Revoked(Place),
}

/// Several files taken together, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownHosts {
    entries: Vec<Entry>,
}

impl KnownHosts {
    /// Adds a file's lines; lines that cannot be read are passed over, as OpenSSH does.
    pub(super) fn add(&mut self, file: &Path, text: &str) {
        for (number, line) in text.lines().enumerate() {
            let mut words = line.split_whitespace().peekable();
            let marker = match words.next_if(|word| word.starts_with('@')) {
                None => Marker::Host,
                Some("@cert-authority") => Marker::Authority,
                Some("@revoked") => Marker::Revoked,
                Some(_) => continue,
            };
            let (Some(names), Some(kind), Some(key)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            let Ok(key) = decode_block(key) else { continue };
            if names.starts_with('#') || kind_of(&key) != kind {
                continue;
            }
            self.entries.push(Entry {
                marker,
                names: names.to_owned(),
                kind: kind.to_owned(),
                key,
                place: Place {
                    file: file.to_owned(),
                    line: number + 1,
                    kind: display_kind(kind),
                },
            });
        }
    }

    /// The key types that are known for a name.
    pub(super) fn kinds(&self, name: &str) -> Vec<&str> {
        self.about(name, Marker::Host)
            .map(|entry| entry.kind.as_str())
            .collect()
    }

    /// True when certificates can speak for a name.
    pub(super) fn has_authority(&self, name: &str) -> bool {
        self.about(name, Marker::Authority).next().is_some()
    }

    /// True when this key may sign certificates for a name.
    pub(super) fn is_authority(&self, name: &str, key: &[u8]) -> bool {
        self.about(name, Marker::Authority).any(|entry| entry.key == key)
    }

    /// The line that says that a key must not be trusted.
    pub(super) fn revocation(&self, name: &str, key: &[u8]) -> Option<Place> {
        self.about(name, Marker::Revoked)
            .find(|entry| entry.key == key)
            .map(|entry| entry.place.clone())
    }

    /// What is known about a key that a host showed.
    pub(super) fn check(&self, name: &str, key: &[u8]) -> Verdict {
        if let Some(place) = self.revocation(name, key) {
            return Verdict::Revoked(place);
        }
        let mut verdict = Verdict::Unknown;
        for entry in self.about(name, Marker::Host) {
            if entry.key == key {
                return Verdict::Known;
            }
            verdict = Verdict::Changed(entry.place.clone());
        }
        verdict
    }

    fn about(&self, name: &str, marker: Marker) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(move |entry| entry.marker == marker && matches(&entry.names, name))
    }
}

/// The name that a host has in these files.
pub(super) fn host_name(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 { host } else { format!("[{host}]:{port}") }
}

/// A line to add for a host.
pub(super) fn line(name: &str, key: &[u8], hashed: bool) -> Option<String> {
    let names = if hashed {
        let mut salt = [0; 20];
        getrandom::fill(&mut salt).ok()?;
        format!("|1|{}|{}", encode_block(&salt), encode_block(&hash(name, &salt)?))
    } else {
        name.to_owned()
    };
    Some(format!("{names} {} {}\n", kind_of(key), encode_block(key)))
}

/// The type of a key, which is the first string in it.
pub(super) fn kind_of(key: &[u8]) -> &str {
    let length = key
        .first_chunk::<4>()
        .and_then(|length| usize::try_from(u32::from_be_bytes(*length)).ok());
    length
        .and_then(|length| key.get(4..length.checked_add(4)?))
        .and_then(|name| std::str::from_utf8(name).ok())
        .unwrap_or("unknown")
}

/// What OpenSSH calls a key type in its messages.
pub(super) fn display_kind(kind: &str) -> &'static str {
    match kind {
        "ssh-ed25519" => "ED25519",
        "ssh-rsa" => "RSA",
        "ssh-dss" => "DSA",
        kind if kind.starts_with("ecdsa-") => "ECDSA",
        _ => "unknown",
    }
}

fn matches(names: &str, name: &str) -> bool {
    if let Some(hashed) = names.strip_prefix("|1|") {
        return hashed
            .split_once('|')
            .and_then(|(salt, expected)| Some((decode_block(salt).ok()?, decode_block(expected).ok()?)))
            .is_some_and(|(salt, expected)| hash(name, &salt).is_some_and(|hash| hash == expected));
    }
    let mut found = false;
    for pattern in names.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches_pattern(pattern, name) => return false,
            None if matches_pattern(pattern, name) => found = true,
            _ => {}
        }
    }
    found
}

/// `*` stands for any characters, `?` for one; case does not matter.
fn matches_pattern(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut position) = (0, 0);
    // Where to go on after the last star: one character later each time.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(at), name.get(position)) {
            (Some(b'*'), _) => {
                retry = Some((at + 1, position));
                at += 1;
            }
            (Some(b'?'), Some(_)) => (at, position) = (at + 1, position + 1),
            (Some(expected), Some(actual)) if expected.eq_ignore_ascii_case(actual) => {
                (at, position) = (at + 1, position + 1);
            }
            (None, None) => return true,
            _ => match retry {
                Some((after_star, tried)) if tried < name.len() => {
                    retry = Some((after_star, tried + 1));
                    (at, position) = (after_star, tried + 1);
                }
                _ => return false,
            },
        }
    }
}

/// HMAC-SHA1 of the name, OpenSSH's hash.
fn hash(name: &str, salt: &[u8]) -> Option<Vec<u8>> {
    let key = PKey::hmac(salt).ok()?;
    Signer::new(MessageDigest::sha1(), &key)
        .and_then(|mut signer| signer.sign_oneshot_to_vec(name.as_bytes()))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &str, body: &str) -> Vec<u8> {
        let mut key = u32::try_from(kind.len()).unwrap().to_be_bytes().to_vec();
        key.extend(kind.bytes());
        key.extend(body.bytes());
        key
    }

    fn files(lines: &[(&str, &[u8])]) -> KnownHosts {
        let mut text = String::from("# comment\n\n");
        for (names, key) in lines {
            text.extend([names, " ", kind_of(key), " ", &encode_block(key), " me@here\n"]);
        }
        let mut known = KnownHosts::default();
        known.add(Path::new("known_hosts"), &text);
        known
    }

    #[test]
    fn keys_are_judged_as_openssh_does() {
        let (right, wrong, rsa) = (key("ssh-ed25519", "A"), key("ssh-ed25519", "B"), key("ssh-rsa", "C"));
        let known = files(&[("W1,10.0.0.*,!10.0.0.9", &right), ("@revoked *", &wrong)]);
        assert_eq!(known.check("w1", &right), Verdict::Known);
        assert_eq!(known.check("10.0.0.7", &right), Verdict::Known);
        assert!(matches!(known.check("10.0.0.9", &right), Verdict::Unknown));
        assert!(matches!(known.check("w1", &wrong), Verdict::Revoked(place) if place.line == 4));
        assert!(matches!(known.check("w1", &key("ssh-ed25519", "D")), Verdict::Changed(place) if place.line == 3));
        assert!(matches!(known.check("w1", &rsa), Verdict::Changed(place) if place.line == 3));
        assert_eq!(known.kinds("w1"), ["ssh-ed25519"]);
    }

    #[test]
    fn ports_have_names_of_their_own() {
        let right = key("ssh-ed25519", "A");
        let known = files(&[("[w1]:2222", &right)]);
        assert_eq!(known.check(&host_name("w1", 2222), &right), Verdict::Known);
        assert!(matches!(known.check(&host_name("w1", 22), &right), Verdict::Unknown));
    }

    #[test]
    fn hashed_names_are_written_and_found_again() {
        let right = key("ssh-ed25519", "A");
        let mut known = KnownHosts::default();
        known.add(Path::new("known_hosts"), &line("w1", &right, true).unwrap());
        assert_eq!(known.check("w1", &right), Verdict::Known);
        assert!(matches!(known.check("w2", &right), Verdict::Unknown));
    }

    #[test]
    fn a_hash_that_openssh_wrote_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("known_hosts");
        let right = key("ssh-ed25519", "\0\0\0\x20abcdefghijklmnopqrstuvwxyz012345");
        std::fs::write(&file, line("w1.example.org", &right, false).unwrap()).unwrap();
        let status = std::process::Command::new("ssh-keygen")
            .args(["-q", "-H", "-f"])
            .arg(&file)
            .status();
        assert!(status.unwrap().success());
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("|1|"), "{text}");
        let mut known = KnownHosts::default();
        known.add(&file, &text);
        assert_eq!(known.check("w1.example.org", &right), Verdict::Known);
    }

    #[test]
    fn wildcards() {
        assert!(matches_pattern("*.example.org", "a.b.example.org"));
        assert!(matches_pattern("w?", "w1"));
        assert!(matches_pattern("*", ""));
        assert!(!matches_pattern("w?", "w12"));
        assert!(!matches_pattern("*.org", "w1.com"));
    }
}
