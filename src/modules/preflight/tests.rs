use serde_json::{Value, json};

use crate::kube::preflight::tests::well;
use crate::modules::testing::run_on_controller;

fn options() -> Value {
    let question = well("1.28.11", "1.29");
    json!({
        "target": question.target,
        "masters": question.masters,
        "nodes": question.nodes,
        "cluster": question.cluster,
        "offered": question.offered,
    })
}

#[test]
fn a_cluster_that_is_well_may_be_upgraded() {
    let outcome = run_on_controller("preflight", options()).unwrap();
    assert_eq!(outcome.result["may_start"], true);
    assert_eq!(outcome.result["hops"][0]["version"], "1.29.9");
    assert_eq!(outcome.result["control_plane_order"], json!(["m2", "m3", "m1"]));
    assert_eq!(outcome.warnings, Vec::<String>::new());
}

#[test]
fn everything_in_the_way_is_named_at_once() {
    let mut options = options();
    options["nodes"][3]["swaps"] = json!(["/dev/sdb2 partition"]);
    options["nodes"][0]["has_admin_conf"] = json!(false);
    options["cluster"]["nodes"][3]["is_cordoned"] = json!(true);
    options["cluster"]["nodes"][3]["cordoned_by"] = json!("run-7");
    let failure = run_on_controller("preflight", options.clone()).unwrap_err();
    let lines: Vec<_> = failure.message.lines().collect();
    assert_eq!(lines[0], "2 things stand in the way of the upgrade:");
    assert_eq!(
        lines[1],
        "swap (w1): Swap is on, which the kubelet does not accept: /dev/sdb2 partition"
    );
    assert_eq!(lines[2], "  → swapoff -a, and take it out of /etc/fstab");
    assert!(lines[3].starts_with("admin-conf (m1): "));
    assert_eq!(lines[5], "This was seen, too:");
    assert!(lines[6].starts_with("cordons (w1): w1 is cordoned, by an earlier run of krun (run-7)"));
    assert!(failure.help.unwrap().ends_with("preflight_skip: [swap, admin-conf]"));
    assert_eq!(failure.result["may_start"], false);
    assert_eq!(failure.result["findings"][0]["name"], "swap");

    options["skip"] = json!(["swap", "admin-conf"]);
    let outcome = run_on_controller("preflight", options.clone()).unwrap();
    assert_eq!(outcome.warnings.len(), 3, "{:?}", outcome.warnings);
    assert!(outcome.warnings[0].starts_with("swap (w1) [waived]"));

    options["skip"] = json!([]);
    options["enforce"] = json!(false);
    assert_eq!(
        run_on_controller("preflight", options).unwrap().result["may_start"],
        false
    );
}

#[test]
fn a_name_that_no_check_has_is_refused() {
    let mut options = options();
    options["skip"] = json!(["swapp"]);
    let failure = run_on_controller("preflight", options).unwrap_err();
    assert!(
        failure.message.contains("there is no check `swapp`"),
        "{}",
        failure.message
    );
}

#[test]
fn what_is_no_survey_is_refused() {
    let mut options = options();
    options["nodes"][0]["color"] = json!("red");
    let failure = run_on_controller("preflight", options).unwrap_err();
    assert!(
        failure
            .message
            .starts_with("nodes: this is not what the module for it finds"),
        "{}",
        failure.message
    );
}
