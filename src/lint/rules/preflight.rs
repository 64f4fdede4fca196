use crate::lint::{Found, Ground, Rule};
use crate::syntax::Severity;
use serde_json::Value;

use crate::lint::acts::{commands_of, module, option_place};

pub(super) const RULE: Rule = Rule {
    id: "preflight-errors-ignored",
    severity: Severity::Warning,
    about: "kubeadm is told to pass over all of its checks, or to leave out phases",
    check,
};

fn check(ground: &Ground<'_>, found: &mut Found<'_>) {
    for step in ground.plays.iter().flat_map(|play| &play.steps) {
        let mut report = |place: &_, what: &str| {
            found.add(
                place,
                Some(&step.task.place),
                format!("{what}, also those that would say why this upgrade breaks the cluster"),
                "name the checks that are known to be wrong here, one by one",
            );
        };
        if let Some(("kubeadm", options, _)) = module(&step.task) {
            let ignored = match options.get("ignore_preflight_errors") {
                Some(Value::String(text)) => text.eq_ignore_ascii_case("all"),
                Some(Value::Array(items)) => items
                    .iter()
                    .filter_map(Value::as_str)
                    .any(|item| item.eq_ignore_ascii_case("all")),
                _ => false,
            };
            if ignored {
                report(
                    &option_place(&step.task, "ignore_preflight_errors"),
                    "kubeadm passes over the errors of all its checks",
                );
            }
        }
        for (command, place) in commands_of(&step.task) {
            if command.program() != "kubeadm" {
                continue;
            }
            if command
                .value("--ignore-preflight-errors")
                .is_some_and(|value| value.eq_ignore_ascii_case("all"))
            {
                report(&place, "kubeadm passes over the errors of all its checks");
            }
            if command.runs("kubeadm", &["upgrade"])
                && command
                    .value("--skip-phases")
                    .is_some_and(|phases| phases.contains("preflight"))
            {
                report(&place, "kubeadm leaves out its checks");
            }
        }
    }
}
