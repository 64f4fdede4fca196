use crate::lint::acts::{commands_of, module};
use crate::lint::commands::Command;
use crate::lint::{Found, Ground, Rule};
use crate::modules;
use crate::syntax::Severity;

pub(super) const RULE: Rule = Rule {
    id: "module-exists",
    severity: Severity::Hint,
    about: "a command does what a module does with checks, waits and a way back",
    check,
};

/// A program, the words behind it, the module, and what the module does beside.
const MODULES: [(&str, &[&str], &str, &str); 22] = [
    (
        "kubectl",
        &["drain"],
        "drain",
        "refuses before it cordons, says what it waits for, and has a time-out",
    ),
    ("kubectl", &["cordon"], "cordon", "marks the cordon as krun's own"),
    (
        "kubectl",
        &["uncordon"],
        "uncordon",
        "waits until the node is ready, and leaves other people's cordons alone",
    ),
    (
        "kubectl",
        &["wait"],
        "wait-ready",
        "looks at the node, its kubelet's version, the API server and etcd",
    ),
    (
        "kubeadm",
        &["upgrade", "apply"],
        "kubeadm",
        "survives a lost connection and does nothing where it is done",
    ),
    (
        "kubeadm",
        &["upgrade", "node"],
        "kubeadm",
        "survives a lost connection and does nothing where it is done",
    ),
    (
        "kubeadm",
        &["upgrade", "plan"],
        "kubeadm",
        "gives what it found as values",
    ),
    (
        "etcdctl",
        &["snapshot", "save"],
        "etcd-backup",
        "verifies the snapshot and keeps some of them",
    ),
    (
        "etcdctl",
        &["snapshot", "restore"],
        "etcd-restore",
        "reads the member's name and addresses from its manifest",
    ),
    (
        "etcdutl",
        &["snapshot", "restore"],
        "etcd-restore",
        "reads the member's name and addresses from its manifest",
    ),
    (
        "systemctl",
        &["restart"],
        "systemd",
        "reads the units again where that is asked for",
    ),
    (
        "systemctl",
        &["start"],
        "systemd",
        "changes nothing where it runs already",
    ),
    (
        "systemctl",
        &["stop"],
        "systemd",
        "changes nothing where it does not run",
    ),
    (
        "systemctl",
        &["enable"],
        "systemd",
        "changes nothing where it is enabled already",
    ),
    ("systemctl", &["daemon-reload"], "systemd", "has `daemon_reload: true`"),
    (
        "apt-get",
        &["install"],
        "package",
        "waits for the lock, pins the version, and holds the package again",
    ),
    (
        "apt",
        &["install"],
        "package",
        "waits for the lock, pins the version, and holds the package again",
    ),
    ("yum", &["install"], "package", "fails when the version is not there"),
    ("dnf", &["install"], "package", "fails when the version is not there"),
    (
        "apt-mark",
        &["hold"],
        "dpkg-selections",
        "changes nothing where it is held already",
    ),
    ("reboot", &[], "reboot", "waits until the host is back"),
    ("sysctl", &["-w"], "sysctl", "keeps the value over a reboot"),
];

fn check(ground: &Ground<'_>, found: &mut Found<'_>) {
    for play in &ground.plays {
        for task in play.steps.iter().map(|step| &step.task).chain(&play.handlers) {
            // `raw` is for hosts on which modules cannot run.
            if matches!(module(task), Some(("raw", ..))) {
                continue;
            }
            for (command, place) in commands_of(task) {
                let Some((_, name, does)) = module_for(&command) else {
                    continue;
                };
                found.add(
                    &place,
                    Some(&task.place),
                    format!("the module `{name}` does this too"),
                    format!("it {does}: `krun doc {name}`"),
                );
            }
        }
    }
}

fn module_for(command: &Command) -> Option<(&'static str, &'static str, &'static str)> {
    MODULES.iter().find_map(|(program, words, module, does)| {
        let hit = if words.first().is_some_and(|word| word.starts_with('-')) {
            command.program() == *program && command.has(words)
        } else {
            command.runs(program, words)
        };
        let is_known = modules::find(module).is_some();
        (hit && is_known && !command.has(&["--dry-run", "--help"])).then_some((*program, *module, *does))
    })
}
