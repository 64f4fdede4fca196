//! Keeps the bench alive: the smallest run that there is, with the binary of the tests. What it measures does not count.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

const KRUN: &str = env!("CARGO_BIN_EXE_krun");
const BENCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/bench");

fn bench(arguments: &[&str]) -> Output {
    Command::new(BENCH).args(arguments).output().unwrap()
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

    let number = stderr.lines().find_map(|line| line.strip_prefix("bench ")).unwrap();
    assert_eq!(left_of(number), Vec::<String>::new());
}

#[test]
fn two_signals_in_a_row_leave_nothing() {
    if !rustix::process::getuid().is_root() {
        eprintln!("skipped: the bench makes network namespaces, which needs root");
        return;
    }
    let arguments = [
        "work", "--krun", KRUN, "--tools", "krun", "--hosts", "1", "--delays", "0",
    ];
    let mut running = Command::new(BENCH)
        .args(arguments)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let number = running.id().to_string();
    // The first line about a run: everything stands by then.
    let said = BufReader::new(running.stderr.take().unwrap());
    let mut lines = said.lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("round 0")));
    assert_ne!(left_of(&number), Vec::<String>::new());
    let process = Pid::from_child(&running);

    kill_process(process, Signal::TERM).unwrap();
    kill_process(process, Signal::INT).unwrap();

    assert!(!running.wait().unwrap().success());
    assert_eq!(left_of(&number), Vec::<String>::new());
}

/// Namespaces and folders of the bench with this process id.
fn left_of(number: &str) -> Vec<String> {
    let prefixes = [format!("krb-{number}-"), format!("krun-bench-{number}-")];
    [Path::new("/run/netns"), &std::env::temp_dir()]
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(Iterator::flatten)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
        .collect()
}

#[test]
fn a_tool_that_is_not_there_is_refused() {
    let (_, stderr) = said(&bench(&["work", "--tools", "krun,nosuch"]));
    assert!(stderr.contains("no such tool: nosuch"), "{stderr}");
}
