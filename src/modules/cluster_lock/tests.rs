use std::sync::Mutex;

use rstest::rstest;
use serde_json::{Value, json};

use super::held::HeldLock;
use super::*;
use crate::connection::scripted::Answer;
use crate::modules::testing::{FakeTools, Trial, asked, check_module, run_module, scripted, with_context};
use crate::modules::{EndedRuns, Held, Renewed, RunIdentity};

/// The node's time in these tests: 2026-03-04T05:06:00Z.
const NOW: i64 = 1_772_600_760;

fn lease(holder: Option<&str>, renewed: &str) -> Value {
    json!({
        "metadata": {"name": "krun", "resourceVersion": "7"},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 120, "renewTime": renewed},
    })
}

fn shown(lease: &Value) -> String {
    let text = if lease.is_null() {
        String::new()
    } else {
        lease.to_string()
    };
    format!("== now\n{NOW}\n== lease\n{text}\n")
}

fn seen(lease: &Value) -> Answer {
    Answer::stdout(shown(lease))
}

/// The lock was not changed, and is this now.
fn not_changed(lease: &Value) -> Answer {
    Answer::Output(Output {
        status: NOT_CHANGED,
        stdout: shown(lease).into_bytes(),
        stderr: b"the server rejected our request".to_vec(),
    })
}

const LIVE: &str = "2026-03-04T05:05:50.000000Z";
const STALE: &str = "2026-03-04T05:00:00.000000Z";

#[rstest]
#[case::nobody(Value::Null, "create")]
#[case::given_back(lease(None, LIVE), "replace")]
fn what_nobody_holds_is_taken(#[case] lease: Value, #[case] how: &str) {
    let (mut node, log) = scripted([seen(&lease), Answer::stdout("")]);
    let outcome = run_module("cluster-lock", json!({}), &mut node).unwrap();
    // It is no change: the cluster is as it was for everybody but another krun.
    assert!(!outcome.changed && outcome.result.contains_key("holder"), "{outcome:?}");
    assert_eq!(
        asked(&log),
        [
            "cluster-lock/look /etc/kubernetes/admin.conf krun".to_owned(),
            format!("cluster-lock/change /etc/kubernetes/admin.conf krun {how}")
        ]
    );
    let document: Value = serde_json::from_slice(&log.lock().unwrap()[1].payload).unwrap();
    assert_eq!(document["spec"]["renewTime"], "@NOW@");
}

#[rstest]
#[case::live(
    LIVE,
    false,
    "another krun is at work on this cluster: ops@ctl (run r1",
    "wait 110 s"
)]
#[case::live_keeps_it(LIVE, true, "another krun is at work", "`krun resume r1`")]
#[case::stale(
    STALE,
    false,
    "is left on this cluster, and stale: ops@ctl (run r1, last sign of life 6 min ago)",
    "lock_take_over=true"
)]
fn what_another_krun_holds_is_refused(
    #[case] renewed: &str,
    #[case] take_over: bool,
    #[case] message: &str,
    #[case] help: &str,
) {
    let (mut node, log) = scripted([seen(&lease(Some("ops@ctl r1"), renewed))]);
    let failure = run_module("cluster-lock", json!({"take_over": take_over}), &mut node).unwrap_err();
    assert!(failure.message.contains(message), "{}", failure.message);
    assert!(failure.help.unwrap().contains(help));
    assert_eq!(asked(&log).len(), 1);
    // A look disturbs nobody.
    let (mut node, _) = scripted([seen(&lease(Some("ops@ctl r1"), renewed))]);
    let checked = check_module("cluster-lock", json!({}), &mut node).unwrap();
    assert!(
        !checked.changed && checked.warnings[0].contains("ops@ctl"),
        "{checked:?}"
    );
}

#[test]
fn a_stale_one_is_taken_over_when_asked_for() {
    let (mut node, log) = scripted([seen(&lease(Some("ops@ctl r1"), STALE)), Answer::stdout("")]);
    let outcome = run_module("cluster-lock", json!({"take_over": true}), &mut node).unwrap();
    assert!(
        outcome.changes[0].starts_with("lock taken over from ops@ctl"),
        "{outcome:?}"
    );
    let document: Value = serde_json::from_slice(&log.lock().unwrap()[1].payload).unwrap();
    assert_eq!(
        document["metadata"]["resourceVersion"], "7",
        "only what was seen is replaced"
    );
}

#[test]
fn one_that_its_run_could_not_give_back_at_its_end_is_taken() {
    let (mut node, _) = scripted([seen(&lease(Some("ops@ctl r1"), LIVE)), Answer::stdout("")]);
    let run = RunIdentity {
        ended: EndedRuns::by(|run| run == "r1"),
        ..RunIdentity::default()
    };
    let outcome = Trial::new("cluster-lock", json!({}))
        .on(&mut node)
        .in_run(run)
        .run()
        .unwrap();
    assert!(
        outcome.changes[0].starts_with("lock taken over from ops@ctl"),
        "{outcome:?}"
    );
}

#[test]
fn who_is_slower_is_told_by_whom() {
    let other = lease(Some("ops@ctl r1"), LIVE);
    let (mut node, _) = scripted([seen(&Value::Null), not_changed(&other)]);
    let failure = run_module("cluster-lock", json!({}), &mut node).unwrap_err();
    assert!(
        failure.message.contains("another krun is at work"),
        "{}",
        failure.message
    );
}

#[test]
fn an_api_server_that_does_not_answer_may_be_what_is_mended() {
    let refused = || Answer::failure(1, "connection refused");
    let (mut node, _) = scripted([refused()]);
    let outcome = run_module("cluster-lock", json!({"required": false}), &mut node).unwrap();
    assert!(outcome.warnings[0].contains("as soon as it answers"), "{outcome:?}");
    let (mut node, _) = scripted([refused()]);
    let failure = run_module("cluster-lock", json!({"timeout": 0}), &mut node).unwrap_err();
    assert!(failure.message.contains("connection refused"), "{}", failure.message);
    let (mut node, _) = scripted([Answer::failure(4, "there is no kubectl on this host")]);
    let failure = run_module("cluster-lock", json!({"required": false}), &mut node).unwrap_err();
    assert!(failure.help.unwrap().contains("delegate_to"));
}

#[test]
fn a_lock_of_no_length_is_a_mistake() {
    let failure = Trial::new("cluster-lock", json!({"duration": 4})).run().unwrap_err();
    assert!(failure.message.contains("5 seconds at least"), "{}", failure.message);
}

/// Renews a lock that `me@here r2` took at a time.
fn renew(since: &str, answers: impl IntoIterator<Item = Answer>) -> (Result<Renewed, Failure>, Vec<String>) {
    let held = HeldLock::new(ClusterLock::default(), "me@here r2".to_owned(), since.parse().ok());
    let (mut node, log) = scripted(answers);
    let renewed = with_context(&mut node, |context| held.renew(context));
    (
        renewed,
        asked(&log)
            .iter()
            .map(|what| what.rsplit(' ').next().unwrap().to_owned())
            .collect(),
    )
}

#[test]
fn a_sign_of_life_is_one_exchange() {
    let (renewed, asked) = renew(STALE, [Answer::stdout("")]);
    assert_eq!(renewed.unwrap(), Renewed::Kept);
    assert_eq!(asked, ["patch"]);
}

#[rstest]
#[case::restored_from_before(Value::Null, "create")]
#[case::restored_from_the_past(lease(Some("ops@ctl r1"), "2026-03-03T00:00:00Z"), "replace")]
#[case::given_back(lease(None, LIVE), "replace")]
fn what_went_back_in_time_with_etcd_is_taken_again(#[case] now: Value, #[case] how: &str) {
    let (renewed, asked) = renew("2026-03-04T05:05:00Z", [not_changed(&now), Answer::stdout("")]);
    assert_eq!(renewed.unwrap(), Renewed::Kept);
    assert_eq!(asked, ["patch", how]);
}

#[test]
fn a_lock_in_other_hands_is_lost() {
    let (renewed, asked) = renew("2026-03-04T05:05:00Z", [not_changed(&lease(Some("ops@ctl r3"), LIVE))]);
    assert!(matches!(renewed.unwrap(), Renewed::Lost(reason) if reason.contains("ops@ctl (run r3")));
    assert_eq!(asked, ["patch"]);
}

#[test]
fn a_renewal_that_cannot_be_made_is_no_loss() {
    for answer in [
        Answer::failure(1, "connection refused"),
        Answer::Lost,
        not_changed(&lease(Some("me@here r2"), LIVE)),
    ] {
        let (renewed, _) = renew("2026-03-04T05:05:00Z", [answer]);
        renewed.unwrap_err();
    }
}

#[rstest]
#[case::given_back(Answer::stdout(""), true)]
#[case::others(not_changed(&lease(Some("ops@ctl r3"), LIVE)), true)]
#[case::gone(not_changed(&Value::Null), true)]
#[case::still_held(not_changed(&lease(Some("me@here r2"), LIVE)), false)]
#[case::no_answer(Answer::failure(1, "connection refused"), false)]
fn at_the_end_it_is_given_back(#[case] answer: Answer, #[case] is_well: bool) {
    let held = HeldLock::new(ClusterLock::default(), "me@here r2".to_owned(), None);
    let (mut node, _) = scripted([answer]);
    let released = with_context(&mut node, |context| held.release(context));
    assert_eq!(released.is_ok(), is_well, "{released:?}");
    if let Err(failure) = released {
        assert!(failure.help.unwrap().contains("stale after 120 s"));
    }
}

/// A kubectl that keeps a Lease in a file, and refuses what does not fit.
const KUBECTL: &str = r#"
case $* in
*" get lease "*) cat "$HERE/lease" 2>/dev/null; exit 0 ;;
*" patch lease "*) for last; do :; done; grep -q "$(printf '%s' "$last" | sed 's/.*"value":"\([^"]*\)"},.*/\1/')" "$HERE/lease" || { echo rejected >&2; exit 1; }; printf '%s' "$last" >"$HERE/patched" ;;
*" create "*) [ ! -e "$HERE/lease" ] || { echo AlreadyExists >&2; exit 1; }; cat >"$HERE/lease" ;;
*" replace "*) cat >"$HERE/lease" ;;
esac"#;

#[rstest]
#[case("dash")]
#[case("busybox sh")]
fn the_scripts_do_as_they_say(#[case] shell: &str) {
    let tools = FakeTools::new();
    tools.add("kubectl", KUBECTL);
    std::fs::write(tools.path("admin.conf"), "").unwrap();
    let options = json!({"kubeconfig": tools.path("admin.conf")});
    let mut node = tools.node(shell);
    run_module("cluster-lock", options.clone(), node.connection()).unwrap();
    let written: Value = serde_json::from_str(&std::fs::read_to_string(tools.path("lease")).unwrap()).unwrap();
    let lease = Lease::read(&written).unwrap();
    assert!(
        !lease.is_stale(Timestamp::now()) && lease.acquired.is_some(),
        "{written}"
    );
    run_module("cluster-lock", options.clone(), node.connection()).unwrap();

    let lock: ClusterLock = serde_json::from_value(options.clone()).unwrap();
    let held = HeldLock::new(lock, lease.holder.clone(), STALE.parse().ok());
    let renewed = with_context(node.connection(), |context| held.renew(context)).unwrap();
    assert_eq!(renewed, Renewed::Kept);
    let patched = std::fs::read_to_string(tools.path("patched")).unwrap();
    assert!(patched.contains("renewTime") && !patched.contains("@NOW@"), "{patched}");

    std::fs::write(
        tools.path("lease"),
        written.to_string().replace(&lease.holder, "ops@ctl r1"),
    )
    .unwrap();
    let failure = run_module("cluster-lock", options, node.connection()).unwrap_err();
    assert!(failure.message.contains("ops@ctl (run r1"), "{}", failure.message);
    let renewed = with_context(node.connection(), |context| held.renew(context)).unwrap();
    assert!(matches!(renewed, Renewed::Lost(_)), "{renewed:?}");
}

#[test]
fn what_is_held_is_left_with_the_run() {
    let held = Mutex::new(Vec::new());
    let (mut node, _) = scripted([seen(&Value::Null), Answer::stdout("")]);
    let note = |service| {
        let crate::modules::Service::Hold(name, thing) = service;
        held.lock()
            .unwrap()
            .push((name, thing.title(), thing.period().as_secs(), thing.lasts().as_secs()));
    };
    Trial::new("cluster-lock", json!({"duration": 30}))
        .on(&mut node)
        .run_leaving(&note)
        .unwrap();
    let expected = ("lock krun".to_owned(), "the lock on the cluster".to_owned(), 5, 30);
    assert_eq!(*held.lock().unwrap(), [expected]);
}
