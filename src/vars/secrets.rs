use serde_json::{Map, Value};

use super::vault::VaultPasswords;

/// What stands in the place of a secret.
const HIDDEN: &str = "********";

/// A shorter one would be found in words that have nothing to do with it.
const SHORTEST: usize = 4;

/// Texts that must not be written: passwords, and what came out of vaults.
#[derive(Clone, Default)]
pub struct Secrets {
    all: Vec<String>,
    given: Vec<String>,
    /// Opens files while the run goes on, and then knows more.
    passwords: VaultPasswords,
    /// How many texts it had opened when they were last asked for.
    known: usize,
}

impl Secrets {
    /// These texts, and those that vaults give; each also line by line, as outputs come in lines.
    pub fn new(texts: impl IntoIterator<Item = String>, passwords: VaultPasswords) -> Self {
        let mut secrets = Self {
            given: texts.into_iter().collect(),
            passwords,
            ..Self::default()
        };
        secrets.gather();
        secrets
    }

    /// Takes in what was opened since.
    pub fn refresh(&mut self) {
        if self.passwords.opened() != self.known {
            self.gather();
        }
    }

    fn gather(&mut self) {
        self.known = self.passwords.opened();
        let texts = self.given.iter().cloned().chain(self.passwords.secrets());
        let mut all: Vec<String> = Vec::new();
        for text in texts {
            all.extend(text.lines().map(|line| line.trim().to_owned()));
            all.push(text);
        }
        all.retain(|text| text.len() >= SHORTEST);
        // A secret that is a part of another one must not leave the rest of that one behind.
        all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        self.all = all;
    }

    /// True when nothing has to be looked for.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Takes the secrets out of a text; true when there was one.
    pub fn hide_in(&self, text: &mut String) -> bool {
        let mut found = false;
        for secret in &self.all {
            if text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), HIDDEN);
                found = true;
            }
        }
        found
    }

    /// Takes the secrets out of all texts of a value, names of keys included; true when there was one.
    pub fn hide(&self, value: &mut Value) -> bool {
        if self.is_empty() {
            return false;
        }
        match value {
            Value::String(text) => self.hide_in(text),
            Value::Array(items) => items.iter_mut().fold(false, |found, item| self.hide(item) | found),
            Value::Object(map) => self.hide_in_map(map),
            _ => false,
        }
    }

    /// As [`Secrets::hide`], for a mapping.
    pub fn hide_in_map(&self, map: &mut Map<String, Value>) -> bool {
        let mut found = false;
        let old = std::mem::take(map);
        for (mut name, mut value) in old {
            found |= self.hide_in(&mut name);
            found |= self.hide(&mut value);
            map.insert(name, value);
        }
        found
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.all.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_taken_out_wherever_they_stand() {
        let secrets = Secrets::new(
            [
                "hunter2".to_owned(),
                "line one\nline two\n".to_owned(),
                "abc".to_owned(),
            ],
            VaultPasswords::default(),
        );
        let mut value = json!({"cmd": ["login", "-p", "hunter2"], "out": "said: line two", "hunter2": 1, "abc": "abc"});
        assert!(secrets.hide(&mut value));
        assert_eq!(
            value,
            json!({"cmd": ["login", "-p", HIDDEN], "out": format!("said: {HIDDEN}"), HIDDEN: 1, "abc": "abc"})
        );
        assert!(!secrets.hide(&mut value));
    }

    #[test]
    fn what_turns_up_later_is_taken_out_as_well() {
        let passwords = VaultPasswords::default();
        let mut secrets = Secrets::new([], passwords.clone());
        assert!(secrets.is_empty());
        passwords.remember("typed at the terminal");
        secrets.refresh();
        let mut text = "it was typed at the terminal".to_owned();
        assert!(secrets.hide_in(&mut text));
        assert_eq!(text, format!("it was {HIDDEN}"));
    }

    #[test]
    fn the_longer_of_two_goes_first() {
        let secrets = Secrets::new(["pass".to_owned(), "password1".to_owned()], VaultPasswords::default());
        let mut text = "password1 pass".to_owned();
        assert!(secrets.hide_in(&mut text));
        assert_eq!(text, format!("{HIDDEN} {HIDDEN}"));
    }
}
