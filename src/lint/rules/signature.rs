use crate::lint::{Found, Ground, Rule};
use crate::syntax::Severity;
use serde_json::Value;

use crate::lint::acts::{module, option_place};
use crate::syntax::parse_bool;

pub(super) const RULE: Rule = Rule {
    id: "packages-not-verified",
    severity: Severity::Warning,
    about: "packages come from a repository whose signatures nobody checks",
    check,
};

fn check(ground: &Ground<'_>, found: &mut Found<'_>) {
    for step in ground.plays.iter().flat_map(|play| &play.steps) {
        let Some((name, options, _)) = module(&step.task) else {
            continue;
        };
        let is = |option: &str, wanted: bool| {
            options.get(option).is_some_and(|value| match value {
                Value::Bool(value) => *value == wanted,
                Value::Number(number) => number.as_u64() == Some(u64::from(wanted)),
                Value::String(text) => parse_bool(text) == Some(wanted),
                _ => false,
            })
        };
        let trusted = |option: &str| {
            let text = options.get(option).and_then(Value::as_str);
            text.is_some_and(|text| text.replace(' ', "").contains("trusted=yes"))
        };
        let option = match name {
            "yum-repo" if is("gpgcheck", false) => "gpgcheck",
            "package" if is("disable_gpg_check", true) => "disable_gpg_check",
            "deb822-repository" if is("trusted", true) => "trusted",
            "deb822-repository" if is("allow_insecure", true) => "allow_insecure",
            "apt-repository" if trusted("repo") => "repo",
            _ => continue,
        };
        found.add(
            &option_place(&step.task, option),
            Some(&step.task.place),
            "nobody checks who made the packages that become root on every node",
            "check signatures, and give the repository's key",
        );
    }
}
