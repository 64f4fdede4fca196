//! The playbooks of this repository: nothing is wrong with them that can be known without a node.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use rstest::rstest;
use support::{Project, repository};

#[rstest]
fn every_variable_has_a_source(
    #[values(
        "backup",
        "hop",
        "preflight",
        "restore",
        "rollback",
        "schedule-backup",
        "upgrade",
        "verify"
    )]
    playbook: &str,
    #[values("inventory", "inventory/lab")] inventory: &str,
    #[values(&[], &["-e", "upgrade_order=per_node", "-e", "drain_order=before_kubeadm", "-e", "rollback_etcd=true"])]
    extra: &[&str],
) {
    let root = repository();
    let path = |name: String| root.join(name).display().to_string();
    let (playbook, inventory) = (path(format!("playbooks/{playbook}.yml")), path(inventory.to_owned()));
    let mut args = vec![playbook.as_str(), "-i", &inventory, "--syntax-check"];
    args.extend(extra);
    let ran = Project::new("").krun(&args).expect_status(0);
    assert_eq!(ran.stderr, "");
}

#[test]
fn every_playbook_is_in_the_test() {
    let names = std::fs::read_dir(repository().join("playbooks")).unwrap();
    let mut names: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let tested = [
        "backup",
        "hop",
        "preflight",
        "restore",
        "rollback",
        "schedule-backup",
        "upgrade",
        "verify",
    ];
    assert_eq!(names, tested.map(|name| format!("{name}.yml")));
}

/// What the restore playbook once was: its second play used what only the first one's role defines, and ended in an
/// error after the data was back.
#[test]
fn a_play_without_the_role_whose_defaults_it_uses_is_refused() {
    let playbook = "
- name: Restore etcd
  hosts: masters
  roles: [common, etcd_restore]
- name: Restart the kubelets
  hosts: masters:workers
  serial: \"{{ restart_serial | default('20%') }}\"
  tasks:
    - name: The node is Ready
      wait-ready:
        node: \"{{ node_name or omit }}\"
      delegate_to: \"{{ kubectl_host }}\"
- name: Is the cluster well?
  hosts: masters[0]
  tasks:
    - import_role:
        name: verify
        tasks_from: system_pods
";
    let project = Project::new(playbook).file("hosts", "[masters]\nm1\n[workers]\nw1\n");
    let roles = repository().join("roles").display().to_string();
    let ran = project
        .krun(&["site.yml", "-i", "hosts", "--roles-path", &roles])
        .expect_status(4)
        .expect_stderr("site.yml:11:19")
        .expect_stderr("site.yml:12:24")
        .expect_stderr("the variable `kubectl_host` is not defined for any host of the play `Restart the kubelets`")
        .expect_stderr("`kubectl_host` is not defined for any host of the play `Is the cluster well?`")
        .expect_stderr("the role `common` defines it, and this play does not use that role: add it to `roles`");
    assert_eq!(ran.stdout, "");
}

/// A misspelt name in a task file that several plays share is found, also behind hooks and conditions.
#[test]
fn a_typo_in_the_upgrade_is_found() {
    let root = repository();
    let project = Project::new("");
    for folder in ["playbooks", "roles", "inventory"] {
        copy(&root.join(folder), &project.path().join(folder));
    }
    let drain = "roles/common/tasks/drain.yml";
    let text = project.read(drain).replace("when: needs_drain", "when: needs_drian");
    let project = project.file(drain, &text);
    project
        .krun(&["playbooks/upgrade.yml", "-i", "inventory", "--syntax-check"])
        .expect_status(4)
        .expect_stderr("roles/common/tasks/drain.yml:18:9")
        .expect_stderr("did you mean `needs_drain`?");
    // A hook may set it: its tasks are read, and what cannot be read may set anything.
    let with_hook = |hook: &str| {
        let hook = format!("hook_before_upgrade={hook}");
        project.krun(&[
            "playbooks/upgrade.yml",
            "-i",
            "inventory",
            "--syntax-check",
            "-e",
            &hook,
        ])
    };
    std::fs::write(
        project.path().join("playbooks/before.yml"),
        "- set_fact: {needs_drian: true}\n",
    )
    .unwrap();
    with_hook("before.yml").expect_status(0);
    std::fs::write(project.path().join("playbooks/before.yml"), "- ping:\n").unwrap();
    with_hook("before.yml").expect_status(4);
    with_hook("not-there-yet.yml").expect_status(0);
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
