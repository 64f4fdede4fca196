use schemars::JsonSchema;
use serde::Deserialize;

use super::found::Entry;
use crate::modules::ArgumentError;
use crate::modules::args::{Count, Flag, List, Mode, Text};
use crate::modules::remote_file::{Algorithm, Attributes, refuse_preserve};
use crate::regexp::{Pattern, Reading};

/// Finds files, directories or links on the node by name, age, size and mode; the result's `files` describes them.
/// Changes nothing, so it also runs in check mode. Times are whole seconds.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Find {
    /// The directories.
    pub(super) paths: List,
    /// Patterns of names, any of which counts: with `*`, `?` and `[…]`, or regular expressions with `use_regex`.
    /// Default: all names.
    #[serde(default)]
    pub(super) patterns: List,
    /// Patterns of names that are left out.
    #[serde(default)]
    pub(super) excludes: List,
    /// The patterns are regular expressions, which names match from their beginning. Default: false.
    #[serde(default)]
    pub(super) use_regex: Flag,
    /// What is looked for. Default: `file`.
    #[serde(default)]
    pub(super) file_type: Kind,
    /// Also what is in directories below. Default: false.
    #[serde(default)]
    pub(super) recurse: Flag,
    /// How deep below the directories, with `recurse`. Default: all of it.
    pub(super) depth: Option<Count>,
    /// Also names that begin with a dot. Default: false.
    #[serde(default)]
    pub(super) hidden: Flag,
    /// Only what is older, or with a minus younger: `3600`, `5m`, `2h`, `30d`, `-1w`.
    age: Option<Text>,
    /// Which time `age` is about. Default: `mtime`.
    #[serde(default)]
    age_stamp: Stamp,
    /// Only files that are larger, or with a minus smaller: `1024`, `10m`, `-1g`.
    size: Option<Text>,
    /// Only what has this mode.
    mode: Option<Mode>,
    /// `mode` is all of the mode, not bits of which one is enough. Default: true.
    #[serde(default = "yes")]
    exact_mode: Flag,
    /// Reads the files for their checksums. Default: false.
    #[serde(default)]
    pub(super) get_checksum: Flag,
    /// Which checksum. Default: `sha1`, as in Ansible.
    #[serde(default)]
    pub(super) checksum_algorithm: Algorithm,
    /// No more than so many. Default: all.
    pub(super) limit: Option<Count>,
}

fn yes() -> Flag {
    Flag(true)
}

/// What is looked for.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Anything.
    Any,
    /// Directories.
    Directory,
    /// Files.
    #[default]
    File,
    /// Symbolic links.
    Link,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Directory => "directory",
            Self::File => "file",
            Self::Link => "link",
        }
    }
}

/// Times of a file.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Stamp {
    /// The last access.
    Atime,
    /// The last change of its attributes.
    Ctime,
    /// The last change of its content.
    #[default]
    Mtime,
}

/// A number with a unit, negative for "less".
fn measure(text: &str, units: &[(char, i64)]) -> Option<i64> {
    let text = text.trim().to_lowercase();
    let (number, factor) = units
        .iter()
        .find_map(|(unit, factor)| text.strip_suffix(*unit).map(|number| (number, *factor)))
        .unwrap_or((&text, 1));
    number.parse::<i64>().ok()?.checked_mul(factor)
}

const AGES: [(char, i64); 5] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)];
const SIZES: [(char, i64); 5] = [('b', 1), ('k', 1 << 10), ('m', 1 << 20), ('g', 1 << 30), ('t', 1 << 40)];

/// What entries have to be like, beside what the node has sorted out.
pub struct Filter {
    patterns: Vec<Pattern>,
    excludes: Vec<Pattern>,
    age: Option<i64>,
    size: Option<i64>,
}

impl Find {
    /// Finds options that cannot be used.
    pub(super) fn check_together(&self) -> Result<(), ArgumentError> {
        if self.paths.is_empty() || self.paths.iter().any(|path| path.is_empty() || path.starts_with('-')) {
            return Err(ArgumentError::option("paths", "name one directory at least"));
        }
        if self.patterns.iter().any(|pattern| pattern.contains('\n')) {
            return Err(ArgumentError::option("patterns", "a line break cannot be in a pattern"));
        }
        if self.limit == Some(Count(0)) {
            return Err(ArgumentError::option("limit", "the least number is 1"));
        }
        refuse_preserve(self.mode.as_ref())?;
        self.filter().map(drop)
    }

    pub(super) fn filter(&self) -> Result<Filter, ArgumentError> {
        let number = |option: &str, text: &Option<Text>, units| match text {
            None => Ok(None),
            Some(text) => measure(text, units)
                .map(Some)
                .ok_or_else(|| ArgumentError::option(option, format!("`{text}` is no number with a unit"))),
        };
        let patterns = |option: &str, list: &List| {
            list.iter()
                .map(|pattern| {
                    let text = if *self.use_regex {
                        format!("\\A(?:{pattern})")
                    } else {
                        glob(pattern)
                    };
                    Pattern::new(&text, Reading::Piece)
                        .map_err(|error| ArgumentError::option(option, error.to_string()))
                })
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Filter {
            patterns: patterns("patterns", &self.patterns)?,
            excludes: patterns("excludes", &self.excludes)?,
            age: number("age", &self.age, &AGES)?,
            size: number("size", &self.size, &SIZES)?,
        })
    }

    pub(super) fn is_wanted(&self, entry: &Entry, filter: &Filter, now: i64) -> bool {
        let name = entry.name().as_bytes();
        let matches = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.is_match(name));
        if (!filter.patterns.is_empty() && !matches(&filter.patterns)) || matches(&filter.excludes) {
            return false;
        }
        let stamp = entry.number(match self.age_stamp {
            Stamp::Atime => "atime",
            Stamp::Ctime => "ctime",
            Stamp::Mtime => "mtime",
        });
        let age = now.saturating_sub(i64::try_from(stamp).unwrap_or(i64::MAX));
        let fits = |limit: Option<i64>, value: i64| match limit {
            None => true,
            Some(limit) if limit >= 0 => value >= limit,
            Some(limit) => value <= -limit,
        };
        let size = i64::try_from(entry.size()).unwrap_or(i64::MAX);
        let wanted = Attributes::new(self.mode.as_ref(), None, None).mode_for(0, false, 0);
        fits(filter.age, age)
            && (!entry.is_regular() || fits(filter.size, size))
            && wanted.is_none_or(|wanted| {
                if *self.exact_mode {
                    wanted == entry.mode()
                } else {
                    wanted & entry.mode() != 0
                }
            })
    }
}

/// A pattern of names as a regular expression.
fn glob(pattern: &str) -> String {
    let mut result = "\\A(?:".to_owned();
    let mut rest = pattern.chars();
    while let Some(character) = rest.next() {
        let tail = rest.as_str();
        match character {
            '*' => result.push_str(".*"),
            '?' => result.push('.'),
            '[' => {
                let inverted = tail.starts_with('!');
                let body = if inverted {
                    tail.get(1..).unwrap_or_default()
                } else {
                    tail
                };
                // A bracket that comes first is one of the characters.
                let end = body.char_indices().skip(1).find(|(_, character)| *character == ']');
                match end {
                    None => result.push_str("\\["),
                    Some((end, _)) => {
                        let set = body.get(..end).unwrap_or_default();
                        let set = set.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
                        let set = set.replace('^', "\\^").replace('&', "\\&").replace('~', "\\~");
                        result.push_str(if inverted { "[^" } else { "[" });
                        result.push_str(&set);
                        result.push(']');
                        rest = body.get(end + 1..).unwrap_or_default().chars();
                    }
                }
            }
            other => {
                if !other.is_alphanumeric() && other.is_ascii() {
                    result.push('\\');
                }
                result.push(other);
            }
        }
    }
    result + ")\\Z"
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("*.db", "a.db", true)]
    #[case("*.db", "a.dbx", false)]
    #[case("a?[0-9]", "ab7", true)]
    #[case("a[!0-9]", "a7", false)]
    #[case("[]x]", "]", true)]
    #[case("a[", "a[", true)]
    #[case("a+b", "aab", false)]
    fn patterns_of_names(#[case] pattern: &str, #[case] name: &str, #[case] expected: bool) {
        let pattern = Pattern::new(&glob(pattern), Reading::Piece).unwrap();
        assert_eq!(pattern.is_match(name.as_bytes()), expected);
    }

    #[rstest]
    #[case("90", Some(90))]
    #[case("-2h", Some(-7200))]
    #[case("1W", Some(604_800))]
    #[case("1x", None)]
    fn ages(#[case] text: &str, #[case] expected: Option<i64>) {
        assert_eq!(measure(text, &AGES), expected);
    }
}
