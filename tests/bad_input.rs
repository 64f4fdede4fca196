//! What is wrong with what the user wrote is said before anything is run, with its place and the way out.
#![allow(missing_docs)]

mod support;

use rstest::rstest;
use support::Project;

#[rstest]
#[case::unknown_play_key("- hosts: all\n  sreial: 1\n", "site.yml:2:3", "did you mean `serial`?")]
#[case::unknown_module(
    "- hosts: all\n  tasks:\n    - comand: ls\n",
    "site.yml:3:7",
    "did you mean `command`?"
)]
#[case::unknown_option(
    "- hosts: all\n  tasks:\n    - command: {cmd: ls, creats: x}\n",
    "site.yml:3:26",
    "did you mean `creates`?"
)]
#[case::unknown_handler(
    "- hosts: all\n  tasks:\n    - command: ls\n      notify: restart\n  handlers:\n    - name: restrat\n      command: ls\n",
    "site.yml:4:15",
    "did you mean `restrat`?"
)]
#[case::unknown_role("- hosts: all\n  roles: [nothere]\n", "site.yml:2:11", "there is no role `nothere`")]
#[case::unknown_group("- hosts: wokers\n", "site.yml:1:10", "wokers")]
#[case::bad_serial("- hosts: all\n  serial: 0%\n", "site.yml:2:11", "between 1% and 100%")]
#[case::bad_condition("- hosts: all\n  tasks:\n    - command: ls\n      when: a ==\n", "site.yml:4:15", "")]
#[case::unknown_filter(
    "- hosts: all\n  tasks:\n    - debug: {msg: '{{ 1 | defualt(2) }}'}\n",
    "site.yml:3:28",
    "default"
)]
#[case::unquoted_template(
    "- hosts: all\n  tasks:\n    - debug: {msg: {{ x }}}\n",
    "site.yml:3",
    "must stand in quotes"
)]
#[case::two_modules(
    "- hosts: all\n  tasks:\n    - command: ls\n      shell: ls\n",
    "site.yml:4:7",
    "a task does one thing"
)]
#[case::no_hosts("- tasks: []\n", "site.yml:1:3", "a play needs `hosts`")]
#[case::unsupported("- hosts: all\n  strategy: debug\n", "site.yml:2:13", "no interactive debugger")]
#[case::missing_include(
    "- hosts: all\n  tasks:\n    - import_tasks: gone.yml\n",
    "site.yml:3:21",
    "there is no task file `gone.yml`"
)]
#[case::facts_of_a_list("- hosts: all\n  gather_facts: [x]\n", "site.yml:2:17", "gather_facts")]
#[case::public(
    "- hosts: all\n  tasks:\n    - include_role: {name: r, publik: true}\n",
    "site.yml:3:31",
    "has no option `publik`"
)]
#[case::register_at_an_include(
    "- hosts: all\n  tasks:\n    - include_tasks: x.yml\n      register: y\n",
    "site.yml:4:7",
    "`register` means nothing at `include_tasks`"
)]
#[case::loop_at_a_meta(
    "- hosts: all\n  tasks:\n    - meta: noop\n      loop: [1]\n",
    "site.yml:4:7",
    "`loop` means nothing at `meta`"
)]
#[case::a_block_as_handler(
    "- hosts: all\n  handlers:\n    - block:\n        - {name: h, ping: }\n",
    "site.yml:4:11",
    "a block cannot be a handler"
)]
#[case::empty("", "site.yml", "the playbook is empty")]
#[case::undefined_variable(
    "- hosts: all\n  vars: {version: 1}\n  tasks:\n    - debug: {msg: 'v {{ verison }}'}\n",
    "site.yml:4:26",
    "did you mean `version`?"
)]
#[case::undefined_in_a_condition(
    "- hosts: all\n  tasks:\n    - block:\n        - ping:\n      when: a.b and a.c\n",
    "site.yml:5:13",
    "the variable `a` is not defined for any host of the play `all`"
)]
#[case::undefined_in_a_play_key("- hosts: all\n  serial: '{{ size }}'\n", "site.yml:2:15", "-e size=")]
#[case::undefined_in_folded_text(
    "- hosts: all\n  tasks:\n    - shell: >-\n        echo a\n        {{ b }}\n",
    "site.yml:5:12",
    "`b`"
)]
#[case::undefined_behind_a_variable(
    "- hosts: all\n  vars: {address: '{{ host }}:{{ port_number }}', host: x}\n  tasks:\n    - debug: {msg: '{{ address }}'}\n",
    "site.yml:4:24",
    "`port_number`, which the variable `address` needs"
)]
#[case::item_without_loop(
    "- hosts: all\n  tasks:\n    - debug: {msg: '{{ item }}'}\n",
    "site.yml:3:24",
    "a task with `loop`"
)]
#[case::unknown_function(
    "- hosts: all\n  tasks:\n    - debug: {msg: \"{{ lookip('env', 'HOME') }}\"}\n",
    "site.yml:3:24",
    "there is no function `lookip`"
)]
fn is_refused_before_the_run(#[case] playbook: &str, #[case] place: &str, #[case] text: &str) {
    let project = Project::new(playbook);
    let ran = project
        .run_on("a", &[])
        .expect_status(4)
        .expect_stderr(place)
        .expect_stderr(text);
    assert_eq!(ran.stdout, "");
}

#[test]
fn all_mistakes_are_shown_at_once() {
    let project = Project::new(
        "- hosts: nobody
- hosts: all
  sreial: 1
  tasks:
    - comand: ls
      register: out
    - debug: {msg: '{{ out }} {{ typo }}'}
    - template: {src: x.j2, dest: x}
    - debug: {mgs: x}
      notify: nobody
",
    )
    .file("x.j2", "first\n{{ second }}\n");
    let ran = project.run_on("a", &[]).expect_status(4);
    // In the order in which a reader meets them, and nothing about `out`, whose task is only misspelt.
    let places: Vec<&str> = ran
        .stderr
        .lines()
        .filter_map(|line| line.trim().strip_prefix("--> "))
        .collect();
    assert_eq!(
        places,
        [
            "site.yml:1:10",
            "site.yml:3:3",
            "site.yml:5:7",
            "site.yml:7:34",
            "site.yml:9:15",
            "site.yml:10:15",
            "x.j2:2:4"
        ],
        "{}",
        ran.stderr
    );
}

#[test]
fn what_depends_on_a_part_that_is_not_read_is_not_judged() {
    let project = Project::new("- hosts: all\n  roles: [gone]\n  tasks:\n    - debug: {msg: '{{ of_role }}'}\n");
    let ran = project
        .run_on("a", &[])
        .expect_status(4)
        .expect_stderr("there is no role `gone`");
    assert!(!ran.stderr.contains("of_role"), "{}", ran.stderr);
    let project = Project::new(
        "- hosts: all\n  tasks:\n    - command: ls\n      registre: out\n    - debug: {msg: '{{ out }}'}\n",
    );
    let ran = project.run_on("a", &[]).expect_status(4).expect_stderr("registre");
    assert!(!ran.stderr.contains("the variable `out`"), "{}", ran.stderr);
}

#[test]
fn variables_are_looked_for_where_an_inventory_is_given_and_something_is_run() {
    let project = Project::new("- hosts: all\n  tasks:\n    - debug: {msg: '{{ typo }}'}\n");
    project
        .run_on("a", &["--syntax-check"])
        .expect_status(4)
        .expect_stderr("`typo`");
    project
        .run_on("a", &["--syntax-check", "-e", "typo=1"])
        .expect_status(0);
    project.krun(&["site.yml", "--syntax-check"]).expect_status(0);
    for list in ["--list-tasks", "--list-tags", "--list-hosts"] {
        project.run_on("a", &[list]).expect_status(0);
    }
    project
        .krun(&[
            "exec",
            "all",
            "-i",
            "a,",
            "-c",
            "local",
            "-m",
            "debug",
            "-a",
            "msg={{ typo }}",
        ])
        .expect_status(4)
        .expect_stderr("`typo` is not defined");
}

#[test]
fn a_mistake_on_the_command_line_is_shown_with_the_others() {
    let project = Project::new("- hosts: all\n  sreial: 1\n");
    project
        .run_on("a", &["-e", "no-value"])
        .expect_status(4)
        .expect_stderr("sreial")
        .expect_stderr("no-value");
}

#[test]
fn a_missing_inventory_or_playbook_is_named() {
    let project = Project::new("- hosts: all\n");
    project
        .krun(&["site.yml", "-i", "nothere.ini"])
        .expect_status(4)
        .expect_stderr("nothere.ini");
    project
        .krun(&["gone.yml", "-i", "a,"])
        .expect_status(4)
        .expect_stderr("gone.yml");
}

#[test]
fn bad_options_give_5() {
    Project::new("").krun(&["--no-such-option"]).expect_status(5);
}
