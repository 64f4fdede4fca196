//! Broken playbooks, and what krun says about them, word for word: tests/data/broken/NAME/errors.snap. After a change that is
//! meant: `INSTA_UPDATE=always cargo test --test broken`, and read what has become of them.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};

use support::{Project, Ran, repository};

fn cases() -> Vec<PathBuf> {
    let folder = repository().join("tests/data/broken");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    cases
}

fn copy(from: &Path, below: &str, mut project: Project) -> Project {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{below}{}", path.file_name().unwrap().to_string_lossy());
        project = if path.is_dir() {
            copy(&path, &format!("{name}/"), project)
        } else {
            project.file(&name, &std::fs::read_to_string(&path).unwrap())
        };
    }
    project
}

fn run(case: &Path) -> Ran {
    let project = copy(case, "", Project::new(""));
    let mut args = vec!["site.yml", "-c", "local"];
    if project.path().join("hosts").exists() {
        args.extend(["-i", "hosts"]);
    }
    let more = project.read("args");
    args.extend(more.lines());
    project.krun(&args)
}

#[test]
fn what_is_said_about_them() {
    let cases = cases();
    assert!(cases.len() >= 30);
    for case in cases {
        let ran = run(&case);
        let told = format!("exit code {}\n\n{}", ran.status, ran.stderr);
        insta::with_settings!({
            snapshot_path => &case,
            prepend_module_to_snapshot => false,
            omit_expression => true,
            description => case.file_name().unwrap().to_string_lossy(),
        }, {
            insta::assert_snapshot!("errors", told);
        });
        assert!([1, 4, 5].contains(&ran.status), "{}: {told}", case.display());
        assert_eq!(ran.stdout, "", "{}", case.display());
    }
}
