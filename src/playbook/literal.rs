//! Values of keywords that can be judged before the run, as they hold no templates.

use super::play::ORDERS;
use super::setting::Setting;
use crate::syntax::{Diagnostic, Diagnostics, closest, parse_bool};
use crate::template;

/// What a keyword takes.
enum Kind {
    Flag,
    Number,
    OneOf(&'static [&'static str]),
}

const CONNECTIONS: [&str; 3] = ["local", "smart", "ssh"];
const METHODS: [&str; 3] = ["doas", "su", "sudo"];

fn kind_of(keyword: &str) -> Option<Kind> {
    Some(match keyword {
        "become" | "check_mode" | "diff" | "ignore_errors" | "ignore_unreachable" | "any_errors_fatal" | "no_log"
        | "run_once" | "delegate_facts" | "force_handlers" => Kind::Flag,
        "port" | "throttle" | "timeout" | "retries" | "delay" | "max_fail_percentage" => Kind::Number,
        "connection" => Kind::OneOf(&CONNECTIONS),
        "become_method" => Kind::OneOf(&METHODS),
        "order" => Kind::OneOf(&ORDERS),
        _ => return None,
    })
}

/// Reports a value that the run would refuse.
pub(super) fn check(keyword: &str, setting: &Setting, diagnostics: &mut Diagnostics) {
    let value = &setting.value;
    let text = value.as_str();
    let Some(kind) = kind_of(keyword).filter(|_| !text.is_some_and(template::holds_template)) else {
        return;
    };
    // Patterns of hosts, in the order in which they are to come.
    if let ("order", Some(items)) = (keyword, value.as_array()) {
        if !items.iter().all(serde_json::Value::is_string) {
            diagnostics.push(
                Diagnostic::error("a list in `order` holds names of hosts or groups")
                    .at(&setting.place)
                    .without_gap(),
            );
        }
        return;
    }
    let (is_right, wanted) = match kind {
        Kind::Flag => (
            value.is_boolean() || text.is_some_and(|text| parse_bool(text).is_some()),
            "true or false",
        ),
        Kind::Number => {
            let number = value.as_f64().or_else(|| text?.trim().parse().ok());
            (
                number.is_some_and(|number| number.is_finite() && number >= 0.0),
                "a number from 0 up",
            )
        }
        Kind::OneOf(names) => {
            let short = text.map(|text| text.strip_prefix("ansible.builtin.").unwrap_or(text));
            if short.is_some_and(|text| names.contains(&text)) {
                return;
            }
            let shown = text.map_or_else(|| value.to_string(), str::to_owned);
            let near = closest(&shown, names.iter().copied());
            let wrong = Diagnostic::error(format!("`{keyword}` cannot be `{shown}`"))
                .at(&setting.place)
                .without_gap();
            diagnostics.push(match near {
                Some(near) => wrong.help(format!("did you mean `{near}`?")),
                None => wrong.help(format!("use {}", names.join(", "))),
            });
            return;
        }
    };
    if !is_right {
        let shown = text.map_or_else(|| value.to_string(), str::to_owned);
        diagnostics.push(
            Diagnostic::error(format!("`{keyword}` must be {wanted}, it is `{shown}`"))
                .at(&setting.place)
                .without_gap(),
        );
    }
}
