//! docs/ansible.md beside the code and beside what ansible-core documents (tests/data/ansible-doc.json): every keyword, option,
//! filter, test, lookup and module stands in its table, with the right word.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use krun::playbook::{Loader, LoaderOptions};
use krun::vars::vault::VaultPasswords;
use krun::{modules, template};
use support::repository;

/// A section's names with what the table says about them.
type Table = BTreeMap<String, String>;

/// The tables by section.
fn tables() -> BTreeMap<String, Table> {
    let text = std::fs::read_to_string(repository().join("docs/ansible.md")).unwrap();
    let mut tables = BTreeMap::<String, Table>::new();
    let mut section = String::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut section);
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if cells.len() < 4 || !cells[1].starts_with('`') {
            continue;
        }
        for name in cells[1].split('`').skip(1).step_by(2) {
            let before = tables
                .entry(section.clone())
                .or_default()
                .insert(name.to_owned(), cells[2].to_owned());
            assert!(before.is_none(), "{section}: `{name}` stands there twice");
        }
    }
    tables
}

/// What ansible-core 2.19 documents.
fn documented(kind: &str) -> BTreeSet<String> {
    let all: serde_json::Value = serde_json::from_str(include_str!("data/ansible-doc.json")).unwrap();
    let names = all[kind].as_array().unwrap().iter();
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// Compares a section with what Ansible documents and what krun knows.
fn compare(section: &str, ansible: &BTreeSet<String>, krun: &BTreeSet<String>) {
    let tables = tables();
    let table = &tables[section];
    let mut wrong = Vec::new();
    for name in ansible.union(krun) {
        if !table.contains_key(name) {
            wrong.push(format!("`{name}` is missing"));
        }
    }
    for (name, word) in table {
        let (in_ansible, in_krun) = (ansible.contains(name), krun.contains(name));
        let right = match word.as_str() {
            "same" | "different" => in_ansible && in_krun,
            "refused" => in_ansible && !in_krun,
            "krun's own" => in_krun && !in_ansible,
            "collection" => in_krun && !in_ansible,
            _ => false,
        };
        if !right {
            wrong.push(format!(
                "`{name}` is `{word}`, but krun {} it and Ansible {}",
                knows(in_krun),
                knows(in_ansible)
            ));
        }
    }
    assert!(wrong.is_empty(), "docs/ansible.md, {section}:\n{}", wrong.join("\n"));
}

fn knows(is_known: bool) -> &'static str {
    if is_known { "knows" } else { "does not know" }
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn filters() {
    compare("Filters", &documented("filter"), &set(template::filter_names()));
}

#[test]
fn tests() {
    compare("Tests", &documented("test"), &set(template::test_names()));
}

#[test]
fn lookups() {
    compare("Lookups", &documented("lookup"), &set(template::lookup_names()));
}

#[test]
fn all_modules() {
    let statements = [
        "import_playbook",
        "import_role",
        "import_tasks",
        "include_role",
        "include_tasks",
        "meta",
    ];
    let mut krun: BTreeSet<String> = modules::names().map(|name| name.replace('-', "_")).collect();
    krun.extend(set(statements));
    compare("Modules", &documented("module"), &krun);
}

#[test]
fn keywords() {
    let loop_control: BTreeSet<String> = documented("loop_control");
    let all: BTreeSet<String> = documented("keyword").union(&loop_control).cloned().collect();
    let krun = all.iter().filter(|name| {
        let at = |text: String| is_key_known(name, &text);
        if loop_control.contains(*name) {
            return at(format!(
                "- hosts: a\n  tasks:\n    - ping:\n      loop: []\n      loop_control: {{{name}: x}}\n"
            ));
        }
        at(format!("- hosts: a\n  {name}: x\n"))
            || at(format!("- hosts: a\n  tasks:\n    - ping:\n      {name}: x\n"))
            || at(format!("- hosts: a\n  tasks:\n    - block: []\n      {name}: x\n"))
    });
    compare("Keywords", &all, &krun.cloned().collect());
}

/// Whether a playbook with a key is refused because of the key itself.
fn is_key_known(key: &str, playbook: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("site.yml");
    std::fs::write(&file, playbook).unwrap();
    let (options, passwords) = (LoaderOptions::default(), VaultPasswords::default());
    let (_, problems) = Loader::new(&options, &passwords).load(&file);
    let text = problems.to_string();
    let refusals = [
        format!("has no key `{key}`"),
        format!("`{key}` is not supported"),
        format!("`{key}` is neither a module nor a key"),
    ];
    !refusals.iter().any(|refusal| text.contains(refusal))
}

#[test]
fn options_of_the_command_line() {
    let output = Command::new(env!("CARGO_BIN_EXE_krun")).arg("--help").output().unwrap();
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    let option = regex::Regex::new(r"(?m)(?:^\s+(?:-\w, )?|alias(?:es)?: |, )(--[a-z][a-z-]+)").unwrap();
    let krun: BTreeSet<String> = option.captures_iter(&help).map(|found| found[1].to_owned()).collect();
    compare("Command line", &documented("option"), &krun);
}
