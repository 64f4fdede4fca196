//! `krun plan`: what it shows, that nothing is done, and what its exit status says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use serde_json::{Value, json};
use support::Project;

const PLAYBOOK: &str = r#"
- name: Look
  hosts: all
  gather_facts: false
  tags: preflight
  tasks:
    - name: what there is
      command: echo {{ size | default('2') }}
      register: found
      check_mode: false
      changed_when: false
    - name: leave no trace
      shell: echo looked >>{{ playbook_dir }}/trace
    - assert:
        that: not blocked | default(false) | bool or krun_planning and lenient | default(false) | bool
        fail_msg: something is in the way
    - set-fact: {batch: "{{ found.stdout | int }}"}
- name: Act
  hosts: all
  serial: "{{ batch }}"
  gather_facts: false
  tasks:
    - shell: echo {{ inventory_hostname }} >>{{ playbook_dir }}/trace
- name: Judge
  hosts: c
  gather_facts: false
  tasks:
    - debug: {msg: done}
"#;

const PLAN: [&str; 6] = ["plan", "site.yml", "-i", "a,b,c,", "-c", "local"];

fn plan_json(project: &Project, more: &[&str]) -> (i32, Value) {
    let ran = project.krun(&[&PLAN[..], &["--output", "json"], more].concat());
    let plan =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", ran.stdout, ran.stderr));
    (ran.status, plan)
}

#[test]
fn the_order_is_shown_and_nothing_is_done() {
    let project = Project::new(PLAYBOOK);
    let ran = project.krun(&PLAN).expect_status(0);
    assert_eq!(
        ran.stdout,
        "ORDER\n   1. Act\n        a, b | c\n   2. Judge\n        c\n\n\
         Nothing stands in the way: the upgrade may start.\n"
    );
    assert_eq!(ran.stderr, "");
    assert!(project.trace().is_empty(), "{:?}", project.trace());
    // It is no run, and leaves none in the journal.
    assert!(!project.path().join(".journal").exists());
    let ran = project
        .krun(&[&PLAN[..], &["-v", "-e", "size=1", "-l", "a:b"]].concat())
        .expect_status(0);
    assert!(ran.stdout.contains("        a | b\n"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("Judge"), "{}", ran.stdout);
    assert!(ran.stderr.contains("looking: what there is"), "{}", ran.stderr);
}

#[test]
fn what_fails_while_krun_looks_ends_the_plan_with_its_status() {
    let project = Project::new(PLAYBOOK);
    let ran = project
        .krun(&[&PLAN[..], &["-e", "blocked=true"]].concat())
        .expect_status(2);
    let ran = ran
        .expect_stdout("a: something is in the way")
        .expect_stdout("The upgrade must not start: the cluster could not be looked at as it should.");
    assert!(!ran.stdout.contains("ORDER"), "{}", ran.stdout);
    // A playbook can tell a plan from a run, and go on.
    project
        .krun(&[&PLAN[..], &["-e", "blocked=true lenient=true"]].concat())
        .expect_status(0)
        .expect_stdout("1. Act");
    let in_a_run = [
        "site.yml",
        "-i",
        "a,b,c,",
        "-c",
        "local",
        "-e",
        "blocked=true lenient=true",
    ];
    project.krun(&in_a_run).expect_status(2);
    let (status, plan) = plan_json(&project, &["-e", "blocked=true"]);
    assert_eq!(status, 2);
    assert_eq!(plan["may_start"], json!(false));
    assert_eq!(plan["problems"][0]["host"], json!("a"));
    assert_eq!(plan["problems"][0]["message"], json!("something is in the way"));
    assert!(plan["stopped"].as_str().unwrap().contains("failed"), "{plan}");
}

#[test]
fn earlier_runs_tell_how_long_a_batch_takes() {
    let project = Project::new(PLAYBOOK);
    let (status, plan) = plan_json(&project, &[]);
    assert_eq!(status, 0);
    let order = json!([
        {"play": "Act", "batches": [["a", "b"], ["c"]], "seconds_a_batch": null},
        {"play": "Judge", "batches": [["c"]], "seconds_a_batch": null},
    ]);
    assert_eq!(plan["order"], order);
    project.run_on("a b c", &[]).expect_status(0);
    // A check and a run that failed tell nothing.
    project.run_on("a b c", &["--check"]).expect_status(0);
    project.run_on("a b c", &["-e", "blocked=true"]).expect_status(2);
    let (_, plan) = plan_json(&project, &[]);
    assert!(plan["order"][0]["seconds_a_batch"].is_number(), "{plan}");
    // Nothing was changed there.
    assert!(plan["order"][1]["seconds_a_batch"].is_null(), "{plan}");
    project
        .krun(&PLAN)
        .expect_status(0)
        .expect_stdout("1. Act   (took 1 s before, 1 s each)");
}

#[test]
fn bad_input_is_told_as_for_a_run() {
    let project = Project::new(&PLAYBOOK.replace("serial", "serail"));
    project
        .krun(&PLAN)
        .expect_status(4)
        .expect_stderr("serail")
        .expect_stderr("site.yml:");
    let project = Project::new(PLAYBOOK);
    project
        .krun(&[&PLAN[..], &["--diff"]].concat())
        .expect_status(5)
        .expect_stderr("--check --diff");
    project.krun(&["plan"]).expect_status(5).expect_stderr("PLAYBOOK");
    project
        .krun(&["plan", "none.yml", "-i", "a,"])
        .expect_status(4)
        .expect_stderr("none.yml");
}
