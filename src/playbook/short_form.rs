//! `command: text creates=…` and `file: path=/x state=absent`.

use std::sync::LazyLock;

use regex::Regex;

use crate::modules::ModuleDefinition;
use crate::syntax::{Diagnostic, Entry, Kind, Node, Style};
use crate::template;

/// `command: text creates=…` and `file: path=/x state=absent`.
pub(super) fn short_form(
    definition: &ModuleDefinition,
    node: &Node,
    text: &str,
    style: Style,
) -> Result<Vec<Entry>, Diagnostic> {
    static PAIR: LazyLock<Regex> =
        LazyLock::new(|| template::pattern(r#"(?:^|\s)([a-z_]+)=("(?:[^"\\]|\\.)*"|'[^']*'|(?:\{\{.*?\}\}|\S)*)"#));
    let entry = |key: &str, value: &str, style: Style| Entry {
        key: key.to_owned(),
        key_place: node.place.clone(),
        value: Node {
            kind: Kind::Scalar {
                text: value.to_owned(),
                style,
            },
            place: node.place.clone(),
            tag: None,
        },
    };
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let unquote = |value: &str| {
        let inner = value
            .strip_prefix(['"', '\''])
            .and_then(|v| v.strip_suffix(['"', '\'']));
        inner.unwrap_or(value).to_owned()
    };
    if let Some(option) = definition.free_form {
        const COMMAND_OPTIONS: [&str; 5] = ["creates", "removes", "chdir", "executable", "stdin"];
        let known = definition.options();
        let mut entries = Vec::new();
        let command = PAIR.replace_all(text, |found: &regex::Captures<'_>| {
            if COMMAND_OPTIONS.contains(&&found[1]) && known.iter().any(|name| *name == found[1]) {
                entries.push(entry(&found[1], &unquote(&found[2]), Style::Quoted));
                String::new()
            } else {
                found[0].to_owned()
            }
        });
        let command = if entries.is_empty() { text } else { command.trim() };
        entries.push(entry(option, command, Style::Quoted));
        return Ok(entries);
    }
    let left = PAIR.replace_all(text, "");
    if !left.trim().is_empty() {
        return Err(
            Diagnostic::error(format!("`{}` takes options, not text", definition.name))
                .at(&node.place)
                .help("write `option: value` below it, or `option=value` behind it"),
        );
    }
    let is_open = |value: &str| {
        let quote = value.chars().next().filter(|letter| ['"', '\''].contains(letter));
        quote.is_some_and(|quote| value.len() < 2 || !value.ends_with(quote))
    };
    if let Some(found) = PAIR.captures_iter(text).find(|found| is_open(&found[2])) {
        return Err(
            Diagnostic::error(format!("a quote has no end in the value of `{}`", &found[1]))
                .at(&node.place)
                .help("a quote that is meant stands in quotes of the other kind"),
        );
    }
    let style = if style == Style::Plain {
        Style::Plain
    } else {
        Style::Quoted
    };
    Ok(PAIR
        .captures_iter(text)
        .map(|found| {
            let quoted = found[2].starts_with(['"', '\'']);
            entry(
                &found[1],
                &unquote(&found[2]),
                if quoted { Style::Quoted } else { style },
            )
        })
        .collect())
}
