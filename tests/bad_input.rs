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
#[case::bad_condition("- hosts: all\n  tasks:\n    - command: ls\n      when: a ==\n", "site.yml:4:13", "")]
#[case::unknown_filter(
    "- hosts: all\n  tasks:\n    - debug: {msg: '{{ 1 | defualt(2) }}'}\n",
    "site.yml:3:20",
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
#[case::unsupported("- hosts: all\n  strategy: free\n", "site.yml:2:13", "linear")]
#[case::missing_include(
    "- hosts: all\n  tasks:\n    - import_tasks: gone.yml\n",
    "site.yml:3:21",
    "there is no task file `gone.yml`"
)]
#[case::templated_facts("- hosts: all\n  gather_facts: '{{ x }}'\n", "site.yml:2:17", "true or false")]
#[case::public(
    "- hosts: all\n  tasks:\n    - include_role: {name: r, public: true}\n",
    "site.yml:3:31",
    "has no option `public`"
)]
#[case::empty("", "site.yml", "the playbook is empty")]
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
    let project = Project::new("- hosts: nobody\n  sreial: 1\n  tasks:\n    - comand: ls\n");
    project
        .run_on("a", &[])
        .expect_status(4)
        .expect_stderr("sreial")
        .expect_stderr("comand");
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
