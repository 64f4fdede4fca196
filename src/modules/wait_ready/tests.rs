use rstest::rstest;
use serde_json::{Value, json};

use crate::connection::Request;
use crate::connection::scripted::Answer;
use crate::modules::testing::{FakeTools, asked, check_module, run_module, scripted};

fn look(more: &str) -> Answer {
    let node = json!({"metadata": {"name": "w1"}, "status": {
        "conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.28.2"},
    }});
    Answer::stdout(format!(
        "== api\nok\n== etcd\nok\n== node\n{node}\n== pods\n{{}}\n{more}"
    ))
}

fn members(errors: &[&str]) -> String {
    let status = json!([{"Endpoint": "https://127.0.0.1:2379", "Status": {
        "header": {"member_id": 7}, "leader": 7, "version": "3.5.9", "errors": errors,
    }}]);
    format!(
        "== etcd-status\n{status}\n== etcd-members\n{}\n",
        json!({"members": [{}]})
    )
}

#[rstest]
#[case::asked(json!({}), members(&[]), "", "all members")]
#[case::alarm(json!({}), members(&["memberID:7 alarm:NOSPACE "]), "alarm:NOSPACE", "")]
#[case::external(json!({}), String::new(), "", "only what the API server says")]
#[case::cannot_be_asked(
    json!({}),
    "== etcd-status\n\n== etcd-members\nerror: unable to upgrade connection\n".to_owned(),
    "",
    "cannot be asked (error: unable to upgrade connection)"
)]
#[case::silent(
    json!({}),
    "== etcd-status\n\n== etcd-members\nError: context deadline exceeded\n".to_owned(),
    "does not answer (Error: context deadline exceeded)",
    ""
)]
#[case::workloads_back(json!({"workloads": "d/ReplicaSet/web"}), "== workloads\nd/ReplicaSet/web 2 2\n".to_owned(), "", "only")]
#[case::workloads_not_back(
    json!({"workloads": ["d/ReplicaSet/web"]}),
    "== workloads\nd/ReplicaSet/web 2 1\n".to_owned(),
    "d/ReplicaSet/web has 1 of 2 pods ready",
    ""
)]
fn what_the_gate_waits_for(
    #[case] mut options: Value,
    #[case] shown: String,
    #[case] lacking: &str,
    #[case] checked: &str,
) {
    options["timeout"] = json!(0);
    let (mut connection, log) = scripted([look(&shown)]);
    match run_module("wait-ready", options, &mut connection) {
        Ok(outcome) => {
            assert_eq!(lacking, "");
            let said = outcome.result["etcd_checked"].as_str().unwrap();
            assert!(said.contains(checked), "{said}");
        }
        Err(failure) => assert!(
            !lacking.is_empty() && failure.message.contains(lacking),
            "{}",
            failure.message
        ),
    }
    let asked = asked(&log);
    assert!(asked[0].starts_with("wait-ready/query /etc/kubernetes/admin.conf /etc/kubernetes/manifests/etcd.yaml "));
    assert_eq!(asked[0].contains(" workloads "), shown.contains("workloads"));
}

#[test]
fn check_mode_looks_once() {
    let (mut connection, log) = scripted([look("")]);
    let options = json!({"version": "1.28.11", "etcd": false});
    let outcome = check_module("wait-ready", options, &mut connection).unwrap();
    assert_eq!(outcome.changes, ["kubelet of w1 reports v1.28.2, not v1.28.11"]);
    assert_eq!(asked(&log), ["wait-ready/query /etc/kubernetes/admin.conf   n1"]);
}

#[test]
fn the_script_asks_etcd_here_or_in_its_pod() {
    let kubectl = "case \"$*\" in
        *component=etcd*) echo etcd-m1 ;;
        *jsonpath*addresses*) echo 'w1 w1 10.0.0.1' ;;
        *jsonpath*ReplicaSet*) printf 'd/ReplicaSet/web 2 1\\n' ;;
        *exec*) echo '[]' ;;
        esac";
    for (shell, has_tool) in [
        ("dash", true),
        ("busybox sh", true),
        ("dash", false),
        ("busybox sh", false),
    ] {
        let tools = FakeTools::new();
        tools.add("kubectl", kubectl);
        tools.add("etcdctl", "echo '[]'");
        std::fs::write(tools.path("conf"), "").unwrap();
        if has_tool {
            std::fs::write(tools.path("etcd.yaml"), "").unwrap();
        }
        let mut node = tools.node(shell);
        let words = [&*tools.path("conf"), &*tools.path("etcd.yaml"), "workloads", "w1"].map(ToOwned::to_owned);
        let output = node
            .connection()
            .execute(None, &Request::new(super::QUERY, words))
            .unwrap();
        assert!(output.success(), "{}", output.stderr_text());
        let text = output.stdout_text();
        assert!(
            text.contains("== etcd-members\n[]\n") && text.contains("== workloads\nd/ReplicaSet/web 2 1\n"),
            "{text}"
        );
        let calls = tools.calls();
        let here = calls.iter().filter(|call| call.starts_with("etcdctl ")).count();
        let there = calls
            .iter()
            .filter(|call| call.contains(" exec etcd-m1 -c etcd -- etcdctl "))
            .count();
        assert_eq!((here, there), if has_tool { (2, 0) } else { (0, 2) }, "{calls:?}");
    }
}
