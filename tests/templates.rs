//! Template files and lookups in playbooks: what is wrong with them is said before anything is run, at its place; and what
//! they find when the playbook runs.
#![allow(missing_docs)]

mod support;

use rstest::rstest;
use support::Project;

#[rstest]
#[case::block("x.j2", "a\n{% if b %}\n", "x.j2:2:", "")]
#[case::filter("x.j2", "a\n {{ 1 | uper }}\n", "x.j2:2:9", "did you mean `upper`?")]
#[case::filter_in_map("x.j2", "{{ [1] | map('uper') | list }}\n", "x.j2:1:15", "did you mean `upper`?")]
#[case::test_name("x.j2", "{% if 1 is defnied %}{% endif %}", "x.j2:1:12", "did you mean `defined`?")]
#[case::lookup("x.j2", "{{ lookup('fil', 'x') }}", "x.j2:1:12", "did you mean `file`?")]
#[case::header("x.j2", "#jinja2: trim_block: true\n", "x.j2:1:1", "did you mean `trim_blocks`?")]
#[case::helper("x.hbs", "\n{{uper 'x'}}\n", "x.hbs:2:3", "did you mean `upper`?")]
fn a_broken_file_is_shown(#[case] name: &str, #[case] text: &str, #[case] place: &str, #[case] cause: &str) {
    let playbook = format!("- hosts: all\n  tasks:\n    - template: {{src: {name}, dest: /x}}\n");
    let project = Project::new(&playbook).file(name, text);
    project
        .run_on("a", &[])
        .expect_status(4)
        .expect_stderr(place)
        .expect_stderr(cause);
}

#[rstest]
#[case("debug: {msg: \"{{ lookup('fil', 'x') }}\"}", "did you mean `file`?")]
#[case("debug: {msg: \"{{ q('url', 'x') }}\"}", "`uri` module")]
#[case(
    "debug: {msg: \"{{ '10.0.0.0/8' | ansible.utils.ipaddr }}\"}",
    "krun does not calculate with addresses"
)]
#[case("copy: {content: x, dest: /x, unsafe_writes: true}", "in one step")]
#[case("apt: {deb: /x.deb}", "apt-get install")]
#[case("find: {paths: /x, contains: y}", "grep -rlE")]
#[case("template: {src: x.hbs, dest: /x, lstrip_blocks: true}", "Handlebars")]
fn what_krun_does_not_have_says_what_to_do_instead(#[case] task: &str, #[case] way: &str) {
    let project = Project::new(&format!("- hosts: all\n  tasks:\n    - {task}\n")).file("x.hbs", "a\n");
    project
        .run_on("a", &[])
        .expect_status(4)
        .expect_stderr("site.yml:3:")
        .expect_stderr(way);
}

#[test]
fn lookups_find_the_files_of_the_role_and_the_variables_of_the_task() {
    let project = Project::new(
        "- hosts: all
  gather_facts: false
  roles: [r]
",
    )
    .file(
        "roles/r/tasks/main.yml",
        r#"- vars: {name: n1}
  assert:
    that:
      - lookup('file', 'a.txt') == 'role'
      - lookup('template', 't.j2') == "n1 in ['a']\n"
      - lookup('vars', 'name') == 'n1'
      - query('fileglob', '*.txt') | map('basename') | list == ['a.txt']
      - lookup('pipe', 'echo ' ~ name) == 'n1'
      - query('varnames', '^name$') == ['name']
      - query('inventory_hostnames', 'all') == ['a']
      - lookup('password', 'secrets/x length=8') | length == 8
- copy:
    content: "{{ lookup('password', 'secrets/x') }} {{ now(fmt='%Y') | length }}"
    dest: "{{ playbook_dir }}/out"
- assert:
    that: lookup('file', 'out').split() == [lookup('password', 'secrets/x'), '4']
"#,
    )
    .file("roles/r/files/a.txt", "role\n")
    .file("roles/r/templates/t.j2", "{{ name }} in {{ groups.all }}\n");
    project.run_on("a", &[]).expect_status(0);
}

/// A command of a template is run when its task has its turn, and not by the checks before the run or with tasks that
/// travel together.
#[test]
fn a_command_is_run_once() {
    let project = Project::new(
        "- hosts: all
  gather_facts: false
  tasks:
    - command: 'true'
    - command: \"echo {{ lookup('pipe', 'echo x >>count; wc -l <count') }}\"
      register: out
    - command: 'true'
    - assert:
        that: out.stdout == '1'
",
    );
    project.run_on("a", &[]).expect_status(0);
}
