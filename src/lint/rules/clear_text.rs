use crate::lint::{Found, Ground, Rule};
use crate::syntax::Severity;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::lint::acts::{commands_of, option_place};
use crate::lint::commands::Command;
use crate::syntax::{Kind, Node, Place, SourceFile};
use crate::template::{holds_template, pattern};

pub(super) const RULE: Rule = Rule {
    id: "password-in-plain-text",
    severity: Severity::Warning,
    about: "a password, token or key stands readable in a file",
    check,
};

/// Names under which secrets stand.
static SECRET: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)(^|[_-])(pass|passwd|password|passphrase|secret|secret_key|token|api_?key|access_key)$")
});
/// Names that only sound like it.
static HARMLESS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^(update_password|ask_.*|.*_from|.*_file)$"));
/// `name=value` in an inventory in INI's form.
static ASSIGNED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?:^|\s)([A-Za-z_][\w-]*)\s*=\s*("[^"]*"|'"'"'[^'"'"']*'"'"'|[^\s#]+)"#));

const HELP: &str = "encrypt it with `ansible-vault encrypt_string`, or read it from the environment or a vault file";

fn check(ground: &Ground<'_>, found: &mut Found<'_>) {
    for document in ground.files.documents() {
        keys(document, found);
    }
    for source in ground.files.others() {
        assignments(source, found);
    }
    for step in ground.plays.iter().flat_map(|play| &play.steps) {
        for (command, place) in commands_of(&step.task) {
            if let Some(option) = told(&command) {
                found.add_secret(
                    &place,
                    Some(&step.task.place),
                    format!("a secret stands readable behind `{option}`, here and in the node's process list"),
                    "keep it in a vault, and hand it over on standard input (`stdin`) or in the environment",
                );
            }
        }
        // A short form is one text, whose keys are none of the document.
        if let Some((_, options, node)) = crate::lint::acts::module(&step.task) {
            for (name, value) in options {
                let written = node.get(name);
                let in_text = written.is_some_and(|written| {
                    written.place.line == node.place.line && written.place.column == node.place.column
                });
                if in_text && is_secret(name, value) {
                    report(name, &option_place(&step.task, name), found);
                }
            }
        }
    }
}

fn is_secret(name: &str, value: &Value) -> bool {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return false,
    };
    // Hashes may stand there, and words that switch something off.
    let is_hash = text.starts_with(['$', '!', '*', '/']);
    SECRET.is_match(name) && !HARMLESS.is_match(name) && !text.trim().is_empty() && !is_hash && !holds_template(&text)
}

fn report(name: &str, place: &Place, found: &mut Found<'_>) {
    found.add_secret(
        place,
        None,
        format!("the value of `{name}` stands readable in this file"),
        HELP,
    );
}

fn keys(node: &Node, found: &mut Found<'_>) {
    match &node.kind {
        Kind::Scalar { .. } => {}
        Kind::Sequence(items) => items.iter().for_each(|item| keys(item, found)),
        Kind::Mapping(entries) => {
            for entry in entries {
                if entry.value.tag.is_none() && is_secret(&entry.key, &entry.value.to_value()) {
                    report(&entry.key, &entry.value.place, found);
                }
                keys(&entry.value, found);
            }
        }
    }
}

fn assignments(source: &std::sync::Arc<SourceFile>, found: &mut Found<'_>) {
    let mut offset = 0;
    for line in source.text().split_inclusive('\n') {
        if !line.trim_start().starts_with(['#', ';']) {
            for hit in ASSIGNED.captures_iter(line) {
                let (name, value) = (&hit[1], hit[2].trim_matches(['"', '\'']));
                if is_secret(name, &Value::from(value)) {
                    let at = hit.get(2).map_or(0, |value| value.start());
                    let place = Place::at_offset(source, offset + at, hit[2].chars().count());
                    report(name, &place, found);
                }
            }
        }
        offset += line.len();
    }
}

/// The option behind which a command is told a secret.
fn told(command: &Command) -> Option<&'static str> {
    const OPTIONS: [&str; 6] = [
        "--password",
        "--passwd",
        "--token",
        "--secret",
        "--creds",
        "--certificate-key",
    ];
    let plain = |value: &str| !value.is_empty() && !holds_template(value) && !value.starts_with(['$', '-', '@', '<']);
    if let Some(option) = OPTIONS
        .into_iter()
        .find(|option| command.value(option).is_some_and(plain))
    {
        return Some(option);
    }
    let short = match command.program() {
        "mysql" | "mysqldump" | "sshpass" => command
            .arguments()
            .any(|word| {
                word.strip_prefix("-p")
                    .is_some_and(|value| !word.starts_with("--") && plain(value))
            })
            .then_some("-p"),
        "docker" | "podman" | "nerdctl" | "helm" if command.arguments().any(|word| word == "login") => {
            command.value("-p").is_some_and(plain).then_some("-p")
        }
        "curl" => command
            .value("-u")
            .or(command.value("--user"))
            .is_some_and(|user| user.split_once(':').is_some_and(|(_, password)| plain(password)))
            .then_some("-u"),
        _ => None,
    };
    short.or_else(|| {
        let sshpass = command.program() == "sshpass" && command.value("-p").is_some_and(plain);
        sshpass.then_some("-p")
    })
}
