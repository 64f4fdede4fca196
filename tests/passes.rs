//! Plays that an import repeats, and the order and the batches of a play's hosts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use rstest::rstest;
use serde_json::Value;
use support::Project;

const PASS: &str = "
- name: Masters
  hosts: all[0]
  gather_facts: false
  tasks:
    - shell: 'echo {{ inventory_hostname }} {{ hop }} >>{{ playbook_dir }}/trace'
- name: Workers
  hosts: all:!all[0]
  gather_facts: false
  serial: 1
  tasks:
    - shell: 'echo {{ inventory_hostname }} {{ hop }} >>{{ playbook_dir }}/trace'
";

/// The list is found by a play, on its hosts.
fn hops(list: &str, import: &str) -> Project {
    let text = format!(
        "
- name: Look
  hosts: all
  gather_facts: false
  tasks:
    - command: echo 1.29 1.30
      register: found
    - set_fact: {{hops: '{list}'}}
      run_once: true
- import_playbook: pass.yml
  loop: '{{{{ hops }}}}'
  loop_control: {{loop_var: hop}}
{import}
- name: End
  hosts: all[0]
  gather_facts: false
  tasks:
    - shell: 'echo end >>{{{{ playbook_dir }}}}/trace'
"
    );
    Project::new(&text).file("pass.yml", PASS)
}

#[test]
fn plays_are_run_once_for_each_item_that_the_run_finds() {
    let project = hops("{{ found.stdout.split() }}", "");
    let ran = project.run_on("a b c", &[]).expect_status(0);
    assert_eq!(
        project.trace(),
        ["a 1.29", "b 1.29", "c 1.29", "a 1.30", "b 1.30", "c 1.30", "end"]
    );
    let names: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with("PLAY [")).collect();
    let names: Vec<&str> = names.iter().map(|line| line.split(']').next().unwrap()).collect();
    assert_eq!(
        names,
        [
            "PLAY [Look",
            "PLAY [Masters (1.29)",
            "PLAY [Workers (1.29)",
            "PLAY [Masters (1.30)",
            "PLAY [Workers (1.30)",
            "PLAY [End"
        ]
    );
}

#[test]
fn an_empty_list_is_no_pass_and_the_command_line_wins() {
    let project = hops("{{ [] }}", "");
    project.run_on("a b", &[]).expect_status(0);
    assert_eq!(project.trace(), ["end"]);

    let project = hops("{{ [1, 2] }}", "");
    project.run_on("a b", &["-e", "hop=mine"]).expect_status(0);
    assert_eq!(project.trace(), ["a mine", "b mine", "a mine", "b mine", "end"]);
}

#[test]
fn keys_of_the_import_see_the_item() {
    let import = "  vars: {label: 'of {{ hop }}'}\n  when: hop != 2\n  tags: repeated\n";
    let project = hops("{{ [1, 2, 3] }}", import);
    let text = PASS.replace("{{ hop }}", "{{ label }}");
    let project = project.file("pass.yml", &text);
    project.run_on("a b", &[]).expect_status(0);
    assert_eq!(project.trace(), ["a of 1", "b of 1", "a of 3", "b of 3", "end"]);
    let project = hops("{{ [1, 2] }}", import);
    // What finds the list is not chosen.
    let ran = project.run_on("a b", &["--tags", "repeated"]).expect_status(1);
    ran.expect_stderr("hops").expect_stderr("site.yml:11:9");
}

#[test]
fn loops_may_be_nested_and_items_may_be_anything() {
    let project = Project::new(
        "
- import_playbook: outer.yml
  loop: [{version: 1.29, groups: [x, y]}, {version: 1.30, groups: []}, {version: 1.31, groups: [z]}]
  loop_control: {loop_var: hop, label: '{{ hop.version }}', index_var: number}
",
    )
    .file(
        "outer.yml",
        "
- import_playbook: inner.yml
  loop: '{{ hop.groups }}'
- name: Verify
  hosts: a
  gather_facts: false
  tasks: [{shell: 'echo {{ number }} {{ hop.version }} >>{{ playbook_dir }}/trace'}]
",
    )
    .file(
        "inner.yml",
        "
- name: Group
  hosts: '{{ host_of_group[item] }}'
  gather_facts: false
  tasks: [{shell: 'echo {{ hop.version }} {{ item }} {{ inventory_hostname }} >>{{ playbook_dir }}/trace'}]
",
    );
    let groups = r#"{"host_of_group": {"x": "a", "y": "b", "z": "a"}}"#;
    let ran = project
        .run_on("a b", &["-e", groups, "--output", "json"])
        .expect_status(0);
    assert_eq!(
        project.trace(),
        ["1.29 x a", "1.29 y b", "0 1.29", "1 1.3", "1.31 z a", "2 1.31"]
    );
    let events: Vec<Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let plays: Vec<&Value> = events.iter().filter(|event| event["event"] == "play_started").collect();
    assert_eq!(plays[1]["name"], "Group (1.29, y)");
    assert_eq!(plays[1]["passes"][0]["item"]["version"], 1.29);
    assert_eq!(
        plays[1]["passes"][1],
        serde_json::json!({"variable": "item", "item": "y", "label": "y", "number": 2, "of": 2})
    );
}

#[test]
fn a_run_that_stops_names_the_passes_that_are_left() {
    let project = hops("{{ [1, 2, 3] }}", "");
    let failing = PASS.replace(
        "echo {{ inventory_hostname }}",
        "test {{ inventory_hostname }}{{ hop }} != b2 && echo",
    );
    let project = project.file("pass.yml", &failing);
    project
        .run_on("a b c", &[])
        .expect_status(2)
        .expect_stdout("not reached in \"Workers (2)\": c")
        .expect_stdout("plays not started: Masters (3); Workers (3); End");
}

#[rstest]
#[case::no_list("{{ 7 }}", "", "`loop` needs a list, it is `7`", 1)]
#[case::undefined("{{ found.nothing }}", "", "nothing", 2)]
#[case::of_tasks(
    "{{ [] }}",
    "  with_items: [1]",
    "plays are repeated by `loop`, not by `with_items`",
    4
)]
#[case::unknown_key("{{ [] }}", "  until: done", "has no key `until`", 4)]
fn what_is_wrong_with_a_loop_is_said(
    #[case] list: &str,
    #[case] import: &str,
    #[case] expected: &str,
    #[case] status: i32,
) {
    let ran = hops(list, import).run_on("a b", &[]).expect_status(status);
    let said = ran.stdout + &ran.stderr;
    assert!(said.contains(expected), "{said}");
}

#[test]
fn what_can_be_known_of_repeated_plays_is_checked_before_the_run() {
    let project = hops("{{ [1] }}", "").file("pass.yml", &PASS.replace("{{ hop }}", "{{ hpo }}"));
    project
        .run_on("a b", &[])
        .expect_status(4)
        .expect_stderr("did you mean `hop`?");
    let project = Project::new("- import_playbook: pass.yml\n  loop: '{{ nothing }}'\n").file("pass.yml", PASS);
    let ran = project.run_on("a b", &["-e", "hop=x"]).expect_status(4);
    ran.expect_stderr("site.yml:2:13").expect_stderr("`nothing`");
    let control = "- import_playbook: pass.yml\n  loop: [1]\n  loop_control: {loop_var: hop, pause: 3}\n";
    let project = Project::new(control).file("pass.yml", PASS);
    let ran = project.run_on("a b", &[]).expect_status(4);
    ran.expect_stderr("`pause` is for the loops of tasks");
    let project = hops("{{ [1] }}", "");
    let listed = project.run_on("a b", &["--list-tasks"]).expect_status(0);
    assert_eq!(listed.stdout.matches("): Masters").count(), 1, "{}", listed.stdout);
    listed.expect_stdout("for each hop of {{ hops }}");
}

/// Hosts with a zone each, and which of them are in which batch.
fn batches(keys: &str, args: &[&str]) -> support::Ran {
    let inventory = "[w]\nw1 zone=a\nw2 zone=b\nw3 zone=a\nw4 zone=b\nw5 zone=a\n[late]\nw1\n[early]\nw4\nw2\n\
        [a:vars]\nsize=2\n[b:vars]\nsize=1\n[a]\nw1\nw3\nw5\n[b]\nw2\nw4\n";
    let playbook = format!(
        "
- hosts: w
  gather_facts: false
{keys}
  tasks:
    - debug: {{msg: '{{{{ ansible_play_batch | join(\" \") }}}}.'}}
      run_once: true
"
    );
    let project = Project::new(&playbook).file("hosts", inventory);
    project.krun(&[&["site.yml", "-i", "hosts", "-c", "local"], args].concat())
}

fn batches_of(keys: &str, args: &[&str]) -> Vec<String> {
    let ran = batches(keys, args).expect_status(0);
    let lines = ran.stdout.lines().filter_map(|line| line.trim().strip_suffix('.'));
    let lines: Vec<String> = lines.map(str::to_owned).collect();
    assert!(!lines.is_empty(), "{}", ran.stdout);
    lines
}

#[rstest]
#[case::value("  batch_by: '{{ zone }}'", &["w1 w3 w5", "w2 w4"])]
#[case::serial("  batch_by: '{{ zone }}'\n  serial: 2", &["w1 w3", "w5", "w2 w4"])]
#[case::serial_of_the_value("  batch_by: '{{ zone }}'\n  serial: '{{ size }}'", &["w1 w3", "w5", "w2", "w4"])]
#[case::by_serial_itself("  batch_by: '{{ [size] }}'\n  serial: '{{ size }}'", &["w1 w3", "w5", "w2", "w4"])]
#[case::share("  batch_by: '{{ zone }}'\n  serial: ['50%', '100%']", &["w1", "w3 w5", "w2", "w4"])]
#[case::hosts_first("  order: [w5, w2]", &["w5 w2 w1 w3 w4"])]
#[case::groups_first("  order: [early, late]", &["w4 w2 w1 w3 w5"])]
#[case::template("  order: \"{{ ['w3', 'nobody'][:1] }}\"\n  serial: 3", &["w3 w1 w2", "w4 w5"])]
#[case::word("  order: '{{ \"reverse_\" ~ \"sorted\" }}'", &["w5 w4 w3 w2 w1"])]
#[case::both("  order: [early]\n  batch_by: '{{ zone }}'\n  serial: 2", &["w4 w2", "w1 w3", "w5"])]
#[case::limited("  order: [w3, w1]\n  vars: {ansible_x: 1}", &["w3 w1 w2 w4 w5"])]
fn hosts_come_in_order_and_in_batches_of_one_value(#[case] keys: &str, #[case] expected: &[&str]) {
    assert_eq!(batches_of(keys, &[]), expected);
}

#[test]
fn a_limit_leaves_order_and_values_as_they_are() {
    let keys = "  order: [w5, w2]\n  batch_by: '{{ zone }}'";
    assert_eq!(batches_of(keys, &["-l", "w1,w2,w4,w5"]), ["w5 w1", "w2 w4"]);
    let ran = batches(keys, &[]).expect_status(0);
    ran.expect_stdout("batch 1 of 2 (a): w5, w1, w3");
}

#[rstest]
#[case::unknown_host("  order: [w5, w6]", "w6", 4)]
#[case::unknown_word("  order: backwards", "`order` cannot be `backwards`", 4)]
#[case::no_text("  order: [1]", "names of hosts or groups", 4)]
#[case::later("  order: \"{{ ['w' ~ 6] }}\"", "w6", 1)]
#[case::undefined("  batch_by: '{{ rack }}'", "`rack`", 4)]
#[case::of_one_host("  batch_by: '{{ {\"a\": 1}[zone] }}'", "`batch_by` has no value for w2", 1)]
fn what_is_wrong_with_order_and_values_is_said(#[case] keys: &str, #[case] expected: &str, #[case] status: i32) {
    let ran = batches(keys, &[]).expect_status(status);
    assert!(ran.stderr.contains(expected), "{}{}", ran.stdout, ran.stderr);
}
