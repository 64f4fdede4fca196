//! `krun schedule`, with stand-ins for systemctl, journalctl and crontab that take what krun is expected to say and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use rstest::rstest;
use support::{Project, Ran};

const PLAYBOOK: &str = "
- hosts: all
  gather_facts: false
  tasks:
    - name: trace
      shell: echo \"{{ inventory_hostname }} {{ v | default('-') }}\" >> {{ playbook_dir }}/trace
    - name: break
      command: 'false'
      tags: [never, broken]
";

const SYSTEMCTL: &str = r#"#!/bin/sh
echo "systemctl $*" >>"$STUB/calls"
[ "$1" = --user ] || exit 98
shift
case "$*" in
"show --property=Version") echo Version=252.39 ;;
"show krun-"*" --property="*) cat "$STUB/$2" 2>/dev/null || printf 'ActiveState=inactive\nResult=success\n' ;;
daemon-reload | "enable krun-"*.timer) ;;
"restart krun-"*.timer) printf 'UnitFileState=enabled\nActiveState=active\nNeedDaemonReload=no\n' >"$STUB/$2" ;;
"disable --now krun-"*.timer) rm "$STUB/$3" ;;
"clean --what=state krun-"*.timer | "reset-failed krun-"*.service) ;;
"start --no-block krun-"*.service) printf 'ActiveState=failed\nResult=exit-code\nExecMainStatus=2\nJob=0\n' >"$STUB/$3" ;;
*) echo "unexpected: $*" >&2; exit 97 ;;
esac
"#;

const JOURNALCTL: &str = r#"#!/bin/sh
case "$*" in
"--user --quiet --lines=0 --show-cursor") echo "-- cursor: c1" ;;
"--user --quiet --unit=krun-"*" --after-cursor=c1 --output=cat --show-cursor") printf 'PLAY [all]\nbroken\n-- cursor: c2\n' ;;
"--user --sync") exit 1 ;;
*) echo "unexpected: $*" >&2; exit 97 ;;
esac
"#;

const CRONTAB: &str = r#"#!/bin/sh
case "$*" in
-l) cat "$STUB/crontab" 2>/dev/null || { echo "no crontab for me" >&2; exit 1; } ;;
-) cat >"$STUB/crontab" ;;
*) exit 97 ;;
esac
"#;

const ANALYZE: &str = r#"#!/bin/sh
[ "$1" = calendar ] || exit 97
case "$2" in
*nonsense*) echo "Failed to parse calendar specification '$2': Invalid argument" >&2; exit 1 ;;
*) printf '  Original form: %s\n    Next elapse: Sat 2026-11-28 02:00:00 UTC\n' "$2" ;;
esac
"#;

struct Ground {
    project: Project,
}

impl Ground {
    fn new() -> Self {
        let project = Project::new(PLAYBOOK)
            .file("hosts.ini", "h1 ansible_connection=local\n")
            .file("other.ini", "h2 ansible_connection=local\n")
            .file("vars.yml", "v: of the file\n")
            .file("limit", "h1\n")
            .file("vault-password", "right\n")
            .file("bin/systemctl", SYSTEMCTL)
            .file("bin/journalctl", JOURNALCTL)
            .file("bin/crontab", CRONTAB)
            .file("bin/systemd-analyze", ANALYZE);
        for program in ["systemctl", "journalctl", "crontab", "systemd-analyze"] {
            let path = project.path().join("bin").join(program);
            std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
        Self { project }
    }

    fn command(&self, args: &[&str]) -> Command {
        let path = |name: &str| self.project.path().join(name);
        let mut command = self.project.command(args);
        command
            .env(
                "PATH",
                format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", path("bin").display()),
            )
            .env("STUB", path("."))
            .env("HOME", path("home"))
            .env("XDG_STATE_HOME", path("state"))
            .env("USER", "somebody")
            .env_remove("XDG_DATA_HOME")
            .env_remove("SSH_AUTH_SOCK");
        command
    }

    fn krun_with(&self, variables: &[(&str, &str)], args: &[&str]) -> Ran {
        let output = self.command(args).envs(variables.iter().copied()).output().unwrap();
        Ran {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// `krun schedule …`, the words with blanks between them.
    fn schedule(&self, line: &str) -> Ran {
        let words: Vec<String> = line.split(' ').map(|word| word.replace('␣', " ")).collect();
        let mut args = vec!["schedule"];
        args.extend(words.iter().map(String::as_str));
        self.krun_with(&[], &args)
    }

    /// The same for this playbook, daily, as a schedule of the user.
    fn add(&self, more: &str) -> Ran {
        let more = if more.is_empty() {
            String::new()
        } else {
            format!(" {more}")
        };
        self.schedule(&format!(
            "add site.yml -i hosts.ini --scope user --on daily --at 02:00{more}"
        ))
    }

    fn unit(&self, name: &str) -> String {
        self.project.read(&format!("config-home/systemd/user/{name}"))
    }

    fn units(&self) -> Vec<String> {
        let folder = self.project.path().join("config-home/systemd/user");
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// What was said to systemctl since this was asked last.
    fn calls(&self) -> Vec<String> {
        let text = self.project.read("calls");
        let _ = std::fs::remove_file(self.project.path().join("calls"));
        let calls = text
            .lines()
            .map(|line| line.trim_start_matches("systemctl --user ").to_owned());
        calls.filter(|call| !call.starts_with("show ")).collect()
    }

    fn root(&self) -> String {
        self.project.path().display().to_string()
    }
}

#[test]
fn a_timer_comes_changes_and_goes() {
    let ground = Ground::new();
    let root = ground.root();
    // Nothing is there, and nothing comes of a look.
    ground
        .add("--check --diff")
        .expect_status(0)
        .expect_stdout("would make")
        .expect_stdout("+OnCalendar=*-*-* 02:00:00")
        .expect_stdout("would switch krun-site.timer on");
    assert_eq!((ground.units(), ground.calls()), (vec![], vec![]));

    let more = "-e v='1␣2' -e @vars.yml -l @limit --tags broken,never -vv --force-handlers --vault-password-file vault-password";
    ground
        .add(more)
        .expect_status(0)
        .expect_stdout("made ")
        .expect_stdout("site: daily at 02:00, next: Sat 2026-11-28")
        .expect_stderr("lingering is off for somebody")
        .expect_stderr("loginctl enable-linger somebody");
    assert_eq!(ground.units(), ["krun-site.service", "krun-site.timer"]);
    assert_eq!(
        ground.calls(),
        ["daemon-reload", "enable krun-site.timer", "restart krun-site.timer"]
    );
    let service = ground.unit("krun-site.service");
    for line in [
        "# Written by krun schedule add: changes made here are lost".to_owned(),
        format!("# Runs: {root}/site.yml on {root}/hosts.ini"),
        "Type=oneshot".to_owned(),
        format!("WorkingDirectory={root}"),
        format!("Environment=HOME={root}/home"),
        format!("Environment=PATH={root}/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        format!("{root}/site.yml \\"),
        format!("    --inventory={root}/hosts.ini"),
        "    \"--extra-vars=v='1 2'\"".to_owned(),
        format!("    --extra-vars=@{root}/vars.yml"),
        format!("    --limit=@{root}/limit"),
        "    --tags=broken \\\n    --tags=never".to_owned(),
        "    --verbose \\\n    --verbose".to_owned(),
        "    --force-handlers".to_owned(),
        // A user's own files need no credentials.
        format!("    --vault-password-file={root}/vault-password"),
        "TimeoutStartSec=12h".to_owned(),
    ] {
        assert!(service.contains(&line), "no {line:?} in\n{service}");
    }
    let timer = ground.unit("krun-site.timer");
    assert!(
        timer.contains("\nPersistent=true\n") && !timer.contains("RandomizedDelaySec"),
        "{timer}"
    );

    // The same again changes nothing, however it is shown.
    ground
        .add(&format!("{more} -D"))
        .expect_status(0)
        .expect_stdout("nothing to change");
    ground
        .add(more)
        .expect_status(0)
        .expect_stdout("nothing to change: krun-site.timer is there and on");
    assert_eq!(ground.calls(), Vec::<String>::new());

    // Another time and a hook: what is different is shown.
    let changed = format!("{more} --delay 15min --time-limit 1h --on-failure true --diff");
    ground
        .add(&changed)
        .expect_status(0)
        .expect_stdout("changed ")
        .expect_stdout("+RandomizedDelaySec=15min")
        .expect_stdout("-TimeoutStartSec=12h\n+TimeoutStartSec=1h")
        .expect_stdout("+OnFailure=krun-site-failed.service");
    assert_eq!(
        ground.units(),
        ["krun-site-failed.service", "krun-site.service", "krun-site.timer"]
    );
    // Without the hook its unit goes.
    ground.add(more).expect_status(0).expect_stdout("removed ");
    assert_eq!(ground.units(), ["krun-site.service", "krun-site.timer"]);

    ground.calls();
    ground
        .schedule("remove site --scope user")
        .expect_status(0)
        .expect_stdout("removed ");
    assert_eq!(ground.units(), Vec::<String>::new());
    assert_eq!(
        ground.calls(),
        [
            "disable --now krun-site.timer",
            "clean --what=state krun-site.timer",
            "daemon-reload",
            "reset-failed krun-site.service"
        ]
    );
    ground
        .schedule("remove site --scope user")
        .expect_status(1)
        .expect_stderr("there is no schedule `site`");
}

/// Someone has switched the timer off: adding it again is more than nothing.
#[test]
fn a_timer_that_is_off_is_switched_on() {
    let ground = Ground::new();
    ground.add("").expect_status(0);
    std::fs::remove_file(ground.project.path().join("krun-site.timer")).unwrap();
    ground.calls();
    ground
        .add("")
        .expect_status(0)
        .expect_stdout("switching krun-site.timer on");
    assert_eq!(
        ground.calls(),
        ["daemon-reload", "enable krun-site.timer", "restart krun-site.timer"]
    );
}

#[rstest]
#[case::text("[Unit]\nDescription=mine\n")]
#[case::almost("[Unit]\n\n# Written by krun\n")]
fn files_of_others_stay(#[case] text: &str) {
    let ground = Ground::new();
    let folder = ground.project.path().join("config-home/systemd/user");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("krun-site.service"), text).unwrap();
    ground
        .add("")
        .expect_status(1)
        .expect_stderr("was not written by krun: it is left alone");
    assert_eq!(ground.unit("krun-site.service"), text);
    assert_eq!(ground.units(), ["krun-site.service"]);
    // Nor does a mask, which is a link.
    std::fs::remove_file(folder.join("krun-site.service")).unwrap();
    std::os::unix::fs::symlink("/dev/null", folder.join("krun-site.timer")).unwrap();
    ground
        .add("")
        .expect_status(1)
        .expect_stderr("is a link, which krun did not make");
    assert_eq!(ground.calls(), Vec::<String>::new());
}

/// The same playbook for another cluster does not take the first one's place by accident.
#[test]
fn another_inventory_needs_another_name() {
    let ground = Ground::new();
    ground.add("").expect_status(0);
    let other = "add site.yml -i other.ini --scope user --on daily";
    ground
        .schedule(other)
        .expect_status(1)
        .expect_stderr("there is a schedule `site` already")
        .expect_stderr("--name");
    ground.schedule(&format!("{other} --name site-other")).expect_status(0);
    assert!(ground.unit("krun-site-other.service").contains("other.ini"));
    ground
        .schedule(&format!("{other} --name site"))
        .expect_status(0)
        .expect_stdout("changed ");
}

#[rstest]
#[case("-k", "--ask-pass asks for a password", "--private-key")]
#[case("-K", "--ask-become-pass asks for a password", "ansible_become_password")]
#[case("--vault-id a@prompt", "--vault-id a@prompt asks for a password", "ID@FILE")]
#[case(
    "--ask-vault-pass",
    "--ask-vault-pass asks for a password",
    "--vault-password-file FILE"
)]
#[case("--host-key-checking ask", "asks, and nobody is there", "accept-new")]
#[case("--step", "--step does not go with a schedule", "leave it out")]
#[case("--list-tasks", "--list-tasks does not go with a schedule", "leave it out")]
#[case("-e db_password=hush", "secret by its name (db_password)", "krun vault encrypt")]
#[case("--private-key locked", "has a passphrase", "without a passphrase")]
#[case("--name Backup", "no schedule can be called `Backup`", "small letters")]
#[case("--image x", "--image goes with --print kubernetes", "leave it out")]
#[case("--print kubernetes", "needs an image that has krun", "--image IMAGE")]
#[case("--print kubernetes --image x --delay 5min", "--delay: Kubernetes", "leave it out")]
#[case(
    "--print kubernetes --image x --on-failure true",
    "--on-failure: in a cluster",
    "kube_job_status_failed"
)]
#[case("--time-limit 0", "a run needs some time", "")]
#[case("--delay soon", "90s, 15min or 6h", "")]
fn what_cannot_be_scheduled(#[case] more: &str, #[case] message: &str, #[case] help: &str) {
    let ground = Ground::new();
    std::fs::write(
        ground.project.path().join("locked"),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
    )
    .unwrap();
    ground
        .add(more)
        .expect_status(5)
        .expect_stderr(message)
        .expect_stderr(help);
    assert_eq!(ground.units(), Vec::<String>::new());
}

#[rstest]
#[case("--on nonsense", "Failed to parse calendar specification")]
#[case("--on daily --at 25:00", "no time of day")]
#[case("--on *:0/10 --at 02:00", "says its times itself")]
#[case("--on Mon␣*-*-01 --cron", "both have to fit")]
#[case("--on *:*:0/10 --cron", "are seconds")]
fn when_it_cannot_be(#[case] when: &str, #[case] message: &str) {
    let ground = Ground::new();
    let ran = ground.schedule(&format!("add site.yml -i hosts.ini --scope user {when}"));
    ran.expect_status(5).expect_stderr(message);
    assert_eq!(
        (ground.units(), ground.project.read("crontab")),
        (vec![], String::new())
    );
}

#[rstest]
#[case::mistake("- hosts: all\n  tasks:\n    - comand: x\n", 4, "site.yml:3:7")]
#[case::prompt("- hosts: all\n  vars_prompt: [{name: v}]\n", 4, "`v` is to be asked for")]
#[case::pause("- hosts: all\n  tasks:\n    - pause:\n", 4, "site.yml:3:7")]
#[case::pause_perhaps(
    "- hosts: all\n  tasks:\n    - pause:\n      when: v is defined\n",
    0,
    "a run that gets here fails"
)]
#[case::pause_skipped("- hosts: all\n  tasks:\n    - pause:\n      tags: never\n", 0, "")]
#[case::nobody("- hosts: web\n", 4, "site.yml:1:10")]
fn the_playbook_is_checked_first(#[case] playbook: &str, #[case] status: i32, #[case] message: &str) {
    let ground = Ground::new();
    std::fs::write(ground.project.path().join("site.yml"), playbook).unwrap();
    ground.add("").expect_status(status).expect_stderr(message);
    assert_eq!(ground.units().is_empty(), status != 0);
}

/// What the environment says goes along, unless it is secret by its name; files with secrets become options.
#[test]
fn the_environment() {
    let ground = Ground::new();
    let args = "schedule add site.yml -i hosts.ini --scope user --on daily";
    let args: Vec<_> = args.split(' ').collect();
    let variables = [
        ("KRUN_FORKS", "7"),
        ("ANSIBLE_TIMEOUT", "20"),
        ("ANSIBLE_MY_TOKEN", "hush"),
        ("KRUN_VAULT_PASSWORD_FILE", "vault-password"),
        ("SSH_AUTH_SOCK", "/tmp/agent"),
        ("EDITOR", "vi"),
    ];
    ground
        .krun_with(&variables, &args)
        .expect_status(0)
        .expect_stderr("left out, as their names say that they are secret: ANSIBLE_MY_TOKEN")
        .expect_stderr("the keys of your ssh-agent are not there");
    let service = ground.unit("krun-site.service");
    let root = ground.root();
    for line in ["Environment=KRUN_FORKS=7\n", "Environment=ANSIBLE_TIMEOUT=20\n"] {
        assert!(service.contains(line), "{service}");
    }
    assert!(
        service.contains(&format!("--vault-password-file={root}/vault-password\n")),
        "{service}"
    );
    for absent in ["hush", "EDITOR", "SSH_AUTH_SOCK", "KRUN_VAULT"] {
        assert!(!service.contains(absent), "{service}");
    }
    ground
        .krun_with(&[("KRUN_EXTRA_VARS", "api_token=hush")], &args)
        .expect_status(5)
        .expect_stderr("secret by its name");
}

#[test]
fn the_list_and_a_run() {
    let ground = Ground::new();
    let none = ground
        .schedule("list --scope user")
        .expect_status(0)
        .expect_stderr("there are no schedules");
    assert_eq!(none.stdout, "");
    ground.add("").expect_status(0);
    let state = |file: &str, text: &str| std::fs::write(ground.project.path().join(file), text).unwrap();
    state(
        "krun-site.timer",
        "ActiveState=active\nUnitFileState=enabled\nNextElapseUSecRealtime=Sat 2026-11-28 02:00:00 UTC\nLastTriggerUSec=Fri 2026-11-27 02:00:00 UTC\n",
    );
    ground
        .schedule("list --scope user")
        .expect_status(0)
        .expect_stdout("daily at 02:00")
        .expect_stdout("none since boot");
    state(
        "krun-site.service",
        "ActiveState=inactive\nResult=success\nExecMainStartTimestamp=Fri 2026-11-27 02:00:01 UTC\n",
    );
    ground
        .schedule("list --scope user")
        .expect_status(0)
        .expect_stdout("  well  ");
    let failed = ground.schedule("run site --scope user").expect_status(2);
    assert_eq!(failed.stdout, "PLAY [all]\nbroken\n");
    let listed = ground.schedule("list --scope user --output json").expect_status(2);
    let line: serde_json::Value = serde_json::from_str(listed.stdout.trim()).unwrap();
    assert_eq!(line["name"], "site");
    assert_eq!(line["result"], "exit code 2");
    assert_eq!((&line["failed"], &line["by"]), (&true.into(), &"systemd".into()));
    assert_eq!(line["next"], "2026-11-28T02:00:00Z");
    ground
        .schedule("run sit --scope user")
        .expect_status(1)
        .expect_stderr("did you mean `site`?");
}

/// For real: krun itself, started by what cron would start.
#[test]
fn cron_runs_the_playbook() {
    let ground = Ground::new();
    std::fs::write(ground.project.path().join("crontab"), "0 1 * * * other\n").unwrap();
    let add = "--cron -e v=x";
    ground
        .add(&format!("{add} --check"))
        .expect_status(0)
        .expect_stdout("would change the crontab");
    assert_eq!(ground.project.read("crontab"), "0 1 * * * other\n");
    ground
        .add(add)
        .expect_status(0)
        .expect_stdout("site: daily at 02:00 (0 2 * * *)")
        .expect_stderr("cron does not make up for runs that were missed");
    ground.add(add).expect_status(0).expect_stdout("nothing to change");
    let table = ground.project.read("crontab");
    let script = "config-home/krun/schedule/site.sh";
    let line = format!("0 2 * * * /bin/sh {}/{script}\n", ground.root());
    assert!(
        table.starts_with("0 1 * * * other\n") && table.contains(&line),
        "{table}"
    );
    ground
        .schedule("list --scope user")
        .expect_status(0)
        .expect_stdout("none yet");

    ground
        .schedule("run site --scope user")
        .expect_status(0)
        .expect_stdout("PLAY RECAP");
    assert_eq!(ground.project.trace(), ["h1 x"]);
    ground
        .schedule("list --scope user")
        .expect_status(0)
        .expect_stdout("  well  ");

    // A failure is seen, and the hook runs.
    let hook = format!("echo␣$KRUN_SCHEDULE_NAME␣>{}/hook", ground.root());
    ground
        .add(&format!("{add} --tags broken --on-failure {hook} --diff"))
        .expect_status(0)
        .expect_stdout("+\ttimeout");
    ground.schedule("run site --scope user").expect_status(2);
    assert_eq!(ground.project.read("hook"), "site\n");
    ground
        .schedule("list --scope user")
        .expect_status(2)
        .expect_stdout("exit code 2");

    // One name is not run by two clocks.
    ground
        .add("")
        .expect_status(1)
        .expect_stderr("cron has a schedule `site` already: it would run twice");
    ground.schedule("remove site --scope user").expect_status(0);
    assert_eq!(ground.project.read("crontab"), "0 1 * * * other\n");
    assert_eq!(ground.project.read(script), "");
}

#[test]
fn what_is_printed_for_other_machines() {
    let ground = Ground::new();
    let units = ground
        .add("--print systemd --private-key vault-password")
        .expect_status(0);
    // The machine's units may have credentials, a user's need none.
    let machine = ground
        .schedule("add site.yml -i hosts.ini --on daily --scope system --print systemd --private-key vault-password")
        .expect_status(0)
        .expect_stdout("LoadCredential=private-key:/");
    assert!(
        machine.stdout.contains("--private-key=%d/private-key"),
        "{}",
        machine.stdout
    );
    assert!(!units.stdout.contains("%d"), "{}", units.stdout);
    ground
        .add("--print cron")
        .expect_status(0)
        .expect_stdout("\n0 2 * * * /bin/sh /");
    assert_eq!(
        (ground.units(), ground.project.read("crontab")),
        (vec![], String::new())
    );
}

#[test]
fn a_cron_job_of_kubernetes() {
    let ground = Ground::new();
    let write = |path: &str, text: &str| {
        let path: PathBuf = ground.project.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("group_vars/all.yml", "v: 1\n");
    write("group_vars/key.txt", "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    write("group_vars/vault-password.yml", "{}\n");
    write("known", "h1 ssh-ed25519 AAAA\n");
    let line =
        "--print kubernetes --image krun:1 --time-zone Europe/Berlin --run-check --vault-password-file vault-password";
    let ran = ground
        .add(line)
        .expect_status(0)
        .expect_stderr("to be filled in before this is applied: known_hosts, vault-password")
        .expect_stderr("as they name places of this machine: KRUN_JOURNAL")
        .expect_stderr("group_vars/key.txt has a private key in it, and is left out");
    assert!(
        !ran.stdout.contains("OPENSSH") && !ran.stdout.contains("right"),
        "{}",
        ran.stdout
    );
    for part in [
        "kind: CronJob",
        "timeZone: Europe/Berlin",
        "- /krun/work/site.yml",
        "- --inventory=/krun/work/hosts.ini",
        "- --check",
        "path: group_vars/all.yml",
    ] {
        assert!(ran.stdout.contains(part), "no {part:?} in {}", ran.stdout);
    }
    let whole = ground
        .add(&format!("{line} --with-secrets --known-hosts known"))
        .expect_status(0);
    assert!(
        whole.stdout.contains("right") && whole.stdout.contains("h1 ssh-ed25519 AAAA"),
        "{}",
        whole.stdout
    );
    ground
        .schedule("add ../site.yml -i hosts.ini --on daily --print kubernetes --image x")
        .expect_status(4);
}
