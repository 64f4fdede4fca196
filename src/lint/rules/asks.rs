use crate::lint::acts::runs;
use crate::lint::{Found, Ground, Rule};
use crate::syntax::Severity;

pub(super) const RULE: Rule = Rule {
    id: "kubeadm-asks",
    severity: Severity::Warning,
    about: "kubeadm upgrade apply waits for an answer that nobody can give",
    check,
};

fn check(ground: &Ground<'_>, found: &mut Found<'_>) {
    for step in ground.plays.iter().flat_map(|play| &play.steps) {
        for (command, place) in runs(&step.task, "kubeadm", &["upgrade", "apply"]) {
            // `--force` asks nothing either; with a configuration file it may stand in there.
            if !command.has(&["-y", "--yes", "-f", "--force", "--dry-run", "--config"]) {
                found.add(
                    &place,
                    Some(&step.task.place),
                    "kubeadm asks whether to go on, and gives up as no answer comes",
                    "add `--yes`, or use the module `kubeadm`",
                );
            }
        }
    }
}
