//! Tasks that krun does not know: an error before the run, or a failure when they are reached.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use support::Project;

const WHEN_REACHED: &[&str] = &["--unsupported", "when-reached"];

fn project(tasks: &str) -> Project {
    Project::new(&format!("- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}"))
}

#[test]
fn what_is_never_reached_does_no_harm() {
    let tasks = "
    - community.general.snap: {name: x, classic: true}
      when: family is defined
      register: snap
    - name: with a key
      command: ls
      colour: red
      when: false
    - command: {cmd: ls, expand_argument_vars: true}
      when: item == 3
      loop: [1, 2]
    - include_tasks: more.yml
      when: false
    - shell: echo done {{ snap is skipped }} >> {{ playbook_dir }}/trace
";
    let project = project(tasks);
    // Without the option these are errors, all at once.
    let ran = project.run_on("a", &[]).expect_status(4);
    ran.expect_stderr("`community.general.snap` is neither a module nor a key of a task")
        .expect_stderr("has no key `colour`")
        .expect_stderr("has no option `expand_argument_vars`");
    project
        .run_on("a", WHEN_REACHED)
        .expect_status(0)
        .expect_stdout("skipped=4");
    assert_eq!(project.trace(), ["done True"]);
    let args = ["site.yml", "-i", "a,", "-c", "local"];
    let ran = project
        .command(&args)
        .env("KRUN_UNSUPPORTED", "when-reached")
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(0));
}

#[test]
fn what_is_reached_fails_as_it_would_have_before_the_run() {
    let tasks = "
    - shell: echo begun >> {{ playbook_dir }}/trace
    - comand: ls
      failed_when: false
      until: false
      retries: 50
";
    let project = project(tasks);
    project
        .run_on("a", WHEN_REACHED)
        .expect_status(2)
        .expect_stdout("TASK [comand]")
        .expect_stdout("FAILED! => `comand` is neither a module nor a key of a task\n --> site.yml:6:7\n")
        .expect_stdout("6 |     - comand: ls")
        .expect_stdout("did you mean `command`?");
    assert_eq!(project.trace(), ["begun"]);
}

#[test]
fn it_can_be_rescued_and_ignored_and_only_the_hosts_that_reach_it_fail() {
    let tasks = "
    - block:
        - k8s_info: {kind: Node}
      rescue:
        - debug: {msg: \"{{ ansible_failed_task.action }}\"}
    - k8s_info: {kind: Node}
      ignore_errors: true
      register: info
    - assert: {that: info is failed}
    - k8s_info: {kind: Node}
      when: inventory_hostname == 'b'
";
    let ran = project(tasks).run_on("a b", WHEN_REACHED).expect_status(2);
    let ran = ran.expect_stdout("k8s_info").expect_stdout("STOPPED: b failed");
    let a = ran.stdout.lines().find(|line| line.starts_with("a  ")).unwrap();
    assert!(
        a.contains("failed=0") && a.contains("rescued=1") && a.contains("ignored=1"),
        "{a}"
    );
}

#[test]
fn included_files_and_handlers_may_have_them_too() {
    let tasks = "
    - include_tasks: more.yml
  handlers:
    - name: told
      unknown.module: {}
";
    let project = project(tasks).file(
        "more.yml",
        "- other.module: {x: 1}\n  when: false\n- shell: echo more >> {{ playbook_dir }}/trace\n  changed_when: false\n  notify: told\n",
    );
    project.run_on("a", WHEN_REACHED).expect_status(0);
    assert_eq!(project.trace(), ["more"]);
}

#[test]
fn other_mistakes_stay_errors_before_the_run() {
    for (task, why) in [
        ("no.module: {}\n      when: 1 +", "site.yml:5:15"),
        ("command: ls\n      shell: ls", "a task does one thing"),
    ] {
        let ran = project(&format!("    - {task}\n")).run_on("a", WHEN_REACHED);
        ran.expect_status(4).expect_stderr(why);
    }
}

#[test]
fn an_option_that_is_not_known_fails_when_it_is_reached() {
    let ran = project("    - command: {colour: red}\n").run_on("a", WHEN_REACHED);
    ran.expect_status(2)
        .expect_stdout("the module `command` has no option `colour`");
}
