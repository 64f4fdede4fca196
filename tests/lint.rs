//! `krun lint`: what it warns of, how that is switched off, and what the shipped playbooks must not give cause for.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use rstest::rstest;
use serde_json::Value;
use support::{Project, Ran, repository};

const HOSTS: &str = "[masters]\nm1\nm2\n[workers]\nw1\nw2\n";

fn lint(project: Project, args: &[&str]) -> Ran {
    let project = project.file("hosts", HOSTS);
    let mut all = vec!["lint", "site.yml", "-i", "hosts"];
    all.extend(args);
    project.krun(&all)
}

fn rules_in(ran: &Ran) -> BTreeSet<String> {
    let json: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}\n{}", ran.stdout, ran.stderr));
    let findings = json["findings"].as_array().unwrap().iter();
    findings
        .filter_map(|finding| finding["rule"].as_str().map(str::to_owned))
        .collect()
}

/// An example of docs/lint.md: a whole playbook, or tasks of one that goes host by host.
fn playbook_of(example: &str) -> String {
    if example.contains("hosts:") {
        return example.to_owned();
    }
    let tasks: Vec<String> = example.lines().map(|line| format!("    {line}")).collect();
    format!("- hosts: all\n  serial: 1\n  tasks:\n{}\n", tasks.join("\n"))
}

struct Documented {
    rule: String,
    level: String,
    bad: String,
    good: String,
}

fn documented() -> Vec<Documented> {
    let text = std::fs::read_to_string(repository().join("docs/lint.md")).unwrap();
    let block = |section: &str, kind: &str| {
        let (_, rest) = section
            .split_once(&format!("```yaml {kind}\n"))
            .unwrap_or_else(|| panic!("no {kind}: {section}"));
        rest.split("```").next().unwrap().to_owned()
    };
    text.split("\n### ")
        .skip(1)
        .map(|section| Documented {
            rule: section.lines().next().unwrap().to_owned(),
            level: section
                .split("\n\nA ")
                .nth(1)
                .unwrap()
                .split('.')
                .next()
                .unwrap()
                .to_owned(),
            bad: block(section, "bad"),
            good: block(section, "good"),
        })
        .collect()
}

#[test]
fn every_rule_is_documented_and_its_examples_are_true() {
    let documented = documented();
    let listed = Project::new("").krun(&["lint", "--rules"]).expect_status(0);
    let listed: Vec<Vec<&str>> = listed
        .stdout
        .lines()
        .map(|line| line.split_whitespace().take(2).collect())
        .collect();
    let names: Vec<Vec<&str>> = documented
        .iter()
        .map(|rule| vec![rule.rule.as_str(), rule.level.as_str()])
        .collect();
    assert_eq!(names, listed);
    for rule in documented {
        let bad = lint(Project::new(&playbook_of(&rule.bad)), &["--output", "json", "--strict"]).expect_status(2);
        assert!(rules_in(&bad).contains(&rule.rule), "{}: {}", rule.rule, bad.stdout);
        let good = lint(Project::new(&playbook_of(&rule.good)), &["--output", "json"]);
        assert!(!rules_in(&good).contains(&rule.rule), "{}: {}", rule.rule, good.stdout);
        assert!([0, 2].contains(&good.status), "{}: {}", rule.rule, good.stdout);
    }
}

#[rstest]
fn the_shipped_playbooks_give_no_cause(
    #[values("backup", "preflight", "restore", "rollback", "upgrade", "verify")] playbook: &str,
    #[values("inventory", "inventory/lab")] inventory: &str,
) {
    let root = repository();
    let path = |name: &str| root.join(name).display().to_string();
    let ran = Project::new("").krun(&[
        "lint",
        &path(&format!("playbooks/{playbook}.yml")),
        "-i",
        &path(inventory),
        "--strict",
    ]);
    let ran = ran.expect_status(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "nothing to warn of\n"));
}

const DRAIN: &str = "- hosts: w1
  tasks:
    - name: Empty the node
      command: kubectl drain w1
      delegate_to: m1
";

#[rstest]
#[case::beside(DRAIN.replace("drain w1\n", "drain w1  # krun: allow(drain-without-timeout, module-exists)\n"))]
#[case::at_the_task(DRAIN.replace("node\n", "node  # krun: allow(drain-without-timeout,module-exists)\n"))]
#[case::above(DRAIN.replace("      command", "      # krun: allow(drain-without-timeout)\n      # krun: allow(module-exists)\n      command"))]
fn a_comment_switches_rules_off(#[case] playbook: String) {
    lint(Project::new(DRAIN), &[]).expect_status(2);
    let ran = lint(Project::new(&playbook), &["--strict"]).expect_status(0);
    assert_eq!(ran.stdout, "");
}

#[test]
fn a_comment_counts_for_its_place_alone_and_has_to_name_a_rule() {
    let twice = format!(
        "{}{}",
        DRAIN.replace("drain w1\n", "drain w1 # krun: allow(drain-without-timeout)\n"),
        DRAIN
    );
    lint(Project::new(&twice), &[])
        .expect_status(2)
        .expect_stdout("site.yml:9:");
    lint(Project::new("- hosts: w1 # krun: allow(drain-witout-timeout)\n"), &[])
        .expect_status(2)
        .expect_stdout("site.yml:1:27")
        .expect_stdout("did you mean `drain-without-timeout`?");
}

#[test]
fn rules_are_switched_off_by_name() {
    let allow = ["--strict", "--allow", "drain-without-timeout,module-exists"];
    lint(Project::new(DRAIN), &allow).expect_status(0);
    lint(Project::new(DRAIN), &["--allow", "drain-without-timeot"])
        .expect_status(5)
        .expect_stderr("did you mean");
}

#[test]
fn a_finding_tells_its_place_its_cause_and_the_way_out() {
    let ran = lint(Project::new(DRAIN), &["--allow", "module-exists"]).expect_status(2);
    assert_eq!(
        ran.stdout,
        "warning[drain-without-timeout]: this drain has no time-out: a pod that its PodDisruptionBudget protects stops the roll for ever
 --> site.yml:4:16
  |
4 |       command: kubectl drain w1
  |                ^^^^^^^
  |
  = help: add `--timeout=600s`, or use the module `drain`, which also says what it waits for
"
    );
    assert_eq!(ran.stderr, "1 warning\n");
}

#[test]
fn mistakes_are_shown_with_the_warnings_and_win() {
    let playbook = format!("{DRAIN}- hosts: wokers\n  tasks:\n    - comand: ls\n");
    lint(Project::new(&playbook), &[])
        .expect_status(4)
        .expect_stdout("warning[drain-without-timeout]")
        .expect_stdout("did you mean `command`?")
        .expect_stdout("wokers")
        .expect_stderr("2 errors, 1 warning, 1 hint");
}

#[test]
fn hints_count_when_they_are_to() {
    let playbook = "- hosts: w1\n  tasks:\n    - command: systemctl restart kubelet\n";
    lint(Project::new(playbook), &[])
        .expect_status(0)
        .expect_stdout("hint[module-exists]");
    lint(Project::new(playbook), &["--strict"]).expect_status(2);
}

#[test]
fn json_has_all_of_it() {
    let ran = lint(Project::new(DRAIN), &["--output", "json", "--allow", "module-exists"]).expect_status(2);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    let finding = &json["findings"][0];
    assert_eq!(json["version"], 1);
    assert_eq!(
        [&finding["rule"], &finding["level"], &finding["file"]],
        ["drain-without-timeout", "warning", "site.yml"]
    );
    assert_eq!([&finding["line"], &finding["column"]], [4, 16]);
    assert_eq!(finding["help"].as_array().unwrap().len(), 1);
}

#[test]
fn handlers_listen_and_are_flushed_at_the_end_of_each_part() {
    let playbook = |before: &str| {
        format!(
            "- hosts: w1
  pre_tasks:
    - ping:
      notify: kubelet changed
  tasks:
    {before}
    - uncordon:
  handlers:
    - name: any
      listen: kubelet changed
      shell: systemctl daemon-reload && systemctl restart kubelet
"
        )
    };
    let found = |before| rules_in(&lint(Project::new(&playbook(before)), &["--output", "json"]));
    assert!(!found("- ping:").contains("uncordon-before-handler"));
    assert!(found("- ping:\n      notify: kubelet changed").contains("uncordon-before-handler"));
    assert!(
        !found("- ping:\n      notify: kubelet changed\n    - meta: flush_handlers")
            .contains("uncordon-before-handler")
    );
}

#[test]
fn included_files_and_roles_are_looked_at_in_their_places() {
    let project =
        Project::new("- hosts: workers\n  tasks:\n    - include_role: {name: node}\n    - include_tasks: more.yml\n")
            .file("roles/node/tasks/main.yml", "- include_tasks: deep.yml\n")
            .file("roles/node/tasks/deep.yml", "- reboot:\n")
            .file(
                "more.yml",
                "- include_tasks: more.yml\n- command: kubeadm upgrade node\n  ignore_errors: true\n",
            );
    lint(project, &[])
        .expect_status(2)
        .expect_stdout("this reboots on all hosts of the play `workers`")
        .expect_stdout("more.yml:3:18");
}

#[rstest]
#[case("- hosts: masters[0]\n  tasks: [reboot: ]\n", false)]
#[case("- hosts: w1\n  tasks: [reboot: ]\n", false)]
#[case("- hosts: workers\n  tasks: [{reboot: , throttle: 1}]\n", false)]
#[case("- hosts: workers\n  tasks: [{reboot: , run_once: true}]\n", false)]
#[case(
    "- hosts: workers\n  tasks: [{reboot: , when: inventory_hostname == groups.workers[0]}]\n",
    false
)]
#[case("- hosts: workers\n  tasks: [{reboot: , when: x}]\n  vars: {x: true}\n", true)]
#[case(
    "- hosts: workers\n  tasks: [shell: 'cd / && sudo systemctl restart containerd.service']\n",
    true
)]
#[case("- hosts: workers\n  tasks: [service: {name: cups, state: restarted}]\n", false)]
#[case("- hosts: workers\n  tasks: [service: {name: etcd, state: started}]\n", false)]
fn all_at_once(#[case] playbook: &str, #[case] warned: bool) {
    let found = rules_in(&lint(Project::new(playbook), &["--output", "json"]));
    assert_eq!(found.contains("without-serial"), warned, "{found:?}");
}

#[rstest]
#[case::role_default(
    "roles/r/defaults/main.yml",
    "db_password: hunter2\n",
    "roles/r/defaults/main.yml:1:14"
)]
#[case::group_vars("group_vars/all.yml", "a: {b: [{api_key: abc}]}\n", "group_vars/all.yml:1:19")]
#[case::ini(
    "more/hosts",
    "w9 ansible_host=1.2.3.4 ansible_become_password='x y'\n",
    "more/hosts:1:49"
)]
#[case::command("x.yml", "- command: mysql -u root -psecret\n", "x.yml:1:12")]
#[case::short_form("x.yml", "- uri: url=http://x/ user=y password=abc\n", "x.yml:1:8")]
#[case::option("x.yml", "- user: {name: x, password: abc}\n", "x.yml:1:29")]
#[case::token(
    "x.yml",
    "- shell: |\n    true\n    kubeadm join x --token abcdef.0123456789abcdef\n",
    "x.yml:3:5"
)]
#[case::vault("x.yml", "- user: {name: x, password: !vault 'abc'}\n", "")]
#[case::hash("x.yml", "- user: {name: x, password: $6$abc, update_password: always}\n", "")]
#[case::template(
    "x.yml",
    "- command: mysql -p{{ password }}\n  vars: {password: '{{ lookup_it }}', lookup_it: x}\n",
    ""
)]
#[case::file(
    "x.yml",
    "- ping:\n  vars: {password_file: /x, token: '', pass: /etc/pass, bypass: yes}\n",
    ""
)]
fn plain_passwords(#[case] file: &str, #[case] text: &str, #[case] place: &str) {
    let project = Project::new("- hosts: w1\n  roles: [r]\n  tasks: [import_tasks: x.yml]\n")
        .file("roles/r/tasks/main.yml", "- ping:\n")
        .file("more/hosts", "w1\n")
        .file("x.yml", "")
        .file(file, text)
        .file("hosts", HOSTS);
    let ran = project.krun(&[
        "lint",
        "site.yml",
        "-i",
        "hosts",
        "-i",
        "more/hosts",
        "--output",
        "json",
    ]);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    let places: Vec<String> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["rule"] == "password-in-plain-text")
        .map(|finding| {
            let file = Path::new(finding["file"].as_str().unwrap()).display();
            format!("{file}:{}:{}", finding["line"], finding["column"])
        })
        .collect();
    let expected: Vec<&str> = [place].into_iter().filter(|place| !place.is_empty()).collect();
    assert_eq!(places, expected, "{}", ran.stdout);
}

#[test]
fn secrets_are_not_shown() {
    let playbook = "- hosts: w1\n  vars: {db_password: hunter2}\n  tasks: [command: mysql -phunter3]\n";
    let ran = lint(Project::new(playbook), &[]).expect_status(2);
    let ran = ran
        .expect_stdout("\n--> site.yml:2:23\n")
        .expect_stdout("\n--> site.yml:3:20\n");
    assert!(!ran.stdout.contains("hunter"), "{}", ran.stdout);
}
