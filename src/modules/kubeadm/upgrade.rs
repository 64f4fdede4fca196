//! `apply` and `node`: what is still to be done on this node, doing it, and seeing that it is done.

use serde_json::{Value, json};

use crate::connection::{Output, Request};
use crate::kube::{Version, check_upgrade};
use crate::modules::{Context, Diff, Failure, Outcome, Pending, State};

use super::commands::Call;
use super::options::Kubeadm;
use super::state::{NodeState, Role};
use super::verdict::Verdict;
use super::{FINISH, RECORD, RUN, Work, no_kubeadm, with_output};

/// How often kubeadm is started at most when the cluster's health check fails, which is often only slow.
const ATTEMPTS: u32 = 3;

/// A run of kubeadm that is still to be done.
pub struct Step {
    /// `apply` or `node`.
    verb: &'static str,
    target: Option<Version>,
    call: Call,
    before: NodeState,
}

impl Step {
    /// As the record and messages name it: `apply v1.28.2`.
    fn name(&self) -> String {
        match &self.target {
            Some(target) => format!("{} {}", self.verb, target.tag()),
            None => self.verb.to_owned(),
        }
    }
}

impl Kubeadm {
    pub(super) fn check_apply(&self, context: &mut Context<'_>) -> Result<State<Work>, Failure> {
        let before = self.query_with_config(context)?;
        let target = self
            .wanted()?
            .ok_or_else(|| Failure::new("`action: apply` needs a `version`"))?;
        let kubeadm = before.kubeadm.clone().ok_or_else(no_kubeadm)?;
        if before.role != Role::ControlPlane {
            return Err(
                Failure::new("this node is not a control plane: it has no manifest of an API server")
                    .help("run `action: apply` on the first control plane, and `action: node` on all others"),
            );
        }
        let cluster = before.cluster.clone().map_err(|reason| {
            Failure::new(format!("the cluster's version cannot be read: {reason}")).help(
                "the API server must answer, and this node needs /etc/kubernetes/admin.conf (or set `kubeconfig`)",
            )
        })?;
        let mut changes: Vec<_> = before
            .parts_not_at(&target)
            .into_iter()
            .map(|(name, found)| format!("{name} {found} → {}", target.tag()))
            .collect();
        if cluster != target {
            changes.push(format!("cluster {} → {}", cluster.tag(), target.tag()));
        }
        if before.is_unfinished(&target) {
            changes.push("finish an upgrade that was interrupted".to_owned());
        }
        if changes.is_empty() && !*self.force {
            return Ok(State::Satisfied(satisfied(&before)));
        }
        if changes.is_empty() {
            changes.push(format!("{} once more, by force", target.tag()));
        }
        // In check mode the task that brings the right kubeadm has only said what it would do.
        let is_kubeadm_right = match check_upgrade(&cluster, &target, &kubeadm) {
            Err(error) if !(context.check_mode && check_upgrade(&cluster, &target, &target).is_ok()) => {
                return Err(Failure::new(error.message).help(error.help));
            }
            checked => checked.is_ok(),
        };
        // What the kubeadm takes that will be there by then.
        let by_then = if is_kubeadm_right { &kubeadm } else { &target };
        let call = self.apply_call(&target, by_then, &before.config_kinds)?;
        let step = Step {
            verb: "apply",
            call,
            target: Some(target),
            before,
        };
        pending(context, step, changes, is_kubeadm_right)
    }

    pub(super) fn check_node(&self, context: &mut Context<'_>) -> Result<State<Work>, Failure> {
        let before = self.query_with_config(context)?;
        let kubeadm = before.kubeadm.clone().ok_or_else(no_kubeadm)?;
        if before.role == Role::None {
            return Err(Failure::new("Kubernetes was never set up on this node")
                .help("`kubeadm upgrade node` is for nodes of a cluster; a new one joins it with `kubeadm join`"));
        }
        let wanted = self.wanted()?;
        let cluster = before.cluster.as_ref().ok();
        if let (Some(wanted), Some(cluster)) = (&wanted, cluster)
            && wanted != cluster
            && !context.check_mode
        {
            return Err(Failure::new(format!(
                "the cluster is at {cluster}, so that this node cannot go to {wanted}"
            ))
            .help("upgrade the first control plane first (`action: apply`)"));
        }
        let target = wanted.or_else(|| cluster.cloned());
        let changes = node_changes(&before, target.as_ref());
        if changes.is_empty() {
            return Ok(State::Satisfied(satisfied(&before)));
        }
        let right = target
            .as_ref()
            .map_or(Ok(()), |target| check_upgrade(target, target, &kubeadm));
        if let (Err(error), false) = (&right, context.check_mode) {
            return Err(Failure::new(error.message.clone()).help(error.help.clone()));
        }
        let can_rehearse = right.is_ok() && before.cluster.as_ref().ok() == target.as_ref();
        let by_then = target.as_ref().filter(|_| right.is_err()).unwrap_or(&kubeadm);
        let call = self.node_call(by_then, &before.config_kinds)?;
        let step = Step {
            verb: "node",
            call,
            target,
            before,
        };
        pending(context, step, changes, can_rehearse)
    }

    pub(super) fn take(&self, context: &mut Context<'_>, step: &Step) -> Result<Outcome, Failure> {
        let output = run(context, step)?;
        let finished = context.run(FINISH, self.query_args().into_iter().chain([step.name()]))?;
        if !finished.success() {
            return Err(Failure::of_program("looking at the node after kubeadm", &finished));
        }
        let after = NodeState::read(&finished);
        if let Some(target) = &step.target {
            verify(step, target, &after, &output)?;
        }
        let mut outcome = with_output(Outcome::changed(Vec::<String>::new()), &output);
        outcome.result.extend(after.result());
        let new_backups: Vec<_> = after
            .backups
            .iter()
            .filter(|path| !step.before.backups.contains(path))
            .collect();
        Ok(outcome
            .with("components", step.before.components(&after))
            .with("backup_directories", json!(new_backups)))
    }
}

/// What `kubeadm upgrade node` still has to do here.
fn node_changes(before: &NodeState, target: Option<&Version>) -> Vec<String> {
    let Some(target) = target else {
        return vec!["the node's configuration (the cluster's version cannot be read here)".to_owned()];
    };
    if before.role == Role::ControlPlane {
        let parts = before.parts_not_at(target).into_iter();
        let mut changes: Vec<_> = parts
            .map(|(name, found)| format!("{name} {found} → {}", target.tag()))
            .collect();
        if changes.is_empty() && before.is_unfinished(target) {
            changes.push("finish an upgrade that was interrupted".to_owned());
        }
        return changes;
    }
    // A worker shows nothing of kubeadm's work but the kubelet's configuration, which seldom differs between two
    // versions; so krun writes down that it was done, and takes a kubelet that is already there as a sign of it too.
    let is_kubelet_there = before.kubelet.as_ref() == Some(target)
        && before.has_cluster_kubelet_config != Some(false)
        && !before.is_unfinished(target);
    if is_kubelet_there || before.is_done(&format!("node {}", target.tag())) {
        return Vec::new();
    }
    vec![format!("kubelet configuration of {}", target.tag())]
}

fn satisfied(state: &NodeState) -> Outcome {
    Outcome {
        result: state.result(),
        ..Outcome::ok()
    }
}

/// A step that is to be done; in check mode kubeadm rehearses it, where it can.
fn pending(
    context: &mut Context<'_>,
    step: Step,
    changes: Vec<String>,
    can_rehearse: bool,
) -> Result<State<Work>, Failure> {
    let mut pending = Pending::new((), changes);
    pending.result = step.before.result();
    if context.check_mode && can_rehearse {
        let mut arguments = step.call.arguments.clone();
        arguments.push("--dry-run".to_owned());
        let words = [String::new(), String::new()].into_iter().chain(arguments);
        let request = Request::new(RUN, words).with_stdin(step.call.configuration.as_str());
        let output = context.run_detached("kubeadm-dry-run", request)?;
        if !output.success() {
            return Err(failure(&format!("{} --dry-run", step.name()), &output));
        }
        pending.result.insert("stdout".to_owned(), output.stdout_text().into());
    }
    if context.diff
        && let Some(target) = step.target.as_ref().filter(|_| step.before.role == Role::ControlPlane)
    {
        pending = pending.with_diff(versions_diff(&step.before, target));
    }
    Ok(State::Pending(Pending {
        plan: Work::Upgrade(step),
        changes: pending.changes,
        diff: pending.diff,
        result: pending.result,
    }))
}

fn versions_diff(before: &NodeState, target: &Version) -> Diff {
    let table = |image: &dyn Fn(&str, &str) -> String| -> String {
        let rows = before
            .images
            .iter()
            .map(|(name, now)| format!("{name} {}\n", image(name, now)));
        rows.collect()
    };
    let outdated = before.parts_not_at(target);
    Diff {
        before_header: "static pods".to_owned(),
        after_header: format!("static pods of {}", target.tag()),
        before: table(&|_, now| now.to_owned()),
        after: table(&|name, now| match now.rsplit_once(':') {
            Some((image, _)) if outdated.iter().any(|(part, _)| part == name) => format!("{image}:{}", target.tag()),
            _ => now.to_owned(),
        }),
    }
}

/// Runs kubeadm until it succeeds, or fails for a reason that trying again does not mend.
fn run(context: &mut Context<'_>, step: &Step) -> Result<Output, Failure> {
    let mut attempt = 1;
    loop {
        let words = [RECORD.to_owned(), step.name()]
            .into_iter()
            .chain(step.call.arguments.clone());
        let request = Request::new(RUN, words).with_stdin(step.call.configuration.as_str());
        let output = context.run_detached_once(&format!("kubeadm-{}", step.verb), request)?;
        match Verdict::of(&output) {
            Verdict::Succeeded(said) if said.is_none() || said == step.target => return Ok(output),
            Verdict::HealthCheckFailed(_) if attempt < ATTEMPTS => {
                attempt += 1;
                context.report(&format!(
                    "the cluster's health check failed, nothing was changed: trying again ({attempt} of {ATTEMPTS})"
                ));
            }
            _ => return Err(failure(&step.name(), &output)),
        }
    }
}

fn failure(name: &str, output: &Output) -> Failure {
    let command = format!("kubeadm upgrade {name}");
    let failure = match Verdict::of(output) {
        Verdict::Succeeded(said) => Failure::new(format!(
            "{command} says that it upgraded to {}, which is not what it was told",
            said.map_or_else(|| "no version".to_owned(), |version| version.tag())
        )),
        Verdict::Silent => Failure::new(format!("{command} ended without saying that it succeeded"))
            .help("look at its output (-v), then run this again: kubeadm's upgrades can be repeated"),
        Verdict::HealthCheckFailed(reason) => Failure::new(format!("{command}: {reason}")).help(
            "kubeadm could not run a job on the cluster {ATTEMPTS} times: see that at least one node can take pods \
             (not all cordoned) and that the pause image can be pulled"
                .replace("{ATTEMPTS}", &ATTEMPTS.to_string()),
        ),
        Verdict::RolledBack(reason) => Failure::new(format!("{command} failed and rolled the state back: {reason}"))
            .help("the node runs what it ran before; mend the cause and run this again"),
        Verdict::Failed(reason) => Failure::new(format!(
            "{command} failed with exit status {}: {reason}",
            output.status
        ))
        .help(
            "kubeadm's upgrades can be repeated: mend the cause and run this again; what kubeadm replaced is kept in \
             /etc/kubernetes/tmp",
        ),
    };
    failure
        .with("rc", output.status)
        .with("backup_directories", json!(backups_in(output)))
        .with("stdout", output.stdout_text().trim_end_matches('\n'))
        .with("stderr", output.stderr_text().trim_end_matches('\n'))
}

/// The folders, by kubeadm's own words, in which it keeps what it replaced.
fn backups_in(output: &Output) -> Vec<String> {
    const FOLDER: &str = "/etc/kubernetes/tmp/kubeadm-";
    let mut found = Vec::new();
    for text in [output.stdout_text(), output.stderr_text()] {
        for (start, _) in text.match_indices(FOLDER) {
            let path = text[start..]
                .split(['"', '\'', ' ', '\n', ',', ';', ')'])
                .next()
                .unwrap_or_default();
            let name = path[FOLDER.len()..].split('/').next().unwrap_or_default();
            let folder = format!("{FOLDER}{}", name.trim_end_matches('.'));
            // New manifests pass through a folder of their own, which holds nothing old.
            if !name.starts_with("upgraded-") && !found.contains(&folder) {
                found.push(folder);
            }
        }
    }
    found
}

/// kubeadm's word is not enough: the node itself has to be at the version.
fn verify(step: &Step, target: &Version, after: &NodeState, output: &Output) -> Result<(), Failure> {
    let mut wrong: Vec<_> = match after.role {
        Role::ControlPlane => after.parts_not_at(target),
        Role::Worker | Role::None => Vec::new(),
    };
    if let ("apply", Ok(cluster)) = (step.verb, &after.cluster)
        && cluster != target
    {
        wrong.push(("kubeadm-config".to_owned(), cluster.tag()));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let list: Vec<_> = wrong
        .iter()
        .map(|(name, found)| format!("{name} is at {found}"))
        .collect();
    Err(Failure::new(format!(
        "kubeadm upgrade {} says that it succeeded, but {}",
        step.name(),
        list.join(", ")
    ))
    .help("look at the manifests in /etc/kubernetes/manifests and run this again with `force: true`")
    .with("wrong", Value::from(list))
    .with("stdout", output.stdout_text()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubeadms_own_backups_are_found_in_its_words() {
        let stdout = "[upgrade/staticpods] Writing new Static Pod manifests to \"/etc/kubernetes/tmp/kubeadm-upgraded-manifests1\"\n\
                      [upgrade/staticpods] Moved new manifest to \"/etc/kubernetes/manifests/etcd.yaml\" and backed up old \
                      manifest to \"/etc/kubernetes/tmp/kubeadm-backup-manifests-2026-01-02/etcd.yaml\"\n\
                      kept in /etc/kubernetes/tmp/kubeadm-backup-etcd-2026-01-02.\n";
        let output = Output {
            stdout: stdout.into(),
            ..Output::default()
        };
        assert_eq!(
            backups_in(&output),
            [
                "/etc/kubernetes/tmp/kubeadm-backup-manifests-2026-01-02",
                "/etc/kubernetes/tmp/kubeadm-backup-etcd-2026-01-02"
            ]
        );
    }
}
