//! Backups of etcd on lab nodes: verified, kept, copied to this machine; and no upgrade without one.
use crate::support::lab::Lab;
use serde_json::json;

/// The names of the snapshots on the first master, oldest first.
fn snapshots(lab: &Lab) -> Vec<String> {
    let names = lab.on("m1", "ls -A /var/lib/krun/backups 2>/dev/null || :");
    names
        .lines()
        .filter(|name| name.ends_with(".db"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn snapshots_are_verified_kept_and_fetched_and_a_fresh_one_counts() {
    let Some(lab) = Lab::up("backup", 1, 1, "1.28.0") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let copies = folder.path().join("copies");
    let fetch = format!("backup_fetch_to={}", copies.display());
    let backup = |more: &[&str]| lab.krun(&[&["playbooks/backup.yml"], more].concat()).expect_status(0);

    // The certificates and the address are those of etcd's manifest, and nothing is installed.
    lab.lab(&["trace", "--clear"]);
    backup(&["-e", &fetch]);
    let trace = lab.trace();
    let save = trace.iter().find(|line| line.contains("snapshot save")).unwrap();
    for option in [
        "--endpoints=https://127.0.0.1:2379",
        "--cacert=/etc/kubernetes/pki/etcd/ca.crt",
        "--cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt",
        "--key=/etc/kubernetes/pki/etcd/healthcheck-client.key",
    ] {
        assert!(save.contains(option), "no {option}: {save}");
    }
    assert!(!trace.iter().any(|line| line.contains(" dnf ")), "{trace:?}");
    let first = snapshots(&lab);
    assert_eq!(first.len(), 1);
    assert_eq!(lab.on("m1", "stat -c %a /var/lib/krun/backups").trim(), "700");

    // The copy is the same file, and only its owner can read it.
    let copy = copies.join(&first[0]);
    let on_node = lab.on("m1", &format!("sha256sum </var/lib/krun/backups/{}", first[0]));
    let here = std::process::Command::new("sha256sum")
        .arg(&copy)
        .output()
        .unwrap()
        .stdout;
    assert_eq!(
        on_node.split(' ').next(),
        String::from_utf8_lossy(&here).split(' ').next()
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&copy).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    // One that is fresh counts, also when its copy has to be fetched anew; one that was changed since does not.
    std::fs::remove_file(&copy).unwrap();
    backup(&["-e", &fetch]);
    assert!(copy.exists());
    assert_eq!(snapshots(&lab), first);
    lab.on("m1", &format!("printf x >>/var/lib/krun/backups/{}", first[0]));
    backup(&[]);
    let two = snapshots(&lab);
    assert_eq!(two.len(), 2);

    // The oldest goes when there are more than are to be kept.
    backup(&["-e", "backup_max_age=0 backup_keep=2"]);
    let kept = snapshots(&lab);
    assert_eq!((kept.len(), &kept[0]), (2, &two[1]));
}

#[test]
fn no_upgrade_begins_without_a_good_snapshot() {
    let Some(lab) = Lab::up("no-backup", 1, 1, "1.28.0") else {
        return;
    };
    lab.changes();
    let refusals = [
        (
            json!({"match": "snapshot save", "action": "fail", "stderr": "no space left on device\n"}),
            "the snapshot could not be saved: no space left on device",
        ),
        // It says that all is well, and writes nothing.
        (json!({"match": "snapshot save", "action": "lie"}), "is not there"),
        (
            json!({"match": "endpoint health", "action": "fail", "stderr": "unhealthy cluster\n"}),
            "is not healthy: unhealthy cluster",
        ),
    ];
    for (mut fault, message) in refusals {
        fault["program"] = "etcdctl".into();
        lab.fault(&fault);
        lab.upgrade(&[])
            .expect_status(2)
            .expect_stdout(message)
            .expect_stdout("STOPPED: m1 failed");
        let mut changes = lab.changes();
        changes.retain(|change| change != "m1: snapshot");
        assert_eq!(changes, Vec::<String>::new(), "{fault}");
        assert_eq!(snapshots(&lab), Vec::<String>::new(), "{fault}");
        assert_eq!(lab.nodes(), ["m1 Ready v1.28.0", "w1 Ready v1.28.0"], "{fault}");
    }
}
