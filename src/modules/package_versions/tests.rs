use serde_json::json;

use crate::connection::Output;
use crate::connection::scripted::Answer;
use crate::modules::testing::{asked, check_module, scripted};

const FOUND: &str = "manager\tdnf\nown\t0:1.28.0-0\nown\t1.28.2-0\nown\tnightly\nat\t2\t1.29.0-150500.1.1\n\
                     at\t2\t1.29.10-150500.1.1\nat\t2\t1.29.9-150500.1.1\nat\t7\t1.1.1-1\n";

fn options() -> serde_json::Value {
    json!({"repositories": ["https://one/", "https://two/"], "disable_excludes": "kubernetes", "enablerepo": ["extra"]})
}

#[test]
fn all_places_are_looked_into_in_one_exchange_newest_first() {
    let (mut connection, log) = scripted([Answer::stdout(FOUND)]);
    let outcome = check_module("package-versions", options(), &mut connection).unwrap();
    assert!(!outcome.changed);
    let versions: Vec<_> = outcome.result["versions"].as_array().unwrap().iter().collect();
    assert_eq!(
        versions[0],
        &json!({"version": "1.29.10", "package": "1.29.10-150500.1.1", "source": "https://two/"})
    );
    let order: Vec<_> = versions
        .iter()
        .map(|found| found["version"].as_str().unwrap())
        .collect();
    assert_eq!(order, ["1.29.10", "1.29.9", "1.29.0", "1.28.2", "1.28.0"]);
    assert_eq!(versions[4]["package"], "1.28.0-0");
    assert_eq!(versions[4]["source"], "the node's own repositories");
    assert_eq!(
        asked(&log),
        ["package-versions/query kubeadm extra kubernetes yes 60 https://one/ https://two/"]
    );
}

#[test]
fn a_repository_that_cannot_be_read_is_named_with_the_reason() {
    let answer = Output {
        stdout: FOUND.into(),
        stderr: "warning of something\n1: Cannot download repomd.xml: 404 \nown: Error: no cache\n9: nothing\n".into(),
        ..Output::default()
    };
    let (mut connection, _) = scripted([Answer::Output(answer)]);
    let outcome = check_module("package-versions", options(), &mut connection).unwrap();
    assert_eq!(
        outcome.result["unread"],
        json!([
            {"source": "https://one/", "reason": "Cannot download repomd.xml: 404"},
            {"source": "the node's own repositories", "reason": "Error: no cache"},
        ])
    );
}

#[test]
fn a_node_without_a_package_manager_and_an_address_that_is_none() {
    let (mut connection, _) = scripted([Answer::stdout("manager\tnone\n")]);
    let failure = check_module("package-versions", options(), &mut connection).unwrap_err();
    assert!(failure.message.contains("none of dnf, yum and apt"), "{failure:?}");
    let (mut connection, log) = scripted([]);
    let options = json!({"repositories": ["https://one/ two"]});
    let failure = check_module("package-versions", options, &mut connection).unwrap_err();
    assert!(failure.message.contains("no address of a repository"), "{failure:?}");
    assert!(asked(&log).is_empty());
}
