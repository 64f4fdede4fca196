//! Variables as users write them in YAML: a file of them, or a mapping inside of something else.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use super::names::check_name;
use super::vault::{self, VaultPasswords};
use super::{VarMap, Variable};
use crate::syntax::{self, Diagnostic, Diagnostics, Entry, Kind, Node, SourceFile};

/// Variables that were read, and which of them hold something that was encrypted.
#[derive(Clone, Debug, Default)]
pub struct WrittenVars {
    /// The variables.
    pub vars: VarMap,
    /// Names of those that must not be shown.
    pub secret: HashSet<String>,
}

/// Reads a file of variables: YAML or JSON, one mapping; also a file that `ansible-vault` encrypted whole.
///
/// `None` when it cannot be read, which the diagnostics then say; an empty file has no variables.
pub fn read_file(path: &Path, passwords: &VaultPasswords, diagnostics: &mut Diagnostics) -> Option<WrittenVars> {
    let text = diagnostics.keep(syntax::read_text(path, "variables"))?;
    if vault::is_encrypted(&text) {
        return read_encrypted(path, &text, passwords, diagnostics);
    }
    let node = diagnostics.keep(syntax::parse(&SourceFile::new(path, text)))?;
    match node {
        None => Some(WrittenVars::default()),
        Some(node) => read_mapping(&node, "a file of variables", passwords, diagnostics),
    }
}

fn read_encrypted(
    path: &Path,
    text: &str,
    passwords: &VaultPasswords,
    diagnostics: &mut Diagnostics,
) -> Option<WrittenVars> {
    let plain = vault::decrypt(text, passwords)
        .map_err(|error| Diagnostic::error(error.to_string()).in_file(path).help(error.help()));
    let plain = diagnostics.keep(plain)?;
    let mut inner = Diagnostics::default();
    let vars = match syntax::parse(&SourceFile::new(path, plain)) {
        Ok(None) => Some(WrittenVars::default()),
        Ok(Some(node)) => read_mapping(&node, "a file of variables", passwords, &mut inner),
        Err(error) => {
            inner.push(error);
            None
        }
    };
    // Without the source line, which is as secret as the rest of the file.
    for found in inner.sorted() {
        let message = match found.place() {
            Some(place) => format!("{} (line {} of the decrypted text)", found.message(), place.line),
            None => found.message().to_owned(),
        };
        let shown = match found.severity() {
            syntax::Severity::Error => Diagnostic::error(message),
            syntax::Severity::Warning => Diagnostic::warning(message),
            syntax::Severity::Hint => Diagnostic::hint(message),
        };
        diagnostics.push(shown.in_file(path));
    }
    vars.map(|mut vars| {
        vars.secret = vars.vars.keys().cloned().collect();
        vars
    })
}

/// Reads a mapping of variables; `what` names it in errors. `null` has no variables.
pub fn read_mapping(
    node: &Node,
    what: &str,
    passwords: &VaultPasswords,
    diagnostics: &mut Diagnostics,
) -> Option<WrittenVars> {
    if node.is_null() {
        return Some(WrittenVars::default());
    }
    let Some(entries) = node.entries() else {
        diagnostics.push(
            Diagnostic::error(format!("{what} must be a mapping, this is {}", node.describe()))
                .at(&node.place)
                .help("write `name: value`, one variable a line"),
        );
        return None;
    };
    let mut written = WrittenVars::default();
    for entry in entries {
        read_entry(entry, passwords, &mut written, diagnostics);
    }
    Some(written)
}

fn read_entry(entry: &Entry, passwords: &VaultPasswords, written: &mut WrittenVars, diagnostics: &mut Diagnostics) {
    check_name(&entry.key, || entry.key_place.clone(), diagnostics);
    let mut reader = ValueReader {
        passwords,
        diagnostics,
        secret: false,
        unsafe_parts: false,
    };
    let Some(value) = reader.value(&entry.value) else {
        return;
    };
    if reader.secret {
        written.secret.insert(entry.key.clone());
    }
    let variable = if reader.unsafe_parts {
        Variable::data(value)
    } else {
        Variable::written(value)
    };
    written.vars.insert(entry.key.clone(), variable);
}

/// Turns a node into a value: encrypted parts are opened, `!unsafe` ones noted.
struct ValueReader<'a> {
    passwords: &'a VaultPasswords,
    diagnostics: &'a mut Diagnostics,
    secret: bool,
    unsafe_parts: bool,
}

impl ValueReader<'_> {
    fn value(&mut self, node: &Node) -> Option<Value> {
        match node.tag.as_deref() {
            None => self.untagged(node),
            Some("unsafe") => {
                self.unsafe_parts = true;
                self.untagged(node)
            }
            Some("vault" | "vault-encrypted") => self.encrypted(node),
            Some(tag) => {
                self.diagnostics.push(
                    Diagnostic::error(format!("the tag `!{tag}` is not known"))
                        .at(&node.place)
                        .did_you_mean(tag, ["vault", "unsafe"])
                        .help("variables may be tagged `!vault` and `!unsafe`"),
                );
                None
            }
        }
    }

    fn untagged(&mut self, node: &Node) -> Option<Value> {
        match &node.kind {
            Kind::Scalar { .. } => Some(node.to_value()),
            Kind::Sequence(items) => items
                .iter()
                .map(|item| self.value(item))
                .collect::<Option<_>>()
                .map(Value::Array),
            Kind::Mapping(entries) => entries
                .iter()
                .map(|entry| Some((entry.key.clone(), self.value(&entry.value)?)))
                .collect::<Option<_>>()
                .map(Value::Object),
        }
    }

    fn encrypted(&mut self, node: &Node) -> Option<Value> {
        let decrypted = vault::decrypt(node.text().unwrap_or_default(), self.passwords)
            .map_err(|error| Diagnostic::error(error.to_string()).at(&node.place).help(error.help()));
        self.secret = true;
        self.diagnostics.keep(decrypted).map(Value::String)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;
    use serde_json::json;

    const ENCRYPTED: &str = "$ANSIBLE_VAULT;1.2;AES256;dev
  36393830303433646336653666623339366264326463313039666365336335663130633065396166
  6662376432663462663530343562363531623935383566300a386230646439643333613838653063
  32373961303261643761636233633762353566623530303735333135306333393539393636313364
  3834663863323466340a313634306535663765623837613837383566343061313966323961393465
  6431\n";

    fn read(text: &str) -> (Option<WrittenVars>, Diagnostics) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vars.yml");
        std::fs::write(&path, text).unwrap();
        let mut passwords = VaultPasswords::default();
        passwords.add("dev", SecretString::from("correct horse"));
        let mut diagnostics = Diagnostics::default();
        (read_file(&path, &passwords, &mut diagnostics), diagnostics)
    }

    #[test]
    fn yaml_and_json_and_nothing_are_read() {
        for text in ["a: 1\nb: yes\n", "{\"a\": 1, \"b\": true}"] {
            let (vars, diagnostics) = read(text);
            let vars = vars.unwrap().vars;
            assert!(diagnostics.is_empty());
            assert_eq!((vars["a"].raw(), vars["b"].raw()), (&json!(1), &json!(true)));
        }
        assert!(read("---\n").0.unwrap().vars.is_empty());
        assert!(read("").0.unwrap().vars.is_empty());
    }

    #[test]
    fn encrypted_values_are_opened_and_noted() {
        let (vars, diagnostics) = read(&format!("open: 1\nkey: !vault |\n  {ENCRYPTED}"));
        let vars = vars.unwrap();
        assert!(diagnostics.is_empty(), "{diagnostics}");
        assert_eq!(vars.vars["key"].raw(), &json!("other"));
        assert_eq!(vars.secret, HashSet::from(["key".to_owned()]));
    }

    #[test]
    fn an_encrypted_file_shows_nothing_of_itself() {
        let (vars, diagnostics) = read(ENCRYPTED);
        assert!(vars.is_none());
        assert!(diagnostics.to_string().contains("must be a mapping"), "{diagnostics}");
        assert!(!diagnostics.to_string().contains("other"), "{diagnostics}");
    }

    #[test]
    fn unsafe_values_are_never_evaluated() {
        let vars = read("a: !unsafe '{{ x }}'\nb: '{{ x }}'\n").0.unwrap().vars;
        assert!(!vars["a"].is_templated() && vars["b"].is_templated());
    }

    #[test]
    fn lists_and_unknown_tags_are_errors() {
        assert!(read("- a\n").1.to_string().contains("must be a mapping"));
        assert!(read("a: !vualt x\n").1.to_string().contains("did you mean `vault`"));
    }
}
