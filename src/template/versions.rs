//! Ansible's comparison of versions.

use std::cmp::Ordering;

use minijinja::Error;

use super::arguments::refusal;

/// How versions are read.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Reading {
    /// Numbers and words in any order, as most versions of packages are.
    Loose,
    /// Two or three numbers, and perhaps an alpha or beta number.
    Strict,
    /// As semver.org says.
    Semver,
}

/// Tells whether `left operator right` holds.
pub(super) fn compare(left: &str, operator: &str, right: &str, reading: Reading) -> Result<bool, Error> {
    if left.is_empty() || right.is_empty() {
        return Err(refusal("`version`: a version is empty"));
    }
    let order = match reading {
        Reading::Loose => loose(left, right)?,
        Reading::Strict => strict(left)?.cmp(&strict(right)?),
        Reading::Semver => semantic(left)?.cmp_precedence(&semantic(right)?),
    };
    Ok(match operator {
        "==" | "=" | "eq" => order.is_eq(),
        "!=" | "<>" | "ne" => order.is_ne(),
        "<" | "lt" => order.is_lt(),
        "<=" | "le" => order.is_le(),
        ">" | "gt" => order.is_gt(),
        ">=" | "ge" => order.is_ge(),
        other => {
            return Err(refusal(format!(
                "`version` has no operator `{other}`; it has: ==, !=, <, <=, >, >=, eq, ne, lt, le, gt, ge"
            )));
        }
    })
}

enum Part<'t> {
    Number(u64),
    Word(&'t str),
}

fn loose(left: &str, right: &str) -> Result<Ordering, Error> {
    let (left, right) = (parts(left), parts(right));
    for (one, other) in left.iter().zip(&right) {
        let order = match (one, other) {
            (Part::Number(one), Part::Number(other)) => one.cmp(other),
            (Part::Word(one), Part::Word(other)) => one.cmp(other),
            _ => {
                return Err(refusal(
                    "`version`: a number and a word stand at the same place of the two versions (a leading `v` on one \
                     of them? `regex_replace('^v', '')` removes it)",
                ));
            }
        };
        if order.is_ne() {
            return Ok(order);
        }
    }
    Ok(left.len().cmp(&right.len()))
}

fn parts(version: &str) -> Vec<Part<'_>> {
    let kind = |character: char| match character {
        '0'..='9' => 0,
        'a'..='z' => 1,
        '.' => 2,
        _ => 3,
    };
    let mut parts = Vec::new();
    let mut rest = version;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|next| kind(next) != kind(first)).unwrap_or(rest.len());
        let (part, left) = rest.split_at(length);
        match part.parse() {
            _ if first == '.' => {}
            Ok(number) => parts.push(Part::Number(number)),
            Err(_) => parts.push(Part::Word(part)),
        }
        rest = left;
    }
    parts
}

/// The three numbers, and the pre-release: none sorts behind all.
type Strict = ([u64; 3], bool, char, u64);

fn strict(version: &str) -> Result<Strict, Error> {
    let wrong = || refusal("`version`: strict versions are two or three numbers, and perhaps `a1` or `b1`");
    let (numbers, mark, pre) = match version.find(['a', 'b']) {
        Some(at) => (&version[..at], version[at..].chars().next(), &version[at + 1..]),
        None => (version, None, ""),
    };
    let numbers: Vec<u64> = numbers
        .split('.')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_| wrong())?;
    let numbers = match numbers[..] {
        [major, minor] => [major, minor, 0],
        [major, minor, patch] => [major, minor, patch],
        _ => return Err(wrong()),
    };
    match mark {
        None => Ok((numbers, true, 'z', 0)),
        Some(mark) => Ok((numbers, false, mark, pre.parse().map_err(|_| wrong())?)),
    }
}

fn semantic(version: &str) -> Result<semver::Version, Error> {
    semver::Version::parse(version)
        .map_err(|_| refusal("`version`: semantic versions are three numbers, as 1.28.2, and perhaps `-rc.1`"))
}
