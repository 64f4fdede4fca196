//! The playbook language from outside: small playbooks on local hosts, judged by what tasks left in a file.
#![allow(missing_docs)]

mod support;

use support::Project;

/// A project whose tasks trace what `{{ … }}` gives, one line a task.
fn traced(plays: &str) -> Project {
    Project::new(&plays.replace("TRACE ", "shell: echo >> {{ playbook_dir }}/trace "))
}

#[test]
fn hosts_and_groups_that_tasks_add_are_there_for_later_plays() {
    let project = traced(
        "
- hosts: all
  gather_facts: false
  tasks:
    - add_host:
        name: '{{ item }}'
        groups: [dynamic, extra]
        ansible_connection: local
        from: '{{ inventory_hostname }}'
      loop: [x, y]
    - group_by:
        key: 'kind {{ inventory_hostname }}'
        parents: kinds
    - TRACE {{ groups.dynamic | join('+') }} {{ hostvars.x.from }}
      run_once: true
- hosts: dynamic
  gather_facts: false
  tasks:
    - TRACE {{ inventory_hostname }} {{ group_names | join('+') }} {{ from }}
- hosts: kinds:!kind-b
  gather_facts: false
  tasks:
    - TRACE {{ inventory_hostname }} {{ group_names | join('+') }}
",
    );
    project.run_on("a b", &["-f", "1"]).expect_status(0);
    assert_eq!(
        project.trace(),
        ["x+y a", "x dynamic+extra a", "y dynamic+extra a", "a kind-a+kinds"]
    );
}

#[test]
fn a_group_that_no_task_adds_is_still_a_mistake() {
    let project = traced(
        "
- hosts: all
  gather_facts: false
  tasks:
    - add_host:
        name: x
        groups: dynamic
- hosts: dynamci
  tasks: []
",
    );
    project
        .run_on("a", &[])
        .expect_status(4)
        .expect_stderr("`dynamci` matches no host and no group");
}

#[test]
fn a_group_that_may_have_any_name_makes_the_mistake_a_warning() {
    let project = traced(
        "
- hosts: all
  gather_facts: false
  tasks:
    - group_by:
        key: '{{ inventory_hostname }}'
      when: false
- hosts: dynamic
  tasks: []
",
    );
    project
        .run_on("a", &[])
        .expect_status(0)
        .expect_stderr("`dynamic` matches no host and no group")
        .expect_stdout("no hosts matched");
}

#[test]
fn included_variables_beat_those_of_tasks_and_lose_to_set_facts() {
    let project = traced(
        "
- hosts: all
  gather_facts: false
  vars:
    other: later
  tasks:
    - TRACE {{ a }}
      vars:
        a: task
    - include_vars: more.yml
    - TRACE {{ a }} {{ b }}
      vars:
        a: task
    - set_fact:
        a: set
    - include_vars: more.yml
    - TRACE {{ a }}
    - include_vars:
        dir: many
        name: all_of_them
    - TRACE {{ all_of_them.c }}
",
    )
    .file("more.yml", "a: file\nb: '{{ other }}'\n")
    .file("many/1.yml", "c: 1\n")
    .file("many/2.yml", "c: 2\n");
    project.run_on("a", &[]).expect_status(0);
    assert_eq!(project.trace(), ["task", "file later", "set", "2"]);
}

#[test]
fn a_file_of_variables_that_is_not_there_is_found_before_the_run() {
    traced("- hosts: all\n  gather_facts: false\n  tasks:\n    - include_vars: gone.yml\n")
        .run_on("a", &[])
        .expect_status(4)
        .expect_stderr("the file `gone.yml` is not there");
}
