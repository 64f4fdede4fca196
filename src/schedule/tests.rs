//! What is written, whole; and the script for cron as it runs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::Command;

use rstest::rstest;
use serde_json::Value;

use super::*;

fn job() -> Job {
    Job {
        name: "backup".to_owned(),
        about: "krun playbooks/backup.yml".to_owned(),
        header: Header {
            by: "schedule add".to_owned(),
            how: vec![
                "in /srv/my clusters:".to_owned(),
                "krun schedule add playbooks/backup.yml --on daily".to_owned(),
            ],
            removed_by: "krun schedule remove backup".to_owned(),
            runs: "/srv/my clusters/playbooks/backup.yml on /srv/my clusters/inventory".to_owned(),
            when: "daily at 02:00".to_owned(),
        },
        when: When::parse("daily", Some("02:00")).unwrap(),
        delay: 900,
        time_limit: 43_200,
        folder: "/srv/my clusters".to_owned(),
        environment: vec![
            ("HOME".to_owned(), "/root".to_owned()),
            ("KRUN_SSH_ARGS".to_owned(), "-o \"Ciphers=+x\" 100% $x".to_owned()),
        ],
        command: vec![
            Word::Text("/usr/local/bin/krun".to_owned()),
            Word::Text("/srv/my clusters/playbooks/backup.yml".to_owned()),
            Word::Text("--inventory=/srv/my clusters/inventory".to_owned()),
            Word::Text("--extra-vars=note='100% of $HOME'".to_owned()),
            Word::File {
                before: "--vault-id=prod@".to_owned(),
                id: "vault-password".to_owned(),
            },
            Word::File {
                before: "--private-key=".to_owned(),
                id: "private-key".to_owned(),
            },
        ],
        credentials: vec![
            Credential {
                id: "vault-password".to_owned(),
                path: "/root/keys/vault 100%".to_owned(),
            },
            Credential {
                id: "private-key".to_owned(),
                path: "/root/keys/id".to_owned(),
            },
        ],
        on_failure: Some("mail -s \"$KRUN_SCHEDULE_NAME failed\" ops".to_owned()),
    }
}

fn all(way: CredentialWay) -> String {
    let units = units(&job(), way);
    let texts: Vec<_> = units
        .iter()
        .map(|unit| format!("==> {}\n{}", unit.name, unit.text))
        .collect();
    texts.join("\n")
}

#[test]
fn units_with_credentials() {
    insta::assert_snapshot!(all(CredentialWay::Loaded));
}

#[test]
fn units_with_files_in_place() {
    let text = all(CredentialWay::InPlace);
    assert!(text.contains("\"--vault-id=prod@/root/keys/vault 100%%\""), "{text}");
    assert!(!text.contains("LoadCredential"), "{text}");
}

/// Systemd itself reads them, where it is there to be asked.
#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = job();
    // What is named has to be there.
    job.command[0] = Word::Text("/bin/sh".to_owned());
    let mut names = Vec::new();
    for unit in units(&job, CredentialWay::Loaded) {
        std::fs::write(folder.path().join(&unit.name), unit.text).unwrap();
        names.push(unit.name);
    }
    let verify = Command::new("systemd-analyze")
        .arg("verify")
        .args(&names)
        .current_dir(folder.path())
        .output();
    let Ok(verified) = verify else {
        eprintln!("skipped: there is no systemd-analyze");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    let own: Vec<&str> = said.lines().filter(|line| line.contains("krun-")).collect();
    assert!(own.is_empty(), "{own:?}");
}

#[test]
fn script_for_cron() {
    insta::assert_snapshot!(crontab_script(&job(), "/var/lib/krun/schedule/backup"));
}

#[test]
fn line_for_cron() {
    let time = CronTime::of("*-*-* 02:00").unwrap();
    assert_eq!(
        crontab_line(&time, Some("root"), "/a/b.sh"),
        "0 2 * * * root /bin/sh /a/b.sh\n"
    );
    assert_eq!(
        crontab_line(&time, None, "/a 1%/b.sh"),
        "0 2 * * * /bin/sh '/a 1\\%/b.sh'\n"
    );
}

/// A script whose command is this, in a folder of its own.
fn script(command: &str, folder: &std::path::Path) -> std::path::PathBuf {
    let mut job = job();
    job.folder = folder.display().to_string();
    job.delay = 0;
    job.time_limit = 5;
    job.credentials.clear();
    job.command = ["/bin/sh", "-c", command]
        .map(|word| Word::Text(word.to_owned()))
        .to_vec();
    job.on_failure = Some("echo \"$KRUN_SCHEDULE_NAME\" >hook".to_owned());
    let path = folder.join("script.sh");
    // The hook has no folder of its own: it runs where cron runs.
    std::fs::write(
        &path,
        crontab_script(&job, &folder.join("state/backup").display().to_string()),
    )
    .unwrap();
    path
}

fn run(shell: &str, script: &std::path::Path, args: &[&str]) -> (Option<i32>, String) {
    let mut words = shell.split(' ');
    let output = Command::new(words.next().unwrap())
        .args(words)
        .arg(script)
        .args(args)
        .current_dir(script.parent().unwrap())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[rstest]
fn the_script_runs_its_command(
    #[values("dash", "busybox sh")] shell: &str,
    #[values(&["now"], &[])] args: &[&str],
    #[values(0, 3)] status: i32,
) {
    let folder = tempfile::tempdir().unwrap();
    let command = format!("pwd >>ran; echo \"$KRUN_SSH_ARGS\" >>ran; exit {status}");
    let script = script(&command, folder.path());
    let (code, said) = run(shell, &script, args);
    assert_eq!(code, Some(status), "{said}");
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    assert_eq!(
        read("ran"),
        format!("{}\n-o \"Ciphers=+x\" 100% $x\n", folder.path().display())
    );
    assert!(
        read("state/backup").contains(&format!("status={status}\n")),
        "{}",
        read("state/backup")
    );
    assert_eq!(read("hook"), if status == 0 { "" } else { "backup\n" });
    assert_eq!(said.contains("failed with exit code 3"), status == 3, "{said}");
}

#[rstest]
fn a_run_that_takes_too_long_is_ended(#[values("dash", "busybox sh")] shell: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = script("exec sleep 60", folder.path());
    let text = std::fs::read_to_string(&path)
        .unwrap()
        .replace("\nlimit=5\n", "\nlimit=1\n");
    std::fs::write(&path, text).unwrap();
    let (code, said) = run(shell, &path, &[]);
    assert_eq!(code, Some(124), "{said}");
}

#[rstest]
fn two_runs_do_not_overlap(#[values("dash", "busybox sh")] shell: &str) {
    let folder = tempfile::tempdir().unwrap();
    let script = script("echo x >>ran; exit 1", folder.path());
    let lock = std::fs::File::open(&script).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let (code, said) = run(shell, &script, &["now"]);
    assert_eq!((code, folder.path().join("ran").exists()), (Some(0), false), "{said}");
    drop(lock);
    assert_eq!(run(shell, &script, &["now"]).0, Some(1));
}

fn cluster() -> Cluster {
    let file = |path: &str, content: &[u8]| ClusterFile {
        path: path.to_owned(),
        content: content.to_vec(),
    };
    Cluster {
        image: "registry.example/krun:1".to_owned(),
        time_zone: Some("Europe/Berlin".to_owned()),
        files: vec![
            file(
                "playbooks/backup.yml",
                b"- hosts: all\n  tasks:\n    - debug: {msg: \"a: #b\"}  \n",
            ),
            file("playbooks.backup.yml", b"x"),
            file("inventory/group_vars/all.yml", b"key: value\n\ttab\n"),
            file("roles/r/files/data", &[0, 159, 146, 150]),
        ],
        known_hosts: None,
        secrets: vec![
            Secret {
                id: "vault-password".to_owned(),
                content: Some("hush: it's\n".to_owned()),
            },
            Secret {
                id: "private-key".to_owned(),
                content: None,
            },
        ],
    }
}

fn documents(text: &str) -> Vec<Value> {
    let parts = text.split("\n---\n").skip(1);
    parts.map(|part| serde_yaml::from_str(part).unwrap()).collect()
}

#[test]
fn objects_of_kubernetes() {
    let mut job = job();
    job.folder = place_in_cluster("");
    job.delay = 0;
    job.on_failure = None;
    job.command[0] = Word::Text("krun".to_owned());
    let time = CronTime::of(&job.when.calendar).unwrap();
    let cluster = cluster();
    let text = manifests(&job, &time, &cluster).unwrap();
    let objects = documents(&text);
    let [map, secret, cron_job] = objects.as_slice() else {
        panic!("{text}")
    };
    let pod = &cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    assert_eq!(cron_job["spec"]["schedule"], "0 2 * * *");
    assert_eq!(cron_job["spec"]["timeZone"], "Europe/Berlin");
    assert_eq!(cron_job["spec"]["concurrencyPolicy"], "Forbid");
    // Each file arrives where it was, as it was.
    let items = pod["volumes"][0]["configMap"]["items"].as_array().unwrap();
    for file in &cluster.files {
        let item = items.iter().find(|item| item["path"] == file.path.as_str()).unwrap();
        let key = item["key"].as_str().unwrap();
        let is_key = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        assert!(key.chars().all(is_key), "{key}");
        let content = match map["data"].get(key) {
            Some(text) => text.as_str().unwrap().as_bytes().to_vec(),
            None => openssl::base64::decode_block(map["binaryData"][key].as_str().unwrap()).unwrap(),
        };
        assert_eq!(content, file.content, "{key}");
    }
    // What is mounted is there, and what the command names is mounted.
    let volumes: Vec<_> = pod["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|volume| &volume["name"])
        .collect();
    for mount in pod["containers"][0]["volumeMounts"].as_array().unwrap() {
        assert!(volumes.contains(&&mount["name"]), "{mount}");
    }
    for volume in pod["volumes"].as_array().unwrap() {
        if let Some(name) = volume["configMap"].get("name") {
            assert_eq!(*name, map["metadata"]["name"]);
        }
        if let Some(name) = volume["secret"].get("secretName") {
            assert_eq!(*name, secret["metadata"]["name"]);
        }
    }
    assert_eq!(secret["stringData"]["vault-password"], "hush: it's\n");
    assert_eq!(secret["stringData"]["private-key"], "FILL IN");
    let args = pod["containers"][0]["args"].as_array().unwrap();
    assert!(
        args.contains(&"--private-key=/krun/secrets/private-key".into()),
        "{args:?}"
    );
    assert!(
        !args.iter().any(|word| word.as_str().unwrap().contains("/root/keys")),
        "{args:?}"
    );
    insta::assert_snapshot!(text);
}

#[test]
fn too_much_for_a_config_map() {
    let mut cluster = cluster();
    cluster.files[0].content = vec![b'x'; 1_000_001];
    let time = CronTime::of("daily").unwrap();
    assert!(manifests(&job(), &time, &cluster).is_err());
}
