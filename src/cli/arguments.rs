//! The command line as the journal keeps it: as it was given, without values that are secret by their name.

use clap::CommandFactory;

use super::Cli;

/// Parts of names that make a variable's value one that is not written down.
const SECRET: [&str; 8] = [
    "pass",
    "secret",
    "token",
    "credential",
    "private_key",
    "api_key",
    "apikey",
    "vault",
];

/// True for the name of a variable whose value nobody should find in a file.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_lowercase().replace('-', "_");
    SECRET.iter().any(|part| name.contains(part))
}

/// A command line without its secrets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// What may be written.
    pub(super) arguments: Vec<String>,
    /// Names of the variables that were left out.
    pub(super) withheld: Vec<String>,
}

/// Leaves out the extra variables whose names say that they are secret, each with all that stands in the same argument.
pub(super) fn keep(arguments: &[String]) -> Kept {
    let options = Options::of_krun();
    let mut kept = Kept {
        arguments: Vec::new(),
        withheld: Vec::new(),
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let (before, value) = match options.value_of(argument) {
            Value::None => {
                kept.arguments.push(argument.clone());
                continue;
            }
            Value::Inside { is_vars, value } => {
                if is_vars {
                    (argument[..argument.len() - value.len()].to_owned(), value.to_owned())
                } else {
                    kept.arguments.push(argument.clone());
                    continue;
                }
            }
            Value::Next { is_vars } => {
                let Some(value) = rest.next() else {
                    kept.arguments.push(argument.clone());
                    continue;
                };
                if !is_vars {
                    kept.arguments.extend([argument.clone(), value.clone()]);
                    continue;
                }
                (String::new(), value.clone())
            }
        };
        if holds_secret(&value) {
            // The whole argument goes, so that all of its variables have to be given again.
            kept.withheld.extend(names_in(&value));
            // Flags that stand in front of it (`-Ce x=1`) stay.
            let flags = if before.is_empty() {
                argument.as_str()
            } else {
                before.trim_end_matches('=')
            };
            let is_cluster = flags.len() > 2 && !flags.starts_with("--");
            kept.arguments
                .extend(is_cluster.then(|| flags[..flags.len() - 1].to_owned()));
        } else if before.is_empty() {
            kept.arguments.extend([argument.clone(), value]);
        } else {
            kept.arguments.push(argument.clone());
        }
    }
    kept
}

/// True when a text of `-e` sets something that is secret by its name, however deep.
pub(super) fn holds_secret(text: &str) -> bool {
    match mapping_of(text) {
        Some(Ok(value)) => keys_of(&value).iter().any(|name| is_secret_name(name)),
        // It is refused anyway, and must not be kept before.
        Some(Err(_)) => true,
        None => names_in(text).iter().any(|name| is_secret_name(name)),
    }
}

/// What is written as a mapping.
fn mapping_of(text: &str) -> Option<Result<serde_json::Value, serde_yaml::Error>> {
    let text = text.trim();
    text.starts_with(['{', '[']).then(|| serde_yaml::from_str(text))
}

/// Names of the variables that a text of `-e` sets; none for a file, which stays where it is.
pub(super) fn names_in(text: &str) -> Vec<String> {
    let text = text.trim();
    if text.starts_with('@') {
        return Vec::new();
    }
    if let Some(value) = mapping_of(text) {
        let map = value.ok().and_then(|value| value.as_object().cloned());
        return map.into_iter().flatten().map(|(name, _)| name).collect();
    }
    let words = shlex::split(text).unwrap_or_else(|| vec![text.to_owned()]);
    let names = words.iter().filter_map(|word| Some(word.split_once('=')?.0.to_owned()));
    names.collect()
}

fn keys_of(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::Object(map) => map
            .iter()
            .flat_map(|(name, value)| [vec![name.clone()], keys_of(value)].concat())
            .collect(),
        serde_json::Value::Array(items) => items.iter().flat_map(keys_of).collect(),
        _ => Vec::new(),
    }
}

enum Value<'a> {
    None,
    /// The option's value stands in the same argument.
    Inside {
        is_vars: bool,
        value: &'a str,
    },
    /// It is the next argument.
    Next {
        is_vars: bool,
    },
}

/// Which of krun's options take a value.
struct Options {
    long: Vec<String>,
    short: Vec<char>,
}

impl Options {
    fn of_krun() -> Self {
        let command = Cli::command();
        let with_value = command
            .get_arguments()
            .filter(|option| option.get_action().takes_values());
        let (mut long, mut short) = (Vec::new(), Vec::new());
        for option in with_value {
            long.extend(
                option
                    .get_long_and_visible_aliases()
                    .unwrap_or_default()
                    .into_iter()
                    .map(str::to_owned),
            );
            short.extend(option.get_short());
        }
        Self { long, short }
    }

    fn value_of<'a>(&self, argument: &'a str) -> Value<'a> {
        if let Some(long) = argument.strip_prefix("--") {
            let is_vars = |name: &str| name == "extra-vars";
            return match long.split_once('=') {
                Some((name, value)) => Value::Inside {
                    is_vars: is_vars(name),
                    value,
                },
                None if self.long.iter().any(|name| name == long) => Value::Next { is_vars: is_vars(long) },
                None => Value::None,
            };
        }
        let Some(cluster) = argument.strip_prefix('-').filter(|cluster| !cluster.is_empty()) else {
            return Value::None;
        };
        for (index, letter) in cluster.char_indices() {
            if self.short.contains(&letter) {
                let value = &cluster[index + letter.len_utf8()..];
                let is_vars = letter == 'e';
                return if value.is_empty() {
                    Value::Next { is_vars }
                } else {
                    Value::Inside { is_vars, value }
                };
            }
        }
        Value::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("p.yml -i hosts -e version=1.2", "p.yml -i hosts -e version=1.2", "")]
    #[case("p.yml -e db_password=x -C", "p.yml -C", "db_password")]
    #[case("p.yml -eapi_token=x", "p.yml", "api_token")]
    #[case("p.yml -CDe api_token=x -l a", "p.yml -CD -l a", "api_token")]
    #[case("p.yml -CDeapi_token=x -l a", "p.yml -CD -l a", "api_token")]
    #[case("--extra-vars=ansible_become_pass=x p.yml", "p.yml", "ansible_become_pass")]
    #[case("--extra-vars {\"a\":{\"secret\":1},\"b\":2} p.yml", "p.yml", "a b")]
    #[case("--extra-vars={\"a\": p.yml", "p.yml", "")]
    #[case("p.yml -e @secrets.yml", "p.yml -e @secrets.yml", "")]
    #[case("p.yml -i secret=x -l token=y", "p.yml -i secret=x -l token=y", "")]
    #[case("p.yml -l -e password=x", "p.yml -l -e password=x", "")]
    #[case("p.yml -e", "p.yml -e", "")]
    fn what_is_secret_is_left_out(#[case] given: &str, #[case] arguments: &str, #[case] withheld: &str) {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            keep(&words(given)),
            Kept {
                arguments: words(arguments),
                withheld: words(withheld),
            }
        );
    }

    #[test]
    fn names_say_what_is_secret() {
        for name in ["ansible_become_password", "API-KEY", "vault_x", "registry_token"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["kubernetes_version", "key_file", "serial"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
