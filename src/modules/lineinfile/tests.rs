use std::fs;
use std::os::unix::fs::PermissionsExt;

use rstest::rstest;
use serde_json::{Value, json};

use super::LineInFile;
use super::edit::remove_from;
use crate::connection::scripted::Answer;
use crate::modules::testing::{asked, check_module, local_shell, run_module, scripted, shells};

fn module(options: Value) -> LineInFile {
    serde_json::from_value(options).unwrap()
}

/// What ansible-core 2.19 does, but for what a case says of it.
#[rstest]
#[case::replaced(json!({"regexp": "^a=", "line": "a=2"}), "a=1\nb=1\n", "a=2\nb=1\n")]
#[case::last_match(json!({"regexp": "^a", "line": "x"}), "a1\na2\n", "a1\nx\n")]
#[case::first_match(json!({"regexp": "^a", "line": "x", "firstmatch": true}), "a1\na2\n", "x\na2\n")]
#[case::right_already(json!({"regexp": "^a=", "line": "a=1"}), "a=1\n", "a=1\n")]
#[case::added(json!({"line": "b"}), "a\n", "a\nb\n")]
#[case::there_already(json!({"line": "a"}), "a\nb\n", "a\nb\n")]
#[case::open_end(json!({"line": "b"}), "a", "a\nb\n")]
#[case::open_end_of_the_line_itself(json!({"line": "a"}), "a", "a\n")]
#[case::empty_file(json!({"line": "a"}), "", "a\n")]
#[case::carriage_returns(json!({"line": "b"}), "b\r\n", "b\n")]
#[case::top(json!({"line": "x", "insertbefore": "BOF"}), "a\n", "x\na\n")]
#[case::after(json!({"line": "x", "insertafter": "^a"}), "a1\na2\nb\n", "a1\na2\nx\nb\n")]
#[case::after_the_first(json!({"line": "x", "insertafter": "^a", "firstmatch": true}), "a1\na2\n", "a1\nx\na2\n")]
#[case::there_behind_the_first(json!({"line": "x", "insertafter": "^a", "firstmatch": true}), "a\nx\n", "a\nx\n")]
#[case::after_nothing(json!({"line": "x", "insertafter": "^z"}), "a\n", "a\nx\n")]
#[case::before(json!({"line": "x", "insertbefore": "^b"}), "a\nb\n", "a\nx\nb\n")]
#[case::before_nothing(json!({"line": "x", "insertbefore": "^z"}), "a\n", "a\nx\n")]
#[case::the_match_counts_more(json!({"regexp": "^b", "line": "x", "insertafter": "^a"}), "a\nb\n", "a\nx\n")]
#[case::the_line_counts_without_a_match(json!({"regexp": "^z", "line": "b"}), "b\na\n", "b\na\n")]
#[case::text(json!({"search_string": "a.b", "line": "x"}), "axb\na.b\n", "axb\nx\n")]
#[case::groups(
    json!({"regexp": "^([^#].*\\sswap\\s.*)$", "line": "# \\1", "backrefs": true}),
    "/dev/a swap swap 0\n",
    "# /dev/a swap swap 0\n"
)]
#[case::named_groups(json!({"regexp": "(?P<k>\\w)=1", "line": "\\g<k>=2", "backrefs": true}), "a=1\n", "a=2\n")]
#[case::groups_without_a_match(json!({"regexp": "^z(.)", "line": "\\1", "backrefs": true}), "a\n", "a\n")]
#[case::no_groups_wanted(json!({"regexp": "^(a)", "line": "\\1"}), "a\n", "\\1\n")]
// Ansible adds the line without a line break before it.
#[case::after_an_open_end(json!({"line": "x", "insertafter": "^a"}), "b\na", "b\na\nx\n")]
// Ansible adds `x` and an empty line, in every run.
#[case::literal_block(json!({"line": "x\n"}), "x\n", "x\n")]
fn present(#[case] mut options: Value, #[case] before: &str, #[case] after: &str) {
    options["path"] = "/f".into();
    let wanted = module(options).wanted().unwrap();
    let edit = |text: &str| {
        wanted
            .put_into(text.as_bytes())
            .map(|(text, _)| String::from_utf8(text).unwrap())
    };
    assert_eq!(edit(before).as_deref().unwrap_or(before), after);
    if before == after {
        assert_eq!(edit(before), None);
    }
}

#[rstest]
#[case(json!({"line": "a"}), "a\nab\na\r\n", "ab\n", 2)]
#[case(json!({"regexp": "^a"}), "a\nab\nb\n", "b\n", 2)]
#[case(json!({"search_string": "."}), "a.b\nab", "ab", 1)]
#[case(json!({"regexp": "^z"}), "a", "a", 0)]
fn absent(#[case] mut options: Value, #[case] before: &str, #[case] after: &str, #[case] count: usize) {
    options["path"] = "/f".into();
    options["state"] = "absent".into();
    let module = module(options);
    let (text, found) = remove_from(before.as_bytes(), &module.sought().unwrap(), module.line().as_bytes());
    assert_eq!((String::from_utf8(text).unwrap().as_str(), found), (after, count));
}

/// A file with the line `a=1`.
fn one_line(sha256: &str) -> Answer {
    Answer::stdout(format!(
        "umask=0022\npath=/f\nraw=81a4\nuid=0\ngid=0\nowner=root\ngroup=root\nsize=4\nchecksum={sha256}\n\na=1\n"
    ))
}

/// SHA-256 of `a=1` and a line break.
const SUM: &str = "fe3209d6d4f51935b391288a43df48d9ddece1a992597ae53387ca16611a9179";

#[test]
fn a_line_that_is_there_costs_one_exchange_and_a_new_one_two() {
    let (mut node, log) = scripted([one_line(SUM)]);
    let options = json!({"path": "/f", "regexp": "^a=", "line": "a=1", "mode": "0644"});
    let outcome = run_module("lineinfile", options, &mut node).unwrap();
    assert!(!outcome.changed);
    assert_eq!(
        (&outcome.result["msg"], &outcome.result["backup"]),
        (&json!(""), &json!(""))
    );
    assert_eq!(asked(&log), ["remote_file/query yes sha256 1048576  no /f"]);

    let (mut node, log) = scripted([one_line(SUM), Answer::stdout("backup=/f.1.2~\n")]);
    let options = json!({"path": "/f", "regexp": "^a=", "line": "a=2", "backup": true});
    let outcome = run_module("lineinfile", options, &mut node).unwrap();
    assert_eq!(outcome.changes, ["line replaced"]);
    assert_eq!(outcome.result["backup"], "/f.1.2~");
    assert_eq!(
        (outcome.diff[0].before.as_str(), outcome.diff[0].after.as_str()),
        ("a=1\n", "a=2\n")
    );
    let asked = asked(&log);
    assert_eq!(asked.len(), 2);
    assert!(asked[1].contains(" stdin 00644 0 0 yes"), "{asked:?}");
    assert_eq!(log.lock().unwrap()[1].payload, b"a=2\n");
}

#[test]
fn check_mode_says_what_would_change() {
    let (mut node, log) = scripted([one_line(SUM)]);
    let options = json!({"path": "/f", "line": "b", "mode": "0600"});
    let outcome = check_module("lineinfile", options, &mut node).unwrap();
    assert_eq!(outcome.changes, ["line added", "mode"]);
    let message = "line added and ownership, perms or SE linux context changed";
    assert_eq!(outcome.result["msg"], message);
    assert_eq!(outcome.diff[0].after, "a=1\nb\n");
    assert_eq!(asked(&log).len(), 1);
}

#[test]
fn a_content_that_does_not_fit_its_checksum_is_not_edited() {
    let (mut node, log) = scripted([one_line("0")]);
    let failure = run_module("lineinfile", json!({"path": "/f", "line": "b"}), &mut node).unwrap_err();
    assert!(
        failure.message.contains("changed while it was read"),
        "{}",
        failure.message
    );
    assert_eq!(asked(&log).len(), 1);
}

#[rstest]
fn real_files(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let mut node = shells(shell);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a b.conf");
    let link = folder.path().join("link");
    // Bytes that are no text stay as they are.
    fs::write(&file, b"caf\xe9\na=1").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let options = json!({"path": link, "regexp": "^a=", "line": "a=2", "backup": true});
    let outcome = run_module("lineinfile", options.clone(), node.connection()).unwrap();
    assert_eq!(outcome.changes, ["line replaced"]);
    assert_eq!(fs::read(&file).unwrap(), b"caf\xe9\na=2\n");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let backup = outcome.result["backup"].as_str().unwrap();
    assert_eq!(fs::read(backup).unwrap(), b"caf\xe9\na=1");
    assert!(!run_module("lineinfile", options, node.connection()).unwrap().changed);
    let options = json!({"path": file, "line": "a=2", "validate": "grep -q a=1 %s", "state": "absent"});
    let failure = run_module("lineinfile", options, node.connection()).unwrap_err();
    assert!(failure.message.contains("refused"), "{}", failure.message);
    let new = folder.path().join("sub/new");
    let options = json!({"path": new, "line": "a", "create": true, "mode": "0600"});
    let outcome = run_module("lineinfile", options.clone(), node.connection()).unwrap();
    assert_eq!(
        (outcome.changes, &outcome.result["msg"]),
        (vec!["new file".to_owned()], &json!("line added"))
    );
    assert_eq!(fs::read_to_string(&new).unwrap(), "a\n");
    assert!(!run_module("lineinfile", options, node.connection()).unwrap().changed);
    let options = json!({"path": new, "regexp": "^a", "state": "absent"});
    let outcome = run_module("lineinfile", options, node.connection()).unwrap();
    assert_eq!(
        (outcome.changes, &outcome.result["found"]),
        (vec!["1 line(s) removed".to_owned()], &json!(1))
    );
    assert_eq!(fs::read_to_string(&new).unwrap(), "");
}

#[test]
fn large_files_are_edited_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large");
    fs::write(&file, "0123456789\n".repeat(200_000) + "a=1\n").unwrap();
    let mut node = local_shell();
    let options = json!({"path": file, "regexp": "^a=", "line": "a=2"});
    assert!(run_module("lineinfile", options, node.as_mut()).unwrap().changed);
    assert!(fs::read_to_string(&file).unwrap().ends_with("\n0123456789\na=2\n"));
}

#[test]
fn what_is_no_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no");
    let mut node = local_shell();
    let mut run = |options| run_module("lineinfile", options, node.as_mut());
    let failure = run(json!({"path": missing, "line": "a"})).unwrap_err();
    assert_eq!(failure.result["rc"], 257);
    let failure = run(json!({"path": folder.path(), "line": "a"})).unwrap_err();
    assert_eq!(failure.result["rc"], 256);
    let outcome = run(json!({"path": missing, "line": "a", "state": "absent"})).unwrap();
    assert_eq!(
        (outcome.changed, &outcome.result["msg"]),
        (false, &json!("file not present"))
    );
    let options = json!({"path": missing, "regexp": "(a)", "line": "\\1", "backrefs": true, "create": true});
    assert!(!run(options).unwrap().changed);
    assert!(!missing.exists());
}

#[rstest]
#[case(json!({}), "line")]
#[case(json!({"state": "absent"}), "line")]
#[case(json!({"line": "a", "regexp": "b", "search_string": "c"}), "search_string")]
#[case(json!({"line": "a", "insertafter": "b", "insertbefore": "c"}), "insertbefore")]
#[case(json!({"line": "a", "backrefs": true}), "backrefs")]
#[case(json!({"line": "a", "regexp": ""}), "regexp")]
#[case(json!({"line": "a", "regexp": "^a(?!b)"}), "regexp")]
#[case(json!({"line": "a", "insertafter": "(?<=a)b"}), "insertafter")]
#[case(json!({"line": "\\2", "regexp": "(a)", "backrefs": true}), "line")]
#[case(json!({"line": "a", "mode": "preserve"}), "mode")]
#[case(json!({"line": "a", "validate": "visudo -c"}), "validate")]
fn wrong_options_are_found_before_the_run(#[case] mut options: Value, #[case] option: &str) {
    options["path"] = "/f".into();
    let error = crate::modules::find("lineinfile")
        .unwrap()
        .validate(options)
        .unwrap_err();
    assert_eq!(error.path, option, "{}", error.message);
}
