use rstest::rstest;
use serde_json::{Value, json};

use crate::modules::testing::{FakeTools, check_module, run_module};

/// A node on which each user's table is a file.
fn tools() -> FakeTools {
    let tools = FakeTools::new();
    tools.add("id", "echo me");
    tools.add(
        "crontab",
        r#"user=me; [ "$1" != -u ] || { user=$2; shift 2; }
case $1 in
    -l) cat "$HERE/table.$user" 2>/dev/null || { echo "no crontab for $user" >&2; exit 1; } ;;
    -) cat >"$HERE/table.$user" ;;
esac"#,
    );
    tools
}

fn read(tools: &FakeTools, name: &str) -> String {
    std::fs::read_to_string(tools.path(name)).unwrap()
}

#[rstest]
fn tables_of_users(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let tools = tools();
    let mut node = tools.node(shell);
    let mut run = |options: Value| run_module("ansible.builtin.cron", options, node.connection()).unwrap();
    let options = json!({"name": "a", "minute": 5, "hour": "*/2", "job": "echo 'x %'"});
    let outcome = run(options.clone());
    assert!(outcome.changed);
    assert_eq!(outcome.result["jobs"], json!(["a"]));
    assert_eq!(outcome.diff[0].before_header, "crontab");
    assert_eq!(read(&tools, "table.me"), "#Ansible: a\n5 */2 * * * echo 'x %'\n");
    assert!(!run(options.clone()).changed);
    let other = json!({"name": "b", "special_time": "reboot", "job": "x", "user": "other", "disabled": true});
    assert!(run(other).changed);
    assert_eq!(read(&tools, "table.other"), "#Ansible: b\n#@reboot x\n");
    let variable = json!({"name": "PATH", "env": true, "job": "/bin", "user": "me", "backup": true});
    let outcome = run(variable);
    assert_eq!(outcome.result["envs"], json!(["PATH"]));
    let backup = outcome.result["backup_file"].as_str().unwrap().to_owned();
    assert_eq!(
        std::fs::read_to_string(&backup).unwrap(),
        "#Ansible: a\n5 */2 * * * echo 'x %'\n"
    );
    std::fs::remove_file(backup).unwrap();
    assert!(run(json!({"name": "a", "state": "absent"})).changed);
    assert_eq!(read(&tools, "table.me"), "PATH=\"/bin\"\n");
    assert!(!run(json!({"name": "a", "state": "absent"})).changed);
}

#[rstest]
fn files_of_tables(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let tools = tools();
    let mut node = tools.node(shell);
    let file = tools.path("etcd-backup");
    let mut run = |mut options: Value| {
        options["cron_file"] = json!(file);
        run_module("cron", options, node.connection()).unwrap().changed
    };
    let options = json!({"name": "a", "minute": 5, "job": "x", "user": "root"});
    assert!(run(options.clone()));
    assert_eq!(read(&tools, "etcd-backup"), "#Ansible: a\n5 * * * * root x\n");
    assert!(!run(options.clone()));
    assert!(run(json!({"name": "a", "state": "absent"})));
    assert!(!std::path::Path::new(&file).exists());
    assert!(!run(json!({"name": "a", "state": "absent"})));
    // Its last line has no end: cron would not read it.
    std::fs::write(&file, "#Ansible: a\n5 * * * * root x").unwrap();
    assert!(run(options.clone()));
    assert!(!run(options));
}

#[test]
fn check_mode_changes_nothing() {
    let tools = tools();
    let mut node = tools.node("dash");
    let outcome = check_module("cron", json!({"name": "a", "job": "x"}), node.connection()).unwrap();
    assert!(outcome.changed);
    assert_eq!(outcome.diff[0].after, "#Ansible: a\n* * * * * x\n");
    assert_eq!(tools.calls(), ["crontab -l"]);
}

#[test]
fn a_file_that_cron_passes_over_is_told() {
    let tools = tools();
    let mut node = tools.node("dash");
    let options = json!({"name": "a", "job": "x", "user": "root", "cron_file": tools.path("a.sh")});
    assert_eq!(
        check_module("cron", options, node.connection()).unwrap().changes,
        ["job a"]
    );
}

#[test]
fn mistakes_are_found_before_the_run() {
    let module = crate::modules::find("cron").unwrap();
    for options in [
        json!({"name": "a"}),
        json!({"name": "a", "job": "x", "special_time": "daily", "hour": 1}),
        json!({"name": "a", "job": "x", "special_time": "noon"}),
        json!({"name": "a", "job": "x", "cron_file": "f"}),
        json!({"name": "a", "job": "x", "cron_file": "/etc/crontab", "user": "root"}),
        json!({"name": "a b", "job": "x", "env": true}),
        json!({"name": "a", "job": "x", "insertafter": "b"}),
        json!({"name": "a", "job": "x\ny"}),
        json!({"name": "a", "job": "x", "minute": "1 2"}),
    ] {
        assert!(module.validate(options.clone()).is_err(), "{options}");
    }
}
