//! Facts: for which plays they are gathered, where they are kept, and whose they are.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use support::{Project, Ran};

/// Plays that say by `gather_facts` what they want; each tells whether it knows a fact.
fn plays(keys: &[&str]) -> Project {
    let play = |key: &&str| {
        format!(
            "- hosts: all
  {key}
  tasks:
    - debug: {{msg: \"known {{{{ ansible_distribution is defined }}}} {{{{ hostvars.b.ansible_facts.distribution is defined }}}}\"}}
"
        )
    };
    Project::new(&keys.iter().map(play).collect::<Vec<_>>().concat())
}

fn gathered(ran: &Ran) -> usize {
    ran.stdout
        .lines()
        .filter(|line| line.starts_with("TASK [Gathering Facts]"))
        .count()
}

#[test]
fn who_gathers() {
    let project = plays(&[
        "order: inventory",
        "gather_facts: true",
        "gather_facts: false",
        "order: sorted",
    ]);
    for (way, times) in [("implicit", 3), ("explicit", 1), ("smart", 1)] {
        let ran = project.run_on("b", &["--gathering", way]).expect_status(0);
        assert_eq!(gathered(&ran), times, "{way}");
    }
    project
        .run_on("b", &["--gathering", "clever"])
        .expect_status(5)
        .expect_stderr("implicit, explicit or smart");
    let args = ["site.yml", "-i", "b,", "-c", "local"];
    let ran = project
        .command(&args)
        .env("KRUN_GATHERING", "explicit")
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&ran.stdout).matches("Gathering Facts").count(),
        1
    );
}

#[test]
fn smart_gathers_where_nothing_is_known() {
    let project = plays(&["order: inventory"]);
    let args = ["--gathering", "smart", "--fact-cache", "facts"];
    assert_eq!(gathered(&project.run_on("b", &args).expect_status(0)), 1);
    assert!(project.read("facts/b").contains("\"ansible_distribution\""));
    // Only on the host that was not there before.
    let ran = project.run_on("a b", &args).expect_status(0);
    assert_eq!(
        (gathered(&ran), ran.stdout.matches("ok: [b]").count()),
        (1, 1),
        "{}",
        ran.stdout
    );
    assert_eq!(gathered(&project.run_on("a b", &args).expect_status(0)), 0);
    let ran = project.run_on(
        "a b",
        &["--gathering", "smart", "--fact-cache", "facts", "--flush-cache"],
    );
    assert_eq!(gathered(&ran.expect_status(0)), 1);
}

#[test]
fn facts_of_hosts_outside_of_the_limit_come_from_the_cache() {
    let project = plays(&["gather_facts: false"]);
    project
        .run_on("a b", &["-l", "a"])
        .expect_status(0)
        .expect_stdout("known False False");
    std::fs::create_dir(project.path().join("facts")).unwrap();
    let project = project.file("facts/b", "{\"ansible_distribution\": \"Debian\"}");
    project
        .run_on("a b", &["-l", "a", "--fact-cache", "facts"])
        .expect_status(0)
        .expect_stdout("known False True");
}

#[test]
fn variables_of_hosts_outside_of_the_limit_are_those_of_the_inventory() {
    let project = Project::new(
        "- hosts: all
  gather_facts: false
  tasks:
    - debug: {msg: \"x={{ hostvars.b.x }} y={{ hostvars['b']['y'] }}\"}
",
    )
    .file("hosts", "a\nb x=1\n[all:vars]\nansible_connection=local\n")
    .file("host_vars/b.yml", "y: 2\n");
    project
        .krun(&["site.yml", "-i", "hosts", "-l", "a"])
        .expect_status(0)
        .expect_stdout("x=1 y=2");
}

#[test]
fn delegated_facts_are_the_delegates() {
    let project = Project::new(
        "- hosts: a
  gather_facts: false
  tasks:
    - setup: {gather_subset: [min]}
      delegate_to: b
      delegate_facts: true
    - set_fact: {role: standby}
      delegate_to: b
      delegate_facts: true
    - assert:
        that:
          - ansible_distribution is not defined
          - role is not defined
          - hostvars.b.ansible_distribution is defined
          - hostvars.b.role == 'standby'
",
    );
    project.run_on("a b", &[]).expect_status(0);
}

#[test]
fn a_cache_that_cannot_be_written_is_told_of() {
    let project = plays(&["order: inventory"]).file("facts", "");
    project
        .run_on("b", &["--fact-cache", "facts"])
        .expect_status(0)
        .expect_stdout("the facts of b are not kept for later runs");
}
