use rstest::rstest;
use serde_json::{Value, json};

use crate::modules::testing::{check_module, run_module, shells};

const SHELLS: [&str; 3] = ["dash", "busybox sh", "bash --posix"];

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        files.shell(
            "mkdir -p in/sub && echo a >'in/-a = b' && echo b >in/sub/b && echo c >in/sub/c.log && ln -s b in/sub/link",
        );
        files
    }

    fn shell(&self, text: &str) -> String {
        let output = std::process::Command::new("bash")
            .args(["-ec", text])
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{text}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn options(&self, options: &Value) -> Value {
        serde_json::from_str(&options.to_string().replace("DIR", &self.path(""))).unwrap()
    }
}

#[rstest]
#[case("gz", "tar -tzf")]
#[case("bz2", "tar -tjf")]
#[case("xz", "tar -tJf")]
#[case("tar", "tar -tf")]
#[case("zip", "unzip -Z1")]
fn a_directory_is_packed_once(#[case] format: &str, #[case] list: &str) {
    for shell in SHELLS {
        let files = Files::new();
        let mut node = shells(shell);
        let dest = files.path("x");
        let options = json!({"path": files.path("in"), "dest": dest, "format": format, "mode": "0600"});
        assert!(
            check_module("archive", options.clone(), node.connection())
                .unwrap()
                .changed
        );
        assert!(!std::path::Path::new(&dest).exists());
        let mut run = || run_module("community.general.archive", options.clone(), node.connection()).unwrap();
        let outcome = run();
        assert_eq!(outcome.result["state"], "archive");
        assert_eq!(outcome.result["arcroot"], files.path(""));
        assert_eq!(
            files.shell(&format!("{list} x | sed 's:/$::' | sort")),
            "in\nin/-a = b\nin/sub\nin/sub/b\nin/sub/c.log\nin/sub/link\n",
        );
        let again = run();
        assert!(!again.changed, "{shell}: {:?}", again.changes);
        files.shell("echo d >in/sub/b");
        assert!(run().changed);
        files.shell("echo d >in/new");
        assert!(run().changed);
        assert!(!run().changed);
        files.shell("chmod 644 x");
        assert!(run().changed);
        assert_eq!(files.shell("stat -c %a x"), "600\n");
        assert_eq!(files.shell("ls -A"), "in\nx\n");
    }
}

#[rstest]
fn a_single_file_is_compressed(#[values("dash", "busybox sh")] shell: &str) {
    let files = Files::new();
    let mut node = shells(shell);
    let options = json!({"path": files.path("in/sub/b")});
    let outcome = run_module("archive", options.clone(), node.connection()).unwrap();
    assert_eq!(outcome.result["state"], "compress");
    assert_eq!(outcome.result["dest"], files.path("in/sub/b.gz"));
    assert_eq!(files.shell("zcat in/sub/b.gz"), "b\n");
    assert!(!run_module("archive", options, node.connection()).unwrap().changed);
    let packed = json!({"path": files.path("in/sub/b"), "dest": files.path("b.tgz"), "force_archive": true});
    run_module("archive", packed.clone(), node.connection()).unwrap();
    assert_eq!(files.shell("tar -tzf b.tgz"), "b\n");
    assert!(!run_module("archive", packed, node.connection()).unwrap().changed);
    let zipped = json!({"path": files.path("in/sub/b"), "dest": files.path("b.zip"), "format": "zip"});
    run_module("archive", zipped.clone(), node.connection()).unwrap();
    assert_eq!(files.shell("unzip -Z1 b.zip"), "b\n");
    assert!(!run_module("archive", zipped, node.connection()).unwrap().changed);
}

#[rstest]
#[case(json!({"path": ["DIRin/sub/b", "DIRin/-a*"]}), "-a = b\nsub/b\n")]
#[case(json!({"path": "DIRin/sub/"}), "b\nc.log\nlink\n")]
#[case(json!({"path": "DIRin", "exclude_path": "DIRin/su*"}), "in/\nin/-a = b\n")]
#[case(json!({"path": "DIRin", "exclusion_patterns": ["*.log", "*/-a*"]}), "in/\nin/sub/\nin/sub/b\nin/sub/link\n")]
#[case(json!({"path": ["DIRin/sub/b", "DIRin/sub/none"]}), "b\n")]
fn what_is_packed(#[case] options: Value, #[case] expected: &str) {
    for shell in SHELLS {
        let files = Files::new();
        let mut options = files.options(&options);
        options["dest"] = json!(files.path("x.tgz"));
        let outcome = run_module("archive", options, shells(shell).connection()).unwrap();
        assert_eq!(files.shell("tar -tzf x.tgz | sort"), expected, "{shell}");
        let missing = outcome.result["missing"].as_array().unwrap();
        assert_eq!(missing.len(), outcome.warnings.len());
    }
}

#[rstest]
fn an_archive_in_its_own_directory_does_not_hold_itself(#[values("dash", "busybox sh")] shell: &str) {
    let files = Files::new();
    let mut node = shells(shell);
    let options = json!({"path": files.path("in"), "dest": files.path("in/x.tgz")});
    for changed in [true, false] {
        let outcome = run_module("archive", options.clone(), node.connection()).unwrap();
        assert_eq!(outcome.changed, changed, "{:?}", outcome.changes);
    }
    assert!(!files.shell("tar -tzf in/x.tgz").contains("x.tgz"));
}

#[rstest]
fn what_was_packed_can_be_removed(#[values("dash", "busybox sh")] shell: &str) {
    let files = Files::new();
    let mut node = shells(shell);
    let options = json!({"path": files.path("in/sub"), "dest": files.path("x.tgz"), "remove": true});
    assert!(
        run_module("archive", options.clone(), node.connection())
            .unwrap()
            .changed
    );
    assert_eq!(files.shell("ls in; tar -tzf x.tgz | wc -l"), "-a = b\n4\n");
    assert!(!run_module("archive", options, node.connection()).unwrap().changed);
}

#[rstest]
fn an_archive_is_not_removed_with_what_it_packs(#[values("dash", "busybox sh")] shell: &str) {
    let files = Files::new();
    let before = files.shell("find in | sort");
    let options = json!({"path": files.path("in"), "dest": files.path("in/x.tgz"), "remove": true});
    let failure = run_module("archive", options, shells(shell).connection()).unwrap_err();
    assert!(failure.message.contains("would be removed with"), "{}", failure.message);
    assert_eq!(files.shell("find in | sort"), before);
}

#[test]
fn nothing_to_pack_is_a_failure() {
    let files = Files::new();
    let options = json!({"path": files.path("no*"), "dest": files.path("x")});
    let failure = run_module("archive", options, shells("dash").connection()).unwrap_err();
    assert!(failure.message.contains("nothing of what"), "{}", failure.message);
}

#[test]
fn mistakes_are_found_before_the_run() {
    let module = crate::modules::find("archive").unwrap();
    for options in [
        json!({"path": []}),
        json!({"path": ["/a", "/b"]}),
        json!({"path": "/a*"}),
        json!({"path": "/a", "format": "rar"}),
        json!({"path": "/", "dest": "/x", "remove": true}),
    ] {
        assert!(module.validate(options.clone()).is_err(), "{options}");
    }
}
