//! The tokens and variables that OpenSSH fills in, and that `ssh -G` prints as they stand.

use std::fmt::Write;
use std::path::Path;

/// What tokens stand for.
pub(super) struct Tokens<'s> {
    pub(super) home: &'s Path,
    pub(super) hostname: &'s str,
    /// The host's name as it was given.
    pub(super) original: &'s str,
    pub(super) port: u16,
    pub(super) user: &'s str,
    pub(super) host_key_alias: Option<&'s str>,
    pub(super) jump: Option<&'s str>,
}

impl Tokens<'_> {
    /// Replaces `%h` and its like, and `${NAME}`; what is unknown stays as it is.
    pub(super) fn expand(&self, text: &str) -> String {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some(position) = rest.find(['%', '$']) {
            let (before, token) = rest.split_at(position);
            expanded.push_str(before);
            if let Some((name, after)) = token.strip_prefix("${").and_then(|named| named.split_once('}')) {
                match std::env::var(name) {
                    Ok(value) => expanded.push_str(&value),
                    Err(_) => expanded.push_str(&format!("${{{name}}}")),
                }
                rest = after;
                continue;
            }
            let mut characters = token.chars();
            let sign = characters.next().unwrap_or('%');
            match characters.next().filter(|_| sign == '%') {
                Some(letter) => {
                    match self.value(letter) {
                        Some(value) => expanded.push_str(&value),
                        None => expanded.extend(['%', letter]),
                    }
                    rest = characters.as_str();
                }
                None => {
                    expanded.push(sign);
                    rest = token.get(1..).unwrap_or_default();
                }
            }
        }
        expanded + rest
    }

    fn value(&self, letter: char) -> Option<String> {
        Some(match letter {
            '%' => "%".to_owned(),
            'd' => self.home.display().to_string(),
            'h' => self.hostname.to_owned(),
            'i' => rustix::process::getuid().as_raw().to_string(),
            'j' => self.jump.unwrap_or_default().to_owned(),
            'k' => self.host_key_alias.unwrap_or(self.original).to_owned(),
            'l' => this_machine(),
            'L' => this_machine().split('.').next().unwrap_or_default().to_owned(),
            'n' => self.original.to_owned(),
            'p' => self.port.to_string(),
            'r' => self.user.to_owned(),
            'u' => std::env::var("USER")
                .or_else(|_| std::env::var("LOGNAME"))
                .unwrap_or_else(|_| "root".to_owned()),
            'C' => self.connection_hash(),
            _ => return None,
        })
    }

    fn connection_hash(&self) -> String {
        let jump = self.jump.unwrap_or_default();
        let text = format!("{}{}{}{}{jump}", this_machine(), self.hostname, self.port, self.user);
        let hash = openssl::sha::sha1(text.as_bytes());
        hash.iter().fold(String::new(), |mut hex, byte| {
            // Writing to a string does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

fn this_machine() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .unwrap_or_default()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_filled_in() {
        let tokens = Tokens {
            home: Path::new("/home/me"),
            hostname: "10.0.0.1",
            original: "w1",
            port: 2222,
            user: "ops",
            host_key_alias: None,
            jump: None,
        };
        for (text, expected) in [
            ("nc %h %p", "nc 10.0.0.1 2222"),
            ("%d/.ssh/%n-%r", "/home/me/.ssh/w1-ops"),
            ("100%% %x %", "100% %x %"),
            ("$HOME ${NO_SUCH_VARIABLE} $", "$HOME ${NO_SUCH_VARIABLE} $"),
        ] {
            assert_eq!(tokens.expand(text), expected, "{text}");
        }
        assert_eq!(tokens.expand("${PATH}"), std::env::var("PATH").unwrap());
    }
}
