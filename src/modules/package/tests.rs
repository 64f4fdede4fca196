use std::os::unix::fs::PermissionsExt;

use rstest::rstest;
use rustix::fs::{FlockOperation, fcntl_lock};
use serde_json::{Value, json};

use crate::connection::Output;
use crate::connection::scripted::Answer;
use crate::modules::Failure;
use crate::modules::testing::{asked, check_module, run_module, scripted};

const OLD: &str = "manager\tdnf\nname\tkubeadm\tkubeadm\t1.28.2\ninstalled\tkubeadm\t1.28.0-0\n\
                   available\tkubeadm\t0:1.28.0-0\navailable\tkubeadm\t1.28.2-0\navailable\tkubeadm\t1.28.1-0\n";

fn refused(options: Value, answer: &str) -> Failure {
    let (mut connection, _) = scripted([Answer::stdout(answer)]);
    run_module("package", options, &mut connection).unwrap_err()
}

#[test]
fn the_version_that_is_there_costs_one_exchange() {
    let answer = "manager\tdnf\nname\tkubeadm\tkubeadm\t1.28.2\ninstalled\tkubeadm\t1.28.2-0\n";
    let (mut connection, log) = scripted([Answer::stdout(answer)]);
    let outcome = run_module(
        "yum",
        json!({"name": "kubeadm", "version": "v1.28.2", "disable_excludes": "kubernetes"}),
        &mut connection,
    )
    .unwrap();
    assert!(!outcome.changed);
    assert_eq!(outcome.result["packages"]["kubeadm"], "1.28.2-0");
    assert_eq!(
        asked(&log),
        ["package/query no   kubernetes needed 60 0   kubeadm kubeadm 1.28.2"]
    );
}

#[test]
fn a_version_without_its_release_is_looked_up() {
    let (mut connection, _) = scripted([Answer::stdout(OLD)]);
    let outcome = check_module("package", json!({"name": "kubeadm-1.28.2"}), &mut connection).unwrap();
    assert!(outcome.changed);
    assert_eq!(outcome.changes, ["kubeadm 1.28.0-0 → 1.28.2-0"]);
}

#[test]
fn a_missing_version_names_those_that_are_there() {
    let answer = OLD.replace("kubeadm\t1.28.2\n", "kubeadm\t1.28.9\n");
    let failure = refused(json!({"name": "kubeadm-1.28.9"}), &answer);
    assert_eq!(failure.message, "no repository of the node holds kubeadm 1.28.9");
    assert!(failure.help.unwrap().contains("1.28.2-0, 1.28.1-0, 1.28.0-0"));
}

#[test]
fn an_older_version_needs_permission() {
    let answer = OLD.replace("installed\tkubeadm\t1.28.0-0", "installed\tkubeadm\t1.29.0-0");
    let failure = refused(json!({"name": "kubeadm=1.28.2"}), &answer);
    assert!(failure.help.unwrap().contains("allow_downgrade"));
    let (mut connection, _) = scripted([Answer::stdout(answer)]);
    let options = json!({"name": "kubeadm=1.28.2", "allow_downgrade": true});
    assert!(check_module("package", options, &mut connection).unwrap().changed);
}

#[test]
fn a_held_package_is_changed_only_when_the_task_says_what_becomes_of_the_hold() {
    let failure = refused(json!({"name": "kubeadm=1.28.2"}), &format!("{OLD}held\tkubeadm\n"));
    assert!(failure.message.contains("held at 1.28.0-0"), "{}", failure.message);
    let (mut connection, _) = scripted([Answer::stdout(format!("{OLD}held\tkubeadm\n"))]);
    let options = json!({"name": "kubeadm=1.28.2", "hold": true});
    let outcome = check_module("package", options, &mut connection).unwrap();
    assert_eq!(outcome.changes, ["kubeadm 1.28.0-0 → 1.28.2-0"]);
}

#[test]
fn a_hold_alone_is_a_change_too() {
    let answer = "manager\tapt\nname\tkubeadm\tkubeadm\t\ninstalled\tkubeadm\t1.28.2-1.1\n";
    let (mut connection, _) = scripted([Answer::stdout(answer)]);
    let outcome = check_module("apt", json!({"name": "kubeadm", "hold": true}), &mut connection).unwrap();
    assert_eq!(outcome.changes, ["kubeadm held"]);
}

#[test]
fn absent_and_latest() {
    let (mut connection, _) = scripted([Answer::stdout(OLD)]);
    let outcome = check_module(
        "package",
        json!({"name": "kubeadm", "state": "absent"}),
        &mut connection,
    )
    .unwrap();
    assert_eq!(outcome.changes, ["kubeadm 1.28.0-0 removed"]);
    let answer = OLD.replace("kubeadm\t1.28.2\n", "kubeadm\t\n");
    let (mut connection, _) = scripted([Answer::stdout(answer)]);
    let outcome = check_module(
        "package",
        json!({"name": "kubeadm", "state": "latest"}),
        &mut connection,
    )
    .unwrap();
    assert_eq!(outcome.changes, ["kubeadm 1.28.0-0 → 1.28.2-0"]);
}

#[test]
fn the_newest_version_is_not_guessed() {
    let (mut connection, _) = scripted([Answer::Output(Output {
        stdout: b"manager\tdnf\nname\tkubeadm\tkubeadm\t\ninstalled\tkubeadm\t1.28.0-0\n".to_vec(),
        stderr: b"Cannot download repomd.xml".to_vec(),
        ..Output::default()
    })]);
    let options = json!({"name": "kubeadm", "state": "latest"});
    let failure = run_module("package", options, &mut connection).unwrap_err();
    assert!(
        failure.message.ends_with("dnf said: Cannot download repomd.xml"),
        "{}",
        failure.message
    );
}

#[test]
fn what_is_removed_cannot_be_held() {
    let module = crate::modules::find("package").unwrap();
    let error = module
        .validate(json!({"name": "a", "state": "absent", "hold": true}))
        .unwrap_err();
    assert_eq!(error.path, "hold");
}

#[test]
fn files_and_options_are_no_names() {
    let module = crate::modules::find("package").unwrap();
    for name in ["/tmp/a.rpm", "https://example.org/a.rpm", "--nogpgcheck", "@core"] {
        assert_eq!(module.validate(json!({"name": [name]})).unwrap_err().path, "name[0]");
    }
    assert!(module.validate(json!({})).is_err());
}

/// Programs that stand for a package manager and rpm on the search path of a real shell.
struct Stand {
    folder: tempfile::TempDir,
}

/// The repository's versions, whatever is asked.
const REPOQUERY: &str = r"*' repoquery '*) printf 'kubeadm\t1.28.0-0\nkubeadm\t1.28.2-0\n' ;;";

impl Stand {
    fn new() -> Self {
        let stand = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::write(stand.folder.path().join("version"), "1.28.0-0").unwrap();
        stand.program(
            "rpm",
            r#"case $* in -E*) pwd; exit ;; esac
read -r v <version; printf 'installed\tkubeadm\t%s\n' "$v" | case $* in *installed*) cat ;; *) cut -f2- ;; esac"#,
        );
        stand
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::write(
            &path,
            format!("#!/bin/sh\ncd '{}'\n{text}", self.folder.path().display()),
        )
        .unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn run(&self, script: crate::connection::Script, args: &[&str]) -> (String, String, i32) {
        let path = format!("{}:{}", self.folder.path().display(), std::env::var("PATH").unwrap());
        let output = std::process::Command::new("sh")
            .args(["-c", script.text, "sh"])
            .args(args)
            .env("PATH", path)
            .output()
            .unwrap();
        (
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
            output.status.code().unwrap(),
        )
    }

    /// The last words that the package manager was called with.
    fn last_call(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        log.lines().last().unwrap().to_owned()
    }
}

#[test]
fn the_scripts_drive_dnf() {
    let stand = Stand::new();
    stand.program(
        "dnf",
        &format!("echo \"$*\" >>log\ncase \" $* \" in\n{REPOQUERY}\n*' install '*) echo 1.28.2-0 >version ;;\nesac"),
    );
    let query = [
        "no",
        "",
        "",
        "kubernetes",
        "needed",
        "60",
        "0",
        "",
        "",
        "kubeadm-1.28.2",
        "kubeadm",
        "1.28.2",
    ];
    let (stdout, stderr, _) = stand.run(super::QUERY, &query);
    let expected = "manager\tdnf\nname\tkubeadm-1.28.2\tkubeadm\t1.28.2\ninstalled\tkubeadm\t1.28.0-0\n\
                    available\tkubeadm\t1.28.0-0\navailable\tkubeadm\t1.28.2-0\n";
    assert_eq!(stdout, expected, "{stderr}");
    assert!(
        stand.last_call().contains(" --showduplicates "),
        "{}",
        stand.last_call()
    );
    let apply = [
        "dnf",
        "install",
        "no",
        "",
        "",
        "kubernetes",
        "5",
        "",
        "no",
        "--nobest --exclude=x",
        "",
        "kubeadm\t1.28.2-0",
    ];
    let (stdout, stderr, status) = stand.run(super::APPLY, &apply);
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(stdout, "installed\tkubeadm\t1.28.2-0\n");
    assert_eq!(
        stand.last_call(),
        "-y --nobest --exclude=x --setopt=exit_on_lock=1 --disableexcludes=kubernetes install kubeadm-1.28.2-0"
    );
}

/// As dnf 5.4 does, tried by hand: it has no `--showduplicates` for `repoquery`, its formats know `\n` but no `\t`, and
/// all excludes are `*`.
#[test]
fn the_scripts_drive_dnf5() {
    let stand = Stand::new();
    stand.program(
        "dnf5",
        r#"echo "$*" >>log
format='%{name}	%{evr}\n'
case " $* " in
    *--showduplicates*) echo 'Unknown argument "--showduplicates" for command "repoquery".' >&2; exit 2 ;;
    *" repoquery "*"--qf $format "*"--setopt=disable_excludes=* "*) printf 'kubeadm\t1.28.0-0\nkubeadm\t1.28.2-0\n' ;;
    *" install "*) echo 1.28.2-0 >version ;;
    *) echo "not understood: $*" >&2; exit 2 ;;
esac"#,
    );
    let query = [
        "no", "", "", "all", "needed", "60", "0", "", "", "kubeadm", "kubeadm", "1.28.2",
    ];
    let (stdout, stderr, _) = stand.run(super::QUERY, &query);
    assert!(stdout.starts_with("manager\tdnf5\n"), "{stdout}{stderr}");
    assert!(
        stdout.ends_with("available\tkubeadm\t1.28.0-0\navailable\tkubeadm\t1.28.2-0\n"),
        "{stdout}{stderr}"
    );
    let apply = [
        "dnf5",
        "install",
        "yes",
        "",
        "",
        "all",
        "1",
        "",
        "no",
        "",
        "",
        "kubeadm\t1.28.2-0",
    ];
    let (stdout, stderr, status) = stand.run(super::APPLY, &apply);
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(stdout, "installed\tkubeadm\t1.28.2-0\n");
    assert_eq!(
        stand.last_call(),
        "-y --setopt=disable_excludes=* install --allow-downgrade kubeadm-1.28.2-0"
    );
    // dnf 5 itself would wait without end.
    let lock = std::fs::File::create(stand.folder.path().join(".rpm.lock")).unwrap();
    fcntl_lock(&lock, FlockOperation::LockExclusive).unwrap();
    let (_, stderr, status) = stand.run(super::APPLY, &apply);
    assert_eq!(
        (status, stderr.as_str()),
        (200, "another package manager held the lock for 1 s\n")
    );
}

#[rstest]
#[case("dnf", "check-update --security")]
#[case("yum", "check-update --security")]
fn an_upgrade_of_everything_is_looked_at_first(#[case] manager: &str, #[case] call: &str) {
    let stand = Stand::new();
    stand.program(
        manager,
        r#"echo "$*" >>log
printf '\nkubeadm.x86_64   1.28.2-0   kubernetes\na-very-long-name-of-a-package.noarch\n      1:2.0-1  base\nObsoleting Packages\nx.noarch 1 y\n'
exit 100"#,
    );
    let query = ["no", "", "", "", "yes", "60", "0", "safe", "--security"];
    let (stdout, stderr, status) = stand.run(super::QUERY, &query);
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(
        stdout,
        format!("manager\t{manager}\nwhole\tkubeadm\t1.28.2-0\nwhole\ta-very-long-name-of-a-package\t1:2.0-1\n")
    );
    assert_eq!(stand.last_call(), format!("-q {call}"));
}
