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

/// A role whose only task traces.
fn role(project: Project, name: &str, line: &str) -> Project {
    project.file(
        &format!("roles/{name}/tasks/main.yml"),
        &format!("- shell: echo >> {{{{ playbook_dir }}}}/trace {line}\n"),
    )
}

#[test]
fn a_role_runs_once_on_a_host_unless_it_is_asked_for_differently() {
    let project = traced(
        "
- hosts: all
  gather_facts: false
  roles:
    - {role: user_a, when: inventory_hostname == 'a'}
    - common
    - user_b
    - {role: common, x: 2}
    - {role: common, tags: t}
    - twice
    - twice
  tasks:
    - import_role: {name: common}
    - include_role: {name: common}
    - include_role: {name: common, allow_duplicates: false}
    - include_role: {name: common, allow_duplicates: false}
",
    );
    let project = role(
        project,
        "common",
        "common {{ x | default(1) }} {{ inventory_hostname }}",
    );
    let project = role(project, "user_a", "user_a");
    let project = role(project, "user_b", "user_b {{ inventory_hostname }}");
    let project = role(project, "twice", "twice {{ inventory_hostname }}");
    let project = project
        .file("roles/user_a/meta/main.yml", "dependencies: [common]\n")
        .file("roles/user_b/meta/main.yml", "dependencies: [{role: common}]\n")
        .file(
            "roles/twice/meta/main.yml",
            "allow_duplicates: true\ngalaxy_info: {author: x}\n",
        );
    project.run_on("a b", &["-f", "1", "--no-fuse"]).expect_status(0);
    // What ansible-playbook does.
    let expected = "common 1 a|user_a|common 1 b|user_b a|user_b b|common 2 a|common 2 b|common 1 a|common 1 b|twice a|twice b|twice a|twice b|\
                    common 1 a|common 1 b|common 1 a|common 1 b";
    assert_eq!(project.trace().join("|"), expected);
}

#[test]
fn roles_of_one_play_in_their_order() {
    let project = traced(
        "
- hosts: all
  gather_facts: false
  roles:
    - {role: user_a, when: inventory_hostname == 'a'}
    - common
    - user_b
    - {role: common, x: 2}
    - twice
    - twice
",
    );
    let project = role(
        project,
        "common",
        "common {{ x | default(1) }} {{ inventory_hostname }}",
    );
    let project = role(project, "user_a", "user_a");
    let project = role(project, "user_b", "user_b {{ inventory_hostname }}");
    let project = role(project, "twice", "twice {{ inventory_hostname }}")
        .file("roles/user_a/meta/main.yml", "dependencies: [common]\n")
        .file("roles/user_b/meta/main.yml", "dependencies: [{role: common}]\n")
        .file(
            "roles/twice/meta/main.yml",
            "allow_duplicates: true\ngalaxy_info: {author: x}\n",
        );
    project.run_on("a b", &["-f", "1", "--no-fuse"]).expect_status(0);
    assert_eq!(
        project.trace(),
        [
            "common 1 a",
            "user_a",
            "common 1 b",
            "user_b a",
            "user_b b",
            "common 2 a",
            "common 2 b",
            "twice a",
            "twice b",
            "twice a",
            "twice b"
        ]
    );
}

#[test]
fn variables_of_included_roles_and_of_their_dependencies() {
    let project = traced(
        "
- hosts: all
  gather_facts: false
  tasks:
    - set_fact: {given: fact}
    - include_role:
        name: outer
        vars_from: other
        defaults_from: other.yml
        handlers_from: other
      vars: {given: param}
    - TRACE {{ from_defaults | default('private') }} {{ given }}
    - include_role: {name: outer, public: true}
    - TRACE {{ from_defaults }} {{ of_dep }}
",
    )
    .file(
        "roles/outer/meta/main.yml",
        "dependencies: [{role: dep, passed: '{{ from_vars }}'}]\n",
    )
    .file(
        "roles/outer/defaults/main.yml",
        "from_defaults: main\nfrom_vars: main\n",
    )
    .file("roles/outer/defaults/other.yml", "from_defaults: other\n")
    .file("roles/outer/vars/other.yml", "from_vars: other\n")
    .file(
        "roles/outer/handlers/other.yml",
        "- name: told\n  shell: echo told >> {{ playbook_dir }}/trace\n",
    )
    .file(
        "roles/outer/tasks/main.yml",
        "- shell: echo {{ from_defaults }} {{ from_vars }} {{ of_dep }} {{ given }} >> {{ playbook_dir }}/trace
  notify: \"{{ 'told' if from_vars == 'other' else [] }}\"\n",
    )
    .file("roles/dep/defaults/main.yml", "of_dep: dep\n")
    .file(
        "roles/dep/tasks/main.yml",
        "- shell: echo {{ passed }} {{ from_defaults }} {{ role_name }} >> {{ playbook_dir }}/trace\n",
    );
    project.run_on("a", &[]).expect_status(0);
    assert_eq!(
        project.trace(),
        [
            "other other dep",
            "other other dep param",
            "private fact",
            "main main dep fact",
            "main dep",
            "told"
        ]
    );
}

#[test]
fn a_host_may_leave_a_role_and_goes_on_behind_it() {
    let project = traced(
        "
- hosts: all
  gather_facts: false
  roles: [short]
  tasks:
    - TRACE after {{ inventory_hostname }}
",
    )
    .file(
        "roles/short/tasks/main.yml",
        "- meta: end_role\n  when: inventory_hostname == 'a'\n- shell: echo in {{ inventory_hostname }} >> {{ playbook_dir }}/trace\n",
    );
    project.run_on("a b", &["-f", "1"]).expect_status(0);
    assert_eq!(project.trace(), ["in b", "after a", "after b"]);
    traced("- hosts: all\n  gather_facts: false\n  tasks: [meta: end_role]\n")
        .run_on("a", &[])
        .expect_status(4)
        .expect_stderr("this task is in none");
}

#[test]
fn the_arguments_of_a_role_are_compared_with_its_description() {
    let play = "
- hosts: all
  gather_facts: false
  roles:
    - {role: described, size: SIZE}
";
    let project = |size: &str| {
        role(Project::new(&play.replace("SIZE", size)), "described", "ran").file(
            "roles/described/meta/argument_specs.yml",
            "argument_specs:
  main:
    short_description: What it is
    options:
      size: {type: int, required: true, description: 'a {{ size }}', choices: [1, 2]}
      name: {type: str, required: NAME}\n"
                .replace("NAME", if size == "2" { "false" } else { "true" })
                .as_str(),
        )
    };
    let good = project("2");
    good.run_on("a", &["--tags", "other"]).expect_status(5);
    good.run_on("a", &[])
        .expect_status(0)
        .expect_stdout("TASK [described : Validating arguments against arg spec 'main' - What it is]");
    assert_eq!(good.trace(), ["ran"]);
    let bad = project("3");
    bad.run_on("a", &[])
        .expect_status(2)
        .expect_stdout("missing required arguments: name")
        .expect_stdout("value of size must be one of: 1, 2, got: 3");
    assert!(bad.trace().is_empty());
}

#[test]
fn what_is_wrong_with_roles_is_found_before_the_run() {
    let found = |play: &str, part: &str| {
        let project = Project::new(&format!("- hosts: all\n  gather_facts: false\n{play}"));
        let project = role(project, "known", "ran");
        project.run_on("a", &[]).expect_status(4).expect_stderr(part);
    };
    found("  roles: [a.b.known]\n", "roles of collections are not read");
    found("  roles: ['{{ x }}']\n", "cannot depend on variables");
    found(
        "  tasks: [import_role: {name: known, vars_from: no}]\n",
        "has no vars file `no`",
    );
    found(
        "  tasks: [import_role: {name: known, apply: {}}]\n",
        "`apply` is for includes",
    );
    found(
        "  tasks: [include_role: {name: known, publik: 1}]\n",
        "did you mean `public`",
    );
}

#[test]
fn the_forms_of_loops_give_what_ansible_gives() {
    let project = traced(
        "
- hosts: a
  gather_facts: false
  vars:
    users: [{name: x, keys: [1, 2]}, {name: y, keys: []}, {name: z}]
  tasks:
    - TRACE N {{ item | join('') }}
      with_nested: [[a, b], [1, 2]]
    - TRACE T {{ item | join('') }}
      with_together: [[a, b], [1, 2]]
    - TRACE S {{ item.0.name }} {{ item.1 }} {{ item.0 | length }}
      with_subelements: ['{{ users }}', keys, {skip_missing: true}]
    - TRACE Q {{ item }}
      with_sequence: start=4 end=8 stride=4 format=n%02x
    - TRACE I {{ item.0 }} {{ item.1 }}
      with_indexed_items: [a, [b]]
    - TRACE F {{ item }}
      with_flattened: [a, [b, [c]]]
    - TRACE FF {{ item | basename }}
      with_first_found: [nix, '{{ undefined_here }}.yml', {files: ['{{ inventory_hostname }}.txt'], paths: [., more]}]
    - TRACE never
      with_first_found: [{files: nix, skip: true}]
    - TRACE G {{ item | basename }}
      with_fileglob: ['more/*.txt']
    - TRACE C {{ item }}
      with_file: more/b.txt
    - TRACE H {{ item }}
      with_inventory_hostnames: ['all:!b']
    - TRACE D {{ item.key }}{{ item.value }}
      with_dict: [{a: 1}, {b: 2}]
    - TRACE L {{ item }}
      with_list: x
    - TRACE R {{ item in [1, 2] }}
      with_random_choice: [1, 2]
    - TRACE E {{ item }} {{ ansible_loop.previtem | default('-') }} {{ ansible_loop.nextitem | default('-') }} {{ ansible_loop.allitems | length }} {{ i }} {{ ansible_index_var }}
      loop: [a, b, c]
      register: r
      loop_control: {extended: true, index_var: i, break_when: [item == 'b', r is changed], label: '{{ r.rc }}'}
    - TRACE {{ r.results | length }} {{ r.results[1].i }}
",
    )
    .file("more/a.txt", "a")
    .file("more/b.txt", "content\n\n");
    project.run_on("a b", &[]).expect_status(0).expect_stdout("(item=0)");
    assert_eq!(
        project.trace(),
        [
            "N a1",
            "N a2",
            "N b1",
            "N b2",
            "T a1",
            "T b2",
            "S x 1 1",
            "S x 2 1",
            "Q n04",
            "Q n08",
            "I 0 a",
            "I 1 b",
            "F a",
            "F b",
            "F c",
            "FF a.txt",
            "G a.txt",
            "G b.txt",
            "C content",
            "H a",
            "D a1",
            "D b2",
            "L x",
            "R True",
            "E a - b 3 0 i",
            "E b a c 3 1 i",
            "2 1"
        ]
    );
}

#[test]
fn loops_that_cannot_work_are_found_before_the_run() {
    let found = |keys: &str, part: &str| {
        let play = format!("- hosts: all\n  gather_facts: false\n  tasks:\n    - command: 'true'\n{keys}");
        Project::new(&play)
            .run_on("a", &[])
            .expect_status(4)
            .expect_stderr(part);
    };
    found("      loop: text\n", "`loop` needs a list");
    found("      loop: {a: 1}\n", "dict2items");
    found("      with_lines: cat x\n", "stdout_lines");
    found("      with_itmes: [1]\n", "did you mean `with_items`");
    found("      loop_control: {label: x}\n", "this one has none");
    found("      loop: [1]\n      with_items: [1]\n", "a task has one loop");
    found(
        "      loop: [1]\n      loop_control: {loop_vra: x}\n",
        "did you mean `loop_var`",
    );
}

#[test]
fn questions_are_answered_beforehand_or_by_their_default() {
    let play = "
- hosts: '{{ where }}'
  gather_facts: false
  vars: {where: nowhere, more: vars}
  vars_prompt:
    - {name: where, prompt: Which hosts, default: b}
    - {name: more, private: false, KEYS}
  tasks:
    - TRACE {{ inventory_hostname }} {{ more }}
";
    let with_default = traced(&play.replace("KEYS", "default: '{{ 1 + 1 }}'"));
    with_default.run_on("a b", &[]).expect_status(0);
    with_default
        .run_on("a b", &["-e", "where=a more=given"])
        .expect_status(0);
    assert_eq!(with_default.trace(), ["b 2", "a given"]);

    let without = traced(&play.replace("KEYS", "confirm: true"));
    without
        .run_on("a b", &[])
        .expect_status(4)
        .expect_stderr("`more` is to be asked for, and there is no terminal")
        .expect_stderr("-e more=");
    without.run_on("a b", &["-e", "more=x"]).expect_status(0);
    assert_eq!(without.trace(), ["b x"]);
    traced(&play.replace("KEYS", "encrypt: sha512_crypt, default: x"))
        .run_on("a b", &[])
        .expect_status(4)
        .expect_stderr("krun does not make password hashes");
}

#[test]
fn defaults_of_modules_hold_where_a_task_does_not_say_otherwise() {
    let project = traced(
        "
- hosts: a
  gather_facts: false
  module_defaults:
    shell: {chdir: '{{ playbook_dir }}/one'}
    ansible.builtin.debug: {msg: of the play}
  tasks:
    - shell: pwd | xargs basename >> {{ playbook_dir }}/trace
    - debug:
    - block:
        - shell: pwd | xargs basename >> {{ playbook_dir }}/trace
        - shell: pwd | xargs basename >> {{ playbook_dir }}/trace
          args: {chdir: '{{ playbook_dir }}/one'}
        - include_tasks: more.yml
      module_defaults:
        shell: {chdir: '{{ playbook_dir }}/two'}
",
    )
    .file("one/x", "")
    .file("two/x", "")
    .file(
        "more.yml",
        "- shell: pwd | xargs basename >> {{ playbook_dir }}/trace\n",
    );
    project.run_on("a", &[]).expect_status(0).expect_stdout("of the play");
    assert_eq!(project.trace(), ["one", "two", "one", "two"]);
}

#[test]
fn facts_are_gathered_when_a_template_says_so() {
    let play = "
- hosts: a
  gather_facts: \"{{ wanted | bool }}\"
  gather_subset: ['!all', env]
  gather_timeout: 60
  order: shuffle
  tasks:
    - TRACE {{ ansible_env is defined }} {{ ansible_mounts is defined }}
    - meta: clear_facts
    - TRACE {{ ansible_env is defined }}
";
    let project = traced(play);
    project.run_on("a", &["-e", "wanted=yes"]).expect_status(0);
    project.run_on("a", &["-e", "wanted=no"]).expect_status(0);
    assert_eq!(project.trace(), ["True False", "False", "False False", "False"]);
}

#[test]
fn a_refreshed_inventory_is_the_one_on_disk_with_what_tasks_added() {
    let project = traced(
        "
- hosts: a
  gather_facts: false
  tasks:
    - add_host: {name: added, groups: new}
    - shell: echo 'b ansible_connection=local' >> hosts
      args: {chdir: '{{ playbook_dir }}'}
    - meta: refresh_inventory
    - TRACE {{ groups.all | join(' ') }} / {{ groups.new | join }} / {{ hostvars.b.of_b }}
- hosts: b
  gather_facts: false
  tasks:
    - TRACE {{ inventory_hostname }}
",
    )
    .file("hosts", "a ansible_connection=local\n")
    .file("host_vars/b.yml", "of_b: yes!\n");
    project
        .krun(&["site.yml", "-i", "hosts"])
        .expect_status(0)
        .expect_stderr("warning: `b` matches no host and no group");
    assert_eq!(project.trace(), ["added a b / added / yes!", "b"]);
}

#[test]
fn keys_that_mean_nothing_where_they_stand_are_found_before_the_run() {
    let found = |keys: &str, part: &str| {
        let play = format!("- hosts: all\n  gather_facts: false\n  tasks: []\n{keys}");
        Project::new(&play)
            .run_on("a", &[])
            .expect_status(4)
            .expect_stderr(part);
    };
    found("  when: x\n", "a play has no key `when`");
    found("  order: sortd\n", "did you mean `sorted`");
    found(
        "  collections: [community.docker]\n",
        "krun has no modules of the collection",
    );
    found("  gather_subset: [hardwear]\n", "there is no group of facts `hardwear`");
    found("  module_defaults: {group/k8s: {}}\n", "module by module");
    found("  module_defaults: {coppy: {}}\n", "did you mean `copy`");
    found("  module_defaults: {copy: {onwer: x}}\n", "did you mean `owner`");
    Project::new("- hosts: all\n  gather_facts: false\n  collections: [ansible.posix]\n  tasks: []\n")
        .run_on("a", &[])
        .expect_status(0);
}
