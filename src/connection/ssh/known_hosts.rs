//! OpenSSH's `known_hosts` files: plain and hashed names, wildcards, negation, `[host]:port`, markers.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use fs_err as fs;
use openssl::base64::{decode_block, encode_block};
use openssl::sha::Sha1;

/// One line of such a file; its key is decoded only when a host of this name is met.
struct Entry {
    marker: Marker,
    names: Names,
    kind: String,
    key: String,
    line: usize,
}

/// How a line names its hosts.
enum Names {
    /// As they are; the file's index knows them.
    Plain,
    /// With wildcards or exceptions.
    Patterns(String),
    Hashed(Hashed),
    /// By a hash that nobody can read.
    Damaged,
}

impl Names {
    fn read(text: &str) -> Self {
        if let Some(hashed) = text.strip_prefix("|1|") {
            Hashed::read(hashed).map_or(Self::Damaged, Self::Hashed)
        } else if text.contains(['*', '?', '!']) {
            Self::Patterns(text.to_owned())
        } else {
            Self::Plain
        }
    }
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

/// The lines of one file.
#[derive(Default)]
struct File {
    path: PathBuf,
    entries: Vec<Entry>,
    /// The lines that name a host as it is, by its name in lower case.
    plain: HashMap<String, Vec<usize>>,
    /// The other lines: patterns and hashed names, which have to be tried one by one.
    other: Vec<usize>,
}

impl File {
    /// Lines that cannot be read are passed over, as OpenSSH does.
    fn parse(path: &Path, text: &str) -> Self {
        let mut file = Self {
            path: path.to_owned(),
            ..Self::default()
        };
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
            if names.starts_with('#') {
                continue;
            }
            let position = file.entries.len();
            let entry = Entry {
                marker,
                names: Names::read(names),
                kind: kind.to_owned(),
                key: key.to_owned(),
                line: number + 1,
            };
            if matches!(entry.names, Names::Plain) {
                for name in names.split(',') {
                    file.plain.entry(name.to_ascii_lowercase()).or_default().push(position);
                }
            } else {
                file.other.push(position);
            }
            file.entries.push(entry);
        }
        file
    }

    /// The lines that name a host, in their order.
    fn about(&self, name: &str) -> Vec<Line> {
        let name = name.to_ascii_lowercase();
        let mut positions = self.plain.get(&name).cloned().unwrap_or_default();
        let is_about = |entry: &Entry| match &entry.names {
            Names::Plain | Names::Damaged => false,
            Names::Patterns(names) => matches(names, &name),
            Names::Hashed(hashed) => hashed.is_of(&name),
        };
        let others = self.other.iter().copied();
        positions.extend(others.filter(|position| self.entries.get(*position).is_some_and(is_about)));
        positions.sort_unstable();
        positions.dedup();
        let entries = positions.iter().filter_map(|position| self.entries.get(*position));
        entries.filter_map(|entry| self.line(entry)).collect()
    }

    fn line(&self, entry: &Entry) -> Option<Line> {
        let key = decode_block(&entry.key).ok()?;
        (kind_of(&key) == entry.kind).then(|| Line {
            marker: entry.marker,
            kind: entry.kind.clone(),
            key,
            place: Place {
                file: self.path.clone(),
                line: entry.line,
                kind: display_kind(&entry.kind),
            },
        })
    }
}

/// What tells a file from what it was before.
type Version = (SystemTime, u64, u64);

/// Reads a file, once for all hosts as long as it does not change. One that is missing or unreadable knows nothing.
fn read(path: &Path) -> Option<Arc<File>> {
    static READ: Mutex<Option<HashMap<PathBuf, (Version, Arc<File>)>>> = Mutex::new(None);
    let version = version(path)?;
    // Held while it is read: the other hosts wait for it instead of reading it as well.
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let files = read.get_or_insert_default();
    if let Some((known, file)) = files.get(path)
        && *known == version
    {
        return Some(Arc::clone(file));
    }
    let text = fs::read(path).ok()?;
    let file = Arc::new(File::parse(path, &String::from_utf8_lossy(&text)));
    files.insert(path.to_owned(), (version, Arc::clone(&file)));
    Some(file)
}

fn version(path: &Path) -> Option<Version> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
}

struct Line {
    marker: Marker,
    kind: String,
    key: Vec<u8>,
    place: Place,
}

/// What all files say about one host, in their order.
#[derive(Default)]
pub(super) struct KnownHost(Vec<Line>);

impl KnownHost {
    /// Looks the name up; files that are missing or unreadable know nothing, as with OpenSSH.
    pub(super) fn load<'a>(paths: impl IntoIterator<Item = &'a PathBuf>, name: &str) -> Self {
        let files = paths.into_iter().filter_map(|path| read(path));
        Self(files.flat_map(|file| file.about(name)).collect())
    }

    /// The key types that are known for it.
    pub(super) fn kinds(&self) -> impl Iterator<Item = &str> {
        self.lines(Marker::Host).map(|line| line.kind.as_str())
    }

    /// True when certificates can speak for it.
    pub(super) fn has_authority(&self) -> bool {
        self.lines(Marker::Authority).next().is_some()
    }

    /// True when this key may sign certificates for it.
    pub(super) fn is_authority(&self, key: &[u8]) -> bool {
        self.lines(Marker::Authority).any(|line| line.key == key)
    }

    /// The line that says that a key must not be trusted.
    pub(super) fn revocation(&self, key: &[u8]) -> Option<Place> {
        self.lines(Marker::Revoked)
            .find(|line| line.key == key)
            .map(|line| line.place.clone())
    }

    /// What is known about a key that it showed.
    pub(super) fn check(&self, key: &[u8]) -> Verdict {
        if let Some(place) = self.revocation(key) {
            return Verdict::Revoked(place);
        }
        let mut verdict = Verdict::Unknown;
        for line in self.lines(Marker::Host) {
            if line.key == key {
                return Verdict::Known;
            }
            verdict = Verdict::Changed(line.place.clone());
        }
        verdict
    }

    fn lines(&self, marker: Marker) -> impl Iterator<Item = &Line> {
        self.0.iter().filter(move |line| line.marker == marker)
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
        let (inner, outer) = keyed(&salt)?;
        let hash = hash(name, inner, outer);
        format!("|1|{}|{}", encode_block(&salt), encode_block(&hash))
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

/// A name as OpenSSH hashes it: HMAC-SHA1 with a salt of the line's own, so that every line has to be tried for every
/// host. What depends on the salt alone is done once.
struct Hashed {
    inner: Sha1,
    outer: Sha1,
    expected: [u8; 20],
}

impl Hashed {
    fn read(text: &str) -> Option<Self> {
        let (salt, expected) = text.split_once('|')?;
        let expected = decode_block(expected).ok()?.try_into().ok()?;
        let (inner, outer) = keyed(&decode_block(salt).ok()?)?;
        Some(Self { inner, outer, expected })
    }

    fn is_of(&self, name: &str) -> bool {
        hash(name, self.inner.clone(), self.outer.clone()) == self.expected
    }
}

/// Both halves of HMAC-SHA1, having taken in the key.
fn keyed(salt: &[u8]) -> Option<(Sha1, Sha1)> {
    let half = |padding: u8| {
        let mut block = [padding; 64];
        for (byte, salt) in block.get_mut(..salt.len())?.iter_mut().zip(salt) {
            *byte ^= salt;
        }
        let mut half = Sha1::new();
        half.update(&block);
        Some(half)
    };
    Some((half(0x36)?, half(0x5c)?))
}

fn hash(name: &str, mut inner: Sha1, mut outer: Sha1) -> [u8; 20] {
    inner.update(name.as_bytes());
    outer.update(&inner.finish());
    outer.finish()
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

    fn files(lines: &[(&str, &[u8])]) -> File {
        let mut text = String::from("# comment\n\n");
        for (names, key) in lines {
            text.extend([names, " ", kind_of(key), " ", &encode_block(key), " me@here\n"]);
        }
        parsed(&text)
    }

    fn about(file: &File, name: &str) -> KnownHost {
        KnownHost(file.about(name))
    }

    fn parsed(text: &str) -> File {
        File::parse(Path::new("known_hosts"), text)
    }

    #[test]
    fn keys_are_judged_as_openssh_does() {
        let (right, wrong, rsa) = (key("ssh-ed25519", "A"), key("ssh-ed25519", "B"), key("ssh-rsa", "C"));
        let known = files(&[("W1,10.0.0.*,!10.0.0.9", &right), ("@revoked *", &wrong)]);
        assert_eq!(about(&known, "w1").check(&right), Verdict::Known);
        assert_eq!(about(&known, "10.0.0.7").check(&right), Verdict::Known);
        assert!(matches!(about(&known, "10.0.0.9").check(&right), Verdict::Unknown));
        assert!(matches!(about(&known, "w1").check(&wrong), Verdict::Revoked(place) if place.line == 4));
        assert!(
            matches!(about(&known, "w1").check(&key("ssh-ed25519", "D")), Verdict::Changed(place) if place.line == 3)
        );
        assert!(matches!(about(&known, "w1").check(&rsa), Verdict::Changed(place) if place.line == 3));
        assert_eq!(about(&known, "w1").kinds().collect::<Vec<_>>(), ["ssh-ed25519"]);
    }

    #[test]
    fn ports_have_names_of_their_own() {
        let right = key("ssh-ed25519", "A");
        let known = files(&[("[w1]:2222", &right)]);
        assert_eq!(about(&known, &host_name("w1", 2222)).check(&right), Verdict::Known);
        assert!(matches!(
            about(&known, &host_name("w1", 22)).check(&right),
            Verdict::Unknown
        ));
    }

    #[test]
    fn hashed_names_are_written_and_found_again() {
        let right = key("ssh-ed25519", "A");
        let known = parsed(&line("w1", &right, true).unwrap());
        assert_eq!(about(&known, "w1").check(&right), Verdict::Known);
        assert!(matches!(about(&known, "w2").check(&right), Verdict::Unknown));
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
        assert_eq!(KnownHost::load([&file], "w1.example.org").check(&right), Verdict::Known);
        assert!(KnownHost::load([&file], "w2.example.org").kinds().next().is_none());
    }

    #[test]
    fn lines_keep_their_order_however_they_name_the_host() {
        let (first, second) = (key("ssh-ed25519", "A"), key("ssh-ed25519", "B"));
        for names in [["w1", "w*"], ["w*", "w1"], ["W1,w1", "w?"]] {
            let known = files(&[(names[0], &first), (names[1], &second)]);
            let other = about(&known, "w1").check(&key("ssh-ed25519", "C"));
            assert!(matches!(other, Verdict::Changed(place) if place.line == 4), "{names:?}");
            assert_eq!(about(&known, "w1").check(&second), Verdict::Known);
            assert_eq!(about(&known, "w1").kinds().count(), 2, "{names:?}");
        }
    }

    #[test]
    fn a_file_that_has_grown_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("known_hosts");
        let right = key("ssh-ed25519", "A");
        std::fs::write(&file, line("w1", &right, false).unwrap()).unwrap();
        let load = || KnownHost::load([&file], "w2");
        assert!(Arc::ptr_eq(&read(&file).unwrap(), &read(&file).unwrap()));
        assert!(load().kinds().next().is_none());
        let more = line("w1", &right, false).unwrap() + &line("w2", &right, false).unwrap();
        std::fs::write(&file, more).unwrap();
        assert_eq!(load().check(&right), Verdict::Known);
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
