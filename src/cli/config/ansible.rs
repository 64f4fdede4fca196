//! ansible.cfg and Ansible's environment variables.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::ansible_keys::{self, KEYS, Key, Meaning};
use super::ini_file::{self, Line};
use super::setting::{Kind, Setting, Settings};
use super::value::{Found, Origin, complaint, from_text, seen_from};
use crate::syntax::{self, Diagnostic, Diagnostics, SourceFile};

/// A key that krun knows and does not need, or does not obey.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) origin: Origin,
    pub(super) reason: String,
    /// Ansible would do something because of it that krun does not.
    pub(super) is_warning: bool,
}

/// What ansible.cfg or the environment says.
#[derive(Default)]
pub(super) struct Said {
    pub(super) values: IndexMap<String, Found>,
    pub(super) notes: Vec<Note>,
}

/// The file that Ansible would read: `$ANSIBLE_CONFIG`, ansible.cfg here, ~/.ansible.cfg, /etc/ansible/ansible.cfg.
pub(super) fn find_file(problems: &mut Diagnostics) -> Option<PathBuf> {
    const NAME: &str = "ansible.cfg";
    let mut candidates = Vec::new();
    if let Some(path) = std::env::var_os("ANSIBLE_CONFIG").map(PathBuf::from) {
        let path = expanded(&path.to_string_lossy());
        candidates.push(if path.is_dir() { path.join(NAME) } else { path });
    }
    if is_writable_for_all(Path::new(".")) {
        if Path::new(NAME).exists() && candidates.is_empty() {
            problems.push(world_writable(NAME));
        }
    } else {
        candidates.push(PathBuf::from(NAME));
    }
    candidates.extend(std::env::home_dir().map(|home| home.join(".ansible.cfg")));
    candidates.push(PathBuf::from("/etc/ansible/ansible.cfg"));
    candidates
        .into_iter()
        .find(|path| std::fs::File::open(path).is_ok() && path.is_file())
}

/// Anybody may put files into the folder.
pub(super) fn is_writable_for_all(folder: &Path) -> bool {
    folder.metadata().is_ok_and(|folder| folder.mode() & 0o002 != 0)
}

/// Says that a file is left alone because of its folder.
pub(super) fn world_writable(file: impl AsRef<Path>) -> Diagnostic {
    Diagnostic::warning("this file is not read: everybody may write into its folder")
        .in_file(file)
        .help("chmod o-w on the folder, or name the file: ANSIBLE_CONFIG for ansible.cfg, KRUN_CONFIG for krun.toml")
}

/// Reads ansible.cfg.
pub(super) fn read_file(path: &Path, settings: &Settings, problems: &mut Diagnostics) -> Said {
    let mut said = Said::default();
    let Some(text) = problems.keep(syntax::read_text(path, "configuration")) else {
        return said;
    };
    let folder = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = folder.parent().unwrap_or(Path::new("/"));
    for line in ini_file::read(&SourceFile::new(path, text), problems) {
        match ansible_keys::find(&line.section, &line.key) {
            Some(key) => {
                let origin = Origin::File(line.value_place.clone());
                take(key, &line.value, &origin, folder, settings, &mut said, problems);
            }
            None => match ansible_keys::foreign_section(&line.section) {
                Some(reason) => said.notes.push(Note {
                    key: line.key.clone(),
                    value: line.value.clone(),
                    origin: Origin::File(line.key_place.clone()),
                    reason: reason.to_owned(),
                    is_warning: false,
                }),
                None => problems.push(unknown(&line)),
            },
        }
    }
    said
}

/// Reads Ansible's environment variables.
pub(super) fn read_environment(settings: &Settings, problems: &mut Diagnostics) -> Said {
    let mut said = Said::default();
    for key in KEYS.iter().filter(|key| !key.variable.is_empty()) {
        let Some(text) = std::env::var_os(key.variable).filter(|text| !text.is_empty()) else {
            continue;
        };
        let origin = Origin::Environment(key.variable.to_owned());
        let here = std::env::current_dir().unwrap_or_default();
        take(
            key,
            &text.to_string_lossy(),
            &origin,
            &here,
            settings,
            &mut said,
            problems,
        );
    }
    said
}

fn unknown(line: &Line) -> Diagnostic {
    let warning = Diagnostic::warning(format!(
        "`{}` in [{}] is no key that krun knows",
        line.key, line.section
    ))
    .at(&line.key_place)
    .without_gap();
    if let Some(other) = KEYS.iter().find(|key| key.name == line.key) {
        return warning.help(format!("it belongs into [{}]", other.section));
    }
    let near = KEYS
        .iter()
        .filter(|key| key.section == line.section)
        .map(|key| key.name);
    warning.did_you_mean(&line.key, near)
}

fn take(
    key: &Key,
    text: &str,
    origin: &Origin,
    folder: &Path,
    settings: &Settings,
    said: &mut Said,
    problems: &mut Diagnostics,
) {
    let mut note = |reason: &str, is_warning: bool| {
        said.notes.push(Note {
            key: key.name.to_owned(),
            value: text.replace('\n', " "),
            origin: origin.clone(),
            reason: reason.to_owned(),
            is_warning,
        });
    };
    match key.meaning {
        Meaning::Nothing(reason) => note(reason, false),
        Meaning::Refused(harmless, help) => {
            let plain = text.trim().to_lowercase();
            let is_harmless = harmless.iter().any(|value| value.to_lowercase() == plain);
            note(if is_harmless { "krun always does that" } else { help }, !is_harmless);
        }
        Meaning::Setting(name) => match settings.get(name) {
            // An empty value is Ansible's way to say nothing.
            Some(_) if text.trim().is_empty() => note("it is empty", false),
            Some(_) if text.contains("{{") && !text.contains("{{CWD}}") => {
                note("krun evaluates no templates in ansible.cfg", true);
            }
            Some(setting) => match texts(key, setting, text, folder) {
                Ok(texts) => {
                    said.values.entry(name.to_owned()).or_insert(Found {
                        texts,
                        origin: origin.clone(),
                    });
                }
                Err(message) => problems.push(complaint(origin, &format!("{}: {message}", key.name))),
            },
            None => note("krun does not do that yet", true),
        },
    }
}

/// The texts in Ansible's form: lists with commas, paths with colons, from the file's folder on.
fn texts(key: &Key, setting: &Setting, text: &str, folder: &Path) -> Result<Vec<String>, String> {
    let here = std::env::current_dir().unwrap_or_default();
    let text = text.replace("{{CWD}}", &here.to_string_lossy());
    let parts = match setting.kind {
        Kind::Many => {
            let delimiter = if key.name == "roles_path" { ':' } else { ',' };
            let parts = text
                .split([delimiter, '\n'])
                .map(str::trim)
                .filter(|part| !part.is_empty());
            // A list of hosts is one value.
            if setting.name == "inventory" && is_host_list(&text) {
                vec![text.trim().to_owned()]
            } else {
                parts.map(ToOwned::to_owned).collect()
            }
        }
        _ => from_text(setting, text.trim())?,
    };
    let places = setting.is_path || setting.name == "vault_id";
    Ok(parts
        .into_iter()
        .map(|part| {
            let part = if places {
                expanded(&part).to_string_lossy().into_owned()
            } else {
                part
            };
            seen_from(setting, part, folder)
        })
        .collect())
}

/// `host1,host2,` as opposed to files: Ansible takes the parts of a list for hosts when no file has that name.
fn is_host_list(text: &str) -> bool {
    text.trim().ends_with(',')
}

/// The path with `~` and variables of the environment replaced, as Ansible does.
fn expanded(text: &str) -> PathBuf {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (name, length) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, _)) => (name, name.len() + 2),
            None => {
                let end = after
                    .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                    .unwrap_or(after.len());
                (&after[..end], end)
            }
        };
        match std::env::var(name) {
            Ok(value) if !name.is_empty() => expanded.push_str(&value),
            _ => expanded.push_str(&rest[at..=at + length]),
        }
        rest = &after[length..];
    }
    expanded.push_str(rest);
    match (expanded.strip_prefix("~/"), std::env::home_dir()) {
        (Some(inner), Some(home)) => home.join(inner),
        _ => PathBuf::from(expanded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_and_no_variable_stands_twice() {
        for (index, key) in KEYS.iter().enumerate() {
            for other in &KEYS[index + 1..] {
                assert!((key.section, key.name) != (other.section, other.name), "{}", key.name);
                assert!(
                    key.variable.is_empty() || key.variable != other.variable,
                    "{}",
                    key.variable
                );
            }
        }
    }

    #[test]
    fn variables_in_paths_are_replaced() {
        let path = std::env::var("PATH").unwrap();
        assert_eq!(expanded("a/$PATH/b"), PathBuf::from(format!("a/{path}/b")));
        assert_eq!(expanded("${PATH}"), PathBuf::from(&path));
        assert_eq!(expanded("$KRUN_NOT_SET/x$"), PathBuf::from("$KRUN_NOT_SET/x$"));
    }
}
