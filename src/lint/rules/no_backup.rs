use crate::lint::{Found, Ground, Rule};
use crate::syntax::Severity;
use std::collections::HashSet;

use crate::lint::acts::{backs_up, upgrades};
use crate::playbook::Action;

pub(super) const RULE: Rule = Rule {
    id: "upgrade-without-backup",
    severity: Severity::Warning,
    about: "kubeadm upgrade apply runs with no snapshot of etcd before it",
    check,
};

fn check(ground: &Ground<'_>, found: &mut Found<'_>) {
    let mut saved: HashSet<usize> = HashSet::new();
    for play in &ground.plays {
        for step in &play.steps {
            // What is included under a name that the run decides may be the backup; a role of that name is.
            let named = match &step.task.action {
                Action::IncludeTasks(include) => include.file.value.as_str(),
                Action::IncludeRole(include) => include.name.value.as_str(),
                _ => None,
            };
            let mut names = named
                .into_iter()
                .chain(step.task.role.as_ref().map(|role| role.name.as_str()));
            if backs_up(&step.task) || names.any(|name| name.contains("backup") || name.contains("snapshot")) {
                saved.insert(play.run);
            }
            let apply = upgrades(&step.task).filter(|(apply, _)| *apply && !saved.contains(&play.run));
            if let Some((_, place)) = apply {
                found.add(
                    &place,
                    Some(&step.task.place),
                    "the control plane is upgraded without a snapshot of etcd before it, the only way back",
                    "run the module `etcd-backup` first, or import playbooks/backup.yml",
                );
            }
        }
    }
}
