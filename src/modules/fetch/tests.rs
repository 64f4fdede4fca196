use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rstest::rstest;
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::connection::scripted::Answer;
use crate::modules::testing::{Trial, asked, local_shell, scripted, shells};
use crate::modules::{Failure, FileFinder, Outcome};

fn trial<'a>(node: &'a mut dyn Connection, folder: &Path, options: Value) -> Trial<'a> {
    let files = FileFinder {
        playbook_folder: folder.to_owned(),
        ..FileFinder::default()
    };
    Trial::new("fetch", options).on(node).files(files)
}

fn fetch(node: &mut dyn Connection, folder: &Path, options: Value) -> Result<Outcome, Failure> {
    trial(node, folder, options).run()
}

/// SHA-256 of `foo`.
const FOO: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

fn found() -> Answer {
    Answer::stdout(format!(
        "umask=0022\npath=/etc/f\nraw=81a4\nsize=3\nreadable=yes\nchecksum={FOO}\n"
    ))
}

#[test]
fn a_file_that_is_here_costs_one_exchange_and_a_new_one_two() {
    let folder = tempfile::tempdir().unwrap();
    let options = json!({"src": "/etc/f", "dest": "out"});
    let (mut node, log) = scripted([found(), Answer::stdout("foo")]);
    let outcome = fetch(&mut node, folder.path(), options.clone()).unwrap();
    let copy = folder.path().join("out/n1/etc/f");
    assert_eq!((outcome.changed, outcome.changes), (true, vec!["new file".to_owned()]));
    assert_eq!(outcome.result["dest"], copy.to_str().unwrap());
    assert_eq!(outcome.result["checksum"], "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33");
    assert_eq!(fs::read(&copy).unwrap(), b"foo");
    assert_eq!(
        asked(&log),
        ["remote_file/query no sha256 0  no /etc/f", "download /etc/f"]
    );

    let (mut node, log) = scripted([found()]);
    let outcome = fetch(&mut node, folder.path(), options.clone()).unwrap();
    assert!(!outcome.changed);
    assert_eq!(outcome.result["checksum"], "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33");
    assert_eq!(asked(&log).len(), 1);

    fs::write(&copy, "bar").unwrap();
    let (mut node, log) = scripted([found()]);
    let outcome = trial(&mut node, folder.path(), options).check_mode().run().unwrap();
    assert_eq!((outcome.changed, outcome.changes), (true, vec!["content".to_owned()]));
    assert_eq!(asked(&log).len(), 1);
    assert_eq!(fs::read(&copy).unwrap(), b"bar");
}

#[test]
fn what_arrives_damaged_does_not_replace_what_is_here() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("f");
    fs::write(&copy, "old").unwrap();
    let options = json!({"src": "/etc/f", "dest": "f", "flat": true});
    let (mut node, _) = scripted([found(), Answer::stdout("fo")]);
    let failure = fetch(&mut node, folder.path(), options.clone()).unwrap_err();
    assert!(failure.message.contains("checksums differ"), "{}", failure.message);
    assert_eq!(fs::read(&copy).unwrap(), b"old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let mut options = options;
    options["validate_checksum"] = false.into();
    let (mut node, _) = scripted([found(), Answer::stdout("fo")]);
    fetch(&mut node, folder.path(), options).unwrap();
    assert_eq!(fs::read(&copy).unwrap(), b"fo");
}

#[rstest]
fn real_files(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let mut node = shells(shell);
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("there");
    fs::create_dir(&there).unwrap();
    let large: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    fs::write(there.join("a b"), &large).unwrap();
    std::os::unix::fs::symlink("a b", there.join("link")).unwrap();
    let options = json!({"src": there.join("link"), "dest": "out/", "flat": true});
    assert!(
        fetch(node.connection(), folder.path(), options.clone())
            .unwrap()
            .changed
    );
    let copy = folder.path().join("out/link");
    assert!(fs::read(&copy).unwrap() == large);
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let before = node.connection().exchanges();
    assert!(
        !fetch(node.connection(), folder.path(), options.clone())
            .unwrap()
            .changed
    );
    assert_eq!(node.connection().exchanges() - before, 1);
    // A file that is replaced keeps its mode.
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&copy, "other").unwrap();
    assert!(fetch(node.connection(), folder.path(), options).unwrap().changed);
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(fs::read_dir(folder.path().join("out")).unwrap().count(), 1);
}

#[rstest]
#[case("no", "does not exist")]
#[case("folder", "is a directory")]
#[case("dangling", "is not readable")]
fn what_cannot_be_fetched(#[case] name: &str, #[case] why: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("dangling")).unwrap();
    let mut node = local_shell();
    let mut options = json!({"src": folder.path().join(name), "dest": "out"});
    let failure = fetch(node.as_mut(), folder.path(), options.clone()).unwrap_err();
    assert!(failure.message.contains(why), "{}", failure.message);
    options["fail_on_missing"] = false.into();
    let outcome = fetch(node.as_mut(), folder.path(), options).unwrap();
    assert!(!outcome.changed);
    assert!(outcome.result["msg"].as_str().unwrap().contains(why));
    assert!(!folder.path().join("out").exists());
}

#[test]
fn a_directory_here_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (mut node, _) = scripted([found()]);
    let options = json!({"src": "/etc/f", "dest": folder.path(), "flat": true});
    let failure = fetch(&mut node, folder.path(), options).unwrap_err();
    assert!(failure.help.unwrap().contains("end `dest` with `/`"));
}

#[test]
fn wrong_options_are_found_before_the_run() {
    let module = crate::modules::find("fetch").unwrap();
    let error = module.validate(json!({"src": "/etc/", "dest": "x"})).unwrap_err();
    assert_eq!(error.path, "src");
    let error = module.validate(json!({"src": "/etc/f", "dest": ""})).unwrap_err();
    assert_eq!(error.path, "dest");
}
