//! The lines of a file of known hosts.

use openssl::base64::{decode_block, encode_block};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;

/// How many characters a salt has.
const SALT: usize = 20;

/// A line: perhaps a marker, names of hosts, a type of key and a key.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    marker: Option<&'a str>,
    names: &'a str,
    kind: &'a str,
    key: &'a str,
}

impl<'a> Line<'a> {
    /// Reads a line; none for a comment, a blank line and what is none.
    pub fn read(line: &'a str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let first = words.next().filter(|word| !word.starts_with('#'))?;
        let (marker, names) = if first.starts_with('@') {
            (Some(first), words.next()?)
        } else {
            (None, first)
        };
        Some(Self {
            marker,
            names,
            kind: words.next()?,
            key: words.next()?,
        })
    }

    /// Whether it is about this host.
    pub fn is_about(&self, host: &str) -> bool {
        if let Some(hashed) = self.names.strip_prefix("|1|") {
            let mut parts = hashed.split('|');
            return match (parts.next(), parts.next()) {
                (Some(salt), Some(hash)) => {
                    decode_block(salt).is_ok_and(|salt| digest(&salt, host).as_deref() == Some(hash))
                }
                _ => false,
            };
        }
        let mut is_named = false;
        for name in self.names.split(',') {
            match name.strip_prefix('!') {
                Some(name) if matches(name, host) => return false,
                None if matches(name, host) => is_named = true,
                _ => {}
            }
        }
        is_named
    }

    fn is_hashed(&self) -> bool {
        self.names.starts_with("|1|")
    }

    /// The same key for the same host; what differs in a hash is its salt.
    fn is_same(&self, other: &Self) -> bool {
        let same_names = self.names == other.names || (self.is_hashed() && other.is_hashed());
        same_names && (self.marker, self.kind, self.key) == (other.marker, other.kind, other.key)
    }
}

/// `*` and `?` in a name; case does not matter.
fn matches(pattern: &str, host: &str) -> bool {
    fn rest(pattern: &[u8], host: &[u8]) -> bool {
        match (pattern.split_first(), host.split_first()) {
            (None, None) => true,
            (Some((b'*', more)), _) => {
                rest(more, host) || host.split_first().is_some_and(|(_, left)| rest(pattern, left))
            }
            (Some((b'?', more)), Some((_, left))) => rest(more, left),
            (Some((wanted, more)), Some((found, left))) => wanted.eq_ignore_ascii_case(found) && rest(more, left),
            _ => false,
        }
    }
    rest(pattern.as_bytes(), host.as_bytes())
}

fn digest(salt: &[u8], host: &str) -> Option<String> {
    let key = PKey::hmac(salt).ok()?;
    let mut signer = Signer::new(MessageDigest::sha1(), &key).ok()?;
    signer.update(host.as_bytes()).ok()?;
    signer.sign_to_vec().ok().map(|hash| encode_block(&hash))
}

/// A line with the name of its host hashed.
pub fn hashed(line: &str, host: &str) -> Option<String> {
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt).ok()?;
    let names = format!("|1|{}|{}", encode_block(&salt), digest(&salt, host)?);
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let position = usize::from(words.first()?.starts_with('@'));
    *words.get_mut(position)? = &names;
    Some(words.join(" "))
}

/// What a file holds of a host.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// The very key, in the line of this number.
    Same(usize),
    /// Another key of the same type, in the line of this number.
    Other(usize),
    /// Keys of other types only.
    OtherTypes,
}

/// Looks for a key of a host.
pub fn look(text: &str, host: &str, wanted: Line<'_>) -> Found {
    let mut is_known = false;
    for (number, line) in text.lines().enumerate() {
        let Some(line) = Line::read(line).filter(|line| line.is_about(host)) else {
            continue;
        };
        is_known = true;
        if line.is_same(&wanted) {
            return Found::Same(number);
        }
        if line.marker.is_none() && line.kind == wanted.kind {
            return Found::Other(number);
        }
    }
    if is_known { Found::OtherTypes } else { Found::Nothing }
}

/// The text without a line, and with another one at its end.
pub fn edited(text: &str, without: Option<usize>, with: Option<&str>) -> String {
    let mut result: String = text
        .split_inclusive('\n')
        .enumerate()
        .filter(|(number, _)| Some(*number) != without)
        .map(|(_, line)| line)
        .collect();
    if let Some(line) = with {
        if !result.is_empty() && !result.ends_with('\n') {
            result.push('\n');
        }
        result.push_str(line.trim());
        result.push('\n');
    }
    result
}

/// The text without all lines that are about a host.
pub fn without_host(text: &str, host: &str) -> String {
    text.split_inclusive('\n')
        .filter(|line| !Line::read(line).is_some_and(|line| line.is_about(host)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# by hand\na,10.0.0.1 ssh-rsa AAA\n*.x.org,!b.x.org ssh-rsa BBB\n@revoked a ssh-dss CCC\n";

    fn found(host: &str, wanted: &str) -> Found {
        look(TEXT, host, Line::read(wanted).unwrap())
    }

    #[test]
    fn keys_are_found_by_host_and_type() {
        assert_eq!(found("a", "a,10.0.0.1 ssh-rsa AAA me@here"), Found::Same(1));
        assert_eq!(found("10.0.0.1", "10.0.0.1 ssh-rsa ZZZ"), Found::Other(1));
        assert_eq!(found("A", "a ssh-ed25519 ZZZ"), Found::OtherTypes);
        assert_eq!(found("a.x.org", "a.x.org ssh-rsa ZZZ"), Found::Other(2));
        assert_eq!(found("b.x.org", "b.x.org ssh-rsa ZZZ"), Found::Nothing);
        assert_eq!(found("a", "@revoked a ssh-dss CCC"), Found::Same(3));
    }

    #[test]
    fn hashed_names_are_found() {
        let line = hashed("a ssh-rsa AAA", "a").unwrap();
        let read = Line::read(&line).unwrap();
        assert!(read.is_about("a") && !read.is_about("b"));
        let again = hashed("a ssh-rsa AAA", "a").unwrap();
        assert_ne!(line, again);
        assert_eq!(look(&line, "a", Line::read(&again).unwrap()), Found::Same(0));
        assert!(
            hashed("@revoked a ssh-rsa AAA", "a")
                .unwrap()
                .starts_with("@revoked |1|")
        );
    }

    #[test]
    fn lines_are_exchanged() {
        assert_eq!(edited("a\nb", Some(0), Some("c")), "b\nc\n");
        assert_eq!(edited("", None, Some("c\n")), "c\n");
        assert_eq!(without_host(TEXT, "a"), "# by hand\n*.x.org,!b.x.org ssh-rsa BBB\n");
    }
}
