use std::fmt::Write as _;

use minijinja::value::Rest;
use minijinja::{Error, Value};
use openssl::base64::{decode_block, encode_block};
use openssl::hash::{MessageDigest, hash};

use super::mapping;
use crate::template::arguments::refusal;
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
