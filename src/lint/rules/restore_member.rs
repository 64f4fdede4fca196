use crate::lint::acts::commands_of;
use crate::lint::{Found, Ground, Rule};
use crate::syntax::Severity;

pub(super) const RULE: Rule = Rule {
    id: "restore-without-member",
    severity: Severity::Warning,
    about: "a snapshot is restored as a member that the cluster does not know",
    check,
};

fn check(ground: &Ground<'_>, found: &mut Found<'_>) {
    for step in ground.plays.iter().flat_map(|play| &play.steps) {
        for (command, place) in commands_of(&step.task) {
            let restores = ["etcdctl", "etcdutl"]
                .iter()
                .any(|program| command.runs(program, &["snapshot", "restore"]));
            let named = command.value("--name").is_some() && command.value("--initial-cluster").is_some();
            if restores && !named {
                found.add(
                    &place,
                    Some(&step.task.place),
                    "without `--name` and `--initial-cluster` the member gets the peer address http://localhost:2380",
                    "use the module `etcd-restore`, which reads them from etcd's manifest",
                );
            }
        }
    }
}
