use rstest::rstest;
use serde_json::{Value, json};

use crate::modules::FileFinder;
use crate::modules::testing::{FakeTools, Trial, check_module, run_module, shells};

const SHELLS: [&str; 3] = ["dash", "busybox sh", "bash --posix"];

/// A folder with archives of the same content, and an empty one to unpack into.
struct Archives {
    folder: tempfile::TempDir,
}

impl Archives {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = r"
            mkdir -p in/sub out && echo a >'in/a = b' && echo b >in/sub/b && ln -s b in/sub/link && chmod 640 in/sub/b
            cd in && tar -cf ../x.tar . && tar -czf ../x.tgz . && tar -cjf ../x.tar.bz2 . && tar -cJf ../x.tar.xz .
            tar --zstd -cf ../x.tar.zst . && zip -qry ../x.zip .";
        let status = std::process::Command::new("sh")
            .args(["-ec", script])
            .current_dir(folder.path())
            .status();
        assert!(status.unwrap().success());
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o7777
    }
}

#[rstest]
fn every_kind_is_unpacked_once(
    #[values("x.tar", "x.tgz", "x.tar.bz2", "x.tar.xz", "x.tar.zst", "x.zip")] name: &str,
    #[values(false, true)] remote_src: bool,
) {
    for shell in SHELLS {
        let archives = Archives::new();
        let mut node = shells(shell);
        let options = json!({
            "src": archives.path(name), "dest": archives.path("out"), "remote_src": remote_src, "list_files": true,
        });
        let looked = check_module("unarchive", options.clone(), node.connection()).unwrap();
        assert!(looked.changed);
        assert!(!std::path::Path::new(&archives.path("out/sub")).exists());
        let outcome = run_module("ansible.builtin.unarchive", options.clone(), node.connection()).unwrap();
        assert!(outcome.changed, "{shell}: {name}");
        let files = outcome.result["files"].as_array().unwrap();
        assert!(
            files.iter().any(|file| file.as_str().unwrap().ends_with("a = b")),
            "{files:?}"
        );
        assert_eq!(archives.read("out/a = b") + &archives.read("out/sub/link"), "a\nb\n");
        assert_eq!(archives.mode("out/sub/b"), 0o640);
        let again = run_module("unarchive", options.clone(), node.connection()).unwrap();
        assert!(!again.changed, "{shell}: {name}: {:?}", again.changes);
        std::fs::write(archives.path("out/sub/b"), "changed\n").unwrap();
        assert!(run_module("unarchive", options, node.connection()).unwrap().changed);
        assert_eq!(archives.read("out/sub/b"), "b\n");
    }
}

#[rstest]
fn a_large_one_is_sent_and_leaves_nothing_behind(#[values("x.tar", "x.zip")] name: &'static str) {
    let left = || {
        let ours = format!(".krun-unarchive-{name}");
        let entries = std::fs::read_dir("/tmp").unwrap().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with(&ours)).count()
    };
    let archives = Archives::new();
    let noise: Vec<u8> = (0..300_000_u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    std::fs::write(archives.path("in/large"), noise).unwrap();
    let script = "cd in && tar -cf ../x.tar . && zip -qry ../x.zip .";
    let made = std::process::Command::new("sh")
        .args(["-ec", script])
        .current_dir(archives.folder.path())
        .status();
    assert!(made.unwrap().success());
    let mut node = shells("dash");
    let options = json!({"src": archives.path(name), "dest": archives.path("out"), "mode": "u=rwX,go=rX"});
    let mut run = |check_mode: bool| {
        let trial = Trial::new("unarchive", options.clone())
            .random_word(name)
            .on(node.connection());
        let trial = if check_mode { trial.check_mode() } else { trial };
        let outcome = trial.run().unwrap();
        assert_eq!(left(), 0);
        outcome.changed
    };
    assert_eq!(
        [run(true), run(false), run(false), run(true)],
        [true, true, false, false]
    );
}

#[rstest]
fn owner_group_and_mode_are_for_all_of_it(#[values("x.tar", "x.zip")] name: &str) {
    for shell in SHELLS {
        let archives = Archives::new();
        let mut node = shells(shell);
        let user = std::os::unix::fs::MetadataExt::uid(&archives.folder.path().metadata().unwrap()).to_string();
        let options = json!({
            "src": archives.path(name), "dest": archives.path("out"), "owner": user, "mode": "u=rwX,g=rX,o=",
        });
        let mut run = || run_module("unarchive", options.clone(), node.connection()).unwrap();
        assert!(run().changed);
        assert_eq!((archives.mode("out/a = b"), archives.mode("out/sub")), (0o640, 0o750));
        let again = run();
        assert!(!again.changed, "{shell}: {:?}", again.changes);
        std::fs::set_permissions(
            archives.path("out/a = b"),
            std::os::unix::fs::PermissionsExt::from_mode(0o600),
        )
        .unwrap();
        assert_eq!(run().changes, ["mode"]);
        assert_eq!(archives.mode("out/a = b"), 0o640);
    }
}

#[rstest]
#[case(json!({"exclude": ["sub*", "./sub*"]}), true, false)]
#[case(json!({"include": ["NAME"]}), false, true)]
fn parts_are_taken(
    #[case] part: Value,
    #[case] first: bool,
    #[case] second: bool,
    #[values("x.tar", "x.zip")] name: &str,
) {
    let archives = Archives::new();
    let mut node = shells("dash");
    let mut options = json!({"src": archives.path(name), "dest": archives.path("out")});
    for (key, value) in part.as_object().unwrap() {
        let member = if name == "x.zip" { "sub/b" } else { "./sub/b" };
        options[key] = serde_json::from_str(&value.to_string().replace("NAME", member)).unwrap();
    }
    let outcome = run_module("unarchive", options.clone(), node.connection()).unwrap();
    assert!(outcome.changed);
    let is_there = |path: &str| std::path::Path::new(&archives.path(path)).exists();
    assert_eq!((is_there("out/a = b"), is_there("out/sub/b")), (first, second));
    assert!(!run_module("unarchive", options, node.connection()).unwrap().changed);
}

#[rstest]
fn newer_files_are_kept(#[values("x.tar", "x.zip")] name: &str) {
    for shell in SHELLS {
        let archives = Archives::new();
        let old = std::process::Command::new("sh")
            .args([
                "-ec",
                "touch -d 2020-01-01 in/* in/sub/b; cd in; rm ../x.zip; zip -qry ../x.zip .; tar -cf ../x.tar .",
            ])
            .current_dir(archives.folder.path())
            .status();
        assert!(old.unwrap().success());
        std::fs::write(archives.path("out/a = b"), "mine\n").unwrap();
        let mut node = shells(shell);
        let options = json!({"src": archives.path(name), "dest": archives.path("out"), "keep_newer": true});
        assert!(run_module("unarchive", options, node.connection()).unwrap().changed);
        assert_eq!(archives.read("out/a = b") + &archives.read("out/sub/b"), "mine\nb\n");
    }
}

#[test]
fn what_is_there_already_is_told_by_a_file() {
    let archives = Archives::new();
    let mut node = shells("dash");
    let options = json!({
        "src": "x.tar", "dest": archives.path("out"), "creates": archives.path("x.zip"),
    });
    let files = FileFinder {
        playbook_folder: archives.folder.path().to_owned(),
        ..FileFinder::default()
    };
    let outcome = Trial::new("unarchive", options)
        .files(files)
        .on(node.connection())
        .run()
        .unwrap();
    assert!(outcome.skipped.unwrap().contains("x.zip exists"));
}

#[rstest]
fn an_address_is_fetched_by_the_node(#[values("dash", "busybox sh")] shell: &str) {
    let archives = Archives::new();
    let tools = FakeTools::new();
    tools.add(
        "curl",
        r#"cat >/dev/null; while [ $# -gt 1 ]; do [ "$1" != -o ] || out=$2; shift; done; cat "$HERE/served" >"$out""#,
    );
    std::fs::copy(archives.path("x.tgz"), tools.path("served")).unwrap();
    let mut node = tools.node(shell);
    let options = json!({"src": "https://x.org/x.tgz", "dest": archives.path("out"), "remote_src": true});
    assert!(
        check_module("unarchive", options.clone(), node.connection())
            .unwrap()
            .skipped
            .is_some()
    );
    assert!(
        run_module("unarchive", options.clone(), node.connection())
            .unwrap()
            .changed
    );
    assert!(!run_module("unarchive", options, node.connection()).unwrap().changed);
    assert_eq!(archives.read("out/sub/b"), "b\n");
}

/// An archive that leads out of the directory: what is outside keeps its mode.
#[test]
fn nothing_outside_is_touched() {
    let archives = Archives::new();
    let made = std::process::Command::new("sh")
        .args(["-ec", "echo x >victim; chmod 600 victim; tar -cPf bad.tar in/../victim; ln -s .. out/up; mkdir up; echo y >up/victim; \
                tar -cf worse.tar up/victim"])
        .current_dir(archives.folder.path())
        .status();
    assert!(made.unwrap().success());
    let mut node = shells("dash");
    for name in ["bad.tar", "worse.tar"] {
        let options = json!({"src": archives.path(name), "dest": archives.path("out"), "mode": "0777"});
        let _ = run_module("unarchive", options, node.connection());
        assert_ne!(archives.mode("victim"), 0o777, "{name}");
    }
}

#[rstest]
#[case(json!({"src": "SRC", "dest": "OUT/no"}), "does not exist")]
#[case(json!({"src": "OUT/no", "dest": "OUT", "remote_src": true}), "no file that can be read")]
#[case(json!({"src": "OUT/../in/a = b", "dest": "OUT", "remote_src": true}), "tar")]
fn what_cannot_be_is_told(#[case] options: Value, #[case] said: &str) {
    let archives = Archives::new();
    let text = options.to_string();
    let text = text
        .replace("SRC", &archives.path("x.tar"))
        .replace("OUT", &archives.path("out"));
    let options: Value = serde_json::from_str(&text).unwrap();
    let failure = run_module("unarchive", options, shells("dash").connection()).unwrap_err();
    assert!(failure.message.contains(said), "{}", failure.message);
}

#[test]
fn mistakes_are_found_before_the_run() {
    let module = crate::modules::find("unarchive").unwrap();
    for options in [
        json!({"src": "https://x/a.tgz", "dest": "/x"}),
        json!({"src": "a", "dest": "/x", "include": "a", "exclude": "b"}),
        json!({"src": "a", "dest": "/x", "include": "--to-command=x"}),
        json!({"src": "a", "dest": "/x", "mode": "preserve"}),
        json!({"src": "a"}),
    ] {
        assert!(module.validate(options.clone()).is_err(), "{options}");
    }
}
