//! `krun schema`: what krun runs is valid under it, and a mistake that a schema can see is not.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use krun::syntax::{SourceFile, parse};
use rstest::rstest;
use serde_json::Value;
use support::{Project, repository};

fn validator(kind: &str) -> Validator {
    let ran = Project::new("").krun(&["schema", kind]).expect_status(0);
    let schema: Value = serde_json::from_str(&ran.stdout).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn problems(validator: &Validator, path: &Path, text: &str) -> Vec<String> {
    let node = parse(&SourceFile::new(path, text)).unwrap().unwrap();
    let value = node.to_value();
    let found = validator.iter_errors(&value);
    found
        .map(|error| format!("{}: {}: {error}", path.display(), error.instance_path()))
        .collect()
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![repository().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().contains(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty());
    found
}

#[test]
fn the_shipped_playbooks_and_roles_are_valid() {
    let (playbook, tasks) = (validator("playbook"), validator("tasks"));
    let mut found = Vec::new();
    for path in files("playbooks", ".yml") {
        found.extend(problems(&playbook, &path, &std::fs::read_to_string(&path).unwrap()));
    }
    for path in [files("roles", "/tasks/"), files("roles", "/handlers/")].concat() {
        found.extend(problems(&tasks, &path, &std::fs::read_to_string(&path).unwrap()));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_examples_of_all_modules_are_valid() {
    let tasks = validator("tasks");
    let found: Vec<String> = krun::modules::all()
        .iter()
        .flat_map(|module| problems(&tasks, Path::new(module.name), module.example))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[rstest]
#[case::short_form("- file: path=/x state=directory mode=0755")]
#[case::free_form("- shell: echo a | cat")]
#[case::underscores("- yum_repository: {name: k, description: x, baseurl: [http://x/]}")]
#[case::collection("- ansible.builtin.systemd_service: {name: kubelet, state: restarted}")]
#[case::posix("- ansible.posix.sysctl: {name: net.ipv4.ip_forward, value: 1}")]
#[case::alias("- apt: {pkg: [curl, jq], update_cache: yes}")]
#[case::required_by_alias("- apt-repository: {repo: deb http://x/ y z, update-cache: true}")]
#[case::template_for_a_flag("- systemd: {name: kubelet, daemon_reload: '{{ reload }}', enabled: 'yes'}")]
#[case::template_for_a_choice("- file: {path: /x, state: '{{ wanted }}'}")]
#[case::template_for_a_number("- drain: {timeout: '{{ t }}', grace_period: '30'}")]
#[case::template_for_a_list("- package: {name: '{{ packages }}'}")]
#[case::numbers_for_text("- package: {name: kubeadm, version: 1.30}")]
#[case::args("- command: ls\n  args: {chdir: /}")]
#[case::nothing("- ping:")]
#[case::facts("- set_fact: {anything: [1, {a: b}]}")]
#[case::statement("- ansible.builtin.include_tasks: {file: x.yml, apply: {tags: [a], become: true}}")]
#[case::when_lists("- ping:\n  when: [a, true, 'b is defined']\n  become: '{{ b }}'\n  retries: '{{ r }}'")]
#[case::block("- block: [ping: ]\n  rescue: [meta: noop]\n  always:\n  when: x")]
fn is_valid(#[case] tasks: &str) {
    let found = problems(&validator("tasks"), Path::new("x"), tasks);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[rstest]
#[case::unknown_module("- comand: ls")]
#[case::unknown_option("- command: {cmd: ls, creats: x}")]
#[case::wrong_type("- systemd: {name: x, enabled: maybe}")]
#[case::wrong_choice("- file: {path: /x, state: directroy}")]
#[case::negative("- drain: {timeout: -1}")]
#[case::missing("- file: {state: directory}")]
#[case::block_key("- block: []\n  register: x")]
#[case::task_key("- ping:\n  notfy: x")]
#[case::meta("- meta: flush_handler")]
#[case::not_a_list("ping:")]
fn is_not_valid(#[case] tasks: &str) {
    assert!(!problems(&validator("tasks"), Path::new("x"), tasks).is_empty());
}

/// Of the broken playbooks, those whose mistake stands in the shape of one file.
#[rstest]
fn a_schema_sees_what_can_be_seen_in_one_file(
    #[values(
        "expressions",
        "groups-and-patterns",
        "keys-at-each-level",
        "keyword-shapes",
        "keyword-types",
        "missing-and-exclusive-options",
        "missing-things",
        "module-options",
        "no-module-two-modules",
        "not-a-list",
        "roles",
        "serial-and-percentages",
        "unknown-modules"
    )]
    name: &str,
) {
    let path = repository().join("tests/data/broken").join(name).join("site.yml");
    let found = problems(&validator("playbook"), &path, &std::fs::read_to_string(&path).unwrap());
    assert!(!found.is_empty(), "{name}");
}
