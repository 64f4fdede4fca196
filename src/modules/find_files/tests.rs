use std::time::{Duration, SystemTime};

use rstest::rstest;
use serde_json::{Value, json};

use crate::modules::testing::{ShellNode, check_module, shells};

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(path("sub/deep")).unwrap();
    for name in [
        "a.db",
        "b c.db",
        ".hidden.db",
        "x.txt",
        "sub/d.db",
        "sub/deep/e.db",
        "new\nline.db",
    ] {
        std::fs::write(path(name), name).unwrap();
    }
    std::os::unix::fs::symlink("a.db", path("link.db")).unwrap();
    let old = std::fs::File::options().write(true).open(path("a.db")).unwrap();
    old.set_modified(SystemTime::now() - Duration::from_secs(7200)).unwrap();
    folder
}

fn find(node: &mut ShellNode, folder: &tempfile::TempDir, more: &Value) -> Vec<String> {
    let mut options = json!({"paths": [folder.path()]});
    for (name, value) in more.as_object().unwrap() {
        options[name] = value.clone();
    }
    let outcome = check_module("ansible.builtin.find", options, node.connection()).unwrap();
    assert!(!outcome.changed && outcome.warnings.is_empty());
    let files = outcome.result["files"].as_array().unwrap();
    assert_eq!(outcome.result["matched"], files.len());
    let start = folder.path().to_str().unwrap().len() + 1;
    let mut names: Vec<String> = files
        .iter()
        .map(|file| file["path"].as_str().unwrap()[start..].to_owned())
        .collect();
    names.sort();
    names
}

#[rstest]
fn by_name_and_kind(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let mut node = shells(shell);
    let folder = folder();
    let mut find = |more: Value| find(&mut node, &folder, &more);
    assert_eq!(find(json!({"patterns": "*.db"})), ["a.db", "b c.db", "new\nline.db"]);
    assert_eq!(find(json!({"patterns": "*.txt,a.*"})), ["a.db", "x.txt"]);
    assert_eq!(find(json!({"patterns": "*.db", "excludes": "[b-z]*"})), ["a.db"]);
    assert_eq!(find(json!({"patterns": [".*"], "hidden": true})), [".hidden.db"]);
    assert_eq!(
        find(json!({"patterns": ["^[ax]\\."], "use_regex": true})),
        ["a.db", "x.txt"]
    );
    assert_eq!(find(json!({"file_type": "directory"})), ["sub"]);
    assert_eq!(find(json!({"file_type": "link"})), ["link.db"]);
    let recursive = json!({"patterns": "?.db", "recurse": true});
    assert_eq!(find(recursive), ["a.db", "sub/d.db", "sub/deep/e.db"]);
    let less_deep = json!({"patterns": "?.db", "recurse": true, "depth": 2});
    assert_eq!(find(less_deep), ["a.db", "sub/d.db"]);
    assert_eq!(find(json!({"file_type": "any", "recurse": true})).len(), 9);
    assert_eq!(find(json!({"limit": 2})).len(), 2);
}

#[rstest]
fn by_age_size_and_mode(#[values("dash", "busybox sh")] shell: &str) {
    let mut node = shells(shell);
    let folder = folder();
    let mut find = |more: Value| find(&mut node, &folder, &more);
    assert_eq!(find(json!({"age": "1h"})), ["a.db"]);
    assert!(!find(json!({"age": "-1h"})).contains(&"a.db".to_owned()));
    assert_eq!(find(json!({"size": "6"})), ["b c.db", "new\nline.db"]);
    assert_eq!(find(json!({"size": "-5b"})), ["a.db", "x.txt"]);
    assert!(find(json!({"mode": "0002"})).is_empty());
    assert!(find(json!({"mode": "0400", "exact_mode": false})).contains(&"a.db".to_owned()));
}

#[rstest]
fn what_is_found_is_described(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let mut node = shells(shell);
    let folder = folder();
    let options = json!({
        "paths": [folder.path(), "/nowhere"], "patterns": "a.db", "get_checksum": true, "checksum_algorithm": "md5",
    });
    let outcome = check_module("find", options, node.connection()).unwrap();
    let file = &outcome.result["files"][0];
    assert_eq!(file["checksum"], "7070ae8cf375f440f14e8224091c34f4");
    assert_eq!(
        (&file["size"], &file["isreg"], &file["nlink"]),
        (&json!(4), &json!(true), &json!(1))
    );
    assert_eq!(
        outcome.result["skipped_paths"]["/nowhere"],
        "'/nowhere' is not a directory"
    );
    assert_eq!(outcome.warnings.len(), 1);
    assert_eq!(
        outcome.result["msg"],
        "Not all paths examined, check warnings for details"
    );
}

#[test]
fn mistakes_are_found_before_the_run() {
    let module = crate::modules::find("find").unwrap();
    for options in [
        json!({"paths": []}),
        json!({"paths": "/x", "age": "old"}),
        json!({"paths": "/x", "size": "1x"}),
        json!({"paths": "/x", "patterns": "(", "use_regex": true}),
        json!({"paths": "/x", "limit": 0}),
        json!({"paths": "/x", "contains": "x"}),
        json!({"paths": "/x", "follow": true}),
    ] {
        assert!(module.validate(options.clone()).is_err(), "{options}");
    }
}
