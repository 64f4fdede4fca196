use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use rstest::rstest;
use serde_json::{Value, json};

use crate::connection::scripted::Answer;
use crate::modules::testing::{ShellNode, asked, check_module, run_module, scripted, shells};

struct Bench {
    node: ShellNode,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(shell: &str) -> Self {
        Self {
            node: shells(shell),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn mode(&self, name: &str) -> u32 {
        fs::symlink_metadata(self.path(name)).unwrap().permissions().mode() & 0o7777
    }

    /// Check mode says what it would do and does nothing; then it is done; the second time there is nothing to do.
    fn settles(&mut self, options: &Value) -> Vec<String> {
        let foreseen = check_module("file", options.clone(), self.node.connection()).unwrap();
        let done = run_module("file", options.clone(), self.node.connection()).unwrap();
        assert_eq!((foreseen.changed, &foreseen.changes), (done.changed, &done.changes));
        let again = run_module("file", options.clone(), self.node.connection()).unwrap();
        assert!(!again.changed, "{options}: {:?}", again.changes);
        done.changes
    }

    fn fails(&mut self, options: Value) -> String {
        run_module("file", options, self.node.connection()).unwrap_err().message
    }
}

#[test]
fn one_exchange_when_all_is_well_and_two_for_a_change() {
    let is = "umask=0022\npath=/d\nraw=41c0\nuid=0\ngid=0\nowner=root\ngroup=root\ndirectory=yes\n";
    let options = json!({"path": "/d", "state": "directory", "mode": "0700", "owner": "root"});
    let (mut node, log) = scripted([Answer::stdout(is)]);
    assert!(!run_module("file", options.clone(), &mut node).unwrap().changed);
    assert_eq!(asked(&log), ["remote_file/query yes  0  no /d"]);
    let (mut node, log) = scripted([Answer::stdout("umask=0022\npath=/d\n"), Answer::stdout("")]);
    assert_eq!(
        run_module("file", options, &mut node).unwrap().changes,
        ["new directory"]
    );
    assert_eq!(asked(&log)[1], "file/make directory /d  root  00700");
}

#[rstest]
fn directories(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let mut bench = Bench::new(shell);
    let options = json!({"path": bench.path("a/b c/d"), "state": "directory", "mode": "u=rwx,go="});
    assert_eq!(bench.settles(&options), ["new directory"]);
    assert_eq!((bench.mode("a"), bench.mode("a/b c/d")), (0o700, 0o700));
    fs::write(bench.path("a/file"), "").unwrap();
    symlink("/etc/passwd", bench.path("a/link")).unwrap();
    let options = json!({"path": bench.path("a"), "recurse": true, "mode": "u=rwX,g=rX,o="});
    assert_eq!(bench.settles(&options), ["mode"]);
    assert_eq!((bench.mode("a/file"), bench.mode("a/b c")), (0o640, 0o750));
    assert!(
        bench
            .fails(json!({"path": bench.path("a/file"), "state": "directory"}))
            .contains("no directory")
    );
    assert_eq!(
        bench.settles(&json!({"path": bench.path("a"), "state": "absent"})),
        ["removed"]
    );
    assert!(!fs::exists(bench.path("a")).unwrap());
}

#[rstest]
fn links(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let mut bench = Bench::new(shell);
    fs::write(bench.path("target"), "").unwrap();
    let link = |bench: &Bench, src: &str| json!({"path": bench.path("link"), "src": src, "state": "link"});
    assert_eq!(bench.settles(&link(&bench, "target")), ["new link"]);
    assert!(bench.fails(link(&bench, "nowhere")).contains("does not exist"));
    let changes = bench.settles(&json!({"path": bench.path("link"), "src": "new", "state": "link", "force": true}));
    assert_eq!(changes, ["link target → new"]);
    fs::write(bench.path("file"), "").unwrap();
    let options = json!({"path": bench.path("file"), "src": "target", "state": "link"});
    assert!(bench.fails(options).contains("no link"));
    let options = json!({"path": bench.path("hard"), "src": bench.path("target"), "state": "hard"});
    assert_eq!(bench.settles(&options), ["new hard link"]);
    assert_eq!(fs::metadata(bench.path("target")).unwrap().nlink(), 2);
}

#[rstest]
fn touched_files(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let mut bench = Bench::new(shell);
    let mut options = json!({"path": bench.path("f"), "state": "touch", "mode": "0600"});
    options["access_time"] = json!("preserve");
    options["modification_time"] = json!("preserve");
    assert_eq!(bench.settles(&options), ["new file"]);
    assert_eq!(bench.mode("f"), 0o600);
    let options = json!({"path": bench.path("f"), "state": "touch"});
    assert_eq!(
        run_module("file", options, bench.node.connection()).unwrap().changes,
        ["times"]
    );
    assert_eq!(
        bench.settles(&json!({"path": bench.path("f"), "mode": "0644"})),
        ["mode"]
    );
    assert!(
        bench
            .fails(json!({"path": bench.path("g"), "state": "file"}))
            .contains("does not exist")
    );
}

#[test]
fn wrong_options_are_found_before_the_run() {
    let file = crate::modules::find("file").unwrap();
    for wrong in [
        json!({"path": "/a", "state": "link"}),
        json!({"path": "/a", "src": "/b"}),
        json!({"path": "/a", "state": "file", "recurse": true}),
        json!({"path": "/", "state": "absent"}),
        json!({"path": "/a", "state": "gone"}),
        json!({"path": "/a", "mode": 644}),
    ] {
        assert!(file.validate(wrong.clone()).is_err(), "{wrong}");
    }
}
