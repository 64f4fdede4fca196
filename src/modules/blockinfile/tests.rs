use std::fs;

use rstest::rstest;
use serde_json::{Value, json};

use super::BlockInFile;
use crate::modules::testing::{check_module, local_shell, run_module, shells};

const BLOCK: &str = "# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\n";

/// What ansible-core 2.19 does, but for what a case says of it. `@` stands for [`BLOCK`].
#[rstest]
#[case::added(json!({"block": "x"}), "a\n", "a\n@")]
#[case::there_already(json!({"block": "x\n"}), "a\n@b\n", "a\n@b\n")]
#[case::replaced(json!({"block": "x"}), "a\n# BEGIN ANSIBLE MANAGED BLOCK\ny\nz\n# END ANSIBLE MANAGED BLOCK\nb\n", "a\n@b\n")]
#[case::markers_the_wrong_way_round(json!({"block": "x"}), "# END ANSIBLE MANAGED BLOCK\ny\n# BEGIN ANSIBLE MANAGED BLOCK\n", "@")]
#[case::removed(json!({"state": "absent", "block": "x"}), "a\n@b\n", "a\nb\n")]
#[case::removed_without_lines(json!({}), "a\n@b\n", "a\nb\n")]
#[case::open_end(json!({"block": "x"}), "a", "a\n@")]
#[case::empty_file(json!({"block": "x"}), "", "@")]
#[case::top(json!({"block": "x", "insertbefore": "BOF"}), "a\n", "@a\n")]
#[case::after(json!({"block": "x", "insertafter": "^a"}), "a1\na2\nb\n", "a1\na2\n@b\n")]
#[case::after_nothing(json!({"block": "x", "insertafter": "^z"}), "a\n", "a\n@")]
#[case::before(json!({"block": "x", "insertbefore": "^a"}), "a1\na2\n", "a1\n@a2\n")]
#[case::several_lines(json!({"block": "x", "insertafter": "(?m)^a\\nb$"}), "a\nb\nc\n", "a\nb\n@c\n")]
#[case::before_several_lines(json!({"block": "x", "insertbefore": "(?m)^a\\nb$"}), "c\na\nb\n", "c\n@a\nb\n")]
#[case::empty_lines(
    json!({"block": "x", "insertafter": "^a", "prepend_newline": true, "append_newline": true}),
    "a\nb\n",
    "a\n\n@\nb\n"
)]
#[case::empty_lines_are_there(
    json!({"block": "x", "prepend_newline": true, "append_newline": true}),
    "a\n\n@\nb\n",
    "a\n\n@\nb\n"
)]
#[case::no_empty_lines_at_the_ends(json!({"block": "x", "prepend_newline": true, "append_newline": true}), "", "@")]
// Ansible adds a line break at the end of the file and reports a block removed.
#[case::nothing_to_remove(json!({"state": "absent"}), "a", "a")]
fn texts(#[case] mut options: Value, #[case] before: &str, #[case] after: &str) {
    options["path"] = "/f".into();
    let module: BlockInFile = serde_json::from_value(options).unwrap();
    let (before, after) = (before.replace('@', BLOCK), after.replace('@', BLOCK));
    let edit = |text: &str| String::from_utf8(module.block().unwrap().put_into(text.as_bytes())).unwrap();
    assert_eq!(edit(&before), after);
    // A second run finds nothing to do.
    assert_eq!(edit(&after), after);
}

#[rstest]
fn real_files(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let mut node = shells(shell);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hosts");
    fs::write(&file, "127.0.0.1 localhost\n").unwrap();
    let options = json!({
        "path": file, "marker": "# {mark} cluster", "marker_begin": "FROM", "marker_end": "TO", "block": "10.0.0.5 api",
    });
    let outcome = check_module("blockinfile", options.clone(), node.connection()).unwrap();
    assert_eq!(outcome.changes, ["Block inserted"]);
    let expected = "127.0.0.1 localhost\n# FROM cluster\n10.0.0.5 api\n# TO cluster\n";
    assert_eq!(outcome.diff[0].after, expected);
    assert_eq!(fs::read_to_string(&file).unwrap(), "127.0.0.1 localhost\n");
    run_module("blockinfile", options.clone(), node.connection()).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
    let before = node.connection().exchanges();
    assert!(
        !run_module("blockinfile", options.clone(), node.connection())
            .unwrap()
            .changed
    );
    assert_eq!(node.connection().exchanges() - before, 1);
    let mut options = options;
    options["state"] = "absent".into();
    let outcome = run_module("blockinfile", options, node.connection()).unwrap();
    assert_eq!(
        (outcome.changes, &outcome.result["msg"]),
        (vec!["Block removed".to_owned()], &json!("Block removed"))
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "127.0.0.1 localhost\n");
}

#[test]
fn missing_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sub/f");
    let mut node = local_shell();
    let mut run = |options| run_module("blockinfile", options, node.as_mut());
    let failure = run(json!({"path": file, "block": "x"})).unwrap_err();
    assert_eq!(failure.result["rc"], 257);
    assert!(!run(json!({"path": file, "state": "absent"})).unwrap().changed);
    assert!(!file.exists());
    let outcome = run(json!({"path": file, "block": "x", "create": true})).unwrap();
    assert_eq!(outcome.result["msg"], "File created");
    assert_eq!(fs::read_to_string(&file).unwrap(), BLOCK);
}

#[rstest]
#[case(json!({"insertafter": "a", "insertbefore": "b"}), "insertbefore")]
#[case(json!({"marker": "# mine"}), "marker")]
#[case(json!({"marker_begin": "END"}), "marker")]
#[case(json!({"marker": "a\n{mark}"}), "marker")]
#[case(json!({"insertafter": "a(?=b)"}), "insertafter")]
fn wrong_options_are_found_before_the_run(#[case] mut options: Value, #[case] option: &str) {
    options["path"] = "/f".into();
    let error = crate::modules::find("blockinfile")
        .unwrap()
        .validate(options)
        .unwrap_err();
    assert_eq!(error.path, option, "{}", error.message);
}
