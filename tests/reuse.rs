//! The same playbooks and roles for several clusters (docs/reuse.md): each has an inventory of its own, and they share the rest.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use rstest::rstest;
use support::{Project, Ran};

/// One play that uses a role of the repository and a shared one, on all nodes of a cluster.
const PLAYBOOK: &str = "
- name: Mark the nodes
  hosts: masters:workers
  gather_facts: false
  serial: \"{{ batch }}\"
  roles: [mark, {role: shared, when: inventory_hostname in groups.masters}]
";

/// A repository with two clusters whose nodes are this machine, and a role that lives elsewhere.
fn project() -> Project {
    let hosts = |masters: &str, workers: &str| {
        format!("[masters]\n{masters}\n[workers]\n{workers}\n[all:vars]\nansible_connection=local\n")
    };
    Project::new("")
        .file("clusters/playbooks/mark.yml", PLAYBOOK)
        .file("clusters/playbooks/group_vars/all.yml", "owner: everybody\n")
        .file("clusters/inventory/production/hosts.ini", &hosts("p1\np2", "p3"))
        .file("clusters/inventory/production/group_vars/all.yml", "version: 1.27.9\nowner: production\n")
        .file("clusters/inventory/production/group_vars/workers.yml", "batch: 2\nkind: big\n")
        .file("clusters/inventory/production/host_vars/p2.yml", "kind: special\n")
        .file("clusters/inventory/staging/hosts.yml", "all: {vars: {ansible_connection: local}, children: {masters: {hosts: {s1: }}, workers: {hosts: {s2: }}}}\n")
        .file("clusters/inventory/staging/group_vars/all.yml", "version: 1.28.2\n")
        .file("clusters/roles/mark/defaults/main.yml", "kind: small\nbatch: 1\n")
        .file("clusters/roles/mark/templates/mark.j2", "{{ inventory_hostname }} {{ version }} {{ kind }} {{ owner }} of {{ groups.all | length }}\n")
        .file("clusters/roles/mark/tasks/main.yml", "- template: {src: mark.j2, dest: '{{ playbook_dir }}/../marks-{{ inventory_hostname }}'}\n  tags: mark\n")
        .file("shared/roles/shared/tasks/main.yml", "- copy: {content: shared, dest: '{{ playbook_dir }}/../shared-{{ inventory_hostname }}'}\n")
}

fn krun(project: &Project, variables: &[(&str, &str)], args: &[&str]) -> Ran {
    let mut command = project.command(args);
    let output = command
        .current_dir(project.path().join("clusters"))
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    Ran {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn marks(project: &Project) -> Vec<String> {
    let mut found: Vec<_> = std::fs::read_dir(project.path().join("clusters"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("marks-") || name.starts_with("shared-"))
        .collect();
    found.sort();
    found
}

/// Each way to say where shared roles are.
#[rstest]
#[case::option(&["--roles-path", "../shared/roles"], &[], None)]
#[case::environment(&[], &[("KRUN_ROLES_PATH", "../gone:../shared/roles")], None)]
#[case::project(&[], &[], Some(("krun.toml", "roles_path = [\"../shared/roles\"]\n")))]
#[case::ansible(&[], &[], Some(("ansible.cfg", "[defaults]\nroles_path = roles:../shared/roles\n")))]
fn two_clusters_share_playbooks_and_roles(
    #[case] args: &[&str],
    #[case] variables: &[(&str, &str)],
    #[case] file: Option<(&str, &str)>,
) {
    let mut project = project();
    if let Some((name, text)) = file {
        project = project.file(&format!("clusters/{name}"), text);
    }
    let run = |cluster: &str| {
        let inventory = format!("inventory/{cluster}");
        let all = [&["playbooks/mark.yml", "-i", &inventory][..], args].concat();
        krun(&project, variables, &all).expect_status(0)
    };
    run("staging");
    assert_eq!(marks(&project), ["marks-s1", "marks-s2", "shared-s1"]);
    assert_eq!(project.read("clusters/marks-s2"), "s2 1.28.2 small everybody of 2\n");
    run("production");
    let all = [
        "marks-p1",
        "marks-p2",
        "marks-p3",
        "marks-s1",
        "marks-s2",
        "shared-p1",
        "shared-p2",
        "shared-s1",
    ];
    assert_eq!(marks(&project), all);
    assert_eq!(project.read("clusters/marks-p2"), "p2 1.27.9 special everybody of 3\n");
    assert_eq!(project.read("clusters/marks-p3"), "p3 1.27.9 big everybody of 3\n");
    // What is done stays done, and the other cluster was not touched.
    let again = run("staging");
    assert!(
        again.stdout.contains("s1                         : ok=2    changed=0"),
        "{}",
        again.stdout
    );
}

#[test]
fn a_role_that_is_nowhere_is_said_before_anything_runs() {
    let project = project();
    let ran = krun(&project, &[], &["playbooks/mark.yml", "-i", "inventory/staging"])
        .expect_status(4)
        .expect_stderr("there is no role `shared`");
    assert_eq!(ran.stdout, "");
    assert!(marks(&project).is_empty());
}

/// From the folder of the playbooks the roles beside it are found as well.
#[test]
fn roles_are_found_from_inside_the_playbooks_folder() {
    let project = project();
    let mut command = project.command(&[
        "mark.yml",
        "-i",
        "../inventory/staging",
        "--roles-path",
        "../../shared/roles",
    ]);
    let output = command
        .current_dir(project.path().join("clusters/playbooks"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(marks(&project), ["marks-s1", "marks-s2", "shared-s1"]);
}
