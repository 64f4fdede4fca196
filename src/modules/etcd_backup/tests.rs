use rstest::rstest;
use serde_json::{Value, json};

use crate::connection::scripted::Answer;
use crate::modules::testing::{asked, check_module, run_module, scripted};

/// SHA-256 of `snapshot`.
const SUM: &str = "16a0eeb0791b6c92451fd284dd9f599e0a7dbe7f6ebea6e2d2d06c7f74aec112";

fn description(sum: &str) -> String {
    format!(
        "== age\n100\n== description\n{{\"file\": \"etcd-snapshot-1-m1.db\", \"sha256\": \"{sum}\", \"revision\": 7}}\n"
    )
}

/// What a save answers that runs detached, and the end of that.
fn saved(sum: &str) -> [Answer; 2] {
    let job = format!("krun-job finished 0 no\n{}", description(sum));
    [Answer::stdout(job), Answer::stdout("")]
}

#[rstest]
#[case(0, true)]
#[case(50, true)]
#[case(101, false)]
fn a_snapshot_that_is_young_enough_will_do(#[case] max_age: u64, #[case] wanted: bool) {
    let (mut connection, log) = scripted([Answer::stdout(description(SUM))]);
    let outcome = check_module("etcd-backup", json!({"max_age": max_age}), &mut connection).unwrap();
    assert_eq!(outcome.changed, wanted);
    assert_eq!(asked(&log).len(), usize::from(max_age > 0));
    if !wanted {
        assert_eq!(outcome.result["path"], "/var/backups/krun-etcd/etcd-snapshot-1-m1.db");
        assert_eq!(outcome.result["revision"], 7);
    }
}

#[test]
fn a_copy_that_is_not_what_the_node_has_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (mut connection, _) = scripted(saved("00").into_iter().chain([Answer::stdout("snapshot")]));
    let options = json!({"fetch_to": folder.path(), "dest": "/b"});
    let failure = run_module("etcd_backup", options, &mut connection).unwrap_err();
    assert!(failure.message.contains("checksums differ"), "{}", failure.message);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_copy_is_checked_and_kept_with_its_description() {
    let folder = tempfile::tempdir().unwrap();
    let (mut connection, log) = scripted(saved(SUM).into_iter().chain([Answer::stdout("snapshot")]));
    let options = json!({"fetch_to": folder.path(), "dest": "/b"});
    let outcome = run_module("etcd_backup", options.clone(), &mut connection).unwrap();
    assert!(outcome.changed);
    assert_eq!(asked(&log)[2], "download /b/etcd-snapshot-1-m1.db");
    assert_eq!(
        std::fs::read(folder.path().join("etcd-snapshot-1-m1.db")).unwrap(),
        b"snapshot"
    );
    assert!(folder.path().join("etcd-snapshot-1-m1.json").exists());

    // Once it is there, a look is enough.
    let mut options = options;
    options["max_age"] = json!(3600);
    let (mut connection, log) = scripted([Answer::stdout(description(SUM))]);
    assert!(!run_module("etcd_backup", options, &mut connection).unwrap().changed);
    assert_eq!(asked(&log).len(), 1);
}

#[test]
fn a_failed_save_says_why() {
    let (mut connection, _) = scripted([Answer::failure(1, "etcd at https://127.0.0.1:2379 is not healthy: …\n")]);
    let failure = run_module("etcd-backup", json!({}), &mut connection).unwrap_err();
    assert!(failure.message.contains("is not healthy"), "{}", failure.message);
}

#[rstest]
#[case(json!({"keep": 0}))]
#[case(json!({"endpoint": "https://a:2379,https://b:2379"}))]
#[case(json!({"dest": "backups"}))]
#[case(json!({"destination": "/b"}))]
fn wrong_options(#[case] options: Value) {
    assert!(crate::modules::find("etcd-backup").unwrap().validate(options).is_err());
}
