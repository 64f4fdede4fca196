//! Tasks in the background: `async`, `poll` and `async-status`, on this machine.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use support::Project;

fn project(tasks: &str) -> Project {
    Project::new(&format!(
        "- hosts: all\n  gather_facts: false\n  vars:\n    here: '{{{{ playbook_dir }}}}'\n  tasks:\n{tasks}"
    ))
}

const CLEAN_UP: &str = "
    - async_status: {jid: '{{ job.ansible_job_id }}', mode: cleanup}
";

#[test]
fn a_task_is_left_and_asked_for_later() {
    let tasks = format!(
        "
    - shell: until [ -e {{{{ here }}}}/go ]; do sleep 0.05; done; echo out; echo err >&2
      async: 60
      poll: 0
      register: job
    - assert:
        that:
          - job.started == 1 and job.finished == 0
          - job is changed
          - job.ansible_job_id in job.results_file
    - ansible.builtin.async_status:
        jid: '{{{{ job.ansible_job_id }}}}'
      register: now
    - assert: {{that: ['now is not finished', 'now is not changed', 'now.started']}}
    - file: {{path: '{{{{ here }}}}/go', state: touch}}
    - async_status:
        jid: '{{{{ job.ansible_job_id }}}}'
      register: now
      until: now is finished
      retries: 100
      delay: 0.1
    - assert: {{that: ['now.rc == 0', \"now.stdout == 'out'\", \"now.stderr_lines == ['err']\", 'now is changed']}}
{CLEAN_UP}"
    );
    project(&tasks).run_on("a", &[]).expect_status(0);
}

#[test]
fn a_followed_task_ends_as_it_would_without() {
    let tasks = "
    - command: echo hello
      async: 30
      poll: 1
      register: ran
    - assert: {that: [\"ran.stdout == 'hello'\", 'ran is changed', 'ran.ansible_job_id is not defined']}
    - shell: exit 3
      async: '{{ 30 }}'
      register: ran
      ignore_errors: true
    - assert: {that: ['ran.rc == 3']}
    - raw: echo raw
      async: 30
    - stat: {path: /}
      async: 30
    - command: echo no job
      async: 0
      poll: 0
      register: ran
    - assert: {that: [\"ran.stdout == 'no job'\"]}
";
    project(tasks).run_on("a", &[]).expect_status(0);
}

#[test]
fn a_task_that_takes_too_long_is_ended_with_its_children() {
    let tasks = "
    - shell: sleep 73 & echo $! > {{ here }}/pid; wait
      async: 1
      poll: 1
";
    let project = project(tasks);
    let begin = Instant::now();
    project
        .run_on("a", &[])
        .expect_status(2)
        .expect_stdout("did not complete within the time of its `async`, 1 s")
        .expect_stdout("raise `async`");
    assert!(begin.elapsed() < Duration::from_secs(30));
    let pid = project.read("pid");
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
}

#[test]
fn what_was_left_survives_krun_and_may_fail() {
    let first = "
    - shell: sleep 1; echo done > {{ here }}/trace; exit 5
      async: 60
      poll: 0
      register: job
    - copy: {content: '{{ job.ansible_job_id }}', dest: '{{ here }}/jid'}
";
    let project = project(first);
    project.run_on("a", &[]).expect_status(0);
    assert!(project.trace().is_empty());
    let jid = project.read("jid");
    let second = format!(
        "- hosts: all
  gather_facts: false
  tasks:
    - async_status: {{jid: {jid}}}
      register: job
      until: job is finished
      retries: 100
      delay: 0.1
"
    );
    let project = project.file("second.yml", &second);
    let args = ["second.yml", "-i", "a,", "-c", "local"];
    project.krun(&args).expect_status(2).expect_stdout("exit status 5");
    assert_eq!(project.trace(), ["done"]);
    let jid = format!("jid={jid} mode=cleanup");
    project
        .krun(&["exec", "a", "-i", "a,", "-c", "local", "-m", "async-status", "-a", &jid])
        .expect_status(0);
}

#[test]
fn a_task_that_has_nothing_to_do_leaves_a_job_as_well() {
    let tasks = format!(
        "
    - command: 'false'
      args: {{creates: /}}
      async: 60
      poll: 0
      register: job
    - async_status: {{jid: '{{{{ job.ansible_job_id }}}}'}}
      register: now
      until: now is finished
      retries: 50
      delay: 0.1
    - assert: {{that: ['job is not changed', 'now is not changed', 'now.rc == 0']}}
{CLEAN_UP}"
    );
    project(&tasks).run_on("a", &[]).expect_status(0);
}

#[test]
fn check_mode_starts_nothing() {
    let tasks = format!(
        "
    - shell: echo x > {{{{ here }}}}/trace
      async: 60
      poll: 0
      register: job
    - async_status: {{jid: '{{{{ job.ansible_job_id }}}}'}}
      register: now
      until: now is finished
      retries: 2
      delay: 0
{CLEAN_UP}"
    );
    let project = project(&tasks);
    project.run_on("a", &["-C"]).expect_status(0).expect_stdout("skipped=3");
    assert!(project.trace().is_empty());
}

#[test]
fn loops_leave_a_job_for_each_item() {
    let tasks = "
    - shell: echo {{ item }}
      async: 60
      poll: 0
      loop: [1, 2]
      register: jobs
    - async_status: {jid: '{{ item.ansible_job_id }}'}
      register: ended
      until: ended is finished
      retries: 100
      delay: 0.1
      loop: '{{ jobs.results }}'
      loop_control: {label: '{{ item.item }}'}
    - assert: {that: [\"ended.results | map(attribute='stdout') | list == ['1', '2']\"]}
    - async_status: {jid: '{{ item.ansible_job_id }}', mode: cleanup}
      loop: '{{ jobs.results }}'
";
    project(tasks).run_on("a", &[]).expect_status(0);
}

#[test]
fn what_makes_no_sense_is_refused_before_the_run() {
    for (task, place, why) in [
        (
            "debug: {msg: x}\n      async: 5",
            "site.yml:8:14",
            "it works in krun itself",
        ),
        (
            "template: {src: x, dest: /x}\n      async: 5",
            "site.yml:8:14",
            "it moves files through krun",
        ),
        (
            "file: {path: /x}\n      async: 5\n      poll: 0",
            "site.yml:9:13",
            "cannot be left on the node",
        ),
        ("command: ls\n      poll: 0", "site.yml:8:13", "there is no `async`"),
        ("command: ls\n      async: soon", "site.yml:8:14", "a number of seconds"),
        (
            "include_tasks: x.yml\n      async: 5",
            "site.yml:8:14",
            "it is no module",
        ),
    ] {
        let project = project(&format!("\n    - {task}\n"));
        project
            .run_on("a", &[])
            .expect_status(4)
            .expect_stderr(place)
            .expect_stderr(why);
    }
    let tasks = "\n    - file: {path: /}\n      async: 5\n      poll: '{{ 0 }}'\n";
    project(tasks)
        .run_on("a", &[])
        .expect_status(2)
        .expect_stdout("cannot be left on the node");
}
