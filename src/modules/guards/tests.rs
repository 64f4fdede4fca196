use rstest::rstest;
use serde_json::json;

use super::*;
use crate::connection::scripted::Answer;
use crate::modules::testing::{FakeTools, Trial, asked, scripted};

fn node(name: &str, is_ready: bool) -> Value {
    let ready = if is_ready { "True" } else { "False" };
    json!({"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": ready}]}})
}

/// A node as look.sh shows it: of a control plane with these others, before API servers of these versions.
fn shown(others: &[(&str, bool)], servers: &[&str]) -> Answer {
    let mut nodes = vec![node("m1", true)];
    nodes.extend(others.iter().map(|(name, ready)| node(name, *ready)));
    let servers: Vec<_> = servers
        .iter()
        .map(|version| json!({"gitVersion": version}).to_string())
        .collect();
    Answer::stdout(format!(
        "== name\nm1\n== cluster\n1 2\n== kubelet\nKubernetes v1.30.5\n== control-plane\n== nodes\n{}\n== pods\n{}\n== servers\n{}\n",
        json!({ "items": nodes }),
        json!({"items": []}),
        servers.join("\n")
    ))
}

fn restart() -> Value {
    json!({"name": "kubelet", "state": "restarted"})
}

fn unit() -> Answer {
    Answer::stdout("LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n")
}

fn refusal(guards: &Guards, look: Answer) -> Failure {
    let (mut connection, log) = scripted([unit(), look]);
    let failure = Trial::new("systemd", restart())
        .on(&mut connection)
        .guarded(guards)
        .run()
        .unwrap_err();
    assert_eq!(asked(&log).len(), 2, "nothing was done: {:?}", asked(&log));
    failure
}

#[test]
fn while_another_one_is_disturbed_nothing_is_done() {
    let guards = Guards::default();
    let claim = guards.claim("1 2", "m2").unwrap();
    let failure = refusal(&guards, shown(&[("m2", true)], &["v1.30.5"]));
    assert!(
        failure
            .message
            .contains("restarting kubelet is refused on m1: m2 of the same"),
        "{}",
        failure.message
    );
    assert!(failure.help.unwrap().contains("serial: 1"));
    let _other_cluster = guards.claim("3 4", "x1").unwrap();
    drop(claim);
    guards.claim("1 2", "m3").unwrap();
}

#[rstest]
#[case::quorum(shown(&[("m2", false)], &["v1.30.5"]), "m2 of the control plane is not Ready", "krun_guards_off: [quorum]")]
#[case::skew(shown(&[("m2", true)], &["v1.30.5", "v1.29.9"]), "kubelet 1.30.5 would be newer than the API server 1.29.9", "krun_guards_off: [skew]")]
fn what_the_cluster_does_not_bear_is_refused(#[case] look: Answer, #[case] message: &str, #[case] help: &str) {
    let failure = refusal(&Guards::default(), look);
    assert!(failure.message.contains(message), "{}", failure.message);
    assert!(failure.help.clone().unwrap().contains(help), "{:?}", failure.help);
}

#[rstest]
#[case::well(shown(&[("m2", true)], &["v1.30.5"]), Value::Null)]
#[case::no_node_of_a_cluster(Answer::stdout(""), Value::Null)]
#[case::quorum_off(shown(&[("m2", false)], &["v1.30.5"]), json!(["quorum"]))]
#[case::skew_off(shown(&[("m2", true)], &["v1.29.0"]), json!("skew"))]
fn what_is_well_or_switched_off_is_done(#[case] look: Answer, #[case] off: Value) {
    let guards = Guards::default();
    let (mut connection, log) = scripted([unit(), look, Answer::stdout("")]);
    let trial = Trial::new("systemd", restart()).on(&mut connection).guarded(&guards);
    let outcome = trial.variable(OFF, off).run().unwrap();
    assert!(outcome.changed && outcome.warnings.is_empty(), "{outcome:?}");
    assert_eq!(asked(&log).len(), 3);
    guards.claim("1 2", "m2").unwrap();
}

#[test]
fn with_all_guards_off_nothing_is_looked_at_and_a_wrong_name_is_told() {
    let guards = Guards::default();
    let (mut connection, log) = scripted([unit(), Answer::stdout("")]);
    let trial = Trial::new("systemd", restart()).on(&mut connection).guarded(&guards);
    trial.variable(OFF, json!(["quorum", "skew"])).run().unwrap();
    assert_eq!(asked(&log).len(), 2);
    let (mut connection, _) = scripted([unit()]);
    let trial = Trial::new("systemd", restart()).on(&mut connection).guarded(&guards);
    let failure = trial.variable(OFF, json!(["qorum"])).run().unwrap_err();
    assert!(
        failure.message.contains("a list of quorum and skew"),
        "{}",
        failure.message
    );
}

#[test]
fn a_kubelet_that_is_too_new_is_not_installed() {
    let query =
        "manager\tdnf\nname\tkubelet\tkubelet\t1.31.1\ninstalled\tkubelet\t1.30.5-0\navailable\tkubelet\t1.31.1-0\n";
    let (mut connection, log) = scripted([Answer::stdout(query), shown(&[], &["v1.30.5"])]);
    let options = json!({"name": "kubelet", "version": "1.31.1"});
    let failure = Trial::new("package", options)
        .on(&mut connection)
        .guarded(&Guards::default())
        .run()
        .unwrap_err();
    assert!(
        failure.message.contains("kubelet 1.31.1 would be newer"),
        "{}",
        failure.message
    );
    assert_eq!(asked(&log).len(), 2);
}

#[test]
fn what_does_not_disturb_is_not_looked_at() {
    let query = "manager\tdnf\nname\tkubeadm\tkubeadm\t1.31.1\ninstalled\tkubeadm\t1.31.1-0\n";
    let (mut connection, log) = scripted([Answer::stdout(query)]);
    let options = json!({"name": "kubeadm", "version": "1.31.1"});
    Trial::new("package", options)
        .on(&mut connection)
        .guarded(&Guards::default())
        .run()
        .unwrap();
    assert_eq!(asked(&log).len(), 1);
}

#[rstest]
#[case("dash", "https://balancer:6443", "10.0.0.1\\n10.0.0.2", 2)]
#[case("busybox sh", "https://balancer:6443", "10.0.0.1\\n10.0.0.2", 2)]
#[case("dash", "https://10.0.0.1:6443", "10.0.0.1\\n10.0.0.2", 1)]
#[case("dash", "https://balancer:6443", "", 1)]
#[case("busybox sh", "https://[fd00::1]:6443", "fd00::2\\nfd00::1", 1)]
#[case("dash", "https://balancer", "10.0.0.1", 1)]
fn the_script_asks_every_server_that_the_kubelet_may_reach(
    #[case] shell: &str,
    #[case] server: &str,
    #[case] endpoints: &str,
    #[case] asked: usize,
) {
    let tools = FakeTools::new();
    tools.add(
        "kubectl",
        &format!(
            "case $* in *' config view '*) printf '{server}' ;; *endpoints*) printf '{endpoints}' ;; *--raw=/version*) echo '{{\"gitVersion\": \"v1.29.0\"}}' ;;
             *) echo '{{\"items\": [{{\"metadata\": {{\"name\": \"m1\"}}}}]}}' ;; esac"
        ),
    );
    tools.add("kubelet", "echo Kubernetes v1.29.9");
    for folder in ["manifests", "pki"] {
        std::fs::create_dir(tools.path(folder)).unwrap();
    }
    std::fs::write(tools.path("manifests/etcd.yaml"), "").unwrap();
    std::fs::write(tools.path("pki/ca.crt"), "x").unwrap();
    std::fs::write(tools.path("kubelet.conf"), "").unwrap();
    let mut node = tools.node(shell);
    let request = crate::connection::Request::new(LOOK, [tools.path("."), tools.path(".")]);
    let output = node.connection().execute(None, &request).unwrap();
    let seen = Seen::read(&output).unwrap();
    assert!(seen.is_control_plane && !seen.cluster.is_empty() && seen.nodes.unwrap().len() == 1);
    assert_eq!(seen.installed.unwrap().to_string(), "1.29.9");
    assert_eq!(seen.servers.len(), asked, "{:?}", tools.calls());
}
