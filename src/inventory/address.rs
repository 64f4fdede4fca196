//! What looks like a host: a name or an address, perhaps with ranges, perhaps with a port.

use std::net::Ipv6Addr;
use std::sync::LazyLock;

use regex::Regex;

/// Takes the port off a host pattern: `name:22`, `[2001:db8::1]:22`.
///
/// A bare IPv6 address has no port, its colons are its own.
pub(super) fn split_port(text: &str) -> (&str, Option<u16>) {
    let Some((host, digits)) = text.rsplit_once(':') else {
        return (text, None);
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return (text, None);
    }
    let Ok(port) = digits.parse() else {
        return (text, None);
    };
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        // `[a:f]:22` is a range of letters, `[::1]:22` an address.
        if is_ipv6(inner) || (!inner.contains(['[', ']', ':']) && is_name(inner)) {
            return (inner, Some(port));
        }
    }
    // A colon that is left outside of brackets means an IPv6 address, whose last part only looks like a port; one
    // inside of brackets belongs to a range.
    if outside_brackets(host).any(|c| c == ':') || inside_open_bracket(host) {
        (text, None)
    } else {
        (host, Some(port))
    }
}

/// A host's name without the port that may stand behind it.
pub fn name_and_port(text: &str) -> (&str, Option<u16>) {
    split_port(text.trim())
}

/// True for a host name or an address, with ranges in them or without.
pub(super) fn is_host_pattern(text: &str) -> bool {
    let (host, _) = split_port(text);
    is_name(host) || is_ipv6(host)
}

/// True for an IPv6 address, with ranges in it or without.
pub(super) fn is_ipv6(text: &str) -> bool {
    static RANGE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?i)\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\]").ok());
    if !text.contains(':') {
        return false;
    }
    match &*RANGE {
        Some(range) if text.contains('[') => range.replace_all(text, "0").parse::<Ipv6Addr>().is_ok(),
        _ => text.parse::<Ipv6Addr>().is_ok(),
    }
}

/// True for dotted labels of letters, digits, `-` and `_`, in which ranges may stand.
fn is_name(text: &str) -> bool {
    static LABEL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let range = r"\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]";
        Regex::new(&format!(r"(?i)^(?:\w|{range})(?:[\w-]|{range})*$")).ok()
    });
    let plain = |label: &str| {
        label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
    };
    text.split('.').all(|label| {
        !label.is_empty()
            && !label.ends_with(['-', '_'])
            && (plain(label) || LABEL.as_ref().is_some_and(|regex| regex.is_match(label)))
    })
}

fn outside_brackets(text: &str) -> impl Iterator<Item = char> + '_ {
    let mut inside = false;
    text.chars().filter(move |c| {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            _ => return !inside,
        }
        false
    })
}

fn inside_open_bracket(text: &str) -> bool {
    text.rfind('[') > text.rfind(']')
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("web", "web", None)]
    #[case("web:22", "web", Some(22))]
    #[case("web[1:3]", "web[1:3]", None)]
    #[case("web[1:3]:22", "web[1:3]", Some(22))]
    #[case("[1:3].example.com:22", "[1:3].example.com", Some(22))]
    #[case("2001:db8::1", "2001:db8::1", None)]
    #[case("2001:db8::[1:3]", "2001:db8::[1:3]", None)]
    #[case("[2001:db8::1]:22", "2001:db8::1", Some(22))]
    #[case("[web]:22", "web", Some(22))]
    #[case("10.0.0.1:2222", "10.0.0.1", Some(2222))]
    #[case("web:99999", "web:99999", None)]
    #[case("::1", "::1", None)]
    fn ports_are_split_off(#[case] text: &str, #[case] host: &str, #[case] port: Option<u16>) {
        assert_eq!(split_port(text), (host, port));
    }

    #[rstest]
    #[case("web-1.example.com", true)]
    #[case("db[a:f]", true)]
    #[case("group[0:2]", true)]
    #[case("fe80::1", true)]
    #[case("fe80::[1:f]", true)]
    #[case("masters:workers", false)]
    #[case("group[1:]", false)]
    #[case("web-", false)]
    #[case("web*", false)]
    #[case("", false)]
    fn host_patterns_are_told_from_the_rest(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(is_host_pattern(text), expected);
    }
}
