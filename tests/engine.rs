//! The language and the stop rule, from outside: small playbooks on local hosts, judged by what tasks left in a file.
#![allow(missing_docs)]

mod support;

use support::Project;

/// A play that writes `HOST` into the trace and then fails on `bad` hosts.
fn rolling(keys: &str, bad: &str) -> Project {
    Project::new(&format!(
        "
- name: roll
  hosts: all
  gather_facts: false
{keys}
  tasks:
    - shell: echo {{{{ inventory_hostname }}}} >> {{{{ playbook_dir }}}}/trace
    - command: 'false'
      when: inventory_hostname in {bad}
    - shell: echo {{{{ inventory_hostname }}}} done >> {{{{ playbook_dir }}}}/trace
- name: after
  hosts: all
  gather_facts: false
  tasks:
    - shell: echo after {{{{ inventory_hostname }}}} >> {{{{ playbook_dir }}}}/trace
"
    ))
}

#[test]
fn a_failed_host_stops_the_roll_after_its_batch() {
    let project = rolling("  serial: 2", "['b']");
    let ran = project.run_on("a b c d", &["-f", "1"]).expect_status(2);
    // Hosts go through fused tasks one by one with one fork.
    assert_eq!(project.trace(), ["a", "a done", "b"]);
    ran.expect_stdout("STOPPED: b failed")
        .expect_stdout("not reached in \"roll\": c, d")
        .expect_stdout("plays not started: after");
}

#[test]
fn a_failure_in_a_play_without_serial_keeps_the_next_play_from_starting() {
    let project = rolling("", "['b']");
    project.run_on("a b", &["-f", "1"]).expect_status(2);
    // Hosts go through fused tasks one by one with one fork.
    assert_eq!(project.trace(), ["a", "a done", "b"]);
}

#[test]
fn a_failure_budget_lets_the_roll_go_on() {
    let project = rolling("  serial: 2\n  max_fail_percentage: 50", "['b']");
    project.run_on("a b c", &["-f", "1"]).expect_status(2);
    assert_eq!(
        project.trace(),
        ["a", "b", "a done", "c", "c done", "after a", "after c"]
    );
}

#[test]
fn ignored_errors_do_not_stop_the_roll() {
    let project = rolling("  serial: 1\n  ignore_errors: true", "['a']");
    project
        .run_on("a b", &["-f", "1"])
        .expect_status(0)
        .expect_stdout("...ignoring");
    assert_eq!(project.trace(), ["a", "a done", "b", "b done", "after a", "after b"]);
}

#[test]
fn any_errors_fatal_stops_the_batch_itself() {
    let project = rolling("  any_errors_fatal: true", "['b']");
    project.run_on("a b", &["-f", "1"]).expect_status(2);
    assert_eq!(project.trace(), ["a", "b"]);
}

#[test]
fn an_unreachable_host_stops_the_roll_and_gives_4() {
    let project = Project::new(
        "
- hosts: all
  gather_facts: false
  serial: 1
  tasks:
    - shell: echo {{ inventory_hostname }} >> {{ playbook_dir }}/trace
",
    )
    .file(
        "hosts",
        "gone ansible_host=127.0.0.1 ansible_port=1\nhere ansible_connection=local\n",
    );
    project
        .krun(&["site.yml", "-i", "hosts"])
        .expect_status(4)
        .expect_stdout("UNREACHABLE!")
        .expect_stdout("not reached");
    assert!(project.trace().is_empty());
}

#[test]
fn handlers_run_once_in_definition_order_and_before_what_follows_a_flush() {
    let project = Project::new(
        "
- hosts: all
  gather_facts: false
  tasks:
    - command: 'true'
      notify: [second, first]
    - command: 'true'
      notify: first
    - meta: flush_handlers
    - shell: echo uncordon >> {{ playbook_dir }}/trace
    - command: 'true'
      notify: topic
  handlers:
    - name: first
      shell: echo first >> {{ playbook_dir }}/trace
    - name: second
      shell: echo second >> {{ playbook_dir }}/trace
    - name: third
      listen: topic
      shell: echo third >> {{ playbook_dir }}/trace
",
    );
    project.run_on("a", &[]).expect_status(0);
    assert_eq!(project.trace(), ["first", "second", "uncordon", "third"]);
}

#[test]
fn handlers_that_a_failure_kept_from_running_are_named() {
    let playbook = "
- hosts: all
  gather_facts: false
  tasks:
    - command: 'true'
      notify: restart kubelet
    - command: 'false'
  handlers:
    - name: restart kubelet
      shell: echo restarted >> {{ playbook_dir }}/trace
";
    let project = Project::new(playbook);
    project
        .run_on("a", &[])
        .expect_status(2)
        .expect_stdout("pending handlers not run: a: restart kubelet");
    assert!(project.trace().is_empty());
    let project = Project::new(playbook);
    project.run_on("a", &["--force-handlers"]).expect_status(2);
    assert_eq!(project.trace(), ["restarted"]);
}

#[test]
fn rescue_and_always() {
    let project = Project::new(
        "
- hosts: all
  gather_facts: false
  tasks:
    - block:
        - command: 'false'
        - shell: echo never >> {{ playbook_dir }}/trace
      rescue:
        - shell: echo rescued {{ ansible_failed_result.rc }} >> {{ playbook_dir }}/trace
      always:
        - shell: echo always >> {{ playbook_dir }}/trace
    - shell: echo on >> {{ playbook_dir }}/trace
",
    );
    project.run_on("a", &[]).expect_status(0).expect_stdout("rescued=1");
    assert_eq!(project.trace(), ["rescued 1", "always", "on"]);
}

#[test]
fn always_runs_after_a_failure_that_nobody_rescues() {
    let project = Project::new(
        "
- hosts: all
  gather_facts: false
  tasks:
    - block:
        - command: 'false'
      always:
        - shell: echo always >> {{ playbook_dir }}/trace
    - shell: echo never >> {{ playbook_dir }}/trace
",
    );
    project.run_on("a", &[]).expect_status(2);
    assert_eq!(project.trace(), ["always"]);
}

#[test]
fn loops_registers_and_retries() {
    let project = Project::new(
        "
- hosts: all
  gather_facts: false
  tasks:
    - shell: echo {{ item }}
      loop: [1, 2, 3]
      when: item != 2
      register: out
    - shell: echo {{ out.results | map(attribute='item') | join(',') }} {{ out.results[1].skipped }} >> {{ playbook_dir }}/trace
    - shell: echo try >> {{ playbook_dir }}/tries; test $(wc -l < {{ playbook_dir }}/tries) -ge 3
      register: tried
      until: tried.rc == 0
      retries: 5
      delay: 0
    - shell: echo {{ tried.attempts }} >> {{ playbook_dir }}/trace
",
    );
    project
        .run_on("a", &[])
        .expect_status(0)
        .expect_stdout("FAILED - RETRYING");
    assert_eq!(project.trace(), ["1,2,3 True", "3"]);
}

#[test]
fn run_once_registers_for_all_and_delegation_keeps_the_hosts_variables() {
    let project = Project::new(
        "
- hosts: all
  gather_facts: false
  tasks:
    - shell: echo one
      run_once: true
      register: out
    - shell: echo {{ inventory_hostname }} {{ out.stdout }} >> {{ playbook_dir }}/trace
      delegate_to: \"{{ groups.all[0] }}\"
",
    );
    project
        .run_on("a b", &["-f", "1"])
        .expect_status(0)
        .expect_stdout("[b -> a]");
    assert_eq!(project.trace(), ["a one", "b one"]);
}

#[test]
fn variables_win_in_ansibles_order() {
    let project = Project::new(
        "
- hosts: all
  gather_facts: false
  vars: {play: play, task: play, extra: play}
  vars_files: [more.yml]
  roles: [{role: r, param: param}]
  tasks:
    - shell: echo {{ low }} {{ group }} {{ host }} {{ play }} {{ file }} {{ task }} {{ set }} {{ extra }} >> {{ playbook_dir }}/trace
      vars: {task: task}
",
    )
    .file("more.yml", "file: file\n")
    .file("hosts", "[g]\na ansible_connection=local host=host\n[g:vars]\ngroup=group\nhost=group\nlow=group\n")
    .file("roles/r/defaults/main.yml", "low: default\nparam: default\nonly: default\n")
    .file("roles/r/tasks/main.yml", "- set_fact: {set: fact}\n- shell: echo {{ param }} {{ only }} {{ role_name }} >> {{ playbook_dir }}/trace\n");
    project
        .krun(&["site.yml", "-i", "hosts", "-e", "extra=extra"])
        .expect_status(0);
    assert_eq!(
        project.trace(),
        ["param default r", "group group host play file task fact extra"]
    );
}

#[test]
fn files_and_role_variables_beat_those_of_the_play() {
    let project = Project::new(
        "
- hosts: all
  gather_facts: false
  vars: {file: play, role: play, play: play, block: play}
  vars_files: [more.yml]
  roles: [r]
  tasks:
    - vars: {block: block}
      block:
        - shell: echo {{ file }} {{ role }} {{ play }} {{ block }} >> {{ playbook_dir }}/trace
",
    )
    .file("more.yml", "file: file\nrole: file\n")
    .file("roles/r/vars/main.yml", "role: role\nblock: role\n")
    .file("roles/r/defaults/main.yml", "play: default\n");
    project.run_on("a", &[]).expect_status(0);
    assert_eq!(project.trace(), ["file role play block"]);
}

#[test]
fn variables_of_an_imported_playbook_hold_for_the_keys_of_its_plays() {
    let project = Project::new("- import_playbook: other.yml\n  vars: {size: 2, pattern: 'a,b,c'}\n").file(
        "other.yml",
        "- hosts: '{{ pattern }}'
  gather_facts: false
  serial: '{{ size }}'
  vars: {size: 1}
  tasks:
    - shell: echo {{ size }} {{ ansible_play_batch | join(' ') }} >> {{ playbook_dir }}/trace
      run_once: true
",
    );
    project.run_on("a b c d", &[]).expect_status(0);
    assert_eq!(project.trace(), ["2 a b", "2 c"]);
}

#[test]
fn tags_choose_tasks() {
    let playbook = "
- hosts: all
  gather_facts: false
  tasks:
    - {shell: echo a >> {{ playbook_dir }}/trace, tags: a}
    - {shell: echo b >> {{ playbook_dir }}/trace, tags: b}
    - {shell: echo always >> {{ playbook_dir }}/trace, tags: always}
    - {shell: echo never >> {{ playbook_dir }}/trace, tags: never}
"
    .replace("{{ playbook_dir }}/", "");
    let playbook = playbook.replace(">> trace", ">> $PWD_TRACE");
    let playbook = playbook.replace(
        "gather_facts: false",
        "gather_facts: false\n  environment: {PWD_TRACE: '{{ playbook_dir }}/trace'}",
    );
    for (args, expected) in [
        (&["--tags", "a"][..], &["a", "always"][..]),
        (&["--skip-tags", "a"], &["b", "always"]),
        (&["--tags", "never"], &["always", "never"]),
        (&["--skip-tags", "always,b"], &["a"]),
    ] {
        let project = Project::new(&playbook);
        project.run_on("h", args).expect_status(0);
        assert_eq!(project.trace(), expected, "{args:?}");
    }
}

#[test]
fn includes_loop_and_see_their_item() {
    let project = Project::new(
        "
- hosts: all
  gather_facts: false
  tasks:
    - include_tasks: more.yml
      loop: [x, y]
    - import_tasks: other.yml
      vars: {name: imported}
",
    )
    .file("more.yml", "- shell: echo {{ item }} >> {{ playbook_dir }}/trace\n")
    .file("other.yml", "- shell: echo {{ name }} >> {{ playbook_dir }}/trace\n");
    project.run_on("a", &[]).expect_status(0);
    assert_eq!(project.trace(), ["x", "y", "imported"]);
}

#[test]
fn check_mode_changes_nothing() {
    let project = Project::new(
        "
- hosts: all
  gather_facts: false
  tasks:
    - shell: echo done >> {{ playbook_dir }}/trace
    - shell: echo probe >> {{ playbook_dir }}/trace
      check_mode: false
",
    );
    project.run_on("a", &["--check"]).expect_status(0);
    assert_eq!(project.trace(), ["probe"]);
}

#[test]
fn undefined_variables_fail_the_task_with_their_name() {
    // What a command's result holds is known in the run only.
    let project = Project::new(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - command: 'true'\n      register: out\n    - debug: msg={{ out.typo }}\n",
    );
    project
        .run_on("a", &[])
        .expect_status(2)
        .expect_stdout("`out.typo` is undefined");
}

#[test]
fn secrets_are_hidden_under_no_log() {
    let project = Project::new(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - shell: echo hunter2; false\n      no_log: true\n",
    );
    let ran = project.run_on("a", &["-vv"]).expect_status(2);
    assert!(!ran.stdout.contains("hunter2"), "{}", ran.stdout);
}

#[test]
fn json_output_is_one_event_a_line() {
    let project = Project::new("- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n");
    let ran = project.run_on("a", &["--output", "json"]).expect_status(0);
    let events: Vec<serde_json::Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "run_started",
            "play_started",
            "task_started",
            "host_finished",
            "run_finished"
        ]
    );
    assert_eq!(events[4]["recap"]["a"]["ok"], 1);
}

#[test]
fn one_module_without_a_playbook() {
    let project = Project::new("");
    project
        .krun(&[
            "exec",
            "all",
            "-i",
            "a,",
            "-c",
            "local",
            "-m",
            "shell",
            "-a",
            "echo hello",
        ])
        .expect_status(0)
        .expect_stdout("hello");
}

#[test]
fn a_keyword_that_cannot_be_worked_out_fails_its_task() {
    let project = |keyword: &str| {
        Project::new(&format!(
            "- hosts: all\n  gather_facts: false\n  vars: {{none: {{}}}}\n  tasks:\n    - shell: echo ran >>{{{{ playbook_dir }}}}/trace\n      {keyword}\n"
        ))
    };
    for keyword in [
        "throttle: '{{ none.x }}'",
        "run_once: '{{ none.x }}'",
        "timeout: 1e30",
        "async: 1e30",
    ] {
        let project = project(keyword);
        project.run_on("a b", &[]).expect_status(2);
        assert_eq!(project.trace(), Vec::<String>::new(), "{keyword}");
    }
    let notifies = project("notify: '{{ none.x }}'");
    notifies.run_on("a", &[]).expect_status(2).expect_stdout("none.x");
}
