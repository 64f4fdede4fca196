//! Keeps the bench alive: the smallest run that there is, with the binary of the tests. What it measures does not count.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::Path;
use std::process::{Command, Output};

const KRUN: &str = env!("CARGO_BIN_EXE_krun");

fn bench(arguments: &[&str]) -> Output {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/bench"))
        .args(arguments)
        .output()
        .unwrap()
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_same_work_is_measured_and_nothing_stays() {
    if !rustix::process::getuid().is_root() {
        eprintln!("skipped: the bench makes network namespaces, which needs root");
        return;
    }
    let figures = tempfile::NamedTempFile::new().unwrap();
    let path = figures.path().to_str().unwrap();
    let (tools, runs) = ("krun,krun-connect,one-script", "1");
    let done = bench(&[
        "work", "--krun", KRUN, "--tools", tools, "--hosts", "1", "--delays", "0,20", "--runs", runs, "--json", path,
    ]);

    let (stdout, stderr) = said(&done);
    assert!(done.status.success(), "{stderr}");
    // A tool that failed, or did not do the work, is left out.
    assert!(!stdout.contains("LEFT OUT"), "{stdout}");
    assert!(stdout.contains("### 1 host, 20 ms, second run"), "{stdout}");
    assert!(stdout.contains("### Round trips a task"), "{stdout}");
    let found: serde_json::Value = serde_json::from_slice(&std::fs::read(figures.path()).unwrap()).unwrap();
    // Three tools, two delays, first and second run.
    assert_eq!(found["work"].as_array().unwrap().len(), 12);

    let started = stderr.lines().find_map(|line| line.strip_prefix("bench ")).unwrap();
    let namespaces = std::fs::read_dir("/run/netns").map_or(0, |entries| {
        let prefix = format!("krb-{started}-");
        entries
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
            .count()
    });
    assert_eq!(namespaces, 0);
}

#[test]
fn a_tool_that_is_not_there_is_refused() {
    let (_, stderr) = said(&bench(&["work", "--tools", "krun,nosuch"]));
    assert!(stderr.contains("no such tool: nosuch"), "{stderr}");
}
