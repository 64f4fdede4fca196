use rstest::rstest;
use serde_json::{Value, json};

use crate::modules::testing::{check_module, run_module, shells};

#[rstest]
fn keys_come_and_go(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let mut node = shells(shell);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("known");
    let read = || std::fs::read_to_string(&path).unwrap();
    let mut run = |mut options: Value| {
        options["path"] = json!(path);
        run_module("ansible.builtin.known_hosts", options, node.connection())
            .unwrap()
            .changed
    };
    let first = json!({"name": "A", "key": "a ssh-rsa AAA\n"});
    assert!(run(first.clone()));
    assert!(!run(first));
    assert!(run(json!({"name": "b", "key": "b ssh-rsa BBB"})));
    assert!(run(json!({"name": "a", "key": "a ssh-rsa ZZZ"})));
    assert_eq!(read(), "b ssh-rsa BBB\na ssh-rsa ZZZ\n");
    assert!(run(json!({"name": "a", "key": "a ssh-ed25519 EEE", "hash_host": true})));
    assert!(!run(
        json!({"name": "a", "key": "a ssh-ed25519 EEE", "hash_host": true})
    ));
    assert!(read().contains("\n|1|"));
    assert!(!run(json!({"name": "c", "state": "absent"})));
    assert!(run(json!({"name": "a", "state": "absent"})));
    assert_eq!(read(), "b ssh-rsa BBB\n");
    assert!(run(json!({"name": "b", "key": "b ssh-rsa BBB", "state": "absent"})));
    assert_eq!(read(), "");
}

#[test]
fn check_mode_shows_the_file_and_changes_nothing() {
    let mut node = shells("dash");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("known");
    let options = json!({"name": "a", "key": "a ssh-rsa AAA", "path": path});
    let outcome = check_module("known_hosts", options, node.connection()).unwrap();
    assert!(outcome.changed && !path.exists());
    assert_eq!(outcome.diff[0].after, "a ssh-rsa AAA\n");
}

#[test]
fn mistakes_are_found_before_the_run() {
    let module = crate::modules::find("known-hosts").unwrap();
    for options in [
        json!({"name": "a"}),
        json!({"name": "a,b", "key": "a,b ssh-rsa AAA"}),
        json!({"name": "a", "key": "b ssh-rsa AAA"}),
        json!({"name": "a", "key": "ssh-rsa AAA"}),
        json!({"name": "a", "key": "a ssh-rsa AAA\nb ssh-rsa AAA"}),
    ] {
        assert!(module.validate(options.clone()).is_err(), "{options}");
    }
}
