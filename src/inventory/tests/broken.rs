use rstest::rstest;

use super::super::{Inventory, InventoryVariables};
use super::load_files;
use crate::vars::vault::VaultPasswords;

fn errors(name: &str, text: &str) -> String {
    let (_directory, loaded) = load_files(&[(name, text)]);
    loaded.unwrap_err().to_string()
}

#[rstest]
#[case("[web:childern]\na\n", &["`[web:childern]`", "hosts:1:1", "`children`"])]
#[case("[web servers]\na\n", &["not a section", "without blanks"])]
#[case("[web] ; comment\na\n", &["not a section"])]
#[case("[web]\na b\n", &["`b` is not a variable", "hosts:2:3", "`name=value`"])]
#[case("[web]\na x='y\n", &["not closed", "hosts:2:5"])]
#[case("web:\n  - a\n", &["a group must be a mapping", "hosts:2:3"])]
#[case("a\nweb:\n  hosts: a\n", &["colon", "hosts:2:1"])]
#[case("a\nx: 1\n", &["`1` is not a variable", "YAML"])]
#[case("[g:vars]\nx=1\n", &["group that does not exist", "hosts:1:1", "`[g]`"])]
#[case("[web]\na\n[all:children]\nwbe\n", &["`wbe`, which does not exist", "hosts:4:1", "did you mean `web`?"])]
#[case("[a:children]\nb\n[b:children]\na\n", &["loop", "stands below"])]
#[case("[a:children]\na\n", &["own child"])]
#[case("[a:children]\nall\n", &["holds every group"])]
#[case("[a:vars]\nx\n[a]\n", &["`x` is not a variable", "hosts:2:1"])]
#[case("[a:children]\nb c\n", &["not the name of a group"])]
#[case("[a:vars]\nansible_group_priority=high\n[a]\n", &["whole number", "hosts:2:1"])]
#[case("node[1:3\n", &["not closed", "hosts:1:1"])]
#[case("node[1:\n", &["not closed", "hosts:1:1"])]
#[case("node[3:1]\n", &["ends before it begins"])]
#[case("node[1:99999999]\n", &["more than 100000 hosts"])]
#[case("node]\n", &["did not open"])]
#[case("a:b:c\n", &["not a host name"])]
#[case("[2001:db8::1]\nx\n", &["in brackets has no port", "without the brackets"])]
#[case("", &["inventory is empty"])]
#[case("# only a comment\n", &["inventory is empty"])]
#[case("#!/usr/bin/env python3\nprint()\n", &["program", "ansible-inventory -i"])]
fn broken_ini_says_where_and_what_to_do(#[case] text: &str, #[case] parts: &[&str]) {
    let shown = errors("hosts", text);
    for part in parts {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[rstest]
#[case("- a\n- b\n", &["mapping of groups", "`all:`"])]
#[case("hosts:\n  a:\n", &["outside of a group", "below `all:`"])]
#[case("all:\n  host:\n    a:\n", &["no key `host`", "did you mean `hosts`?", "hosts.yml:2:3"])]
#[case("all:\n  hosts:\n    - a\n", &["must be a mapping", "colon behind it"])]
#[case("all:\n  children: [a]\n", &["must be a mapping"])]
#[case("all:\n  hosts:\n    a: 5\n", &["variables of a host", "hosts.yml:3:8"])]
#[case("all:\n  vars: [x]\n", &["must be a mapping"])]
#[case("all: 5\n", &["a group must be a mapping"])]
#[case("all:\n  hosts:\n    n[3:1]:\n", &["ends before it begins", "hosts.yml:3:5"])]
#[case("a:\n  children:\n    b:\n      children:\n        a:\n", &["loop"])]
#[case("all:\n  hosts:\n    a: {}\n    a: {}\n", &["hosts.yml:4:5"])]
#[case("plugin: aws_ec2\n", &["inventory plugin"])]
#[case("all:\n  vars:\n    x: !vault |\n      $ANSIBLE_VAULT;1.1;AES256\n      6162\n", &["hosts.yml:3"])]
#[case("---\n", &["inventory is empty"])]
fn broken_yaml_says_where_and_what_to_do(#[case] text: &str, #[case] parts: &[&str]) {
    let shown = errors("hosts.yml", text);
    for part in parts {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn all_mistakes_are_shown_at_once() {
    let shown = errors("hosts", "[a\nb c\n[x:y]\nd[2:1]\n");
    for line in [1, 2, 3, 4] {
        assert!(shown.contains(&format!("hosts:{line}:")), "line {line}: {shown}");
    }
}

#[rstest]
#[case("missing", "with a comma behind it: -i ")]
#[case("", "give a file")]
fn a_source_that_is_not_there_is_explained(#[case] name: &str, #[case] help: &str) {
    let directory = tempfile::tempdir().unwrap();
    let source = if name.is_empty() {
        String::new()
    } else {
        directory.path().join(name).to_string_lossy().into_owned()
    };
    let error = Inventory::load(&[source], &VaultPasswords::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains(help), "{error}");
}

#[test]
fn a_directory_without_inventories_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("README.md"), "text").unwrap();
    let source = directory.path().to_string_lossy().into_owned();
    let error = Inventory::load(&[source], &VaultPasswords::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("no inventory stands in this directory"), "{error}");
}

#[test]
fn comments_may_be_in_any_encoding_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hosts");
    let load = || Inventory::load(&[path.to_string_lossy().into_owned()], &VaultPasswords::default());
    std::fs::write(&path, b"# caf\xe9\na\n").unwrap();
    assert!(load().is_ok());
    std::fs::write(&path, b"a\nb x=caf\xe9\n").unwrap();
    let error = load().unwrap_err().to_string();
    assert!(error.contains("line 2 is not UTF-8"), "{error}");
}

#[rstest]
#[case("a x=1#2\n", "begins a comment")]
#[case("a minor=1.30\n", "is read as the number 1.3")]
#[case("a port=22\n", "write `ansible_port`")]
#[case("a my-var=1\n", "write `my_var`")]
#[case("g\n[g]\na\n", "is a host and a group")]
#[case("[g]\n", "has no hosts")]
fn surprises_are_warned_of(#[case] text: &str, #[case] part: &str) {
    let (_directory, loaded) = load_files(&[("hosts", text)]);
    let warnings = loaded.unwrap().1.to_string();
    assert!(warnings.contains(part), "{warnings}");
}

#[rstest]
#[case("group_vars/mastres.yml", "a: 1\n", "no group `mastres`", "did you mean `masters`?")]
#[case("host_vars/m3.yml", "a: 1\n", "no host `m3`", "did you mean")]
#[case("group_vars/masters.yml", "ansible_group_priority: 5\n", "no effect", "[group:vars]")]
fn files_for_nobody_are_warned_of(#[case] file: &str, #[case] text: &str, #[case] part: &str, #[case] help: &str) {
    let (_directory, loaded) = load_files(&[("hosts", "[masters]\nm1\n"), (file, text)]);
    let (inventory, _) = loaded.unwrap();
    let (_, warnings) = InventoryVariables::load(&inventory, None, &VaultPasswords::default()).unwrap();
    let warnings = warnings.to_string();
    assert!(warnings.contains(part) && warnings.contains(help), "{warnings}");
}

#[test]
fn a_file_that_stands_behind_another_is_warned_of() {
    let files = [
        ("hosts", "[g]\na\n"),
        ("group_vars/g.yml", "x: 1\n"),
        ("group_vars/g.yaml", "x: 2\n"),
    ];
    let (_directory, loaded) = load_files(&files);
    let (inventory, _) = loaded.unwrap();
    let (variables, warnings) = InventoryVariables::load(&inventory, None, &VaultPasswords::default()).unwrap();
    assert!(
        warnings.to_string().contains("g.yaml: this file is not read"),
        "{warnings}"
    );
    assert_eq!(
        variables.of(&inventory, "a").unwrap().groups["x"].raw(),
        &serde_json::json!(1)
    );
}

#[test]
fn broken_files_of_variables_are_errors_before_a_run() {
    let files = [
        ("hosts", "[g]\na\n"),
        ("group_vars/g.yml", "- x\n"),
        ("host_vars/a.yml", "x: {{ y }}\n"),
    ];
    let (_directory, loaded) = load_files(&files);
    let (inventory, _) = loaded.unwrap();
    let error = InventoryVariables::load(&inventory, None, &VaultPasswords::default()).unwrap_err();
    assert!(error.to_string().contains("group_vars/g.yml:1:1"), "{error}");

    let (_directory, loaded) = load_files(&[files[0], files[2]]);
    let (inventory, _) = loaded.unwrap();
    let (variables, _) = InventoryVariables::load(&inventory, None, &VaultPasswords::default()).unwrap();
    let errors = variables.check_hosts(inventory.hosts());
    assert!(errors.to_string().contains("host_vars/a.yml:1"), "{errors}");
    assert!(variables.of(&inventory, "a").is_err());
}
