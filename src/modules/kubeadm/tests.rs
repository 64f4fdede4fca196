use rstest::rstest;
use serde_json::{Value, json};

use crate::connection::Request;
use crate::connection::scripted::Answer;
use crate::modules::find;
use crate::modules::testing::{asked, check_module, run_module, scripted, shells};

const ASK: &str = "kubeadm/query /etc/kubernetes /var/lib/kubelet  /var/lib/krun/kubeadm/upgrade ";

fn master(kubeadm: &str, manifests: &str, cluster: &str, record: &str) -> Answer {
    let mut text = format!("kubeadm={kubeadm}\nkubelet=Kubernetes v1.28.0\nrole=control-plane\ncluster={cluster}\n");
    for part in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        text.push_str(&format!("image.{part}=registry.k8s.io/{part}:{manifests}\n"));
    }
    text.push_str(&format!("image.etcd=registry.k8s.io/etcd:3.5.9-0\nrecord={record}\n"));
    Answer::stdout(text)
}

fn worker(kubelet: &str, config: &str, record: &str) -> Answer {
    Answer::stdout(format!(
        "kubeadm=v1.28.2\nkubelet=Kubernetes {kubelet}\nrole=worker\ncluster=v1.28.2\nkubelet_config={config}\nrecord={record}\n"
    ))
}

#[test]
fn a_control_plane_that_is_there_costs_one_exchange() {
    let (mut connection, log) = scripted([master("v1.28.2", "v1.28.2", "v1.28.2", "")]);
    let outcome = run_module(
        "kubeadm",
        json!({"action": "apply", "version": "1.28.2-0"}),
        &mut connection,
    )
    .unwrap();
    assert!(!outcome.changed);
    assert_eq!(outcome.result["cluster_version"], "v1.28.2");
    assert_eq!(asked(&log), [ASK]);
}

#[rstest]
#[case(master("v1.28.2", "v1.28.2", "v1.28.2", "apply v1.28.2 started"), false)]
#[case(master("v1.28.2", "v1.28.2", "v1.28.0", ""), false)]
#[case(master("v1.28.2", "v1.28.0", "v1.28.0", ""), false)]
#[case(master("v1.28.2", "v1.28.2", "v1.28.2", ""), true)]
fn what_is_not_finished_is_taken_up_again(#[case] state: Answer, #[case] force: bool) {
    let (mut connection, log) = scripted([state]);
    let options = json!({"action": "apply", "version": "v1.28.2", "force": force});
    // kubeadm is started, which this connection has no answer for.
    assert!(run_module("kubeadm", options, &mut connection).is_err());
    assert_eq!(asked(&log)[0], ASK);
    assert!(asked(&log).len() > 1);
}

#[test]
fn nothing_is_begun_beside_an_upgrade_that_is_at_work() {
    // One after the other: each of them would see the other one's upgrade.
    for shell in ["dash", "busybox sh"] {
        begun_beside_an_upgrade(shell);
    }
}

fn begun_beside_an_upgrade(shell: &str) {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let kubeadm = folder.path().join("kubeadm");
    std::fs::write(&kubeadm, "#!/bin/sh\necho \"ran $*\"\n").unwrap();
    std::fs::set_permissions(&kubeadm, std::fs::Permissions::from_mode(0o755)).unwrap();
    let record = folder.path().join("record");
    let mut node = shells(shell);
    let mut run = || {
        let words = [record.to_str().unwrap(), "apply v1.28.2", "upgrade", "apply", "v1.28.2"];
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let request = Request::new(super::RUN, words).with_environment(vec![("PATH".to_owned(), path)]);
        node.connection().execute(None, &request).unwrap()
    };
    // As an operator's would look: the shell that runs it has its words.
    let mut other = std::process::Command::new("sh")
        .args(["-c", "read line; : kubeadm upgrade apply v1.28.1"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Until the shell has replaced this test's own process, its words cannot be seen.
    let words = format!("/proc/{}/cmdline", other.id());
    while !std::fs::read_to_string(&words).unwrap().contains("v1.28.1") {
        std::thread::yield_now();
    }
    let refused = run();
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(!refused.success() && !record.exists());
    let said = refused.stderr_text();
    assert!(
        said.contains("another upgrade is at work") && said.contains("v1.28.1"),
        "{said}"
    );

    let ran = run();
    assert_eq!(
        ran.stdout_text(),
        "ran upgrade apply v1.28.2\n",
        "{}",
        ran.stderr_text()
    );
    assert!(record.exists());
}

#[test]
fn check_mode_before_the_package_is_there_names_the_changes() {
    let (mut connection, log) = scripted([master("v1.28.0", "v1.28.0", "v1.28.0", "")]);
    let outcome = check_module(
        "kubeadm",
        json!({"action": "apply", "version": "1.28.2"}),
        &mut connection,
    )
    .unwrap();
    assert_eq!(outcome.changes[0], "kube-apiserver v1.28.0 → v1.28.2");
    assert_eq!(outcome.changes[3], "cluster v1.28.0 → v1.28.2");
    assert!(outcome.diff[0].after.contains("registry.k8s.io/kube-scheduler:v1.28.2"));
    assert!(outcome.diff[0].after.contains("etcd:3.5.9-0"));
    assert_eq!(asked(&log).len(), 1);
}

#[rstest]
#[case("v1.28.0", "v1.28.0", "1.28.2", "older than the target")]
#[case("v1.30.5", "v1.28.0", "1.30.5", "skipped")]
#[case("v1.29.9", "v1.28.0", "1.28.2", "can only upgrade to Kubernetes 1.29")]
#[case("v1.28.2", "v1.28.2", "1.28.0", "no way back")]
fn what_kubernetes_forbids_is_refused_at_once(
    #[case] kubeadm: &str,
    #[case] cluster: &str,
    #[case] target: &str,
    #[case] message: &str,
) {
    let (mut connection, log) = scripted([master(kubeadm, cluster, cluster, "")]);
    let failure = run_module(
        "kubeadm",
        json!({"action": "apply", "version": target}),
        &mut connection,
    )
    .unwrap_err();
    assert!(failure.message.contains(message), "{}", failure.message);
    assert!(failure.help.is_some());
    assert_eq!(asked(&log).len(), 1);
}

#[rstest]
#[case(worker("v1.28.2", "same", ""), true)]
#[case(worker("v1.28.0", "same", "node v1.28.2 done"), true)]
#[case(worker("v1.28.0", "same", ""), false)]
#[case(worker("v1.28.2", "differs", ""), false)]
#[case(worker("v1.28.2", "same", "node v1.28.2 started"), false)]
fn when_a_worker_is_done(#[case] state: Answer, #[case] done: bool) {
    let (mut connection, log) = scripted([state]);
    let result = run_module(
        "kubeadm",
        json!({"action": "node", "version": "1.28.2"}),
        &mut connection,
    );
    // What is not done is started, which this connection has no answer for.
    assert_eq!(result.is_ok_and(|outcome| !outcome.changed), done);
    assert_eq!(asked(&log).len() == 1, done);
}

#[test]
fn a_worker_does_not_go_before_its_cluster() {
    let (mut connection, _) = scripted([worker("v1.28.0", "same", "")]);
    let failure = run_module(
        "kubeadm",
        json!({"action": "node", "version": "1.28.11"}),
        &mut connection,
    )
    .unwrap_err();
    assert!(
        failure.message.contains("the cluster is at 1.28.2"),
        "{}",
        failure.message
    );
}

#[rstest]
#[case(json!({"action": "apply"}))]
#[case(json!({"action": "apply", "version": "1.28"}))]
#[case(json!({"action": "upgrade"}))]
#[case(json!({}))]
fn wrong_options(#[case] options: Value) {
    assert!(find("kubeadm").unwrap().validate(options).is_err());
}

#[test]
fn a_plan_is_read() {
    let text = include_str!("../../../tests/data/kubeadm/plan-1.31.1.txt");
    let (mut connection, log) = scripted([Answer::stdout(text)]);
    let options = json!({"action": "plan", "version": "1.31.1", "ignore_preflight_errors": "Swap, Mem"});
    let outcome = run_module("kubeadm", options, &mut connection).unwrap();
    assert_eq!(outcome.result["upgrades"][0]["version"], "v1.31.1");
    assert_eq!(
        outcome.result["manual_upgrade_required"],
        json!(["kubelet.config.k8s.io"])
    );
    assert_eq!(outcome.warnings.len(), 1);
    assert_eq!(
        asked(&log),
        ["kubeadm/run   upgrade plan v1.31.1 --ignore-preflight-errors=Swap,Mem"]
    );
}
