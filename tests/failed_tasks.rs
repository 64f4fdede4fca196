//! A task that fails in the run: where it stands, and what `rescue` knows of it.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use support::Project;

fn project(tasks: &str) -> Project {
    Project::new(&format!("- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}"))
}

#[test]
fn it_is_shown_as_an_error_before_the_run_is() {
    let ran = project("    - command: 'false'\n").run_on("a", &[]).expect_status(2);
    ran.expect_stdout("fatal: [a]: FAILED! => the command `false` failed with exit status 1\n --> site.yml:4:7\n")
        .expect_stdout("\n4 |     - command: 'false'\n  |       ^");
}

#[test]
fn what_is_to_blame_in_the_task_is_pointed_at() {
    for (task, place, line) in [
        (
            "command: ls\n      when: hostvars.a[name]",
            "site.yml:5:13",
            "when: hostvars.a[name]",
        ),
        (
            "command: ls\n      failed_when: [true]",
            "site.yml:5:21",
            "failed_when: [true]",
        ),
        (
            "command: ls\n      loop: '{{ hostvars.a[name] }}'",
            "site.yml:5:13",
            "loop: ",
        ),
        (
            "debug:\n        msg: '{{ hostvars.a[name] }}'",
            "site.yml:5:14",
            "msg: ",
        ),
        (
            "command: ls\n      until: 1 == 2\n      retries: 1\n      delay: 0",
            "site.yml:5:14",
            "until: 1 == 2",
        ),
    ] {
        let tasks = format!("    - {task}\n");
        let ran = project(&tasks).run_on("a", &["-e", "name=nothing"]).expect_status(2);
        ran.expect_stdout(&format!(" --> {place}\n")).expect_stdout(line);
    }
}

#[test]
fn events_tell_it_too() {
    let ran = project("    - command: 'false'\n")
        .run_on("a", &["--output", "json"])
        .expect_status(2);
    let lines = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let ended = lines
        .into_iter()
        .find(|event| event["event"] == "host_finished")
        .unwrap();
    assert_eq!(ended["place"], "site.yml:4:7");
    assert_eq!(
        (
            &ended["excerpt"]["line"],
            &ended["excerpt"]["column"],
            &ended["excerpt"]["text"]
        ),
        (&4.into(), &7.into(), &"    - command: 'false'".into())
    );
}

#[test]
fn nothing_of_a_hidden_task_is_shown() {
    let ran = project("    - command: fail secret\n      no_log: true\n")
        .run_on("a", &[])
        .expect_status(2);
    assert!(!ran.stdout.contains("secret"), "{}", ran.stdout);
    ran.expect_stdout("at site.yml:4:7");
}

#[test]
fn rescue_knows_the_task_and_its_result() {
    let tasks = "
    - block:
        - name: the name
          ansible.builtin.command: sh -c 'echo out; exit 4'
          register: ran
          when: x is not defined
          delegate_to: a
      rescue:
        - assert:
            that:
              - ansible_failed_task.name == 'the name'
              - ansible_failed_task.action == 'command'
              - \"'exit 4' in ansible_failed_task.args.cmd\"
              - ansible_failed_task.register == 'ran'
              - ansible_failed_task.when == ['x is not defined']
              - ansible_failed_task.delegate_to == 'a'
              - ansible_failed_result.rc == 4
              - ansible_failed_result.stdout == 'out'
              - ansible_failed_result is failed
              - ansible_failed_result.msg is defined
      tags: always
";
    project(tasks).run_on("a", &[]).expect_status(0);
}

#[test]
fn rescue_knows_of_what_no_module_reported_and_of_other_hosts() {
    let tasks = "
    - block:
        - include_tasks: '{{ missing }}.yml'
      rescue:
        - assert: {that: [\"'gone.yml' in ansible_failed_result.msg\", \"ansible_failed_task.action == 'include_tasks'\"]}
    - block:
        - shell: exit 7
          when: inventory_hostname == 'a'
          any_errors_fatal: true
      rescue:
        - assert: {that: ['ansible_failed_result.rc == 7']}
";
    project(tasks).run_on("a b", &["-e", "missing=gone"]).expect_status(0);
}

#[test]
fn results_hold_the_facts() {
    let tasks = "
    - setup: {gather_subset: [min]}
      register: found
    - service_facts:
      register: services
      ignore_errors: true
    - set_fact: {x: 1}
      register: set
    - assert:
        that:
          - found.ansible_facts.ansible_distribution is defined
          - services is failed or services.ansible_facts.services is mapping
          - set.ansible_facts.x == 1
";
    project(tasks).run_on("a", &[]).expect_status(0);
}
