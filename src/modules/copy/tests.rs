use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rstest::rstest;
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::connection::scripted::Answer;
use crate::modules::testing::{Trial, asked, local_shell, run_module, scripted, shells};
use crate::modules::{Failure, FileFinder, Outcome};

fn copy(node: &mut dyn Connection, folder: &Path, options: Value) -> Result<Outcome, Failure> {
    let files = FileFinder {
        playbook_folder: folder.to_owned(),
        ..FileFinder::default()
    };
    Trial::new("copy", options).on(node).files(files).run()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_same_content_is_one_exchange_and_a_new_one_two() {
    let same = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
    let is = format!("umask=0022\npath=/f\nraw=81a4\nuid=0\ngid=0\nowner=root\ngroup=root\nsize=3\nchecksum={same}\n");
    let options = json!({"content": "foo", "dest": "/f", "mode": "0644"});
    let (mut node, log) = scripted([Answer::stdout(is)]);
    assert!(!run_module("copy", options.clone(), &mut node).unwrap().changed);
    assert_eq!(asked(&log), ["remote_file/query no sha256 102400  no /f"]);
    let (mut node, log) = scripted([Answer::stdout("umask=0077\npath=/f\n"), Answer::stdout("")]);
    assert_eq!(run_module("copy", options, &mut node).unwrap().changes, ["new file"]);
    let asked = asked(&log);
    assert!(asked[1].starts_with("remote_file/install /.f.krun-"), "{asked:?}");
    assert!(asked[1].contains(&format!(" /f {same} stdin 00644 ")), "{asked:?}");
    assert_eq!(log.lock().unwrap()[1].payload, b"foo");
}

#[rstest]
fn files(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let mut node = shells(shell);
    let folder = tempfile::tempdir().unwrap();
    let dest = folder.path().join("dest");
    fs::create_dir(&dest).unwrap();
    let file = dest.join("a b.conf");
    fs::write(folder.path().join("a b.conf"), "one\n").unwrap();
    let options = json!({"src": "a b.conf", "dest": dest, "mode": "0600", "backup": true});
    let outcome = copy(node.connection(), folder.path(), options.clone()).unwrap();
    assert_eq!((outcome.changes, mode(&file)), (vec!["new file".to_owned()], 0o600));
    fs::write(&file, "two\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let outcome = copy(node.connection(), folder.path(), options.clone()).unwrap();
    assert_eq!(outcome.changes, ["content", "mode"]);
    assert_eq!(
        (outcome.diff[0].before.as_str(), outcome.diff[0].after.as_str()),
        ("two\n", "one\n")
    );
    let backup = outcome.result["backup_file"].as_str().unwrap();
    assert_eq!(fs::read_to_string(backup).unwrap(), "two\n");
    assert_eq!(
        (fs::read_to_string(&file).unwrap().as_str(), mode(&file)),
        ("one\n", 0o600)
    );
    assert!(!copy(node.connection(), folder.path(), options).unwrap().changed);
    // Nothing is left of the ways there.
    assert_eq!(names(&dest).len(), 2, "{:?}", names(&dest));
    let options = json!({"src": file, "dest": folder.path().join("there"), "remote_src": true, "mode": "preserve"});
    assert!(copy(node.connection(), folder.path(), options.clone()).unwrap().changed);
    assert_eq!(mode(&folder.path().join("there")), 0o600);
    assert!(!copy(node.connection(), folder.path(), options).unwrap().changed);
}

#[rstest]
fn directories(#[values("dash", "busybox sh", "bash --posix")] shell: &str, #[values(false, true)] remote_src: bool) {
    let mut node = shells(shell);
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    fs::create_dir_all(tree.join("sub/empty")).unwrap();
    fs::write(tree.join("a"), "a").unwrap();
    fs::write(tree.join("sub/b c"), "b").unwrap();
    fs::set_permissions(tree.join("a"), fs::Permissions::from_mode(0o750)).unwrap();
    let dest = folder.path().join("x/y");
    let options = json!({
        "src": tree, "dest": dest, "mode": "preserve", "directory_mode": "0700", "remote_src": remote_src,
    });
    let outcome = copy(node.connection(), folder.path(), options.clone()).unwrap();
    assert!(outcome.changed);
    let copied = dest.join("tree");
    assert_eq!(names(&copied), ["a", "sub"]);
    assert_eq!(names(&copied.join("sub")), ["b c", "empty"]);
    assert_eq!((mode(&copied.join("a")), mode(&copied.join("sub"))), (0o750, 0o700));
    assert!(!copy(node.connection(), folder.path(), options).unwrap().changed);
    fs::write(copied.join("sub/b c"), "other").unwrap();
    let options = json!({"src": format!("{}/", tree.display()), "dest": copied, "remote_src": remote_src});
    let outcome = copy(node.connection(), folder.path(), options).unwrap();
    assert_eq!(
        outcome.changes,
        [format!("content {}", copied.join("sub/b c").display())]
    );
}

#[test]
fn large_files_are_streamed() {
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
    fs::write(folder.path().join("large"), &bytes).unwrap();
    let dest = folder.path().join("dest");
    let mut node = local_shell();
    copy(node.as_mut(), folder.path(), json!({"src": "large", "dest": dest})).unwrap();
    assert!(fs::read(&dest).unwrap() == bytes);
    let before = node.exchanges();
    assert!(
        !copy(node.as_mut(), folder.path(), json!({"src": "large", "dest": dest}))
            .unwrap()
            .changed
    );
    assert_eq!(node.exchanges() - before, 1);
}

#[test]
fn a_refused_file_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dest = folder.path().join("f");
    fs::write(&dest, "old").unwrap();
    let mut node = local_shell();
    let options = json!({"content": "new", "dest": dest, "validate": "grep -q old %s"});
    let failure = copy(node.as_mut(), folder.path(), options).unwrap_err();
    assert!(failure.message.contains("refused"), "{}", failure.message);
    assert_eq!(
        (fs::read_to_string(&dest).unwrap().as_str(), names(folder.path()).len()),
        ("old", 1)
    );
    let options = json!({"content": "new", "dest": folder.path().join("no/f")});
    assert!(
        copy(node.as_mut(), folder.path(), options)
            .unwrap_err()
            .message
            .contains("does not exist")
    );
    let options = json!({"content": "new", "dest": folder.path()});
    assert!(
        copy(node.as_mut(), folder.path(), options)
            .unwrap_err()
            .message
            .contains("is a directory")
    );
    let options = json!({"content": "new", "dest": dest, "force": false});
    assert!(!copy(node.as_mut(), folder.path(), options).unwrap().changed);
}

#[test]
fn wrong_options_are_found_before_the_run() {
    let copy = crate::modules::find("copy").unwrap();
    for wrong in [
        json!({"dest": "/a"}),
        json!({"dest": "/a", "src": "a", "content": "b"}),
        json!({"dest": "/a/", "content": "b"}),
        json!({"dest": "/a", "content": "b", "mode": "preserve"}),
        json!({"dest": "/a", "content": "b", "validate": "visudo -c"}),
    ] {
        assert!(copy.validate(wrong.clone()).is_err(), "{wrong}");
    }
}
