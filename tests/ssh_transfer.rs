//! Files on their way: nothing is held in memory, nothing is sent twice, and a connection that breaks leaves the old file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs
)]

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use support::Project;
use support::sshd::{Setup, Sshd, wait_until};

const LARGE: u64 = 300 * 1024 * 1024;

/// What krun may take of this machine's memory, whatever it sends.
const MEMORY_KIB: u64 = 64 * 1024;

/// A project with one host, and a playbook of these tasks.
fn project(sshd: &Sshd, tasks: &str, more_options: &[&str]) -> Project {
    let options = [
        &["IdentityAgent=none", "IdentityFile=none", "StrictHostKeyChecking=yes"],
        more_options,
    ]
    .concat();
    let words: Vec<String> = sshd
        .options(&options)
        .iter()
        .map(|word| format!("\"{}\"", word.replace('"', "\\\"")))
        .collect();
    let inventory = format!(
        "all:\n  hosts:\n    node:\n      ansible_host: 127.0.0.1\n      ansible_port: {}\n      ansible_user: root\n      \
         ansible_ssh_private_key_file: {}\n      ansible_ssh_common_args: '{}'\n      at: {}\n",
        sshd.port,
        sshd.at("id"),
        words.join(" "),
        sshd.at("node")
    );
    fs::create_dir_all(sshd.path("node")).unwrap();
    Project::new(&format!("- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}")).file("hosts.yml", &inventory)
}

fn start(project: &Project) -> Child {
    Command::new(env!("CARGO_BIN_EXE_krun"))
        .args(["site.yml", "-i", "hosts.yml"])
        .current_dir(project.path())
        .env("NO_COLOR", "1")
        .env("KRUN_JOURNAL", project.path().join(".journal"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for krun's end; the most memory that it was seen to have, in KiB.
fn peak_memory(krun: &mut Child) -> u64 {
    let mut peak = 0;
    while krun.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", krun.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak = peak.max(now.unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    peak
}

fn end(krun: Child) -> (i32, String) {
    let output = krun.wait_with_output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

fn large_file(path: &Path) {
    fs::File::create(path).unwrap().set_len(LARGE).unwrap();
}

fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn large_files_pass_through_little_memory() {
    let Some(sshd) = Sshd::start() else { return };
    let tasks = "    - copy: {src: large, dest: '{{ at }}/large', mode: '0640', owner: nobody, group: daemon}\n    \
                 - fetch: {src: '{{ at }}/large', dest: fetched, flat: true}\n";
    let project = project(&sshd, tasks, &[]);
    fs::create_dir(project.path().join("files")).unwrap();
    large_file(&project.path().join("files/large"));
    let mut krun = start(&project);
    let peak = peak_memory(&mut krun);
    let (status, said) = end(krun);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("changed=2"), "{said}");
    assert!(peak > 1024 && peak < MEMORY_KIB, "{peak} KiB");
    let sent = fs::metadata(sshd.path("node/large")).unwrap();
    assert_eq!((sent.len(), sent.permissions().mode() & 0o7777), (LARGE, 0o640));
    assert_ne!((sent.uid(), sent.gid()), (0, 0));
    assert_eq!(fs::metadata(project.path().join("fetched")).unwrap().len(), LARGE);
    assert_eq!(entries(&sshd.path("node")), ["large"]);
}

#[test]
fn what_is_there_already_is_not_sent() {
    let Some(sshd) = Sshd::start() else { return };
    let tasks = "    - copy: {src: some, dest: '{{ at }}/some'}\n    - fetch: {src: '{{ at }}/some', dest: fetched, flat: true}\n";
    // All that goes up and down is counted on the way.
    let (up, down) = (sshd.at("up"), sshd.at("down"));
    let proxy = format!(
        "ProxyCommand=tee {up} | /usr/sbin/sshd -i -f {} | tee {down}",
        sshd.at("sshd_config")
    );
    let project = project(&sshd, tasks, &[&proxy]);
    let content: Vec<u8> = (0..=250).cycle().take(3_000_000).collect();
    fs::create_dir(project.path().join("files")).unwrap();
    fs::write(project.path().join("files/some"), &content).unwrap();
    for (run, is_sent) in [("first", true), ("second", false)] {
        let (status, said) = end(start(&project));
        assert_eq!(status, 0, "{said}");
        for way in [&up, &down] {
            let size = fs::metadata(way).unwrap().len();
            assert_eq!(size > 3_000_000, is_sent, "{run}: {size} bytes, {said}");
            assert!(size < 3_300_000, "not as it is: {size}");
        }
    }
    assert!(fs::read(project.path().join("fetched")).unwrap() == content);
}

#[test]
fn a_connection_that_breaks_leaves_the_old_file() {
    let Some(sshd) = Sshd::start() else { return };
    let project = project(&sshd, "    - copy: {src: large, dest: '{{ at }}/file'}\n", &[]);
    fs::create_dir(project.path().join("files")).unwrap();
    large_file(&project.path().join("files/large"));
    fs::write(sshd.path("node/file"), "old").unwrap();
    let krun = start(&project);
    wait_until("a part of the file", || {
        let names = entries(&sshd.path("node"));
        let mut parts = names.iter().filter(|name| *name != "file");
        parts.any(|name| fs::metadata(sshd.path("node").join(name)).is_ok_and(|part| part.len() > 1_000_000))
    });
    cut(&sshd);
    let (status, said) = end(krun);
    assert_eq!(status, 4, "{said}");
    assert!(said.contains("was lost while"), "{said}");
    assert_eq!(fs::read_to_string(sshd.path("node/file")).unwrap(), "old");
    wait_until("the part to be removed", || entries(&sshd.path("node")) == ["file"]);
    let (status, said) = end(start(&project));
    assert_eq!(status, 0, "{said}");
    assert_eq!(fs::metadata(sshd.path("node/file")).unwrap().len(), LARGE);
    assert_eq!(entries(&sshd.path("node")), ["file"]);
}

#[test]
fn a_download_that_breaks_leaves_the_old_file() {
    let Some(sshd) = Sshd::start() else { return };
    let project = project(
        &sshd,
        "    - fetch: {src: '{{ at }}/large', dest: kept/file, flat: true}\n",
        &[],
    );
    large_file(&sshd.path("node/large"));
    let kept = project.path().join("kept");
    fs::create_dir(&kept).unwrap();
    fs::write(kept.join("file"), "old").unwrap();
    let krun = start(&project);
    wait_until("a part of the file", || {
        let names = entries(&kept);
        let mut parts = names.iter().filter(|name| *name != "file");
        parts.any(|name| fs::metadata(kept.join(name)).is_ok_and(|part| part.len() > 1_000_000))
    });
    cut(&sshd);
    let (status, said) = end(krun);
    assert_eq!(status, 4, "{said}");
    assert_eq!(fs::read_to_string(kept.join("file")).unwrap(), "old");
    assert_eq!(entries(&kept), ["file"]);
}

/// Ends the processes that serve this sshd's sessions.
fn cut(sshd: &Sshd) {
    let listed = Command::new("ps")
        .args(["-o", "pid=", "--ppid", &sshd.pid().to_string()])
        .output()
        .unwrap();
    let sessions = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(!sessions.trim().is_empty());
    let killed = Command::new("kill")
        .arg("-KILL")
        .args(sessions.split_whitespace())
        .status();
    assert!(killed.unwrap().success());
}

/// There is no SELinux here; programs that pose as its own write down how they are called.
#[test]
fn a_file_has_its_selinux_context_before_it_has_its_name() {
    let etc = "mount -t tmpfs fake /sys/fs
               mkdir /sys/fs/selinux
               echo 1 >/sys/fs/selinux/enforce
               mount -t tmpfs fake /usr/local/bin
               for name in chcon restorecon matchpathcon; do
                   printf '#!/bin/sh\\necho \"$(basename \"$0\") $*\" >>\"%s/calls\"\\n' \"$1\" >/usr/local/bin/$name
                   chmod 755 /usr/local/bin/$name
               done
               echo 'echo system_u:object_r:etc_t:s0' >>/usr/local/bin/matchpathcon";
    let Some(sshd) = Sshd::set_up(&Setup {
        etc,
        ..Setup::default()
    }) else {
        return;
    };
    let tasks =
        "    - copy: {content: new, dest: '{{ at }}/new'}\n    - copy: {content: changed, dest: '{{ at }}/old'}\n";
    let project = project(&sshd, tasks, &[]);
    fs::write(sshd.path("node/old"), "old").unwrap();
    let (status, said) = end(start(&project));
    assert_eq!(status, 0, "{said}");
    let calls = fs::read_to_string(sshd.path("calls")).unwrap();
    let calls: Vec<&str> = calls.lines().collect();
    assert_eq!(calls.len(), 3, "{calls:?}");
    assert_eq!(calls[0], format!("matchpathcon -n {}", sshd.at("node/new")));
    assert!(calls[1].starts_with("chcon system_u:object_r:etc_t:s0 "), "{calls:?}");
    assert!(
        calls[2].starts_with(&format!("chcon --reference={} ", sshd.at("node/old"))),
        "{calls:?}"
    );
    assert_eq!(fs::read_to_string(sshd.path("node/old")).unwrap(), "changed");
}
