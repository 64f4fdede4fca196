use crate::lint::{Found, Ground, Rule};
use crate::syntax::Severity;
use serde_json::Value;

use crate::lint::acts::module;
use crate::syntax::{Kind, Node};

pub(super) const RULE: Rule = Rule {
    id: "frozen-repository",
    severity: Severity::Warning,
    about: "a package repository that ends at Kubernetes 1.28.2, or is gone",
    check,
};

const FROZEN: [&str; 6] = [
    "apt.kubernetes.io",
    "yum.kubernetes.io",
    "packages.cloud.google.com/yum/repos/kubernetes",
    "packages.cloud.google.com/apt",
    "aliyun.com/kubernetes/yum",
    "aliyun.com/kubernetes/apt",
];

fn check(ground: &Ground<'_>, found: &mut Found<'_>) {
    for step in ground.plays.iter().flat_map(|play| &play.steps) {
        let Some((name, _, node)) = module(&step.task) else {
            continue;
        };
        if !matches!(
            name,
            "yum-repo" | "apt-repository" | "deb822-repository" | "get-url" | "copy" | "lineinfile" | "set-fact"
        ) {
            continue;
        }
        let mut addresses = Vec::new();
        scalars(node, &mut addresses);
        let hit = addresses.iter().find_map(|node| {
            let Value::String(text) = node.to_value() else {
                return None;
            };
            let frozen = FROZEN
                .iter()
                .find(|frozen| text.contains(**frozen) && !text.contains(".gpg"))?;
            Some((*node, *frozen))
        });
        if let Some((node, frozen)) = hit {
            found.add(
                &node.place,
                Some(&step.task.place),
                format!("`{frozen}` was frozen at Kubernetes 1.28.2 in September 2023"),
                "use the repository of the target's minor version: https://pkgs.k8s.io/core:/stable:/v1.XX/, or a mirror of it",
            );
        }
    }
}

fn scalars<'n>(node: &'n Node, into: &mut Vec<&'n Node>) {
    match &node.kind {
        Kind::Scalar { .. } => into.push(node),
        Kind::Sequence(items) => items.iter().for_each(|item| scalars(item, into)),
        Kind::Mapping(entries) => entries.iter().for_each(|entry| scalars(&entry.value, into)),
    }
}
