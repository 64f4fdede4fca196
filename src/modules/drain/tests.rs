use std::cell::RefCell;

use rstest::rstest;
use serde_json::{Value, json};

use crate::connection::scripted::{Answer, Log};
use crate::modules::UndoNote;
use crate::modules::testing::{Trial, asked, check_module, run_module, scripted};

fn answer(cordoned_by: Option<&str>, cordoned: bool, pods: &Value) -> String {
    let node = json!({
        "metadata": {"name": "w1", "annotations": {"krun.dev/cordoned-by": cordoned_by}},
        "spec": {"unschedulable": cordoned},
        "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.28.2"}},
    });
    format!("== node\n{node}\n== pods\n{}\n", json!({"items": pods}))
}

fn web() -> Value {
    json!({
        "metadata": {"name": "web-1", "namespace": "shop", "labels": {"app": "web"},
            "ownerReferences": [{"kind": "ReplicaSet", "controller": true}]},
        "spec": {"nodeName": "w1"},
    })
}

const ASK: &str = "node/query /etc/kubernetes/admin.conf   n1";

#[test]
fn an_empty_cordoned_node_costs_one_exchange() {
    let (mut connection, log) = scripted([Answer::stdout(answer(None, true, &json!([])))]);
    let outcome = run_module("drain", json!({}), &mut connection).unwrap();
    assert!(!outcome.changed);
    assert_eq!(outcome.result["cordoned_by_others"], true);
    assert_eq!(asked(&log), [ASK]);
}

#[test]
fn check_mode_names_what_would_leave() {
    let (mut connection, log) = scripted([Answer::stdout(answer(None, false, &json!([web()])))]);
    let outcome = check_module("k8s_drain", json!({}), &mut connection).unwrap();
    assert_eq!(outcome.changes, ["cordoned", "1 pod evicted"]);
    assert_eq!(asked(&log).len(), 1);
}

#[rstest]
#[case(json!({}), Some("shop/bare"))]
#[case(json!({"force": true}), None)]
#[case(json!({"delete_options": {"force": true}}), None)]
fn pods_that_would_be_lost_are_named_before_anything_is_changed(#[case] options: Value, #[case] named: Option<&str>) {
    let bare = json!({"metadata": {"name": "bare", "namespace": "shop"}, "spec": {"nodeName": "w1"}});
    let (mut connection, log) = scripted([Answer::stdout(answer(None, false, &json!([bare])))]);
    match (check_module("drain", options, &mut connection), named) {
        (Err(failure), Some(name)) => assert!(failure.message.contains(name), "{}", failure.message),
        (Ok(outcome), None) => {
            let loss = "lost for good, as nothing makes them anew: shop/bare".to_owned();
            assert!(outcome.changes.contains(&loss), "{:?}", outcome.changes);
        }
        (result, _) => panic!("{result:?}"),
    }
    assert_eq!(asked(&log).len(), 1);
}

#[rstest]
#[case(json!({"timeout": 0}))]
#[case(json!({"state": "gone"}))]
#[case(json!({"delete_options": {"wait_sleep": 5}}))]
#[case(json!({"grace": 5}))]
fn wrong_options(#[case] options: Value) {
    assert!(crate::modules::find("drain").unwrap().validate(options).is_err());
}

#[test]
fn uncordon_ends_only_a_cordon_of_its_own() {
    let (mut connection, log) = scripted([Answer::stdout(answer(None, true, &json!([])))]);
    let outcome = run_module("uncordon", json!({"version": "1.28.2"}), &mut connection).unwrap();
    assert!(!outcome.changed);
    assert_eq!(outcome.result["msg"], "w1 was cordoned before krun, left as it is");
    assert_eq!(asked(&log).len(), 1);

    let ours = || Answer::stdout(answer(Some("krun"), true, &json!([])));
    let (mut connection, log) = scripted([ours(), Answer::stdout("node/w1 patched\n")]);
    let outcome = run_module("uncordon", json!({"version": "1.28.2"}), &mut connection).unwrap();
    assert_eq!(outcome.changes, ["uncordoned"]);
    assert_eq!(asked(&log)[1..], ["node/uncordon /etc/kubernetes/admin.conf w1"]);
}

#[test]
fn uncordon_waits_for_the_version_and_says_what_lacks() {
    let (mut connection, _) = scripted([Answer::stdout(answer(Some("krun"), true, &json!([])))]);
    let options = json!({"version": "1.28.11", "wait_timeout": 0});
    let failure = run_module("uncordon", options, &mut connection).unwrap_err();
    assert!(
        failure.message.contains("kubelet of w1 reports v1.28.2, not v1.28.11"),
        "{}",
        failure.message
    );
}

#[test]
fn cordon_marks_its_cordon() {
    let (mut connection, log) = scripted([
        Answer::stdout(answer(None, false, &json!([]))),
        Answer::stdout("node/w1 patched\n"),
    ]);
    assert!(run_module("cordon", json!({}), &mut connection).unwrap().changed);
    assert_eq!(asked(&log)[1], "node/cordon /etc/kubernetes/admin.conf w1 krun");
}

/// `keep`, `keep first` or `withdraw`, and after how many exchanges the module said so.
fn undo_notes(trial: Trial<'_>, log: &Log) -> Vec<(&'static str, usize)> {
    let notes = RefCell::new(Vec::new());
    let note = |note| {
        let (kind, name) = match note {
            UndoNote::Keep(name, _) => ("keep", name),
            UndoNote::KeepFirst(name, _) => ("keep first", name),
            UndoNote::Withdraw(name) => ("withdraw", name),
        };
        assert_eq!(name, "cordon w1");
        notes.borrow_mut().push((kind, asked(log).len()));
    };
    trial.run_noting(&note).unwrap();
    notes.into_inner()
}

#[rstest]
#[case::by_nobody("cordon", json!({}), None, false, &[("keep", 1)])]
#[case::by_krun("cordon", json!({}), Some("krun"), true, &[("keep first", 1)])]
#[case::by_somebody("cordon", json!({}), None, true, &[])]
#[case::state_by_nobody("drain", json!({"state": "cordon"}), None, false, &[("keep", 1)])]
#[case::state_by_krun("drain", json!({"state": "cordon"}), Some("krun"), true, &[("keep first", 1)])]
#[case::empty_by_krun("drain", json!({}), Some("krun"), true, &[("keep first", 1)])]
#[case::empty_by_somebody("drain", json!({}), None, true, &[])]
#[case::uncordoned("uncordon", json!({}), Some("krun"), true, &[("withdraw", 2)])]
fn an_undo_is_kept_before_the_cordon_and_for_a_cordon_of_an_earlier_run(
    #[case] module: &str,
    #[case] options: Value,
    #[case] mark: Option<&str>,
    #[case] cordoned: bool,
    #[case] expected: &[(&str, usize)],
) {
    let answers = || {
        [
            Answer::stdout(answer(mark, cordoned, &json!([]))),
            Answer::stdout("node/w1 patched\n"),
        ]
    };
    let (mut connection, log) = scripted(answers());
    let trial = Trial::new(module, options.clone()).on(&mut connection);
    assert_eq!(undo_notes(trial, &log), expected);

    let (mut connection, log) = scripted(answers());
    let trial = Trial::new(module, options).on(&mut connection).check_mode();
    assert_eq!(undo_notes(trial, &log), [], "in check mode");
}

#[test]
fn a_host_that_cannot_ask_fails_at_once() {
    for status in [3, 4] {
        let (mut connection, log) = scripted([Answer::failure(status, "no node of the cluster has …\n")]);
        let failure = run_module("uncordon", json!({"version": "1.28.2"}), &mut connection).unwrap_err();
        assert!(failure.help.is_some());
        assert_eq!(asked(&log).len(), 1);
    }
}
