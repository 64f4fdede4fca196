//! `krun init`: a repository for clusters that works as it is laid out, and never takes anything from its user.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rstest::rstest;
use support::{Project, repository};

/// The files below a folder, with their content.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(
                    path.strip_prefix(folder).unwrap().to_owned(),
                    std::fs::read(&path).unwrap(),
                );
            }
        }
    }
    found
}

#[rstest]
fn every_playbook_passes_the_check_for_every_cluster(
    #[values("production", "staging")] cluster: &str,
    #[values("backup", "hop", "preflight", "restore", "rollback", "upgrade", "verify")] playbook: &str,
) {
    let project = Project::new("");
    project.krun(&["init", "clusters"]).expect_status(0);
    let mut command = project.command(&[
        &format!("playbooks/{playbook}.yml"),
        "-i",
        &format!("inventory/{cluster}"),
        "--syntax-check",
    ]);
    let output = command.current_dir(project.path().join("clusters")).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{stderr}");
}

#[test]
fn what_krun_ships_is_laid_out_whole() {
    let project = Project::new("");
    project
        .krun(&["init", "clusters"])
        .expect_status(0)
        .expect_stdout("made  krun.toml\n")
        .expect_stdout("made  playbooks/ (8 files)\n")
        .expect_stdout("next:\n  cd clusters\n");
    for folder in ["playbooks", "roles"] {
        let shipped = files(&repository().join(folder));
        assert_eq!(
            files(&project.path().join("clusters").join(folder)),
            shipped,
            "{folder}"
        );
    }
    for cluster in ["production", "staging"] {
        let inventory = format!("clusters/inventory/{cluster}");
        project
            .krun(&["inventory", "-i", &inventory, "--graph"])
            .expect_status(0)
            .expect_stdout("@masters:")
            .expect_stdout("@workers:");
    }
    // Its settings are fine as they are, and when the comments are taken off.
    let settings = project.read("clusters/krun.toml");
    let open: Vec<_> = settings
        .lines()
        .map(|line| {
            line.strip_prefix("# ")
                .filter(|line| line.contains(" = "))
                .unwrap_or("")
        })
        .collect();
    let project = project.file("krun.toml", &open.join("\n"));
    let ran = project
        .krun(&["config", "--only-changed"])
        .expect_status(0)
        .expect_stdout("vault_id");
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_second_time_nothing_changes_and_nothing_is_ever_overwritten() {
    let project = Project::new("")
        .file("README.md", "mine")
        .file("roles/common/tasks/drain.yml", "mine")
        .file("roles/ours/tasks/main.yml", "mine");
    project
        .krun(&["init"])
        .expect_status(0)
        .expect_stdout("kept  README.md, which differs")
        .expect_stdout("kept  roles/common/tasks/drain.yml, which differs")
        .expect_stdout("made  roles/ (");
    let before = files(project.path());
    assert_eq!(before[Path::new("README.md")], b"mine");
    assert_eq!(before[Path::new("roles/common/tasks/drain.yml")], b"mine");
    let again = project.krun(&["init"]).expect_status(0);
    assert!(!again.stdout.contains("made"), "{}", again.stdout);
    assert_eq!(files(project.path()), before);
}

#[test]
fn what_cannot_be_made_is_said() {
    let project = Project::new("").file("inventory", "a file");
    project
        .krun(&["init"])
        .expect_status(1)
        .expect_stderr("inventory/production/hosts.ini: cannot make it");
}

#[rstest]
#[case("bash", "_krun()")]
#[case("zsh", "#compdef krun")]
#[case("fish", "complete -c krun")]
fn shells_can_complete_options(#[case] shell: &str, #[case] expected: &str) {
    let ran = Project::new("")
        .krun(&["completion", shell])
        .expect_status(0)
        .expect_stdout(expected);
    assert!(ran.stdout.contains("start-at-task") && ran.stdout.contains("rekey"));
}
