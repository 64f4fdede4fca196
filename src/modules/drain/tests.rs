use std::cell::RefCell;

use rstest::rstest;
use serde_json::{Value, json};

use crate::connection::scripted::{Answer, Log};
use crate::connection::{Output, Request};
use crate::modules::UndoNote;
use crate::modules::testing::{FakeTools, Trial, asked, check_module, run_module, scripted};

fn answer(cordoned_by: Option<&str>, cordoned: bool, pods: &Value) -> String {
    let node = json!({
        "metadata": {"name": "w1", "annotations": {"krun.dev/cordoned-by": cordoned_by}},
        "spec": {"unschedulable": cordoned},
        "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.28.2"}},
    });
    let budgets = json!({"items": [{
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
        "status": {"desiredHealthy": 1, "currentHealthy": 1, "disruptionsAllowed": 0},
    }]});
    let pods = json!({"items": pods});
    format!("== node\n{node}\n== pods\n{pods}\n== budgets\n{budgets}\n")
}

fn web() -> Value {
    json!({
        "metadata": {"name": "web-1", "namespace": "shop", "labels": {"app": "web"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "web", "controller": true}]},
        "spec": {"nodeName": "w1"},
    })
}

const ASK: &str = "node/query /etc/kubernetes/admin.conf  budgets n1";

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
    let (mut connection, log) = scripted([Answer::stdout(answer(None, false, &json!([web()]))), Answer::stdout("")]);
    let outcome = check_module("k8s_drain", json!({}), &mut connection).unwrap();
    let held = "held right now: shop/web-1: PodDisruptionBudget shop/web needs 1 healthy, has 1";
    assert_eq!(outcome.changes, ["cordoned", "1 pod evicted", held]);
    assert_eq!(asked(&log).len(), 2);
}

#[rstest]
#[case(json!({}), Some("shop/bare"))]
#[case(json!({"force": true}), None)]
#[case(json!({"delete_options": {"force": true}}), None)]
fn pods_that_would_be_lost_are_named_before_anything_is_changed(#[case] options: Value, #[case] named: Option<&str>) {
    let bare = json!({"metadata": {"name": "bare", "namespace": "shop"}, "spec": {"nodeName": "w1"}});
    let (mut connection, log) = scripted([Answer::stdout(answer(None, false, &json!([bare]))), Answer::stdout("")]);
    match (check_module("drain", options, &mut connection), named) {
        (Err(failure), Some(name)) => assert!(failure.message.contains(name), "{}", failure.message),
        (Ok(outcome), None) => {
            let loss = "lost for good, as nothing makes them anew: shop/bare".to_owned();
            assert!(outcome.changes.contains(&loss), "{:?}", outcome.changes);
        }
        (result, _) => panic!("{result:?}"),
    }
    // What the options forbid is not even tried.
    assert_eq!(asked(&log).len(), if named.is_some() { 1 } else { 2 });
}

/// The two answers about a detached command that has ended.
fn finished(status: i32, said: &str) -> [Answer; 2] {
    let answer = Answer::Output(Output {
        stdout: format!("krun-job finished {status} no\n").into(),
        stderr: said.into(),
        ..Output::default()
    });
    [answer, Answer::stdout("")]
}

const OUT_OF_TIME: &str = "error when evicting pods/\"web-1\" -n \"shop\": global timeout reached: 600s\n";

#[test]
fn what_the_api_server_refuses_ends_the_task_before_the_cordon() {
    let refusal =
        "error when evicting pods/\"web-1\" -n \"shop\": admission webhook \"guard\" denied the request: no\n";
    let (mut connection, log) = scripted([
        Answer::stdout(answer(None, false, &json!([web()]))),
        Answer::failure(1, refusal),
    ]);
    let failure = run_module("drain", json!({"timeout": 30, "force": true}), &mut connection).unwrap_err();
    assert!(failure.message.contains("denied the request"), "{}", failure.message);
    assert!(failure.help.unwrap().contains("nothing was changed"));
    assert_eq!(
        asked(&log)[1..],
        [
            "drain/rehearse /etc/kubernetes/admin.conf w1  --ignore-daemonsets=true --delete-emptydir-data=false --force=true \
          --timeout=5s"
        ]
    );
}

#[test]
fn a_drain_that_is_begun_is_not_rehearsed_and_shows_what_holds_it() {
    let left = "pod shop web-1\nbudget shop web 1 1 0\n";
    let [ended, removed] = finished(0, "");
    let (mut connection, log) = scripted([
        Answer::stdout(answer(Some("20260101-000000-aaaa"), true, &json!([web()]))),
        Answer::stdout("krun-job running - yes /x\n"),
        Answer::stdout(left),
        ended,
        removed,
    ]);
    let said = std::sync::Mutex::new(Vec::new());
    let outcome = Trial::new("drain", json!({}))
        .variable("krun_run_id", json!("20260102-000000-bbbb"))
        .on(&mut connection)
        .run_saying(&|line| said.lock().unwrap().push(line.to_owned()))
        .unwrap();
    assert_eq!(outcome.result["evicted"], json!(["shop/web-1"]));
    assert_eq!(outcome.result["workloads"], json!(["shop/ReplicaSet/web"]));
    let asked = asked(&log);
    assert!(
        asked[1].contains("w1 20260102-000000-bbbb --ignore-daemonsets"),
        "{asked:?}"
    );
    assert_eq!(asked[2], "drain/left /etc/kubernetes/admin.conf  w1");
    assert!(
        said.lock().unwrap().contains(
            &"still on w1, 1 pod: shop/web-1: PodDisruptionBudget shop/web needs 1 healthy, has 1".to_owned()
        ),
        "{said:?}"
    );
}

#[rstest]
#[case::fails(json!({}), &[], None)]
#[case::leaves(json!({"on_timeout": "leave"}), &[], Some("leave"))]
#[case::deletes(json!({"on_timeout": "disable_eviction"}), &["--disable-eviction=true"], Some("disable_eviction"))]
fn what_comes_after_the_time_is_up_is_the_authors_word(
    #[case] options: Value,
    #[case] words: &[&str],
    #[case] escalation: Option<&str>,
) {
    let ours = || Answer::stdout(answer(Some("krun"), true, &json!([web()])));
    let mut answers = vec![Answer::stdout(answer(None, false, &json!([web()]))), Answer::stdout("")];
    answers.extend(finished(1, OUT_OF_TIME));
    answers.push(ours());
    answers.extend(if words.is_empty() {
        vec![Answer::stdout("node/w1 patched\n")]
    } else {
        finished(0, "").to_vec()
    });
    let (mut connection, log) = scripted(answers);
    match run_module("drain", options, &mut connection) {
        Err(failure) => {
            assert_eq!(escalation, None, "{}", failure.message);
            assert!(
                failure.message.contains("needs 1 healthy, has 1"),
                "{}",
                failure.message
            );
            assert_eq!(failure.result["uncordoned"], true);
        }
        Ok(outcome) => {
            assert_eq!(outcome.result["escalation"], json!(escalation));
            assert_eq!(outcome.warnings.len(), 1);
            assert!(outcome.warnings[0].contains("shop/web-1"), "{:?}", outcome.warnings);
        }
    }
    let forced = asked(&log)
        .iter()
        .filter(|line| line.contains("--disable-eviction=true"))
        .count();
    assert_eq!(forced, words.len());
}

#[test]
fn what_is_no_matter_of_time_is_not_escalated() {
    let mut answers = vec![Answer::stdout(answer(None, false, &json!([web()]))), Answer::stdout("")];
    answers.extend(finished(1, "error: the server is on fire\n"));
    answers.push(Answer::stdout(answer(Some("krun"), true, &json!([web()]))));
    answers.push(Answer::stdout("node/w1 patched\n"));
    let (mut connection, _) = scripted(answers);
    let failure = run_module("drain", json!({"on_timeout": "disable_eviction"}), &mut connection).unwrap_err();
    assert_eq!(failure.result["uncordoned"], true);
}

/// kubectl's help as its versions print it, and what each makes of krun's words.
#[rstest]
#[case::from_1_20("--dry-run='none': --delete-emptydir-data=false", 0, "--delete-emptydir-data=true")]
#[case::in_1_18("--dry-run='none': --delete-local-data=false", 0, "--delete-local-data=true")]
#[case::in_1_17("--dry-run=false: --delete-local-data=false", 5, "")]
fn the_scripts_speak_the_language_of_each_kubectl(#[case] help: &str, #[case] status: i32, #[case] word: &str) {
    for shell in ["dash", "busybox sh"] {
        let tools = FakeTools::new();
        tools.add("kubectl", &format!("[ \"$2\" != --help ] || echo \"{help}\""));
        let mut node = tools.node(shell);
        let words = ["admin.conf", "w1", "", "--delete-emptydir-data=true", "--timeout=5s"];
        let rehearsed = node
            .connection()
            .execute(None, &Request::new(super::rehearsal::REHEARSE, words))
            .unwrap();
        assert_eq!(rehearsed.status, status, "{}", rehearsed.stderr_text());
        if status == 0 {
            let expected = format!("kubectl --kubeconfig=admin.conf drain --dry-run=server {word} --timeout=5s w1");
            assert_eq!(tools.calls()[1], expected);
        }
        let drained = node
            .connection()
            .execute(None, &Request::new(super::DRAIN, words))
            .unwrap();
        assert!(drained.success());
        assert!(
            tools
                .calls()
                .last()
                .unwrap()
                .starts_with("kubectl --kubeconfig=admin.conf drain w1 --delete-")
        );
    }
}

#[rstest]
#[case(json!({"timeout": 0}))]
#[case(json!({"on_timeout": "delete"}))]
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
