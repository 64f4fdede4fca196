//! The scripts on this machine, with a stand-in for systemctl; the module against a scripted node.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use rstest::rstest;
use serde_json::{Value, json};

use crate::connection::scripted::Answer;
use crate::modules::find;
use crate::modules::testing::{asked, check_module, run_module, scripted};

const SYSTEMCTL: &str = "#!/bin/sh
echo \"$*\" >>\"$CALLS\"
case $1 in
is-enabled) cat \"$CALLS.enabled\" ;;
is-active) cat \"$CALLS.active\" ;;
esac
";

struct Tools {
    folder: tempfile::TempDir,
}

impl Tools {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("systemctl");
        std::fs::write(&program, SYSTEMCTL).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn run(&self, shell: &str, script: &str, words: &[&str]) -> (Option<i32>, String) {
        let mut shell = shell.split(' ');
        let folder = self.folder.path().display().to_string();
        let words = words.iter().map(|word| word.replace("DIR", &folder));
        let output = Command::new(shell.next().unwrap())
            .args(shell)
            .args(["-c", script, "sh"])
            .args(words)
            .env("PATH", format!("{folder}:{}", std::env::var("PATH").unwrap()))
            .env("CALLS", self.path("calls"))
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).replace(&folder, "DIR");
        (output.status.code(), said)
    }
}

/// SHA-256 of `# Written by krun\n`.
fn sum() -> String {
    use sha2::Digest as _;
    format!("{:x}", sha2::Sha256::digest(b"# Written by krun\n"))
}

#[rstest]
fn a_look_tells_what_differs(#[values("dash", "busybox sh")] shell: &str) {
    let tools = Tools::new();
    let sum = sum();
    for name in ["same", "mode", "other", "gone", "krun.timer"] {
        tools.write(name, "# Written by krun\n");
        std::fs::set_permissions(tools.path(name), std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    tools.write("other", "# Written by krun, and changed\n");
    tools.write("foreign", "mine\n");
    tools.write("kept", "mine\n");
    std::fs::set_permissions(tools.path("mode"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let words = [
        "systemd",
        "krun.timer",
        "both",
        "DIR/same",
        "644",
        &sum,
        "both",
        "DIR/mode",
        "644",
        &sum,
        "systemd",
        "DIR/other",
        "644",
        &sum,
        "systemd",
        "DIR/gone",
        "644",
        "-",
        "both",
        "DIR/new",
        "644",
        &sum,
        "cron",
        "DIR/none",
        "644",
        &sum,
        "both",
        "DIR/foreign",
        "644",
        &sum,
        "both",
        "DIR/kept",
        "644",
        "-",
        "systemd",
        "DIR/krun.timer",
        "644",
        &sum,
    ];
    tools.write("calls.enabled", "enabled\n");
    tools.write("calls.active", "inactive\n");
    let expected =
        "scheduler=systemd\nchanged=DIR/mode\nchanged=DIR/other\ngone=DIR/gone\nnew=DIR/new\nforeign=DIR/foreign\n";
    assert_eq!(
        tools.run(shell, super::LOOK.text, &words),
        (Some(0), format!("{expected}off=krun.timer\n"))
    );
    tools.write("calls.active", "active\n");
    assert_eq!(
        tools.run(shell, super::LOOK.text, &words),
        (Some(0), expected.to_owned())
    );
    // The other scheduler's files go.
    let words = ["cron", "krun.timer", "systemd", "DIR/krun.timer", "644", &sum];
    assert_eq!(
        tools.run(shell, super::LOOK.text, &words).1,
        "scheduler=cron\ngone=DIR/krun.timer\n"
    );
}

#[rstest]
fn files_come_and_go(#[values("dash", "busybox sh")] shell: &str) {
    let tools = Tools::new();
    let text = "#!/bin/sh\n# 100% 'of' \"it\" \\n\n\n";
    let words = [
        "systemd",
        "k.timer",
        "yes",
        "DIR/in/it",
        "755",
        text,
        "DIR/k.timer",
        "644",
        "x\n",
    ];
    assert_eq!(tools.run(shell, super::PUT.text, &words), (Some(0), String::new()));
    assert_eq!(tools.read("in/it"), text);
    let mode = std::fs::metadata(tools.path("in/it")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    assert_eq!(tools.read("calls"), "daemon-reload\nenable k.timer\nrestart k.timer\n");
    tools.write("calls", "");
    let words = ["systemd", "k.timer", "no", "DIR/k.timer", "", "", "DIR/in/it", "", ""];
    assert_eq!(tools.run(shell, super::PUT.text, &words), (Some(0), String::new()));
    assert!(!tools.path("k.timer").exists() && !tools.path("in/it").exists());
    assert_eq!(
        tools.read("calls"),
        "disable --now k.timer\nclean --what=state k.timer\ndaemon-reload\nreset-failed k.service\n"
    );
    // What cannot be written says so, and leaves nothing.
    tools.write("file", "");
    let (status, said) = tools.run(
        shell,
        super::PUT.text,
        &["systemd", "k.timer", "yes", "DIR/file/x", "644", "x"],
    );
    assert_eq!(status, Some(1), "{said}");
}

#[rstest]
fn how_it_went_is_written_down(#[values("dash", "busybox sh")] shell: &str) {
    let tools = Tools::new();
    let recorded = include_str!("recorded.sh");
    let save = |text: &str| tools.write("save", text);
    let words = ["DIR/save", "DIR/r/result.json", "DIR/p/krun.prom", "one", ""];
    save(
        "[ $# = 2 ] || exit 9\necho '== description'\nprintf '{\\n  \"file\": \"a.db\",\\n  \"size\": 4096,\\n  \"x\": 1\\n}\\n'\n",
    );
    let (status, said) = tools.run(shell, recorded, &words);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("== description"), "{said}");
    let result = || -> Value { serde_json::from_str(&tools.read("r/result.json")).unwrap() };
    let good = result();
    assert_eq!(
        (&good["status"], &good["size"], &good["file"]),
        (&json!(0), &json!(4096), &json!("a.db"))
    );
    assert_eq!(good["last_success"], good["ended"]);
    let metrics = tools.read("p/krun.prom");
    assert!(
        metrics.contains("\nkrun_backup_last_run_failed 0\n")
            && metrics.contains("\nkrun_backup_last_size_bytes 4096\n"),
        "{metrics}"
    );

    // A failure keeps what is known of the last good one.
    save("echo looking; echo 'no \"etcd\" \\ here' >&2; exit 3\n");
    assert_eq!(tools.run(shell, recorded, &words).0, Some(3));
    let bad = result();
    assert_eq!((&bad["status"], &bad["error"]), (&json!(3), &json!("no etcd  here")));
    assert_eq!(
        (&bad["last_success"], &bad["size"], &bad["file"]),
        (&good["last_success"], &json!(4096), &json!("a.db"))
    );
    let metrics = tools.read("p/krun.prom");
    assert!(metrics.contains("\nkrun_backup_last_run_failed 1\n"), "{metrics}");
    assert!(
        metrics.contains(&format!(
            "\nkrun_backup_last_success_timestamp_seconds {}\n",
            good["last_success"]
        )),
        "{metrics}"
    );

    // The first one fails, and nobody wants metrics.
    std::fs::remove_dir_all(tools.path("r")).unwrap();
    std::fs::remove_dir_all(tools.path("p")).unwrap();
    assert_eq!(
        tools.run(shell, recorded, &["DIR/save", "DIR/r/result.json", ""]).0,
        Some(3)
    );
    assert_eq!(result()["last_success"], 0);
    assert!(!tools.path("p").exists());
}

/// What a change sends has the text of the module `etcd-backup` in it, and the words that it takes.
#[test]
fn the_script_is_that_of_the_backup() {
    let answer = "scheduler=systemd\nnew=/usr/local/lib/krun/etcd-snapshot.sh\nnew=/etc/systemd/system/krun-etcd-backup.service\n";
    let (mut connection, log) = scripted([Answer::stdout(answer), Answer::stdout("")]);
    let options =
        json!({"dest": "/b", "keep": 3, "at": "02:00", "on_failure": "logger failed", "textfile": "/t/k.prom"});
    let outcome = run_module("etcd-backup-timer", options, &mut connection).unwrap();
    assert!(outcome.changed);
    let asked = asked(&log).join("\n");
    assert!(asked.contains("snapshot save \"$work/db\""), "{asked}");
    let command = "ExecStart=/bin/sh /usr/local/lib/krun/etcd-backup.sh /usr/local/lib/krun/etcd-snapshot.sh \
        /var/lib/krun/schedule/etcd-backup.json /t/k.prom /etc/kubernetes/manifests/etcd.yaml \"\" \"\" \"\" \"\" /b 3 300";
    assert!(asked.contains(command), "{asked}");
    assert!(asked.contains("OnFailure=krun-etcd-backup-failed.service"), "{asked}");
}

#[test]
fn what_others_wrote_is_left_alone() {
    let (mut connection, log) = scripted([Answer::stdout(
        "scheduler=systemd\nforeign=/etc/cron.d/krun-etcd-backup\n",
    )]);
    let failure = run_module("etcd-backup-timer", json!({}), &mut connection).unwrap_err();
    assert!(
        failure.message.contains("was not written by krun"),
        "{}",
        failure.message
    );
    assert_eq!(asked(&log).len(), 1);
}

#[test]
fn a_calendar_that_cron_cannot_say_is_no_state_of_a_node_without_systemd() {
    let options = json!({"on": "*-*-* 02:00 UTC"});
    let answers = || [Answer::stdout("scheduler=cron\n")];
    let failure = check_module("etcd-backup-timer", options.clone(), &mut scripted(answers()).0).unwrap_err();
    assert!(failure.message.contains("time zone"), "{}", failure.message);
    let mut absent = options;
    absent["state"] = json!("absent");
    assert!(
        !check_module("etcd-backup-timer", absent, &mut scripted(answers()).0)
            .unwrap()
            .changed
    );
}

#[rstest]
#[case(json!({"keep": 0}), "at least 1")]
#[case(json!({"dest": "b"}), "a full path")]
#[case(json!({"textfile": "/t/k"}), ".prom")]
#[case(json!({"at": "25:00"}), "no time of day")]
#[case(json!({"on": "daily", "at": ":15"}), "no time of day")]
#[case(json!({"on": "*:*:0/10", "scheduler": "cron"}), "seconds")]
fn options_that_make_no_sense(#[case] options: Value, #[case] expected: &str) {
    let error = find("etcd-backup-timer").unwrap().validate(options).unwrap_err();
    assert!(format!("{error:?}").contains(expected), "{error:?}");
}
