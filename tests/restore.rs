//! What `playbooks/restore.yml` refuses.
#![allow(missing_docs)]

mod support;

use support::lab::Lab;

#[test]
fn a_damaged_snapshot_is_refused_and_nothing_is_touched() {
    let Some(lab) = Lab::up("damaged", 1, 1, "1.28.0") else {
        return;
    };
    lab.krun(&["playbooks/backup.yml", "-e", "backup_max_age=0"])
        .expect_status(0);
    let snapshot = lab.on("m1", "ls /var/lib/krun/backups/*.db").trim().to_owned();
    lab.on(
        "m1",
        &format!("printf x | dd of={snapshot} bs=1 seek=5000 conv=notrunc status=none"),
    );
    lab.krun(&[
        "playbooks/restore.yml",
        "-e",
        "restore_confirm=false",
        "-e",
        &format!("restore_snapshot={snapshot}"),
    ])
    .expect_status(2);
    assert_eq!(lab.nodes(), ["m1 Ready v1.28.0", "w1 Ready v1.28.0"]);
}
