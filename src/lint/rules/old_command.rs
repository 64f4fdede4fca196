use crate::lint::acts::commands_of;
use crate::lint::commands::Command;
use crate::lint::{Found, Ground, Rule};
use crate::syntax::Severity;

pub(super) const RULE: Rule = Rule {
    id: "removed-command",
    severity: Severity::Warning,
    about: "a command or option that newer versions no longer have",
    check,
};

fn check(ground: &Ground<'_>, found: &mut Found<'_>) {
    for step in ground.plays.iter().flat_map(|play| &play.steps) {
        for (command, place) in commands_of(&step.task) {
            if let Some((what, instead)) = removed(&command) {
                found.add(&place, Some(&step.task.place), what, instead);
            }
        }
    }
}

fn removed(command: &Command) -> Option<(&'static str, &'static str)> {
    if command.runs("kubectl", &["drain"]) && command.has(&["--delete-local-data"]) {
        return Some((
            "`--delete-local-data` is called `--delete-emptydir-data` since kubectl 1.20",
            "use the module `drain` with `delete_emptydir_data: true`, or the new name",
        ));
    }
    if command.runs("kubeadm", &["config", "view"]) {
        return Some((
            "`kubeadm config view` is gone since 1.22",
            "kubectl -n kube-system get configmap kubeadm-config -o jsonpath='{.data.ClusterConfiguration}'",
        ));
    }
    if command.runs("kubeadm", &["upgrade", "node", "config"])
        || command.runs("kubeadm", &["upgrade", "node", "experimental-control-plane"])
    {
        return Some((
            "this form of `kubeadm upgrade node` is gone since 1.15",
            "`kubeadm upgrade node` finds out by itself, as does the module `kubeadm` with `action: node`",
        ));
    }
    let deprecated =
        command.runs("etcdctl", &["snapshot", "restore"]) || command.runs("etcdctl", &["snapshot", "status"]);
    deprecated.then_some((
        "`etcdctl snapshot restore` and `status` are gone since etcd 3.6 (Kubernetes 1.34)",
        "use the modules `etcd-restore` and `etcd-backup`, or `etcdutl`",
    ))
}
