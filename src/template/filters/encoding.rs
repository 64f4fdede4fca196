use std::fmt::Write as _;

use minijinja::value::Rest;
use minijinja::{Error, Value};
use openssl::base64::{decode_block, encode_block};
use openssl::hash::{MessageDigest, hash};

use super::mapping;
use crate::template::arguments::{Arguments, More, refusal};
use crate::template::registry::Registry;

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("b64encode", |value: String| encode_block(value.as_bytes()));
    registry.filter("b64decode", b64decode);
    registry.filter("hash", |value: String, more: Rest<String>| {
        digest(&value, more.first().map_or("sha1", String::as_str))
    });
    registry.filter("checksum", |value: String| digest(&value, "sha1"));
    registry.filter("md5", |value: String| digest(&value, "md5"));
    registry.filter("sha1", |value: String| digest(&value, "sha1"));
    registry.filter("urldecode", urldecode);
    registry.filter("urlsplit", urlsplit);
    registry.filter("to_uuid", to_uuid);
}

fn b64decode(value: String) -> Result<String, Error> {
    let text: String = value.split_whitespace().collect();
    let wrong = || refusal("`b64decode`: the text is no Base64");
    let bytes = decode_block(&text).map_err(|_| wrong())?;
    String::from_utf8(bytes).map_err(|_| refusal("`b64decode`: the decoded bytes are no text"))
}

fn digest(text: &str, algorithm: &str) -> Result<String, Error> {
    let digest = MessageDigest::from_name(algorithm);
    let digest = digest.ok_or_else(|| refusal(format!("`hash`: there is no algorithm `{algorithm}`")))?;
    let bytes = hash(digest, text.as_bytes()).map_err(|_| refusal(format!("`hash`: `{algorithm}` failed")))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// The namespace of Ansible's identifiers.
const NAMESPACE: &str = "361E6D51-FAEC-444A-9079-341386DA8E2E";

/// An identifier made of a text (version 5 of RFC 9562).
fn to_uuid(value: String, values: More) -> Result<String, Error> {
    let arguments = Arguments::read("to_uuid", &["namespace"], values)?;
    let namespace = arguments.text("namespace").unwrap_or_else(|| NAMESPACE.to_owned());
    let digits: String = namespace.chars().filter(|letter| *letter != '-').collect();
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32);
    let number = number.ok_or_else(|| refusal(format!("`to_uuid`: `{namespace}` is no UUID")))?;
    let mut text = number.to_be_bytes().to_vec();
    text.extend(value.as_bytes());
    let sum = hash(MessageDigest::sha1(), &text).map_err(|_| refusal("`to_uuid`: SHA-1 failed"))?;
    let mut bytes = [0; 16];
    bytes.copy_from_slice(sum.get(..16).unwrap_or(&[0; 16]));
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    Ok(parts.map(|part| hex.get(part).unwrap_or_default()).join("-"))
}

fn urldecode(value: String) -> Result<String, Error> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match (first, code.and_then(|code| u8::from_str_radix(code, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (plain, _) => bytes.push(*plain),
        }
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| refusal("`urldecode`: the decoded bytes are no text"))
}

/// The parts of a URL, or the one that is asked for.
fn urlsplit(url: String, part: Option<String>) -> Result<Value, Error> {
    let (rest, fragment) = url.split_once('#').unwrap_or((&url, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (scheme, rest) = match rest.split_once(':') {
        Some((scheme, rest)) if scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) => {
            (scheme, rest)
        }
        _ => ("", rest),
    };
    let (netloc, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    let (login, host) = netloc
        .rsplit_once('@')
        .map_or((None, netloc), |(login, host)| (Some(login), host));
    let (username, password) = match login {
        None => (None, None),
        Some(login) => login
            .split_once(':')
            .map_or((Some(login), None), |(user, word)| (Some(user), Some(word))),
    };
    let (hostname, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => (name, port),
        _ => (host, ""),
    };
    let hostname = hostname.trim_matches(['[', ']']).to_lowercase();
    let hostname = (!hostname.is_empty()).then_some(hostname);
    let parts = [
        ("fragment", Value::from(fragment)),
        ("hostname", Value::from(hostname)),
        ("netloc", Value::from(netloc)),
        ("password", Value::from(password)),
        ("path", Value::from(path)),
        ("port", Value::from(port.parse::<u16>().ok())),
        ("query", Value::from(query)),
        ("scheme", Value::from(scheme.to_lowercase())),
        ("username", Value::from(username)),
    ];
    match part {
        None => Ok(mapping(parts)),
        Some(name) => match parts.into_iter().find(|(known, _)| *known == name) {
            Some((_, value)) => Ok(value),
            None => Err(refusal(format!("`urlsplit`: a URL has no part `{name}`"))),
        },
    }
}
