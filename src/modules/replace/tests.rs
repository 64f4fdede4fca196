use std::fs;

use rstest::rstest;
use serde_json::{Value, json};

use super::Replace;
use super::edit::Edited;
use crate::modules::testing::{check_module, local_shell, run_module, shells};

/// What ansible-core 2.19 does.
#[rstest]
#[case::all(json!({"regexp": "a", "replace": "b"}), "aXa\n", "bXb\n", 2)]
#[case::removed(json!({"regexp": "^#.*\\n"}), "# x\na\n", "a\n", 1)]
#[case::every_line(json!({"regexp": "^(\\w+)$", "replace": "[\\1]"}), "a\nb\n", "[a]\n[b]\n", 2)]
#[case::named(json!({"regexp": "(?P<k>\\w+)=1", "replace": "\\g<k>=2"}), "a=1\n", "a=2\n", 1)]
#[case::across_lines(json!({"regexp": "a\\nb", "replace": "c"}), "a\nb\n", "c\n", 1)]
#[case::after(json!({"regexp": "x", "replace": "y", "after": "^a"}), "a\nx\nx\n", "a\ny\ny\n", 2)]
#[case::before(json!({"regexp": "x", "replace": "y", "before": "b"}), "x\nb\nx\n", "y\nb\nx\n", 1)]
#[case::before_the_last(json!({"regexp": "x", "replace": "y", "before": "b"}), "x\nb\nx\nb\nx\n", "y\nb\ny\nb\nx\n", 2)]
#[case::between(json!({"regexp": "x", "replace": "y", "after": "a", "before": "b"}), "x\na\nx\nb\nx\nb\n", "x\na\ny\nb\nx\nb\n", 1)]
#[case::the_piece_begins_a_line(json!({"regexp": "^x", "replace": "y", "after": "a="}), "a=x\n", "a=y\n", 1)]
fn texts(#[case] mut options: Value, #[case] before: &str, #[case] after: &str, #[case] count: usize) {
    options["path"] = "/f".into();
    let module: Replace = serde_json::from_value(options).unwrap();
    let edited = module.edit().unwrap().apply(before.as_bytes());
    assert_eq!(edited, Edited::Replaced(after.as_bytes().to_vec(), count));
}

#[rstest]
#[case(json!({"regexp": "z", "replace": "y"}), &Edited::Same)]
#[case(json!({"regexp": "a", "replace": "a"}), &Edited::Same)]
#[case(json!({"regexp": "a", "after": "z"}), &Edited::NoPiece)]
fn unchanged_texts(#[case] mut options: Value, #[case] expected: &Edited) {
    options["path"] = "/f".into();
    let module: Replace = serde_json::from_value(options).unwrap();
    assert_eq!(&module.edit().unwrap().apply(b"a\n"), expected);
}

#[rstest]
fn real_files(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let mut node = shells(shell);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fstab");
    fs::write(&file, "/dev/a / ext4\n/dev/b none swap sw\n").unwrap();
    let options = json!({"path": file, "regexp": r"^([^#\n]+\sswap\s)", "replace": r"# \1", "backup": true});
    let outcome = check_module("replace", options.clone(), node.connection()).unwrap();
    assert_eq!(outcome.changes, ["1 replacements made"]);
    assert_eq!(outcome.diff[0].after, "/dev/a / ext4\n# /dev/b none swap sw\n");
    let outcome = run_module("replace", options.clone(), node.connection()).unwrap();
    assert_eq!(outcome.result["msg"], "1 replacements made");
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        "/dev/a / ext4\n# /dev/b none swap sw\n"
    );
    let backup = outcome.result["backup_file"].as_str().unwrap();
    assert_eq!(
        fs::read_to_string(backup).unwrap(),
        "/dev/a / ext4\n/dev/b none swap sw\n"
    );
    let before = node.connection().exchanges();
    assert!(!run_module("replace", options, node.connection()).unwrap().changed);
    assert_eq!(node.connection().exchanges() - before, 1);
}

#[test]
fn encodings() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    fs::write(&file, b"caf\xe9 1\n").unwrap();
    let mut node = local_shell();
    let mut run = |options: Value| run_module("replace", options, node.as_mut());
    let failure = run(json!({"path": file, "regexp": "1"})).unwrap_err();
    assert!(failure.help.unwrap().contains("latin-1"), "{}", failure.message);
    run(json!({"path": file, "regexp": r"(\w+) 1", "replace": "\\1 \u{e8}", "encoding": "latin-1"})).unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"caf\xe9 \xe8\n");
    let failure = run(json!({"path": file, "regexp": "c", "replace": "\u{20ac}", "encoding": "latin-1"})).unwrap_err();
    assert!(failure.message.contains('\u{20ac}'), "{}", failure.message);
    assert_eq!(fs::read(&file).unwrap(), b"caf\xe9 \xe8\n");
}

#[test]
fn what_does_not_fit_the_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    let mut node = local_shell();
    let mut run = |options: Value| run_module("replace", options, node.as_mut());
    let failure = run(json!({"path": file, "regexp": "a"})).unwrap_err();
    assert_eq!(failure.result["rc"], 257);
    fs::write(&file, "a\n").unwrap();
    let outcome = run(json!({"path": file, "regexp": "a", "after": "z", "mode": "0600"})).unwrap();
    assert!(!outcome.changed);
    let message = outcome.result["msg"].as_str().unwrap();
    assert!(
        message.ends_with("did not match the given file: z(?P<subsection>.*)"),
        "{message}"
    );
}

#[rstest]
#[case(json!({"regexp": "a(?=b)"}), "regexp")]
#[case(json!({"regexp": "(a)", "replace": "\\2"}), "replace")]
#[case(json!({"regexp": "a", "after": "(?<!a)b"}), "after")]
#[case(json!({"regexp": "a", "before": "["}), "before")]
#[case(json!({"regexp": "a", "encoding": "utf-16"}), "encoding")]
fn wrong_options_are_found_before_the_run(#[case] mut options: Value, #[case] option: &str) {
    options["path"] = "/f".into();
    let error = crate::modules::find("replace").unwrap().validate(options).unwrap_err();
    assert_eq!(error.path, option, "{}", error.message);
}
