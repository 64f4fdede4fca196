//! What a task does to a cluster, whichever module or command it does it with.

use serde_json::{Map, Value};

use super::commands::{Command, commands};
use crate::playbook::{Action, Setting, Task};
use crate::syntax::{Node, Place, parse_bool};

/// Services whose restart takes a node, or what runs on it, out of the cluster for a while.
const SERVICES: [&str; 11] = [
    "containerd",
    "cri-dockerd",
    "cri-o",
    "crio",
    "docker",
    "etcd",
    "haproxy",
    "keepalived",
    "kube-apiserver",
    "kube-proxy",
    "kubelet",
];

/// Packages of Kubernetes and of what it stands on.
pub(super) const CLUSTER_PACKAGES: [&str; 11] = [
    "containerd",
    "containerd.io",
    "cri-o",
    "cri-tools",
    "docker-ce",
    "docker.io",
    "etcd",
    "kubeadm",
    "kubectl",
    "kubelet",
    "kubernetes-cni",
];

/// A module's name, its options and where they stand.
pub(super) fn module(task: &Task) -> Option<(&'static str, &Map<String, Value>, &Node)> {
    match &task.action {
        Action::Module {
            definition,
            options,
            nodes,
        } => Some((definition.name, options, nodes)),
        _ => None,
    }
}

/// Where an option stands, or the module's options when it is not given.
pub(super) fn option_place(task: &Task, option: &str) -> Place {
    let Some((_, _, node)) = module(task) else {
        return task.place.clone();
    };
    match node.get(option) {
        Some(node) => node.place.clone(),
        None if node.entries().is_some_and(<[_]>::is_empty) || node.is_null() => task.place.clone(),
        None => node.place.clone(),
    }
}

/// The commands that a task runs.
pub(super) fn commands_of(task: &Task) -> Vec<(Command, Place)> {
    let Some((name, options, node)) = module(task) else {
        return Vec::new();
    };
    if !matches!(name, "command" | "shell" | "raw") {
        return Vec::new();
    }
    if let Some(Value::Array(words)) = options.get("argv") {
        let words = words
            .iter()
            .map(|word| word.as_str().map_or(word.to_string(), str::to_owned));
        return vec![(Command::of(words.collect()), option_place(task, "argv"))];
    }
    let Some(Value::String(text)) = options.get("cmd") else {
        return Vec::new();
    };
    let Some(node) = node.get("cmd") else {
        return Vec::new();
    };
    commands(text, name != "command")
        .into_iter()
        .map(|command| {
            let place = command.first().map(|word| {
                let written = text[word.at..].split(char::is_whitespace).next().unwrap_or_default();
                node.place.of_word(text, word.at, written)
            });
            (command, place.unwrap_or_else(|| node.place.clone()))
        })
        .collect()
}

/// The commands of a task that run a program with these words behind it.
pub(super) fn runs(task: &Task, program: &str, subcommands: &[&str]) -> Vec<(Command, Place)> {
    let mut found = commands_of(task);
    found.retain(|(command, _)| command.runs(program, subcommands));
    found
}

/// Where a task drains a node.
pub(super) fn drains(task: &Task) -> Option<Place> {
    if let Some(("drain", options, _)) = module(task) {
        let state = options.get("state").and_then(Value::as_str);
        return state
            .is_none_or(|state| state == "drain")
            .then(|| option_place(task, "node"));
    }
    runs(task, "kubectl", &["drain"]).pop().map(|(_, place)| place)
}

/// Where a task lets pods onto a node again.
pub(super) fn uncordons(task: &Task) -> Option<Place> {
    match module(task) {
        Some(("uncordon", ..)) => return Some(option_place(task, "node")),
        Some(("drain", options, _)) if options.get("state") == Some(&Value::from("uncordon")) => {
            return Some(option_place(task, "state"));
        }
        _ => {}
    }
    runs(task, "kubectl", &["uncordon"]).pop().map(|(_, place)| place)
}

/// Where a task restarts a service that the cluster stands on, and which.
pub(super) fn restarts(task: &Task) -> Option<(String, Place)> {
    let known = |name: &str| {
        let name = name.strip_suffix(".service").unwrap_or(name);
        SERVICES.contains(&name).then(|| name.to_owned())
    };
    if let Some(("systemd", options, _)) = module(task) {
        let name = options.get("name").and_then(Value::as_str)?;
        let restarted = options.get("state") == Some(&Value::from("restarted"));
        return restarted
            .then(|| known(name))
            .flatten()
            .map(|name| (name, option_place(task, "state")));
    }
    for (command, place) in commands_of(task) {
        let verb = match command.program() {
            "systemctl" => ["restart", "try-restart", "reload-or-restart"]
                .into_iter()
                .any(|verb| command.runs("systemctl", &[verb])),
            "service" => command.arguments().any(|word| word == "restart"),
            _ => false,
        };
        if verb && let Some(name) = command.arguments().find_map(known) {
            return Some((name, place));
        }
    }
    None
}

/// Where a task upgrades what kubeadm manages, and whether it is the first master's `apply`.
pub(super) fn upgrades(task: &Task) -> Option<(bool, Place)> {
    if let Some(("kubeadm", options, _)) = module(task) {
        return match options.get("action").and_then(Value::as_str) {
            Some("apply") => Some((true, option_place(task, "action"))),
            Some("node") => Some((false, option_place(task, "action"))),
            _ => None,
        };
    }
    let apply = runs(task, "kubeadm", &["upgrade", "apply"]);
    let found = apply.into_iter().map(|found| (true, found));
    let node = runs(task, "kubeadm", &["upgrade", "node"]);
    let (is_apply, (command, place)) = found.chain(node.into_iter().map(|found| (false, found))).next()?;
    (!command.has(&["--dry-run", "--help", "-h"])).then_some((is_apply, place))
}

/// The packages that a task installs, without their versions, and where it says so.
pub(super) fn installs(task: &Task) -> Option<(Vec<String>, Place)> {
    if task.keywords.check_mode.as_ref().is_some_and(is_true) {
        return None;
    }
    let plain = |name: &str| {
        let name = name.split(['=', '<', '>']).next().unwrap_or(name).trim();
        // `kubelet-1.28.2-0`
        let at = name.match_indices('-').map(|(at, _)| at).find(|at| {
            let next = name[at + 1..].chars().next();
            next.is_some_and(|next| next.is_ascii_digit() || next == '{')
        });
        at.map_or(name, |at| &name[..at]).to_owned()
    };
    if let Some(("package", options, _)) = module(task) {
        if matches!(options.get("state").and_then(Value::as_str), Some("absent" | "removed")) {
            return None;
        }
        let names = match options.get("name")? {
            Value::String(names) => names.split(',').map(plain).collect(),
            Value::Array(names) => names.iter().filter_map(Value::as_str).map(plain).collect(),
            _ => return None,
        };
        return Some((names, option_place(task, "name")));
    }
    commands_of(task).into_iter().find_map(|(command, place)| {
        let installs = ["apt", "apt-get", "dnf", "yum", "zypper"].iter().any(|program| {
            ["install", "upgrade", "update"]
                .iter()
                .any(|verb| command.runs(program, &[verb]))
        });
        let names = || {
            command
                .arguments()
                .filter(|word| !word.starts_with('-'))
                .skip(1)
                .map(plain)
                .collect()
        };
        installs.then(|| (names(), place))
    })
}

/// Whether a task keeps a snapshot of etcd.
pub(super) fn backs_up(task: &Task) -> bool {
    let saves = |program| !runs(task, program, &["snapshot", "save"]).is_empty();
    // Through `kubectl exec … -- etcdctl snapshot save`, or a container's.
    let inside = || {
        commands_of(task).iter().any(|(command, _)| {
            let words: Vec<&str> = command.arguments().collect();
            words.windows(2).any(|pair| pair == ["snapshot", "save"])
                || command.arguments().any(|word| word.contains("snapshot save"))
        })
    };
    matches!(module(task), Some(("etcd-backup", ..))) || saves("etcdctl") || inside()
}

/// Whether a keyword is plainly true; a template may be anything.
pub(super) fn is_true(setting: &Setting) -> bool {
    match &setting.value {
        Value::Bool(value) => *value,
        Value::String(text) => parse_bool(text) == Some(true),
        _ => false,
    }
}

/// Where a task says that its failure does not count, if it says so plainly.
pub(super) fn ignores_errors(task: &Task) -> Option<Place> {
    if let Some(setting) = task.keywords.ignore_errors.as_ref().filter(|setting| is_true(setting)) {
        return Some(setting.place.clone());
    }
    let never = |text: &str| parse_bool(text) == Some(false);
    let failed_when = task.failed_when.as_deref().unwrap_or_default();
    if let [only] = failed_when
        && never(&only.text)
    {
        return Some(only.place.clone());
    }
    None
}

/// Whether one host at a time does a task, or one host alone.
pub(super) fn is_for_one(task: &Task) -> bool {
    let keywords = &task.keywords;
    let one = |setting: &Setting| setting.value == 1 || setting.value == "1";
    keywords.run_once.as_ref().is_some_and(is_true)
        || keywords.throttle.as_ref().is_some_and(one)
        || keywords.when.iter().any(|when| {
            let text = when.text.replace(' ', "");
            text.contains("inventory_hostname==") || text.contains("==inventory_hostname")
        })
}
