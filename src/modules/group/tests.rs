use rstest::rstest;
use serde_json::{Value, json};

use crate::connection::scripted::Answer;
use crate::modules::testing::{FakeTools, asked, check_module, run_module, scripted};

const FOUND: &str = "group=etcd:x:998:\n";

#[rstest]
#[case(json!({}), FOUND)]
#[case(json!({"gid": "998"}), FOUND)]
#[case(json!({"state": "absent"}), "")]
fn satisfied_states_cost_one_exchange(#[case] mut options: Value, #[case] answer: &str) {
    options["name"] = json!("etcd");
    let (mut node, log) = scripted([Answer::stdout(answer)]);
    assert!(!run_module("group", options, &mut node).unwrap().changed);
    assert_eq!(asked(&log), ["group/query etcd"]);
}

#[rstest]
#[case(json!({"system": true, "gid": 7}), "", "groupadd -g 7 -r etcd", "new group")]
#[case(json!({"gid_min": 5, "gid_max": 9}), "", "groupadd -K GID_MIN=5 -K GID_MAX=9 etcd", "new group")]
#[case(json!({"gid": 7, "non_unique": true}), FOUND, "groupmod -g 7 -o etcd", "gid 998 → 7")]
#[case(json!({"state": "absent", "force": true}), FOUND, "groupdel -f etcd", "removed")]
fn what_is_wrong_is_put_right(
    #[case] mut options: Value,
    #[case] answer: &str,
    #[case] words: &str,
    #[case] change: &str,
) {
    options["name"] = json!("etcd");
    let (mut node, _) = scripted([Answer::stdout(answer)]);
    assert!(check_module("group", options.clone(), &mut node).unwrap().changed);
    let (mut node, log) = scripted([Answer::stdout(answer), Answer::stdout("group=etcd:x:7:\n")]);
    let outcome = run_module("group", options, &mut node).unwrap();
    assert_eq!(outcome.changes, [change]);
    assert_eq!(outcome.result["gid"], 7);
    assert_eq!(asked(&log)[1], format!("group/apply etcd {words}"));
}

#[rstest]
fn under_real_shells(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let tools = FakeTools::new();
    tools.add("getent", "[ -e \"$HERE/made\" ] && echo 'kube:x:1001:' || exit 2");
    tools.add("groupadd", "touch \"$HERE/made\"");
    let mut node = tools.node(shell);
    let outcome = run_module("group", json!({"name": "kube"}), node.connection()).unwrap();
    assert!(outcome.changed);
    assert_eq!(outcome.result["gid"], 1001);
    let again = run_module("group", json!({"name": "kube"}), node.connection()).unwrap();
    assert!(!again.changed);
    assert_eq!(
        tools.calls(),
        [
            "getent group -- kube",
            "groupadd kube",
            "getent group -- kube",
            "getent group -- kube"
        ]
    );
    tools.add("groupdel", "echo 'cannot remove it' >&2; exit 8");
    let failure = run_module("group", json!({"name": "kube", "state": "absent"}), node.connection()).unwrap_err();
    assert_eq!(
        failure.message,
        "groupdel kube failed with exit status 8: cannot remove it"
    );
}

#[test]
fn mistakes_are_found_before_the_run() {
    let module = crate::modules::find("ansible.builtin.group").unwrap();
    for options in [
        json!({"name": "-x"}),
        json!({"name": ""}),
        json!({"name": "a", "non_unique": true}),
        json!({"name": "a", "local": true}),
    ] {
        assert!(module.validate(options.clone()).is_err(), "{options}");
    }
}
