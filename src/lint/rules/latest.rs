use crate::lint::{Found, Ground, Rule};
use crate::syntax::Severity;
use serde_json::Value;

use crate::lint::acts::{CLUSTER_PACKAGES, installs, module, option_place};

pub(super) const RULE: Rule = Rule {
    id: "package-state-latest",
    severity: Severity::Warning,
    about: "a package of the cluster goes to whatever version is there today",
    check,
};

fn check(ground: &Ground<'_>, found: &mut Found<'_>) {
    for play in &ground.plays {
        for task in play.steps.iter().map(|step| &step.task).chain(&play.handlers) {
            let latest = matches!(module(task), Some(("package", options, _))
                if options.get("state") == Some(&Value::from("latest")));
            let Some((packages, _)) = installs(task).filter(|_| latest) else {
                continue;
            };
            let hit = packages
                .iter()
                .find(|package| CLUSTER_PACKAGES.contains(&package.as_str()));
            if let Some(package) = hit {
                found.add(
                    &option_place(task, "state"),
                    Some(&task.place),
                    format!("`state: latest` brings `{package}` to another version on each day, and on each node"),
                    "name the `version`, and leave the state away",
                );
            }
        }
    }
}
