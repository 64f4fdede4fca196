use serde_json::json;

use super::collect::{Phase, Plan, Problem};
use super::durations::Durations;
use super::text;
use crate::kube::preflight::Report;

fn report() -> Report {
    let node = |name: &str, role: &str, kubelet: &str| {
        json!({
            "name": name, "host": name, "role": role, "ready": true, "cordoned": false, "cordoned_by": null,
            "kubeadm": "1.28.0", "kubelet": kubelet, "kubectl": null, "api_server": null, "etcd": null, "etcd_leader": false,
            "runtime": "containerd://1.7.2", "os": "Rocky Linux 8", "kernel": "4.18", "labels": {},
            "repository": {"kind": "minor", "url": "https://pkgs.k8s.io/x", "release": "-150500.1.1", "minor": "1.28"},
            "certificates": null,
        })
    };
    let mut nodes = vec![node("m1", "control-plane", "1.28.2"), node("w1", "worker", "1.28.0")];
    nodes[0]["api_server"] = json!("1.28.2");
    nodes[0]["etcd"] = json!("3.5.9");
    nodes[0]["etcd_leader"] = json!(true);
    nodes[0]["certificates"] = json!({"name": "apiserver", "expires": "2027-01-02"});
    nodes[1]["ready"] = json!(false);
    nodes[1]["cordoned"] = json!(true);
    nodes[1]["cordoned_by"] = json!("20260304-1");
    let hop = |from: &str, version: &str, pinned: bool| json!({"from": from, "version": version, "pinned": pinned});
    let mut hops = [hop("1.28.2", "1.29.9", false), hop("1.29.9", "1.30.5", true)];
    hops[0]["package"] = json!("1.29.9-150500.1.1");
    hops[0]["source"] = json!("https://mirror/v1.29/rpm/");
    let finding = |name: &str, severity: &str, waived: bool, node: Option<&str>| json!({"name": name, "severity": severity, "waived": waived, "node": node, "text": format!("{name} is wrong"), "remedy": "mend it"});
    serde_json::from_value(json!({
        "target": "1.30.5", "hops": hops, "nodes": nodes, "control_plane_order": ["m1"], "may_start": false,
        "budgets": [{"namespace": "default", "name": "web", "needs": 2, "has": 2, "allowed": 0, "pods": ["web-1"], "nodes": ["w1"]}],
        "findings": [finding("swap", "block", false, Some("w1")), finding("disk", "block", true, None), finding("clock", "warn", false, None)],
    }))
    .unwrap()
}

fn phases() -> Vec<Phase> {
    let batches = |batches: &[&[&str]]| {
        batches
            .iter()
            .map(|batch| batch.iter().map(ToString::to_string).collect())
            .collect()
    };
    vec![
        Phase {
            play: "Control plane".to_owned(),
            batches: batches(&[&["m1"]]),
        },
        Phase {
            play: "Workers".to_owned(),
            batches: batches(&[&["w1", "w2"], &["w3"]]),
        },
    ]
}

#[test]
fn a_whole_plan() {
    let plan = Plan {
        report: Some(report()),
        phases: phases(),
        ..Plan::default()
    };
    let durations = Durations::known([("Workers", 95.2), ("Control plane", 0.2)]);
    assert_eq!(
        text::of(&plan, &durations, 2),
        "\
CLUSTER
  NODE  ROLE           STATE                                    KUBELET  API SERVER  ETCD            CERTIFICATES END
  m1    control-plane  Ready                                    1.28.2   1.28.2      3.5.9 (leader)  2027-01-02 (apiserver)
  w1    worker         NotReady, cordoned by krun (20260304-1)  1.28.0
  on all nodes: kubeadm 1.28.0, runtime containerd://1.7.2, os Rocky Linux 8, repository minor 1.28

HOPS to 1.30.5: 2
  FROM    TO      PACKAGE            WHERE IT COMES FROM
  1.28.2  1.29.9  1.29.9-150500.1.1  https://mirror/v1.29/rpm/            newest patch
  1.29.9  1.30.5                     no repository was found to serve it  as asked for

ORDER
   1. Control plane   (took 1 s before)
        m1
   2. Workers   (took 3 min 10 s before, 1 min 35 s each)
        w1, w2 | w3

BUDGETS THAT WOULD HOLD DRAINS UP
  default/web needs 2 healthy, has 2: web-1 on w1

FINDINGS
  BLOCKING  swap (w1): swap is wrong
              → mend it
  waived    disk [waived]: disk is wrong
              → mend it
  warning   clock: clock is wrong
              → mend it

The upgrade must not start: swap. Mend that, or waive it by name: -e '{\"preflight_skip\": [\"swap\"]}'"
    );
}

#[test]
fn nothing_left_to_do_and_nothing_known() {
    let mut report = report();
    report.hops.clear();
    report.findings.clear();
    report.may_start = true;
    let plan = Plan {
        report: Some(report),
        ..Plan::default()
    };
    let shown = text::of(&plan, &Durations::default(), 0);
    assert!(
        shown.contains("HOPS to 1.30.5: none\n  every node is there already\n"),
        "{shown}"
    );
    assert!(shown.ends_with("\n\nNothing is left to be upgraded."), "{shown}");
    let plan = Plan {
        problems: vec![Problem {
            host: "w1".to_owned(),
            message: "it is off".to_owned(),
            what_to_do: Some("switch it on".to_owned()),
        }],
        ..Plan::default()
    };
    assert!(!plan.may_start());
    assert_eq!(
        text::of(&plan, &Durations::default(), 4),
        "w1: it is off\n  what to do: switch it on\nThe upgrade must not start: the cluster could not be looked at as it should."
    );
}
