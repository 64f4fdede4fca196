use std::collections::HashMap;
use std::sync::{OnceLock, PoisonError, RwLock};

use minijinja::value::{Kwargs, from_args};
use minijinja::{Error, Value};
use regex::{Captures, Regex, RegexBuilder};

use crate::template::arguments::{Arguments, More, refusal};
use crate::template::registry::Registry;

/// Patterns kept compiled; a loop over generated patterns must not fill the memory.
const MAX_KEPT: usize = 1_000;

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("regex_replace", regex_replace);
    registry.filter("regex_search", regex_search);
    registry.filter("regex_findall", regex_findall);
    registry.filter("regex_escape", regex_escape);
}

/// A pattern of the user's, in Python's spelling.
pub(in crate::template) fn compiled(pattern: &str, ignore_case: bool, multiline: bool) -> Result<Regex, Error> {
    type Cache = RwLock<HashMap<(String, bool, bool), Regex>>;
    static CACHE: OnceLock<Cache> = OnceLock::new();
    let cache = CACHE.get_or_init(Cache::default);
    let key = (pattern.to_owned(), ignore_case, multiline);
    if let Some(known) = cache.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Ok(known.clone());
    }
    let new = RegexBuilder::new(&pattern.replace(r"\Z", r"\z"))
        .case_insensitive(ignore_case)
        .multi_line(multiline)
        .build()
        .map_err(|error| explain(pattern, &error))?;
    let mut kept = cache.write().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= MAX_KEPT {
        kept.clear();
    }
    kept.insert(key, new.clone());
    Ok(new)
}

/// Names the cause only: a pattern may be made of variables, whose values no error may hold.
fn explain(pattern: &str, error: &regex::Error) -> Error {
    let beyond = ["(?=", "(?!", "(?<=", "(?<!"]
        .iter()
        .find(|mark| pattern.contains(**mark));
    let cause = match (beyond, error) {
        (Some(mark), _) => format!("it looks ahead or behind (`{mark}`), which krun's patterns cannot"),
        (None, regex::Error::CompiledTooBig(_)) => "it is too big".to_owned(),
        (None, error) => error.to_string().lines().last().unwrap_or("syntax error").to_owned(),
    };
    refusal(format!("the regular expression cannot be used: {cause}"))
}

fn regex_replace(value: &Value, values: More) -> Result<String, Error> {
    let names = [
        "pattern",
        "replacement",
        "ignorecase",
        "multiline",
        "count",
        "mandatory_count",
    ];
    let arguments = Arguments::read("regex_replace", &names, values)?;
    let pattern = arguments.text("pattern").unwrap_or_default();
    let pattern = compiled(
        &pattern,
        arguments.flag("ignorecase", false),
        arguments.flag("multiline", false),
    )?;
    let replacement = arguments.text("replacement").unwrap_or_default();
    let text = value.to_string();
    let limit = arguments.count("count", 0)?;
    let wanted = arguments.count("mandatory_count", 0)?;
    let mut made = 0_usize;
    let replaced = pattern.replacen(&text, limit, |found: &Captures<'_>| {
        made += 1;
        expand(&replacement, found)
    });
    if wanted > 0 && made != wanted {
        return Err(refusal(format!(
            "`regex_replace` made {made} replacements instead of {wanted}"
        )));
    }
    Ok(replaced.into_owned())
}

/// Python's replacement text: `\1`, `\g<1>`, `\g<name>`, `\n`, `\t`, `\\`.
fn expand(replacement: &str, found: &Captures<'_>) -> String {
    let mut output = String::with_capacity(replacement.len());
    let mut rest = replacement;
    while let Some((before, after)) = rest.split_once('\\') {
        output.push_str(before);
        let (text, left) = match after.strip_prefix("g<").and_then(|name| name.split_once('>')) {
            Some((name, left)) => (group(found, name), left),
            None => escape_in(after, found),
        };
        output.push_str(&text);
        rest = left;
    }
    output.push_str(rest);
    output
}

fn group(found: &Captures<'_>, name: &str) -> String {
    let matched = match name.parse() {
        Ok(number) => found.get(number),
        Err(_) => found.name(name),
    };
    matched.map_or_else(String::new, |matched| matched.as_str().to_owned())
}

fn escape_in<'t>(after: &'t str, found: &Captures<'_>) -> (String, &'t str) {
    let digits = after.chars().take(2).take_while(char::is_ascii_digit).count();
    if digits > 0 {
        return (group(found, &after[..digits]), &after[digits..]);
    }
    let mut characters = after.chars();
    let text = match characters.next() {
        Some('n') => "\n".to_owned(),
        Some('t') => "\t".to_owned(),
        Some('\\') => "\\".to_owned(),
        Some(other) => format!("\\{other}"),
        None => "\\".to_owned(),
    };
    (text, characters.as_str())
}

/// The match, or with `\\1` and `\\g<name>` arguments the list of those groups; none where nothing matches.
fn regex_search(value: &Value, pattern: &str, values: More) -> Result<Value, Error> {
    let values = values.into_values();
    let (positional, named): (&[Value], Kwargs) = from_args(&values)?;
    let flag = |name: &str| named.get::<Option<bool>>(name).map(Option::unwrap_or_default);
    let pattern = compiled(pattern, flag("ignorecase")?, flag("multiline")?)?;
    named.assert_all_used()?;
    let text = value.to_string();
    let Some(found) = pattern.captures(&text) else {
        return Ok(Value::from(()));
    };
    if positional.is_empty() {
        return Ok(Value::from(&found[0]));
    }
    let pick = |wanted: &Value| {
        let wanted = wanted.to_string();
        let name = wanted
            .strip_prefix("\\g<")
            .and_then(|name| name.strip_suffix('>'))
            .or_else(|| wanted.strip_prefix('\\'))
            .ok_or_else(|| refusal("`regex_search`: groups are written '\\\\1' or '\\\\g<name>'"))?;
        Ok(Value::from(group(&found, name)))
    };
    positional
        .iter()
        .map(pick)
        .collect::<Result<Vec<_>, Error>>()
        .map(Value::from)
}

fn regex_findall(value: &Value, values: More) -> Result<Vec<Value>, Error> {
    let arguments = Arguments::read("regex_findall", &["regex", "multiline", "ignorecase"], values)?;
    let pattern = arguments.required("regex")?.to_string();
    let pattern = compiled(
        &pattern,
        arguments.flag("ignorecase", false),
        arguments.flag("multiline", false),
    )?;
    let text = value.to_string();
    let part = |found: &Captures<'_>, index: usize| Value::from(found.get(index).map_or("", |part| part.as_str()));
    let pick = |found: Captures<'_>| match found.len() {
        1 => part(&found, 0),
        2 => part(&found, 1),
        groups => (1..groups).map(|index| part(&found, index)).collect(),
    };
    Ok(pattern.captures_iter(&text).map(pick).collect())
}

/// Escapes as Python's `re.escape`, or for the basic expressions of grep and sed.
fn regex_escape(value: &Value, values: More) -> Result<String, Error> {
    let arguments = Arguments::read("regex_escape", &["re_type"], values)?;
    let special = match arguments.text("re_type").as_deref() {
        None | Some("python") => "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}",
        Some("posix_basic") => "].[^$*\\",
        Some(other) => {
            return Err(refusal(format!(
                "`regex_escape`: there is no type `{other}`; there are python and posix_basic"
            )));
        }
    };
    let mut escaped = String::new();
    for character in value.to_string().chars() {
        if special.contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    Ok(escaped)
}
