//! Host patterns: which hosts `masters:&rack1:!node3` means.

use std::collections::HashSet;

use indexmap::IndexSet;

use super::pattern_text::{Matcher, Subscript, split, split_subscript};
use super::{Inventory, limit};
use crate::syntax::{Diagnostic, closest};

/// A host pattern, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    unions: Vec<String>,
    intersections: Vec<String>,
    exclusions: Vec<String>,
}

/// Why a pattern means no hosts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A part matches no group and no host.
    #[error("`{part}` matches no host and no group of the inventory")]
    Unmatched {
        /// The part of the pattern.
        part: String,
        /// The name that was most likely meant.
        suggestion: Option<String>,
    },
    /// A single position behind the last host of the group.
    #[error("`{part}` asks for a position that does not exist: there are {count} hosts")]
    OutOfRange {
        /// The part of the pattern.
        part: String,
        /// How many hosts there are to choose from.
        count: usize,
    },
    /// The text is no pattern.
    #[error("`{part}` is not a host pattern: {reason}")]
    Invalid {
        /// The part of the pattern.
        part: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file behind `--limit @` cannot be used.
    #[error("cannot read the limit file `{file}`: {reason}")]
    LimitFile {
        /// The file as given.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl PatternError {
    /// What the user can do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unmatched {
                suggestion: Some(near), ..
            } => Some(format!("did you mean `{near}`?")),
            Self::Unmatched { part, .. } if part.contains(':') => {
                Some("with a comma in a pattern, commas separate all of its parts".to_owned())
            }
            Self::Unmatched { .. } => Some("`krun inventory --graph` shows all groups and hosts".to_owned()),
            Self::OutOfRange { .. } => Some("positions count from 0; `[1:]` may be empty, `[1]` may not".to_owned()),
            Self::Invalid { part, .. } if part.starts_with('~') => {
                Some("a regular expression must not hold a comma or a colon: they separate parts".to_owned())
            }
            Self::Invalid { .. } | Self::LimitFile { .. } => None,
        }
    }
}

impl From<PatternError> for Diagnostic {
    fn from(error: PatternError) -> Self {
        let diagnostic = Diagnostic::error(error.to_string());
        match error.help() {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

impl Pattern {
    /// Takes a pattern apart: `a:b`, `a,b`, `a:&b`, `a:!b`, with wildcards, `~regex` and positions.
    ///
    /// # Errors
    /// Brackets that are not balanced.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        Self::parse_all([text])
    }

    /// The same for a list of patterns, which are taken together.
    ///
    /// # Errors
    /// As [`Pattern::parse`].
    pub fn parse_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, PatternError> {
        let mut parts = Vec::new();
        for text in texts {
            parts.extend(split(text)?.into_iter().map(str::to_owned));
        }
        Self::of_parts(parts)
    }

    /// Reads the value of `--limit`, in which `@file` stands for the hosts that a file lists.
    ///
    /// # Errors
    /// As [`Pattern::parse`], or the file cannot be read or is empty.
    pub fn parse_limit(text: &str) -> Result<Self, PatternError> {
        let mut parts = Vec::new();
        for part in split(text)? {
            match part.strip_prefix('@') {
                Some(file) => parts.extend(limit::read_file(file)?),
                None => parts.push(part.to_owned()),
            }
        }
        Self::of_parts(parts)
    }

    fn of_parts(parts: Vec<String>) -> Result<Self, PatternError> {
        let invalid = |part: &str, reason: &str| {
            Err(PatternError::Invalid {
                part: part.to_owned(),
                reason: reason.to_owned(),
            })
        };
        if parts.is_empty() {
            return invalid("", "it is empty; `all` means every host");
        }
        let mut pattern = Self {
            unions: Vec::new(),
            intersections: Vec::new(),
            exclusions: Vec::new(),
        };
        for part in parts {
            if part == "!" || part == "&" {
                return invalid(&part, "a name must follow");
            }
            match part.chars().next() {
                Some('!') => pattern.exclusions.push(part[1..].to_owned()),
                Some('&') => pattern.intersections.push(part[1..].to_owned()),
                _ => pattern.unions.push(part),
            }
        }
        Ok(pattern)
    }

    /// The hosts that the pattern means, each once: first what its plain parts name, in their order, then narrowed by
    /// every `&`, then by every `!`. A pattern without a plain part begins with all hosts.
    ///
    /// # Errors
    /// A part that matches nothing, whatever its sign: a typo in `!node3` would touch the host it should spare.
    pub fn select(&self, inventory: &Inventory) -> Result<Vec<String>, PatternError> {
        let mut hosts: IndexSet<String> = IndexSet::new();
        if self.unions.is_empty() {
            hosts.extend(inventory.hosts().map(str::to_owned));
        }
        for part in &self.unions {
            if inventory.contains(part) {
                hosts.insert(part.clone());
            } else {
                hosts.extend(matching(part, inventory)?);
            }
        }
        for part in &self.intersections {
            let kept: HashSet<String> = matching(part, inventory)?.into_iter().collect();
            hosts.retain(|host| kept.contains(host));
        }
        for part in &self.exclusions {
            let dropped: HashSet<String> = matching(part, inventory)?.into_iter().collect();
            hosts.retain(|host| !dropped.contains(host));
        }
        Ok(hosts.into_iter().collect())
    }
}

/// The hosts that one part means, without its sign.
fn matching(part: &str, inventory: &Inventory) -> Result<IndexSet<String>, PatternError> {
    let (expression, subscript) = split_subscript(part)?;
    let hosts = enumerate(part, expression, inventory)?;
    match subscript {
        None => Ok(hosts),
        // Nothing to choose from is not an error, as for the group itself.
        Some(_) if hosts.is_empty() => Ok(hosts),
        Some(Subscript::One(position)) => {
            let index = usize::try_from(position).ok().or_else(|| {
                let from_end = usize::try_from(position.unsigned_abs()).ok()?;
                hosts.len().checked_sub(from_end)
            });
            match index.and_then(|index| hosts.get_index(index)) {
                Some(host) => Ok(IndexSet::from([host.clone()])),
                None => Err(PatternError::OutOfRange {
                    part: part.to_owned(),
                    count: hosts.len(),
                }),
            }
        }
        Some(Subscript::Range(begin, end)) => {
            let count = end.map_or(usize::MAX, |end| end.saturating_sub(begin).saturating_add(1));
            Ok(hosts.into_iter().skip(begin).take(count).collect())
        }
    }
}

/// The hosts of all groups that match, and the hosts that match themselves; a plain name that is a group's is not
/// looked for among the hosts.
fn enumerate(part: &str, expression: &str, inventory: &Inventory) -> Result<IndexSet<String>, PatternError> {
    let matcher = Matcher::of(expression)?;
    let mut hosts: IndexSet<String> = IndexSet::new();
    let mut any_group = false;
    let groups: Vec<&str> = match matcher {
        Matcher::Name => inventory
            .tree
            .groups
            .get_key_value(expression)
            .map(|(name, _)| name.as_str())
            .into_iter()
            .collect(),
        Matcher::Glob(_) | Matcher::Regex(_) => inventory
            .groups()
            .filter(|group| matcher.matches(expression, group))
            .collect(),
    };
    for group in groups {
        any_group = true;
        let members = inventory.group_hosts(group).unwrap_or_default();
        hosts.extend(members.into_iter().map(str::to_owned));
    }
    if !any_group || !matches!(matcher, Matcher::Name) {
        let all = inventory.tree.hosts.keys();
        let matching = all.filter(|host| matcher.matches(expression, host));
        hosts.extend(matching.cloned());
    }
    if hosts.is_empty()
        && let Some(host) = inventory.localhost(expression)
    {
        hosts.insert(host.to_owned());
    }
    let may_come = match matcher {
        Matcher::Name => inventory.may_come(expression),
        Matcher::Glob(_) | Matcher::Regex(_) => !inventory.expected.is_empty(),
    };
    if hosts.is_empty() && !any_group && !may_come {
        let known = inventory.groups().chain(inventory.hosts());
        return Err(PatternError::Unmatched {
            part: part.to_owned(),
            suggestion: closest(expression, known).map(str::to_owned),
        });
    }
    Ok(hosts)
}
