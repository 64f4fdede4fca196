use rstest::rstest;
use serde_json::json;

use crate::connection::scripted::Answer;
use crate::kube::ClusterSurvey;
use crate::modules::testing::{FakeTools, asked, check_module, scripted};

/// kubectl's answers, by what it is asked for.
const KUBECTL: &str = r#"case "$*" in
*'get nodes'*)
    printf 'm1\ttrue\trun-7\tTrue KubeletReady\tv1.28.2\tRocky 9\t5.14\tcontainerd://1.7.0\t10.0.0.1 m1 \ta=b,node-role.kubernetes.io/control-plane=,\tnode-role.kubernetes.io/control-plane \n'
    printf 'w1\t\t\tUnknown NodeStatusUnknown\tv1.28.0\t\t\t\t\t\t\n' ;;
*'get pods'*)
    printf 'kube-system\tkube-apiserver-m1\tm1\tRunning\tNode\tyes\t\tTrue\tx/kube-apiserver:v1.28.2\tcomponent=kube-apiserver,tier=control-plane,\n'
    printf 'shop\tweb-1\tw1\tRunning\tReplicaSet\t\tyes\tTrue\tweb:1\tapp=web,\n'
    printf 'shop\tbare\tw1\tRunning\t\t\t\tTrue\tweb:1\t\n'
    printf 'shop\tagent\tw1\tRunning\tDaemonSet\t\tyes\tTrue\tweb:1\tapp=web,\n' ;;
*'get poddisruptionbudgets'*) echo '{"items": [{"metadata": {"name": "web", "namespace": "shop"}, "spec": {"selector": {"matchLabels": {"app": "web"}}}, "status": {"desiredHealthy": 1, "currentHealthy": 1, "disruptionsAllowed": 0}}, {"metadata": {"name": "free", "namespace": "shop"}, "spec": {"selector": {}}, "status": {"disruptionsAllowed": 1}}]}' ;;
*kubeadm-config*) printf 'apiVersion: kubeadm.k8s.io/v1beta3\nimageRepository: registry.k8s.io\n' ;;
*deployment/coredns*) printf 'coredns\tregistry.k8s.io/coredns/coredns:v1.10.1\tkubeadm/ kubectl-edit/ kube-controller-manager/status kubectl/scale ' ;;
*daemonset/kube-proxy*) printf 'kube-proxy\tregistry.k8s.io/kube-proxy:v1.28.2\tkubeadm/ ' ;;
*'get lease krun'*) printf 'ops@pc run-7\t2026-11-27T15:18:00.000000Z\t60' ;;
*validatingwebhookconfigurations*) printf 'checks\tshop/hook\tFail\nchecks\tshop/hook\tFail\nlogs\tshop/log\tIgnore\n' ;;
*'get endpoints hook'*) ;;
*'get endpoints log'*) printf xx ;;
*metrics*) echo 'apiserver_requested_deprecated_apis{group="policy",removed_release="1.25",resource="podsecuritypolicies",subresource="",version="v1beta1"} 1' ;;
esac"#;

fn look(tools: &FakeTools, shell: &str) -> ClusterSurvey {
    let conf = tools.path("admin.conf");
    std::fs::write(&conf, "x").unwrap();
    let mut node = tools.node(shell);
    let outcome = check_module("cluster-survey", json!({"kubeconfig": conf}), node.connection()).unwrap();
    serde_json::from_value(outcome.result["survey"].clone()).unwrap()
}

#[rstest]
fn under_real_shells(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let tools = FakeTools::new();
    tools.add("kubectl", KUBECTL);
    let found = look(&tools, shell);
    let node = &found.nodes[0];
    assert!(node.is_ready && node.is_cordoned && node.is_control_plane());
    assert_eq!(node.cordoned_by.as_deref(), Some("run-7"));
    assert_eq!(node.addresses, ["10.0.0.1", "m1"]);
    assert_eq!(node.taints, ["node-role.kubernetes.io/control-plane"]);
    assert_eq!(node.labels["a"], "b");
    assert_eq!(
        (found.nodes[1].is_ready, found.nodes[1].reason.as_str()),
        (false, "NodeStatusUnknown")
    );
    assert_eq!(found.control_plane.len(), 1);
    assert_eq!(found.control_plane[0].image, "x/kube-apiserver:v1.28.2");
    assert_eq!(found.budgets.len(), 1);
    assert_eq!(
        (found.budgets[0].pods.as_slice(), found.budgets[0].nodes.as_slice()),
        (&["web-1".to_owned()][..], &["w1".to_owned()][..])
    );
    let at_risk: Vec<_> = found
        .pods_at_risk
        .iter()
        .map(|pod| (pod.name.as_str(), pod.is_bare))
        .collect();
    assert_eq!(at_risk, [("shop/web-1", false), ("shop/bare", true)]);
    assert_eq!(found.kubeadm_config["imageRepository"], "registry.k8s.io");
    assert_eq!(found.addons[0].edited_by, ["kubectl-edit"]);
    assert!(found.addons[1].edited_by.is_empty());
    let lock = found.lock.unwrap();
    assert_eq!(
        (lock.holder.as_str(), lock.renewed, lock.duration),
        ("ops@pc run-7", 1_795_792_680, 60)
    );
    let hooks: Vec<_> = found
        .webhooks
        .iter()
        .map(|hook| (hook.service.as_str(), hook.is_fatal, hook.endpoints))
        .collect();
    assert_eq!(hooks, [("shop/hook", true, 0), ("shop/log", false, 2)]);
    assert_eq!(found.deprecated_apis[0].name, "policy/v1beta1 podsecuritypolicies");
    assert_eq!(found.deprecated_apis[0].removed_in, "1.25");
    assert_eq!(found.unknown, Vec::<String>::new());
    assert!(found.time > 1_700_000_000);
}

#[rstest]
fn what_cannot_be_had_is_told(#[values("dash", "busybox sh")] shell: &str) {
    let tools = FakeTools::new();
    let refusals = "*poddisruptionbudgets*) echo 'Error: forbidden' >&2; exit 1 ;;
*kubeadm-config*) echo 'Error: not found' >&2; exit 1 ;;
*validatingwebhook*) echo \"error: the server doesn't have a resource type\" >&2; exit 1 ;;
*lease*) ;;";
    tools.add(
        "kubectl",
        &KUBECTL.replacen("case \"$*\" in", &format!("case \"$*\" in\n{refusals}"), 1),
    );
    let found = look(&tools, shell);
    assert_eq!(found.kubeadm_config_error.as_deref(), Some("Error: not found"));
    assert_eq!(found.unknown, ["budgets (Error: forbidden)"]);
    assert_eq!(found.lock, None);
}

#[test]
fn a_cluster_that_cannot_be_asked_is_a_failure() {
    let (mut node, log) = scripted([Answer::failure(4, "there is no kubectl on this host")]);
    let failure = check_module("cluster-survey", json!({}), &mut node).unwrap_err();
    assert!(failure.message.contains("there is no kubectl"), "{}", failure.message);
    assert!(failure.help.unwrap().contains("delegate"));
    assert_eq!(asked(&log).len(), 1);
}
