use crate::lint::acts::{installs, upgrades};
use crate::lint::{Found, Ground, Rule};
use crate::syntax::Severity;

pub(super) const RULE: Rule = Rule {
    id: "kubelet-before-kubeadm",
    severity: Severity::Warning,
    about: "the new kubelet is installed before kubeadm has upgraded the node",
    check,
};

fn check(ground: &Ground<'_>, found: &mut Found<'_>) {
    for play in &ground.plays {
        let Some(upgrade) = play.steps.iter().rposition(|step| upgrades(&step.task).is_some()) else {
            continue;
        };
        for step in &play.steps[..upgrade] {
            let Some((packages, place)) = installs(&step.task) else {
                continue;
            };
            if packages.iter().any(|package| package == "kubelet") {
                found.add(
                    &place,
                    Some(&step.task.place),
                    "kubelet's package comes before `kubeadm upgrade`: a restart in between starts a kubelet that is newer than \
                     its API server",
                    "install kubeadm here, and kubelet with kubectl after `kubeadm upgrade` and the drain",
                );
            }
        }
    }
}
