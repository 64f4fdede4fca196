use rstest::rstest;
use serde_json::json;

use crate::connection::scripted::Answer;
use crate::modules::testing::{asked, check_module, run_module, scripted};

const SNAPSHOT: &str = "/var/backups/krun-etcd/s.db";

#[test]
fn check_mode_says_what_would_be_lost() {
    let found = "live_revision=90\nmembers=1\nmember=m1\nrevision=70\ntotal_keys=12\nsha256=00\n";
    let (mut connection, log) = scripted([Answer::stdout(found)]);
    let outcome = check_module("etcd-restore", json!({"snapshot": SNAPSHOT}), &mut connection).unwrap();
    assert_eq!(
        outcome.changes,
        [
            "etcd's data replaced by the snapshot (12 keys, revision 70)",
            "what was written up to revision 90 is lost"
        ]
    );
    let asked_for =
        format!("etcd-restore/plan /etc/kubernetes/manifests/etcd.yaml {SNAPSHOT} /var/lib/krun/etcd-restore");
    assert_eq!(asked(&log), [asked_for]);
}

#[rstest]
#[case(Answer::stdout("members=3\nrevision=7\n"), "etcd has 3 members")]
#[case(Answer::failure(1, "the snapshot s.db is damaged\n"), "is damaged")]
fn what_cannot_be_restored_is_refused_before_anything_is_changed(#[case] answer: Answer, #[case] message: &str) {
    let (mut connection, log) = scripted([answer]);
    let failure = run_module("etcd_restore", json!({"snapshot": SNAPSHOT}), &mut connection).unwrap_err();
    assert!(failure.message.contains(message), "{}", failure.message);
    assert_eq!(asked(&log).len(), 1);
}

#[test]
fn a_relative_path_is_refused() {
    let module = crate::modules::find("etcd-restore").unwrap();
    assert!(module.validate(json!({"snapshot": "s.db"})).is_err());
    assert!(module.validate(json!({})).is_err());
}
