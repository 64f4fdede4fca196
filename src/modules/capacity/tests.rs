use rstest::rstest;
use serde_json::{Value, json};

use crate::connection::scripted::Answer;
use crate::modules::testing::{FakeTools, Trial, asked, scripted};

/// Nodes w1 to w4 with these words at their ends: `cordoned`, `down`, `new` or nothing.
fn nodes(states: [&str; 4]) -> Answer {
    let line = |(index, state): (usize, &&str)| {
        let number = index + 1;
        let cordoned = if *state == "cordoned" { "true" } else { "" };
        let ready = if *state == "down" { "False" } else { "True" };
        let kubelet = if *state == "new" { "v1.28.2" } else { "v1.28.0" };
        format!("w{number}\tw{number}\t10.0.0.{number}\t{cordoned}\t\t{ready}\t\t{kubelet}\n")
    };
    Answer::stdout(states.iter().enumerate().map(line).collect::<String>())
}

fn trial<'a>(options: Value, batch: &[&str]) -> Trial<'a> {
    Trial::new("capacity", options)
        .variable("ansible_play_hosts_all", json!(["w1", "w2", "w3", "w4"]))
        .variable("ansible_play_batch", json!(batch))
}

#[rstest]
#[case::free("1", ["", "", "", ""], &["w1"], None)]
#[case::one_is_away("2", ["", "cordoned", "", ""], &["w1"], None)]
#[case::one_too_many("1", ["", "cordoned", "", ""], &["w1"], Some("takes 1 (w1), and these are unavailable already: w2 (cordoned)"))]
#[case::down("50%", ["", "", "down", "cordoned"], &["w1"], Some("w3 (not Ready), w4 (cordoned)"))]
#[case::those_of_the_batch("2", ["down", "cordoned", "", ""], &["w1", "w2"], None)]
#[case::too_large("2", ["", "", "", ""], &["w1", "w2", "w3"], Some("this batch is 3 nodes (w1, w2, w3), and at most 2 of 4"))]
#[case::done_already("1", ["new", "cordoned", "", ""], &["w1"], None)]
#[case::half_done("2", ["new", "", "", "cordoned"], &["w1", "w2"], None)]
fn when_a_batch_begins(
    #[case] most: &str,
    #[case] states: [&str; 4],
    #[case] batch: &[&str],
    #[case] refused: Option<&str>,
) {
    let options = json!({"max_unavailable": most, "version": "1.28.2", "timeout": 0});
    let (mut connection, log) = scripted([nodes(states)]);
    let result = trial(options, batch).on(&mut connection).run();
    match (result, refused) {
        (Ok(outcome), None) => assert!(!outcome.changed),
        (Err(failure), Some(words)) => {
            assert!(failure.message.contains(words), "{}", failure.message);
            let help = failure.help.unwrap();
            assert_eq!(help.contains("`serial: 2` or less"), batch.len() == 3, "{help}");
        }
        (result, _) => panic!("{result:?}"),
    }
    assert_eq!(asked(&log), ["capacity/nodes /etc/kubernetes/admin.conf"]);
}

#[test]
fn it_waits_until_others_are_back() {
    let (mut connection, log) = scripted([
        nodes(["", "cordoned", "", ""]),
        Answer::failure(1, "connection refused\n"),
        nodes(["", "", "", ""]),
    ]);
    let said = std::sync::Mutex::new(Vec::new());
    let outcome = trial(json!({"max_unavailable": 1}), &["w1"])
        .on(&mut connection)
        .run_saying(&|line| said.lock().unwrap().push(line.to_owned()))
        .unwrap();
    assert_eq!(outcome.result["most"], 1);
    assert_eq!(outcome.result["unavailable"], json!([]));
    assert_eq!(asked(&log).len(), 3);
    assert!(said.lock().unwrap()[0].contains("w2 (cordoned)"), "{said:?}");
}

#[test]
fn a_host_that_is_no_node_counts_as_away() {
    let options = json!({"max_unavailable": 1, "timeout": 0});
    let (mut connection, _) = scripted([nodes(["", "", "", ""])]);
    let failure = trial(options.clone(), &["w1"])
        .variable("ansible_play_hosts_all", json!(["w1", "w9"]))
        .on(&mut connection)
        .run()
        .unwrap_err();
    assert!(
        failure.message.contains("w9 (not a node of the cluster)"),
        "{}",
        failure.message
    );

    let (mut connection, _) = scripted([nodes(["", "", "", "cordoned"])]);
    let mut options = options;
    options["of"] = json!("cluster");
    let failure = trial(options, &["w1"])
        .variable("ansible_play_hosts_all", json!(["w1"]))
        .on(&mut connection)
        .run()
        .unwrap_err();
    assert!(failure.message.contains("w4 (cordoned)"), "{}", failure.message);
}

#[rstest]
#[case(json!({}))]
#[case(json!({"max_unavailable": 0}))]
#[case(json!({"max_unavailable": "half"}))]
#[case(json!({"max_unavailable": 1, "of": "group"}))]
#[case(json!({"max_unavailable": 1, "version": "new"}))]
fn wrong_options(#[case] options: Value) {
    assert!(crate::modules::find("capacity").unwrap().validate(options).is_err());
}

/// The guard of `cordon` and `drain`: it counts at the moment of the cordon.
#[rstest]
#[case("cordon", "1", ["", "cordoned", "", ""], false)]
#[case("cordon", "2", ["", "cordoned", "", ""], true)]
#[case("cordon", "1", ["", "", "", ""], true)]
#[case("drain", "1", ["", "cordoned", "", ""], false)]
#[case("drain", "2", ["", "cordoned", "", ""], true)]
fn a_cordon_too_many_is_refused(
    #[case] module: &str,
    #[case] most: &str,
    #[case] states: [&str; 4],
    #[case] goes: bool,
) {
    let node = json!({"metadata": {"name": "w1"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    let looked = format!("== node\n{node}\n== pods\n{{}}\n== budgets\n{{}}\n");
    let (mut connection, log) = scripted([
        Answer::stdout(looked),
        nodes(states),
        Answer::stdout("node/w1 patched\n"),
        Answer::stdout("krun-job finished 0 no\n"),
        Answer::stdout(""),
    ]);
    let result = Trial::new(module, json!({"max_unavailable": most, "node": "w1"}))
        .variable("ansible_play_hosts_all", json!(["w1", "w2", "w3", "w4"]))
        .on(&mut connection)
        .run();
    let asked = asked(&log);
    assert_eq!(asked[1], "capacity/nodes /etc/kubernetes/admin.conf");
    assert_eq!(result.is_ok(), goes, "{result:?}");
    assert_eq!(
        asked.get(2).is_some_and(|line| line.starts_with("node/cordon")),
        goes,
        "{asked:?}"
    );
    if let Err(failure) = result {
        assert!(failure.message.contains("w1 was not cordoned") && failure.message.contains("w2 (cordoned)"));
    }
}

#[test]
fn the_script_under_each_shell() {
    for shell in ["dash", "busybox sh"] {
        let tools = FakeTools::new();
        tools.add("kubectl", "printf 'w1\\t\\t\\n'");
        let mut node = tools.node(shell);
        let script = crate::connection::Script {
            name: "capacity/nodes",
            text: include_str!("nodes.sh"),
        };
        let ask = |path: &str| crate::connection::Request::new(script, [path.to_owned()]);
        let missing = node.connection().execute(None, &ask("/nowhere")).unwrap();
        assert_eq!(missing.status, 4);
        std::fs::write(tools.path("conf"), "").unwrap();
        let found = node.connection().execute(None, &ask(&tools.path("conf"))).unwrap();
        assert_eq!(found.stdout_text(), "w1\t\t\n");
    }
}
