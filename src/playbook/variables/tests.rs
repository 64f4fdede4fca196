//! Small projects, and the names that are missing in them.
#![allow(clippy::needless_pass_by_value)]

use std::path::Path;
use std::sync::Arc;

use rstest::rstest;

use super::{Known, check_variables};
use crate::inventory::{Inventory, InventoryVariables, Pattern};
use crate::playbook::{Loader, LoaderOptions, TagSelection};
use crate::syntax::Diagnostics;
use crate::vars::vault::VaultPasswords;
use crate::vars::{VarMap, Variable};

const HOSTS: &str = "\
local ansible_connection=local
[masters]
m1 on_m1='{{ on_all }}'
m2
[workers]
w1
[empty]
[masters:vars]
on_masters=yes
[all:vars]
on_all=yes
flag=false
";

/// Files of a project and how krun is called.
#[derive(Default)]
struct Project<'p> {
    files: Vec<(&'p str, &'p str)>,
    extra: &'p [(&'p str, &'p str)],
    limit: Option<&'p str>,
    tags: &'p [&'p str],
}

impl Project<'_> {
    fn findings(&self) -> Diagnostics {
        let folder = tempfile::tempdir().unwrap();
        let write = |(path, text): &(&str, &str)| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(&("hosts", HOSTS));
        self.files.iter().for_each(write);
        self.check(folder.path())
    }

    fn check(&self, folder: &Path) -> Diagnostics {
        let passwords = VaultPasswords::default();
        let sources = [folder.join("hosts").display().to_string()];
        let (inventory, _) = Inventory::load(&sources, &passwords).unwrap();
        let (variables, _) = InventoryVariables::load(&inventory, Some(folder), &passwords).unwrap();
        let options = LoaderOptions::default();
        let loader = Loader::new(&options, &passwords);
        let (playbook, loaded) = loader.load(&folder.join("site.yml"));
        assert!(!loaded.has_errors(), "{loaded}");
        let extra = self.extra.iter().map(|(name, value)| {
            let value = Variable::written(serde_json::Value::from(*value));
            ((*name).to_owned(), value)
        });
        let limit = self.limit.map(|limit| Pattern::parse(limit).unwrap());
        let known = Known {
            inventory: &inventory,
            variables: &variables,
            extra_vars: &Arc::new(extra.collect::<VarMap>()),
            limit: limit.as_ref(),
            tags: &TagSelection {
                only: self.tags.iter().map(|tag| (*tag).to_owned()).collect(),
                skip: Vec::new(),
            },
        };
        let mut found = Diagnostics::default();
        check_variables(&[playbook.unwrap()], known, &loader, &mut found);
        found
    }

    /// `FILE:LINE:COLUMN name` of each finding.
    fn missing(&self) -> Vec<String> {
        let shown = |found: &Diagnostics| -> Vec<String> {
            found
                .sorted()
                .into_iter()
                .map(|finding| {
                    let place = finding.place().unwrap();
                    let file = place.source.path().file_name().unwrap().to_string_lossy().into_owned();
                    let name = finding.message().split('`').nth(1).unwrap().to_owned();
                    format!("{file}:{}:{} {name}", place.line, place.column)
                })
                .collect()
        };
        shown(&self.findings())
    }
}

/// Names that are missing in one play over the masters with these keys.
fn in_play(keys: &str, files: &[(&str, &str)]) -> Vec<String> {
    let playbook = format!("- hosts: masters\n  gather_facts: false\n{keys}");
    let mut all = vec![("site.yml", playbook.as_str())];
    all.extend_from_slice(files);
    Project {
        files: all,
        ..Project::default()
    }
    .missing()
}

/// Names that are missing in the one task `debug` with this message and these keys.
fn in_task(message: &str, keys: &str) -> Vec<String> {
    let tasks = format!("  tasks:\n    - debug: {{msg: {message:?}}}\n{keys}");
    let missing = in_play(&tasks, &[]).into_iter();
    missing
        .map(|found| found.split(' ').nth(1).unwrap().to_owned())
        .collect()
}

#[rstest]
#[case::nothing("x", "", "")]
#[case::undefined("{{ typo }}", "", "typo")]
#[case::two("{{ typo }} {{ other + 1 }}", "", "typo,other")]
#[case::group("{{ on_all }} {{ on_masters }}", "", "")]
#[case::one_host("{{ on_m1 }}", "", "")]
#[case::magic(
    "{{ groups['x'] }} {{ hostvars['a'].typo }} {{ vars.typo }} {{ playbook_dir }} {{ omit }}",
    "",
    ""
)]
#[case::role_magic("{{ role_path }}", "", "role_path")]
#[case::facts("{{ ansible_distribution }} {{ ansible_facts.x }} {{ ansible_eth7.ipv4 }}", "", "")]
#[case::misspelt_magic(
    "{{ ansible_chek_mode }} {{ ansible_play_host }}",
    "",
    "ansible_chek_mode,ansible_play_host"
)]
#[case::function("{{ range(3) | list }} {{ lookupp('env', 'HOME') }}", "", "lookupp")]
#[case::task_variable("{{ v }}", "      vars: {v: 1}\n", "")]
#[case::through_a_variable("{{ v }}", "      vars: {v: ['{{ typo }}']}\n", "typo")]
#[case::variable_not_used("x", "      vars: {v: '{{ typo }}'}\n", "")]
#[case::refers_to_itself("{{ v }}", "      vars: {v: '{{ w }}', w: '{{ v }}'}\n", "")]
#[case::item(
    "{{ item }} {{ index }} {{ ansible_loop.first }}",
    "      loop: [1]\n      loop_control: {index_var: index}\n",
    ""
)]
#[case::item_without_loop("{{ item }}", "", "item")]
#[case::other_loop_name(
    "{{ item }}{{ host }}",
    "      loop: [1]\n      loop_control: {loop_var: host}\n",
    "item"
)]
#[case::loop_over_item("x", "      loop: '{{ item }}'\n", "item")]
#[case::label(
    "x",
    "      loop: [1]\n      loop_control: {label: '{{ item.x }}{{ typo }}'}\n",
    "typo"
)]
#[case::register(
    "{{ out }}",
    "      register: out\n      until: out is success\n      changed_when: out.x\n",
    ""
)]
#[case::when("x", "      when: [a, on_all, b.c]\n", "a,b")]
#[case::verdicts(
    "x",
    "      until: a\n      failed_when: b\n      changed_when: c\n      retries: '{{ d }}'\n      delay: '{{ e }}'\n",
    "a,b,c,d,e"
)]
#[case::keywords(
    "x",
    "      delegate_to: '{{ a }}'\n      environment: {X: '{{ b }}'}\n      timeout: '{{ c }}'\n      become_user: '{{ d }}'\n      throttle: '{{ e }}'\n",
    "a,b,c,d,e"
)]
#[case::ignored("{{ typo }}", "      ignore_errors: true\n", "")]
#[case::not_ignored("{{ typo }}", "      ignore_errors: false\n", "typo")]
#[case::loop_in_text(
    "{% for x in on_all %}{{ x }}{{ loop.index }}{{ y }}{% endfor %}{% set z = 1 %}{{ z }}",
    "",
    "y"
)]
fn names_in_a_task(#[case] message: &str, #[case] keys: &str, #[case] expected: &str) {
    assert_eq!(in_task(message, keys).join(","), expected);
}

#[rstest]
#[case("{{ x | default('y') }}", "")]
#[case("{{ x.y | d(omit) }}", "")]
#[case("{{ x if x is defined else 'y' }}", "")]
#[case("{{ x is undefined or x.y }}", "")]
#[case("{{ on_all | default(x) }}", "")]
#[case("{{ y | default(x) }}", "x")]
#[case("{{ y | default(x) | default('') }}", "")]
#[case("{{ [x, y] | select('defined') | list }}", "")]
#[case("{{ x | mandatory }}", "")]
fn guarded_names_may_be_missing(#[case] message: &str, #[case] expected: &str) {
    assert_eq!(in_task(message, "").join(","), expected);
}

#[rstest]
#[case("      when: x is defined\n")]
#[case("      when: x is defined and x.y\n")]
#[case("      when: [on_all, x is not undefined]\n")]
#[case("      when: not (x is undefined)\n")]
#[case("      when: (x | default('')) != ''\n")]
#[case("      failed_when: x is defined\n")]
#[case::false_on_all_hosts("      when: flag | bool\n")]
#[case::false_in_part("      when: ansible_facts.x and flag == 'true'\n")]
#[case::not_in_the_group("      when: \"'workers' in group_names\"\n")]
#[case::no_such_host("      when: inventory_hostname == groups['workers'][0]\n")]
fn a_task_that_is_not_run_may_use_anything(#[case] keys: &str) {
    assert_eq!(in_task("{{ x }}", keys), [""; 0]);
}

#[rstest]
#[case::true_on_some_host("      when: inventory_hostname == groups['masters'][1]\n")]
#[case::known_in_the_run("      when: ansible_facts.x == 1\n")]
#[case::another_name("      when: y is not defined\n")]
#[case::set_in_the_run("      when: flag\n    - set_fact: {flag: true}\n")]
fn a_task_that_may_be_run_needs_its_names(#[case] keys: &str) {
    assert_eq!(in_task("{{ x }}", keys), ["x"]);
}

#[rstest]
#[case("{{ x if flag == 'true' else 'y' }}", "")]
#[case("{{ x if flag == 'false' else 'y' }}", "x")]
#[case("{{ x if ansible_facts.a else 'y' }}", "x")]
#[case("{{ flag == 'true' and x }}", "")]
#[case("{{ 'workers' in group_names and x or 'z' }}", "")]
#[case("{% if flag == 'true' %}{{ x }}{% else %}{{ y }}{% endif %}", "y")]
fn parts_that_are_not_evaluated_may_name_anything(#[case] message: &str, #[case] expected: &str) {
    assert_eq!(in_task(message, "").join(","), expected);
}

#[rstest]
#[case::play("  vars: {v: 1}\n  tasks: [{debug: {msg: '{{ v }}'}}]\n")]
#[case::block("  tasks: [{block: [{debug: {msg: '{{ v }}'}}], vars: {v: 1}}]\n")]
#[case::files("  vars_files: [v.yml]\n  tasks: [{debug: {msg: '{{ v }}'}}]\n")]
#[case::one_of_several_files("  vars_files: [[gone.yml, v.yml]]\n  tasks: [{debug: {msg: '{{ v }}'}}]\n")]
#[case::named_by_a_variable("  vars: {f: v}\n  vars_files: ['{{ f }}.yml']\n  tasks: [{debug: {msg: '{{ v }}'}}]\n")]
#[case::named_in_the_run("  vars_files: ['{{ ansible_os_family }}.yml']\n  tasks: [{debug: {msg: '{{ v }}'}}]\n")]
#[case::not_there_yet("  vars_files: [gone.yml]\n  tasks: [{debug: {msg: '{{ v }}'}}]\n")]
#[case::default("  roles: [r]\n  tasks: [{debug: {msg: '{{ in_defaults }}{{ in_vars }}'}}]\n")]
#[case::imported_role("  tasks: [{debug: {msg: '{{ in_defaults }}'}}, {import_role: {name: r}}]\n")]
#[case::dependency("  roles: [dependent]\n  tasks: [{debug: {msg: '{{ in_defaults }}'}}]\n")]
#[case::parameter("  roles: [{role: needs, needed: 1}]\n")]
#[case::parameter_as_variable("  roles: [{role: needs, vars: {needed: 1}}]\n")]
#[case::import("  tasks: [{import_tasks: needs.yml, vars: {needed: 1}}]\n")]
#[case::include("  tasks: [{include_tasks: needs.yml, vars: {needed: 1}}]\n")]
#[case::include_loop("  tasks: [{include_tasks: needs.yml, loop: [1], loop_control: {loop_var: needed}}]\n")]
#[case::apply("  tasks: [{include_tasks: {file: needs.yml, apply: {vars: {needed: 1}}}}]\n")]
#[case::include_role("  tasks: [{include_role: {name: needs}, vars: {needed: 1}}]\n")]
#[case::own_defaults("  tasks: [{include_role: {name: own}}]\n")]
#[case::later_register("  tasks: [{debug: {msg: '{{ out }}'}}, {command: ls, register: out}]\n")]
#[case::set_by_an_include("  tasks: [{include_tasks: sets.yml}, {debug: {msg: '{{ set }}{{ registered }}'}}]\n")]
#[case::set_by_a_role("  tasks: [{include_role: {name: sets}}, {debug: {msg: '{{ set }}'}}]\n")]
#[case::named_by_the_loop("  tasks: [{include_tasks: '{{ item }}.yml', loop: [sets]}, {debug: {msg: '{{ set }}'}}]\n")]
#[case::named_by_a_choice(
    "  vars: {f: sets.yml}\n  tasks: [{include_tasks: \"{{ f if ansible_x else '' }}\"}, {debug: {msg: '{{ set }}'}}]\n"
)]
#[case::include_named_in_the_run("  tasks: [{include_tasks: '{{ ansible_x }}.yml'}, {debug: {msg: '{{ any }}'}}]\n")]
#[case::include_not_there_yet("  tasks: [{include_tasks: gone.yml}, {debug: {msg: '{{ any }}'}}]\n")]
#[case::includes_itself("  tasks: [{include_tasks: again.yml}]\n")]
#[case::unused_default("  roles: [unused]\n")]
#[case::ended("  tasks: [{meta: end_play, when: x is not defined}, {debug: {msg: '{{ x }}'}}]\n")]
#[case::asserted("  tasks: [{assert: {that: x is defined}}, {debug: {msg: '{{ x }}'}}]\n")]
#[case::asserted_in_the_task("  tasks: [{assert: {that: [x is defined, x > 1]}}]\n")]
#[case::failed("  tasks: [{fail: {msg: no}, when: x is undefined}, {debug: {msg: '{{ x }}'}}]\n")]
#[case::shown("  tasks: [{debug: {var: x}}]\n")]
#[case::not_notified("  handlers: [{name: h, debug: {msg: '{{ x }}'}}]\n")]
#[case::empty_group("  tasks: []\n- hosts: empty\n  tasks: [{debug: {msg: '{{ x }}'}}]\n")]
#[case::rescued("  tasks: [{block: [{command: ls}], rescue: [{debug: {msg: '{{ ansible_failed_result.msg }}'}}]}]\n")]
#[case::inventory_beats_default("  roles: [beaten]\n")]
#[case::pattern("  tasks: []\n- hosts: '{{ on_all }}'\n  tasks: [{debug: {msg: '{{ on_masters }}'}}]\n")]
fn what_a_source_may_define_is_not_missing(#[case] keys: &str) {
    let missing = in_play(keys, FILES);
    assert_eq!(missing, [""; 0]);
}

/// Files beside the playbooks of the tests.
const FILES: &[(&str, &str)] = &[
    ("v.yml", "v: 1\n"),
    ("needs.yml", "- debug: {msg: '{{ needed }}'}\n"),
    (
        "sets.yml",
        "- set_fact: {set: 1}\n- command: ls\n  register: registered\n",
    ),
    ("again.yml", "- include_tasks: again.yml\n  when: ansible_facts.x\n"),
    (
        "t.j2",
        "{{ on_all }}\n{% if flag == 'true' %}\n{{ x }}{% endif %}\n  {{ y }}\n",
    ),
    (
        "t.hbs",
        "{{on_all}}\n{{#each groups}}{{this}}{{z}}{{/each}}\n{{#if on_all}} {{y}}{{/if}}{{default w 1}}\n",
    ),
    ("roles/r/defaults/main.yml", "in_defaults: 1\n"),
    ("roles/r/vars/main.yml", "in_vars: '{{ in_defaults }}'\n"),
    ("roles/r/tasks/main.yml", "- debug: {msg: '{{ role_name }}'}\n"),
    ("roles/dependent/meta/main.yml", "dependencies: [r]\n"),
    ("roles/needs/tasks/main.yml", "- debug: {msg: '{{ needed }}'}\n"),
    ("roles/own/defaults/main.yml", "mine: 1\n"),
    ("roles/own/tasks/main.yml", "- debug: {msg: '{{ mine }}'}\n"),
    ("roles/sets/tasks/main.yml", "- set_fact: {set: 1}\n"),
    ("roles/unused/defaults/main.yml", "lazy: '{{ x }}'\n"),
    ("roles/beaten/defaults/main.yml", "on_masters: '{{ x }}'\n"),
    ("roles/beaten/tasks/main.yml", "- debug: {msg: '{{ on_masters }}'}\n"),
    ("roles/used/defaults/main.yml", "on_m1: '{{ x }}'\n"),
    ("roles/used/tasks/main.yml", "- debug: {msg: 'a {{ on_m1 }}'}\n"),
    (
        "roles/handles/handlers/main.yml",
        "- name: h\n  debug: {msg: '{{ x }}'}\n- name: i\n  listen: topic\n  debug: {msg: '{{ y }}'}\n",
    ),
    ("roles/handles/tasks/main.yml", "- command: ls\n  notify: topic\n"),
];

#[rstest]
#[case::hosts("  tasks: []\n- hosts: '{{ on_masters }}'\n", "site.yml:4:14 on_masters")]
#[case::serial("  serial: ['{{ a }}', 2]\n", "site.yml:3:16 a")]
#[case::role_needs_parameter("  roles: [needs]\n", "main.yml:1:20 needed")]
#[case::include("  tasks: [{include_tasks: needs.yml}]\n", "needs.yml:1:20 needed")]
#[case::default_of_another_role(
    "  tasks: [{include_role: {name: own}}, {debug: {msg: '{{ mine }}'}}]\n",
    "site.yml:3:58 mine"
)]
#[case::default_of_some_hosts("  roles: [used]\n", "main.yml:1:22 x")]
#[case::other_group(
    "  tasks: []\n- hosts: workers\n  tasks: [{debug: {msg: '{{ on_masters }}'}}]\n",
    "site.yml:5:29 on_masters"
)]
#[case::jinja_file("  tasks: [{template: {src: t.j2, dest: /x}}]\n", "t.j2:4:6 y")]
#[case::handlebars_file("  tasks: [{template: {src: t.hbs, dest: /x}}]\n", "t.hbs:3:18 y")]
#[case::handler(
    "  tasks: [{command: ls, notify: [h]}]\n  handlers: [{name: h, debug: {msg: '{{ x }}'}}]\n",
    "site.yml:4:41 x"
)]
#[case::handlers_that_listen("  roles: [handles]\n", "main.yml:5:20 y")]
#[case::assert(
    "  tasks:\n    - assert:\n        that:\n          - on_all\n          - x > 1 and y\n",
    "site.yml:7:13 x,site.yml:7:23 y"
)]
#[case::name("  tasks: [{debug: {msg: x}, name: 'a {{ x }}'}]\n", "site.yml:3:41 x")]
#[case::block("  tasks: [{block: [{ping: }, {ping: }], when: x}]\n", "site.yml:3:47 x")]
#[case::folded(
    "  tasks:\n    - debug:\n        msg: >-\n          one\n          {{ x }}\n",
    "site.yml:7:14 x"
)]
#[case::key("  tasks: [{command: 'x={{ x }} {{ msg }}'}]\n", "site.yml:3:27 x,site.yml:3:35 msg")]
#[case::short_form("  tasks:\n    - debug: msg={{ msg }}\n", "site.yml:4:21 msg")]
#[case::before_an_open_play(
    "  tasks: [{debug: {msg: '{{ x }}'}}]\n- hosts: all\n  tasks: [{include_tasks: '{{ ansible_x }}'}, {debug: {msg: '{{ y }}'}}]\n",
    "site.yml:3:29 x"
)]
fn missing_names_are_shown_where_they_stand(#[case] keys: &str, #[case] expected: &str) {
    assert_eq!(in_play(keys, FILES).join(","), expected);
}

#[test]
fn extra_variables_count_and_beat_the_others() {
    let files = vec![(
        "site.yml",
        "- hosts: all\n  vars: {v: '{{ typo }}'}\n  tasks: [{debug: {msg: '{{ extra }}{{ v }}'}}]\n",
    )];
    let project = Project {
        files,
        extra: &[("extra", "1"), ("v", "{{ other }}")],
        ..Project::default()
    };
    assert_eq!(project.missing(), ["site.yml:3:40 other"]);
}

#[rstest]
#[case(None, &[], &["x", "y"])]
#[case(None, &["some"], &["y"])]
#[case(Some("w1"), &[], &["x"])]
fn what_is_not_chosen_is_not_looked_at(#[case] limit: Option<&str>, #[case] tags: &[&str], #[case] expected: &[&str]) {
    let files = vec![(
        "site.yml",
        "- hosts: workers\n  tasks: [{debug: {msg: '{{ x }}'}}]\n\
         - hosts: masters\n  tasks:\n    - {debug: {msg: '{{ y }}'}, tags: some}\n    - {debug: {msg: '{{ z }}'}, tags: never}\n",
    )];
    let project = Project {
        files,
        limit,
        tags,
        ..Project::default()
    };
    let missing = project.missing().into_iter();
    let names: Vec<String> = missing
        .map(|found| found.split(' ').nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(names, expected);
}

#[test]
fn variables_of_an_imported_playbook_are_the_plays() {
    let project = Project {
        files: vec![
            (
                "site.yml",
                "- import_playbook: other.yml\n  vars: {size: 2, pattern: masters}\n",
            ),
            (
                "other.yml",
                "- hosts: '{{ pattern }}'\n  serial: '{{ size }}'\n  tasks: [{debug: {msg: '{{ size }}'}}]\n",
            ),
        ],
        ..Project::default()
    };
    assert_eq!(project.missing(), [""; 0]);
}

#[test]
fn every_way_out_is_named() {
    let playbook = "\
- name: first
  hosts: masters
  roles: [r]
  vars: {v: 1}
- name: second
  hosts: workers
  tasks:
    - debug: {msg: '{{ in_defaults }}'}
    - debug: {msg: '{{ v }}'}
    - debug: {msg: '{{ on_masters }}'}
    - debug: {msg: '{{ on_al }}'}
    - debug: {msg: '{{ item }}'}
    - debug: {msg: '{{ w }}'}
      vars: {w: '{{ typo }}'}
";
    let mut files = vec![("site.yml", playbook)];
    files.extend_from_slice(FILES);
    let found = Project {
        files,
        ..Project::default()
    }
    .findings()
    .to_string();
    for part in [
        "the variable `in_defaults` is not defined for any host of the play `second`",
        "the role `r` defines it, and this play does not use that role",
        "it is defined in `vars` of another play, `first`",
        "the inventory defines it for other hosts, such as `m1`",
        "did you mean `on_all`?",
        "`item` is there in a task with `loop`",
        "`typo`, which the variable `w` needs, is not defined",
        "define it in the inventory, in `vars` or in a role's defaults, or give it with -e typo=…",
    ] {
        assert!(found.contains(part), "no {part:?} in\n{found}");
    }
}

#[test]
fn variables_that_choose_between_others_are_not_followed_for_ever() {
    let next = |i: usize| format!("    v{i}: \"{{{{ v{} if ansible_f{i} else v{} }}}}\"\n", i + 1, i + 2);
    let vars: String = (0..80).map(next).collect();
    let playbook = format!("- hosts: all\n  vars:\n{vars}  tasks: [{{debug: {{msg: '{{{{ v0 }}}}'}}}}]\n");
    let begin = std::time::Instant::now();
    let project = Project {
        files: vec![("site.yml", &playbook)],
        ..Project::default()
    };
    assert_eq!(project.missing(), ["site.yml:83:29 v80", "site.yml:83:29 v81"]);
    assert!(
        begin.elapsed() < std::time::Duration::from_secs(10),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn a_name_that_is_missing_everywhere_is_shown_three_times() {
    let tasks: String = (0..8).map(|_| "    - debug: {msg: '{{ x }}'}\n").collect();
    let playbook = format!("- hosts: all\n  tasks:\n{tasks}");
    let found = Project {
        files: vec![("site.yml", &playbook)],
        ..Project::default()
    };
    assert_eq!(found.missing().len(), 3);
    assert!(found.findings().to_string().contains("`x` is used in 5 more places"));
}
