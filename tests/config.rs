//! Settings from krun.toml, ansible.cfg and the environment: which one counts, and what is said about wrong ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use rstest::rstest;
use support::{Project, Ran};

const PLAYBOOK: &str = "
- hosts: all
  gather_facts: false
  tasks:
    - debug: {msg: \"{{ inventory_hostname }} {{ v | default('-') }}\"}
    - debug: {msg: never}
      when: false
";

fn project() -> Project {
    Project::new(PLAYBOOK)
        .file("hosts.ini", "h1 ansible_connection=local\n")
        .file("other.ini", "h2 ansible_connection=local\n")
        .file("lower/inventory.ini", "h3 ansible_connection=local\n")
}

fn krun(project: &Project, variables: &[(&str, &str)], args: &[&str]) -> Ran {
    let output = project.command(args).envs(variables.iter().copied()).output().unwrap();
    Ran {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The value and the origin of a setting.
fn setting(project: &Project, variables: &[(&str, &str)], name: &str) -> (String, String) {
    let ran = krun(project, variables, &["config", "--json", name]).expect_status(0);
    let settings: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let text = |key: &str| match &settings[0][key] {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    (text("value"), text("from"))
}

/// Each source beats the ones behind it; the last of them stands alone.
#[test]
fn the_order_of_sources() {
    let project = project()
        .file("config-home/krun/krun.toml", "timeout = 6\n")
        .file("ansible.cfg", "[defaults]\ntimeout = 5\n")
        .file("krun.toml", "timeout = 4\n");
    let variables = [("KRUN_TIMEOUT", "2"), ("ANSIBLE_TIMEOUT", "3")];
    let at = |variables: &[(&str, &str)]| setting(&project, variables, "timeout");
    let expected = |value: &str, from: &str| (value.to_owned(), from.to_owned());
    assert_eq!(at(&variables), expected("2", "KRUN_TIMEOUT"));
    assert_eq!(at(&variables[1..]), expected("3", "ANSIBLE_TIMEOUT"));
    assert_eq!(at(&[]), expected("4", "krun.toml:1:11"));
    std::fs::remove_file(project.path().join("krun.toml")).unwrap();
    assert_eq!(at(&[]), expected("5", "ansible.cfg:2:11"));
    std::fs::remove_file(project.path().join("ansible.cfg")).unwrap();
    let user = project.path().join("config-home/krun/krun.toml");
    assert_eq!(at(&[]), expected("6", &format!("{}:1:11", user.display())));
    std::fs::remove_file(user).unwrap();
    assert_eq!(at(&[]), expected("null", "null"));
}

#[rstest]
#[case::project("krun.toml", "inventory = \"hosts.ini\"\n", &[], "h1 -")]
#[case::several("krun.toml", "inventory = [\"hosts.ini\", \"other.ini\"]\n", &[], "h2 -")]
#[case::list_of_hosts("krun.toml", "inventory = \"a,b\"\nconnection = \"local\"\n", &[], "a -")]
#[case::variables("krun.toml", "inventory = \"hosts.ini\"\nextra_vars = { v = [1, true] }\n", &[], "h1 [1, True]")]
#[case::environment("krun.toml", "inventory = \"hosts.ini\"\n", &[("KRUN_INVENTORY", "other.ini")], "h2 -")]
#[case::ansible("ansible.cfg", "[defaults]\ninventory = hosts.ini,other.ini\n", &[], "h2 -")]
#[case::of_ansibles_environment("krun.toml", "", &[("ANSIBLE_INVENTORY", "other.ini")], "h2 -")]
#[case::another_file("own.toml", "inventory = \"hosts.ini\"\n", &[("KRUN_CONFIG", "own.toml")], "h1 -")]
#[case::ansibles_file("lower/my.cfg", "[defaults]\ninventory = inventory.ini\n", &[("ANSIBLE_CONFIG", "lower/my.cfg")], "h3 -")]
#[case::ansibles_folder("lower/ansible.cfg", "[defaults]\ninventory = inventory.ini\n", &[("ANSIBLE_CONFIG", "lower")], "h3 -")]
fn settings_reach_the_run(
    #[case] file: &str,
    #[case] text: &str,
    #[case] variables: &[(&str, &str)],
    #[case] expected: &str,
) {
    let project = project().file(file, text);
    let ran = krun(&project, variables, &["site.yml"])
        .expect_status(0)
        .expect_stdout(expected);
    assert_eq!(ran.stderr, "");
}

#[test]
fn the_command_line_beats_all() {
    let project = project().file(
        "krun.toml",
        "inventory = \"hosts.ini\"\nlimit = \"nobody\"\nverbose = 2\n",
    );
    let args = ["site.yml", "-i", "other.ini", "-l", "h2"];
    let ran = krun(&project, &[("KRUN_LIMIT", "h1")], &args).expect_status(0);
    assert!(
        ran.stdout.contains("h2 -") && !ran.stdout.contains("h1 -"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("at site.yml:"), "two of -v: {}", ran.stdout);
}

/// A variable on the command line does not put the others out of force.
#[test]
fn variables_of_the_command_line_come_on_top() {
    let playbook = "- {hosts: all, gather_facts: false, tasks: [{debug: {msg: '{{ a }} {{ b }}'}}]}\n";
    let project = project().file("site.yml", playbook).file(
        "krun.toml",
        "inventory = \"hosts.ini\"\nextra_vars = [{ a = 1, b = 1 }]\n",
    );
    krun(&project, &[], &["site.yml", "-e", "b=2"])
        .expect_status(0)
        .expect_stdout("    1 2");
    krun(&project, &[], &["site.yml"])
        .expect_status(0)
        .expect_stdout("    1 1");
    krun(&project, &[("KRUN_EXTRA_VARS", "a=3 b=3")], &["site.yml", "-e", "b=2"]).expect_stdout("    3 2");
    let args = ["exec", "all", "-m", "debug", "-a", "msg={{a}}{{b}}", "-e", "b=2"];
    krun(&project, &[], &args).expect_status(0).expect_stdout("\"12\"");
}

#[test]
fn tasks_that_all_hosts_skip_can_be_hidden() {
    let project = project();
    let args = ["site.yml", "-i", "hosts.ini"];
    krun(&project, &[], &args).expect_stdout("skipping: [h1]");
    for variables in [
        ("KRUN_DISPLAY_SKIPPED_HOSTS", "no"),
        ("ANSIBLE_DISPLAY_SKIPPED_HOSTS", "False"),
    ] {
        let ran = krun(&project, &[variables], &args).expect_status(0);
        assert!(!ran.stdout.contains("skipping"), "{}", ran.stdout);
        assert_eq!(ran.stdout.matches("TASK [").count(), 1, "{}", ran.stdout);
    }
}

/// Beside the playbook, then one folder above, then here.
#[test]
fn the_projects_file_is_found_from_the_playbook() {
    let project = project()
        .file("krun.toml", "extra_vars = {v = \"here\"}\n")
        .file(
            "repository/krun.toml",
            "extra_vars = {v = \"above\"}\ninventory = \"hosts\"\n",
        )
        .file("repository/hosts", "r1 ansible_connection=local\n")
        .file("repository/playbooks/site.yml", PLAYBOOK)
        .file("far/off/site.yml", PLAYBOOK);
    let playbook = "repository/playbooks/site.yml";
    krun(&project, &[], &[playbook])
        .expect_status(0)
        .expect_stdout("r1 above");
    krun(&project, &[], &["far/off/site.yml", "-i", "hosts.ini"]).expect_stdout("h1 here");
    let project = project.file("repository/playbooks/krun.toml", "extra_vars = \"v=beside\"\n");
    krun(&project, &[], &[playbook, "-i", "hosts.ini"]).expect_stdout("h1 beside");
    let mut inside = project.command(&["site.yml", "-i", "../hosts"]);
    inside.current_dir(project.path().join("repository/playbooks"));
    let output = inside.output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("r1 beside"));
    krun(&project, &[("KRUN_CONFIG", "")], &[playbook, "-i", "hosts.ini"]).expect_stdout("h1 -");
}

/// Everything at once, each with its place.
#[test]
fn what_is_wrong_in_krun_toml_is_an_error() {
    let text = "frks = 3\nforks = \"many\"\nbecome = \"yes\"\nuser = \"x\"\ntimeout = [1]\n[defaults]\nforks = 1\n";
    let project = project().file("krun.toml", text);
    let ran = krun(&project, &[], &["site.yml", "-i", "hosts.ini"])
        .expect_status(5)
        .expect_stderr("krun.toml:1:1")
        .expect_stderr("did you mean `forks`?")
        .expect_stderr("krun.toml:2:9")
        .expect_stderr("invalid value 'many' for '--forks <N>': give a whole number, 1 or more")
        .expect_stderr("become: write true or false")
        .expect_stderr("--user is called `remote_user` here")
        .expect_stderr("timeout: one value is wanted, not a list")
        .expect_stderr("krun.toml has no tables");
    assert_eq!(ran.stdout, "");
    for args in [&["--help"][..], &["doc", "copy"], &["completion", "bash"]] {
        krun(&project, &[], args).expect_status(0);
    }
    krun(&project, &[], &["config"]).expect_status(5).expect_stdout("forks");
    let project = project.file("krun.toml", "forks = \n");
    krun(&project, &[], &["site.yml"])
        .expect_status(5)
        .expect_stderr("this is not TOML")
        .expect_stderr("krun.toml:1:");
}

#[rstest]
#[case(&[("KRUN_CHECK", "maybe")], 5, "KRUN_CHECK: `maybe` is neither yes nor no")]
#[case(&[("KRUN_VERBOSE", "very")], 5, "KRUN_VERBOSE: `very` is no whole number")]
#[case(&[("KRUN_FORKS", "0")], 5, "KRUN_FORKS: invalid value '0' for '--forks <N>'")]
#[case(&[("KRUN_FORK", "1")], 0, "did you mean `KRUN_FORKS`?")]
#[case(&[("ANSIBLE_FORKS", "many")], 5, "ANSIBLE_FORKS: invalid value 'many'")]
#[case(&[("ANSIBLE_BECOME", "maybe")], 5, "ANSIBLE_BECOME: become: `maybe` is neither")]
#[case(&[("ANSIBLE_STRATEGY", "debug")], 0, "ANSIBLE_STRATEGY=debug is not obeyed")]
#[case(&[("ANSIBLE_STRATEGY", "linear"), ("ANSIBLE_PIPELINING", "1")], 0, "")]
#[case(&[("KRUN_CONFIG", "gone.toml")], 5, "gone.toml")]
fn what_is_wrong_in_the_environment_is_said(
    #[case] variables: &[(&str, &str)],
    #[case] status: i32,
    #[case] expected: &str,
) {
    let ran = krun(&project(), variables, &["site.yml", "-i", "hosts.ini"]).expect_status(status);
    assert!(
        ran.stderr.contains(expected) && expected.is_empty() == ran.stderr.is_empty(),
        "{}",
        ran.stderr
    );
}

#[test]
fn keys_of_ansible_cfg_are_taken_known_or_warned_about() {
    let text = "[defaults]\nforks = 20 ; enough\nroles_path = roles:~/roles\nhost_key_checking = False\npipelining = True\n\
        hash_behaviour = merge\nrols_path = x\n[ssh_connection]\nssh_args = -o ControlMaster=auto\n\
        remote_user = ops\n[galaxy]\nserver = x\n";
    let project = project().file("ansible.cfg", text);
    let ran = krun(&project, &[("HOME", "/home/me")], &["config"])
        .expect_status(0)
        .expect_stderr("hash_behaviour = merge is not obeyed")
        .expect_stderr("ansible.cfg:6:18")
        .expect_stderr("`rols_path` in [defaults] is no key that krun knows")
        .expect_stderr("did you mean `roles_path`?")
        .expect_stderr("it belongs into [defaults]");
    let lines: Vec<Vec<&str>> = ran
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let roles = format!("{}/roles, /home/me/roles ansible.cfg:3:14", project.path().display());
    let roles: Vec<_> = ["roles_path"].into_iter().chain(roles.split(' ')).collect();
    for line in [
        &["forks", "20", "ansible.cfg:2:9"][..],
        &["host_key_checking", "False", "ansible.cfg:4:21"],
        &["ssh_args", "-o", "ControlMaster=auto", "ansible.cfg:9:12"],
        &roles,
    ] {
        assert!(lines.iter().any(|known| known == line), "{line:?} in {}", ran.stdout);
    }
    assert!(ran.stdout.contains("pipelining = True"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("krun never copies a module to a node"),
        "{}",
        ran.stdout
    );
    krun(&project, &[], &["site.yml", "-i", "hosts.ini"]).expect_status(0);
}

/// Others could have put it there.
#[test]
fn files_in_folders_that_everybody_may_write_to_are_left_alone() {
    let project = project()
        .file("krun.toml", "forks = 1\n")
        .file("ansible.cfg", "[defaults]\ntimeout = 1\n");
    std::fs::set_permissions(project.path(), Permissions::from_mode(0o777)).unwrap();
    let ran = krun(&project, &[], &["config", "--only-changed"]).expect_status(0);
    assert!(
        !ran.stdout.contains("forks") && !ran.stdout.contains("timeout"),
        "{}",
        ran.stdout
    );
    assert_eq!(
        ran.stderr.matches("everybody may write into its folder").count(),
        2,
        "{}",
        ran.stderr
    );
}

#[test]
fn settings_are_named_by_key_and_by_variable() {
    let project = project().file("krun.toml", "forks = 3\n");
    for name in ["forks", "KRUN_FORKS", "Forks"] {
        let ran = krun(&project, &[], &["config", name]).expect_status(0);
        assert_eq!(ran.stdout, "forks  3  krun.toml:1:9\n");
    }
    krun(&project, &[], &["config", "frks"])
        .expect_status(1)
        .expect_stderr("did you mean `forks`?");
}

/// What the first run had from the configuration the second one has too.
#[test]
fn a_run_that_is_resumed_has_the_same_settings() {
    let playbook = "
- hosts: all
  gather_facts: false
  tasks:
    - command: test -e {{ playbook_dir }}/mended
      changed_when: false
    - debug: {msg: 'reached {{ v }}'}
";
    let project = project().file("site.yml", playbook).file(
        "krun.toml",
        "inventory = \"hosts.ini\"\nextra_vars = { v = 1 }\njournal = \"journal\"\n",
    );
    krun(&project, &[], &["site.yml"]).expect_status(2);
    let project = project.file("mended", "");
    krun(&project, &[], &["resume"])
        .expect_status(0)
        .expect_stdout("reached 1");
}
