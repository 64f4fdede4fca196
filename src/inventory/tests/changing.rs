use serde_json::json;

use super::super::{ChangeError, InventoryVariables};
use super::{ini, load_files};
use crate::vars::vault::VaultPasswords;
use crate::vars::{VarMap, Variable};

fn vars(value: serde_json::Value) -> VarMap {
    VarMap::from([("x".to_owned(), Variable::written(value))])
}

#[test]
fn tasks_add_hosts_and_groups() {
    let mut inventory = ini("[g]\na\n");
    let changed = inventory.change(|changes| changes.add_host("new", &vars(json!(1)), &["g", "fresh"]));
    assert!(changed);
    assert_eq!(inventory.group_hosts("g").unwrap(), ["a", "new"]);
    assert_eq!(inventory.groups_of("new"), ["fresh", "g"]);
    assert!(!inventory.change(|changes| changes.add_host("new", &vars(json!(1)), &["g"])));
    assert!(inventory.change(|changes| changes.add_host("new", &vars(json!(2)), &[])));
    assert_eq!(inventory.source_of("new"), None);
}

#[test]
fn a_new_host_without_groups_is_ungrouped() {
    let mut inventory = ini("[g]\na\n");
    inventory.change(|changes| changes.add_host("new", &VarMap::new(), &[]));
    assert_eq!(inventory.groups_of("new"), ["ungrouped"]);
    assert!(inventory.hosts().any(|host| host == "new"));
}

#[test]
fn tasks_group_hosts() {
    let mut inventory = ini("a\nb\n[p]\n");
    let group = |host: &'static str, group: &'static str, parents: &'static [&'static str]| {
        move |changes: &mut super::super::Changes<'_>| changes.group_host(host, group, parents)
    };
    assert_eq!(inventory.change(group("a", "os_debian", &["p"])), Ok(true));
    assert_eq!(inventory.change(group("a", "os_debian", &["p"])), Ok(false));
    assert_eq!(inventory.groups_of("a"), ["os_debian", "p"]);
    assert_eq!(inventory.groups_of("b"), ["ungrouped"]);
    assert_eq!(
        inventory.change(group("nobody", "g", &[])),
        Err(ChangeError::UnknownHost("nobody".to_owned()))
    );
    assert!(matches!(
        inventory.change(group("a", "p", &["os_debian"])),
        Err(ChangeError::Loop { .. })
    ));
}

#[test]
fn variables_follow_what_changes() {
    let files = [("hosts", "a\n[g]\n[g:vars]\nx=1\n"), ("group_vars/late.yml", "y: 2\n")];
    let (_directory, loaded) = load_files(&files);
    let (mut inventory, _) = loaded.unwrap();
    let (variables, _) = InventoryVariables::load(&inventory, None, &VaultPasswords::default()).unwrap();
    assert!(variables.of(&inventory, "a").unwrap().groups.is_empty());
    inventory
        .change(|changes| changes.group_host("a", "late", &["g"]))
        .unwrap();
    let groups = variables.of(&inventory, "a").unwrap().groups;
    assert_eq!((groups["x"].raw(), groups["y"].raw()), (&json!(1), &json!(2)));
}

#[test]
fn hosts_of_the_same_groups_share_their_variables() {
    let inventory = ini("[g]\nn[1:3] own=1\n[g:vars]\nx=1\n");
    let (variables, _) = InventoryVariables::load(&inventory, None, &VaultPasswords::default()).unwrap();
    let (first, second) = (
        variables.of(&inventory, "n1").unwrap(),
        variables.of(&inventory, "n2").unwrap(),
    );
    assert!(std::sync::Arc::ptr_eq(&first.groups, &second.groups));
    assert!(std::sync::Arc::ptr_eq(&first.host, &second.host));
}

#[test]
fn localhost_is_there_without_being_in_a_group() {
    let files = [("hosts", "a\n[all:vars]\nx=1\n"), ("host_vars/localhost.yml", "y: 2\n")];
    let (_directory, loaded) = load_files(&files);
    let (inventory, _) = loaded.unwrap();
    let (variables, warnings) = InventoryVariables::load(&inventory, None, &VaultPasswords::default()).unwrap();
    assert!(warnings.is_empty(), "{warnings}");
    let localhost = variables.of(&inventory, "localhost").unwrap();
    assert_eq!(localhost.groups["x"].raw(), &json!(1));
    assert_eq!(localhost.host["ansible_connection"].raw(), &json!("local"));
    assert_eq!(localhost.host["y"].raw(), &json!(2));
    assert!(inventory.groups_of("localhost").is_empty());
    assert_eq!(inventory.hosts().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_host_knows_where_it_was_met_first() {
    let (directory, loaded) = load_files(&[("inv/hosts", "a\n")]);
    let (inventory, _) = loaded.unwrap();
    let source = inventory.source_of("a").unwrap();
    assert_eq!(source.inventory_dir().unwrap(), directory.path().join("inv"));
    assert!(source.inventory_file().ends_with("inv/hosts"));
}
