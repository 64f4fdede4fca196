//! Schedules on a node with a real systemd: the timer fires, makes up for what was missed, does not overlap, and a failure is
//! seen. And the backup that a master takes by itself.
use std::process::Command;

use crate::support::lab::{Lab, wait_until};
use serde_json::{Value, json};

/// What a scheduled run does on the node: it leaves a line when it begins and when it ends, and fails when it is told to.
/// `hush` comes out of a vault.
const SITE: &str = "\
- hosts: localhost
  gather_facts: false
  tasks:
    - shell: |
        echo \"begin {{ hush }}\" >> /srv/site/trace
        sleep \"$(cat /srv/site/nap)\"
        echo end >> /srv/site/trace
        test ! -e /srv/site/broken
";

/// `hush: hush` under the password `right`.
const SECRET: &str = "\
$ANSIBLE_VAULT;1.1;AES256
30303031303230333034303530363037303830393061306230633064306530663130313131323133
3134313531363137313831393161316231633164316531660a333634353837376633613164326362
63653263663861663132396366363365353563616665623431643833633738653031366539373466
3961336264393538370a306232366265343832376331376537343865366232613937373464613163
3664
";

/// Runs a shell command on m1, as somebody would who has logged in there; its output and its exit code in the last line.
fn shell(lab: &Lab, command: &str) -> String {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let script = format!("cd /srv/site; HOME=/root PATH={path}; export HOME PATH; ({command}) 2>&1; echo \"code $?\"");
    lab.on("m1", &script)
}

#[track_caller]
fn expect(lab: &Lab, command: &str, code: i32) -> String {
    let said = shell(lab, command);
    assert!(said.trim_end().ends_with(&format!("code {code}")), "{command}: {said}");
    said
}

fn trace(lab: &Lab) -> Vec<String> {
    let text = lab.on("m1", "cat /srv/site/trace 2>/dev/null || :");
    text.lines().map(str::to_owned).collect()
}

/// Puts krun on the node, without what only a debugger wants.
fn install(lab: &Lab) {
    let folder = tempfile::tempdir().unwrap();
    let krun = folder.path().join("krun");
    let status = Command::new("strip")
        .args(["-o", krun.to_str().unwrap(), env!("CARGO_BIN_EXE_krun")])
        .status();
    assert!(status.unwrap().success());
    let copy = format!("src={} dest=/usr/local/bin/krun mode=0755", krun.display());
    lab.krun(&["exec", "m1", "-b", "-m", "copy", "-a", &copy])
        .expect_status(0);
    let files = [
        ("site.yml", SITE),
        ("secret.yml", SECRET),
        ("password", "right\n"),
        ("nap", "0\n"),
    ];
    lab.on("m1", "mkdir -p /srv/site");
    for (name, text) in files {
        lab.lab(&[
            "run",
            "m1",
            "--",
            "sh",
            "-c",
            "printf '%s' \"$2\" >\"/srv/site/$1\"",
            "sh",
            name,
            text,
        ]);
    }
    lab.on("m1", "chmod 600 /srv/site/password");
}

#[test]
fn a_timer_fires_catches_up_does_not_overlap_and_fails_visibly() {
    // It has not passed yet: krun is copied to the node first, which takes its time.
    if !Lab::is_long_wanted() {
        return;
    }
    let Some(lab) = Lab::up("schedule", 1, 1, "1.28.0") else {
        return;
    };
    install(&lab);
    let add = |when: &str| {
        let options =
            "-e @secret.yml --vault-password-file password --on-failure 'echo $KRUN_SCHEDULE_NAME >>/srv/site/hook'";
        format!("krun schedule add site.yml {when} {options}")
    };
    // It fires, with the password that only it can read.
    lab.on("m1", "echo 3 >/srv/site/nap");
    expect(&lab, &add("--on '*:*:0/2'"), 0);
    let unit = lab.on("m1", "cat /etc/systemd/system/krun-site.service");
    assert!(
        unit.contains("LoadCredential=vault-password:/srv/site/password"),
        "{unit}"
    );
    assert!(unit.contains("--vault-password-file=%d/vault-password"), "{unit}");
    wait_until("three runs", || trace(&lab).len() >= 6);
    // A run takes longer than the time between two: they come one after the other all the same.
    let lines = trace(&lab);
    for pair in lines.chunks_exact(2) {
        assert_eq!(pair, ["begin hush", "end"], "{lines:?}");
    }
    let said = expect(&lab, &add("--on '*:*:0/2'"), 0);
    assert!(said.contains("nothing to change"), "{said}");

    // A failure is a failed unit, calls the hook, and stands in the list.
    lab.on("m1", "echo 0 >/srv/site/nap; touch /srv/site/broken");
    wait_until("the hook", || {
        lab.on("m1", "cat /srv/site/hook 2>/dev/null || :").contains("site")
    });
    expect(&lab, &add("--on daily --at 02:00"), 0);
    wait_until("the last run's end", || {
        lab.on("m1", "systemctl is-failed krun-site.service || :").trim() == "failed"
    });
    let said = expect(&lab, "krun schedule list", 2);
    assert!(
        said.contains("exit code 2") && said.contains("daily at 02:00"),
        "{said}"
    );
    let log = lab.on("m1", "journalctl --sync; journalctl -q -t krun-site -o cat");
    assert!(log.contains("PLAY RECAP"), "{log}");
    let said = expect(&lab, "krun schedule run site", 2);
    assert!(said.contains("PLAY RECAP") && said.contains("failed=1"), "{said}");

    // Mended: it runs, and shows what it does.
    lab.on("m1", "rm /srv/site/broken");
    let said = expect(&lab, "krun schedule run site", 0);
    assert!(said.contains("PLAY RECAP") && said.contains("failed=0"), "{said}");
    let said = expect(&lab, "krun schedule list --output json", 0);
    let line: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!((&line["result"], &line["failed"]), (&json!("well"), &json!(false)));
    let next: jiff::Timestamp = line["next"].as_str().unwrap().parse().unwrap();
    assert!(next > jiff::Timestamp::now(), "{line}");

    // The machine was off at two o'clock: the timer ran the last time two days ago, says its stamp.
    lab.on(
        "m1",
        "rm /srv/site/trace; touch -d '2 days ago' /var/lib/systemd/timers/stamp-krun-site.timer",
    );
    lab.lab(&["stop", "m1"]);
    lab.lab(&["boot", "m1"]);
    wait_until("the run that was missed", || trace(&lab) == ["begin hush", "end"]);
    wait_until("its end", || expect(&lab, "krun schedule list", 0).contains("  well  "));

    // A user has schedules of the same name, and needs lingering for them.
    lab.on(
        "m1",
        "loginctl enable-linger ops; install -d -o ops /home/ops/site; cp /srv/site/site.yml /home/ops/site/own.yml",
    );
    lab.on("m1", "sed -i 's#echo .begin.*#echo user $(id -un)#; s#>> /srv/site/trace##; /sleep/d; /test/d' /home/ops/site/own.yml");
    wait_until("the user's systemd", || {
        lab.on("m1", "systemctl is-active user@$(id -u ops).service || :")
            .trim()
            == "active"
    });
    let as_ops = |command: &str| format!("cd /home/ops/site; runuser -u ops -- env HOME=/home/ops USER=ops {command}");
    let said = expect(&lab, &as_ops("krun schedule add own.yml -v --on daily --at 03:00"), 0);
    assert!(!said.contains("lingering"), "{said}");
    let said = expect(&lab, &as_ops("krun schedule run own"), 0);
    assert!(said.contains("user ops"), "{said}");
    expect(&lab, &as_ops("krun schedule remove own"), 0);

    expect(&lab, "krun schedule remove site", 0);
    let left = lab.on(
        "m1",
        "ls /etc/systemd/system /etc/systemd/system/timers.target.wants /var/lib/systemd/timers | grep krun- || :",
    );
    assert_eq!(left, "");
    assert!(
        !lab.on("m1", "systemctl list-units --all 'krun-*' --no-legend")
            .contains("krun-site")
    );
}

#[test]
fn a_master_backs_up_etcd_by_itself() {
    let Some(lab) = Lab::up("schedule-backup", 1, 1, "1.28.0") else {
        return;
    };
    let textfile = "/var/lib/node_exporter/krun_backup.prom";
    let settings = format!(
        "schedule_backup_textfile={textfile} backup_keep=2 schedule_backup_on_failure='touch /var/lib/krun/hook'"
    );
    let schedule = |more: &[&str]| lab.krun(&[&["playbooks/schedule-backup.yml", "-e", &settings], more].concat());
    schedule(&["--check"])
        .expect_status(0)
        .expect_stdout("krun-etcd-backup.timer new");
    schedule(&[]).expect_status(0);
    schedule(&[]).expect_status(0).expect_stdout("changed=0");
    assert!(
        lab.on("m1", "systemctl list-timers --no-legend krun-etcd-backup.timer")
            .contains("krun-etcd-backup.service")
    );

    let start = |wanted: &str| {
        let said = lab.on(
            "m1",
            "systemctl start krun-etcd-backup.service || :; systemctl is-failed krun-etcd-backup.service || :",
        );
        let log = lab.on("m1", "journalctl --sync; journalctl -q -t krun-etcd-backup -o cat");
        assert_eq!(said.trim(), wanted, "{log}");
    };
    let result =
        || -> Value { serde_json::from_str(&lab.on("m1", "cat /var/lib/krun/schedule/etcd-backup.json")).unwrap() };
    let snapshots = || lab.on("m1", "ls /var/lib/krun/backups");
    start("inactive");
    let good = result();
    assert_eq!(good["status"], 0);
    assert!(good["size"].as_u64().unwrap() > 0, "{good}");
    assert!(snapshots().contains(good["file"].as_str().unwrap()), "{good}");
    let metrics = lab.on("m1", &format!("cat {textfile}"));
    assert!(metrics.contains("krun_backup_last_run_failed 0"), "{metrics}");

    // A failure is seen everywhere, and what is there stays.
    let before = snapshots();
    lab.fault(
        &json!({"node": "m1", "program": "etcdctl", "match": "snapshot save", "action": "fail", "stderr": "no space"}),
    );
    start("failed");
    assert_eq!(snapshots(), before);
    let bad = result();
    assert_eq!(
        (&bad["file"], &bad["last_success"]),
        (&good["file"], &good["last_success"])
    );
    assert!(bad["error"].as_str().unwrap().contains("no space"), "{bad}");
    assert!(
        lab.on("m1", &format!("cat {textfile}"))
            .contains("krun_backup_last_run_failed 1")
    );
    wait_until("the hook", || {
        !lab.on("m1", "ls /var/lib/krun/hook 2>/dev/null || :").is_empty()
    });

    // All of it goes but the snapshots.
    schedule(&["-e", "schedule_backup_state=absent"]).expect_status(0);
    schedule(&["-e", "schedule_backup_state=absent"])
        .expect_status(0)
        .expect_stdout("changed=0");
    let left = lab.on(
        "m1",
        "ls /etc/systemd/system /usr/local/lib/krun | grep -e krun- -e etcd- || :",
    );
    assert_eq!(left, "");
    assert_eq!(snapshots(), before);
}
