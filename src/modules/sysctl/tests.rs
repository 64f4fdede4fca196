use rstest::rstest;
use serde_json::{Value, json};

use crate::modules::testing::{FakeTools, ShellNode, check_module, run_module};

/// A kernel whose settings are files.
fn kernel() -> FakeTools {
    let tools = FakeTools::new();
    tools.add(
        "sysctl",
        r#"ignore=; [ "$1" != -e ] || { ignore=yes; shift; }
case $1 in
    -n) cat "$HERE/live.$2" 2>/dev/null || exit 0 ;;
    -w) [ "${2#*=}" != 7 ] || { echo 'sysctl: setting key "a.b": Invalid argument' >&2; exit 0; }
        echo "${2#*=}" >"$HERE/live.${2%%=*}" ;;
    -p) while IFS='= ' read -r key value; do
            case $key in
                [a-z]*) [ -e "$HERE/live.$key" ] || [ -n "$ignore" ] || { echo "unknown key $key" >&2; exit 1; }
                    echo "$value" >"$HERE/live.$key" ;;
            esac
        done <"$2" ;;
esac"#,
    );
    std::fs::write(tools.path("live.a.b"), "1\t2\n").unwrap();
    std::fs::write(tools.path("conf"), "# by hand\nc.d = 5\n").unwrap();
    std::fs::write(tools.path("live.c.d"), "4\n").unwrap();
    tools
}

fn read(tools: &FakeTools, name: &str) -> String {
    std::fs::read_to_string(tools.path(name)).unwrap()
}

fn run(tools: &FakeTools, node: &mut ShellNode, mut options: Value) -> bool {
    options["sysctl_file"] = json!(tools.path("conf"));
    run_module("ansible.posix.sysctl", options, node.connection())
        .unwrap()
        .changed
}

#[rstest]
fn the_file_and_what_is_in_force(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let tools = kernel();
    let mut node = tools.node(shell);
    assert!(run(&tools, &mut node, json!({"name": "a.b", "value": "1 2"})));
    assert_eq!(read(&tools, "conf"), "# by hand\nc.d=5\na.b=1 2\n");
    // All of the file was read anew.
    assert_eq!(read(&tools, "live.c.d"), "5\n");
    assert!(!run(
        &tools,
        &mut node,
        json!({"name": "a.b", "value": "1 2", "sysctl_set": true})
    ));
    std::fs::write(tools.path("live.a.b"), "9\n").unwrap();
    assert!(!run(
        &tools,
        &mut node,
        json!({"name": "a.b", "value": "1 2", "reload": false})
    ));
    assert!(run(&tools, &mut node, json!({"name": "a.b", "value": "1 2"})));
    assert_eq!(read(&tools, "live.a.b"), "1 2\n");
    assert!(run(
        &tools,
        &mut node,
        json!({"name": "a.b", "value": true, "reload": false})
    ));
    assert_eq!(read(&tools, "live.a.b"), "1 2\n");
    assert!(run(
        &tools,
        &mut node,
        json!({"name": "a.b", "value": 1, "reload": false, "sysctl_set": true})
    ));
    assert_eq!(read(&tools, "live.a.b"), "1\n");
    assert!(run(&tools, &mut node, json!({"name": "a.b", "state": "absent"})));
    assert_eq!(read(&tools, "conf"), "# by hand\nc.d=5\n");
    assert!(!run(&tools, &mut node, json!({"name": "a.b", "state": "absent"})));
}

#[rstest]
fn a_value_that_the_kernel_refuses_is_not_written(#[values("dash", "busybox sh")] shell: &str) {
    let tools = kernel();
    let mut node = tools.node(shell);
    let options = json!({"name": "a.b", "value": 7, "sysctl_set": true, "sysctl_file": tools.path("conf")});
    let failure = run_module("sysctl", options, node.connection()).unwrap_err();
    assert!(failure.message.starts_with("setting a.b to 7 failed") && failure.message.ends_with("Invalid argument"));
    assert_eq!(read(&tools, "conf"), "# by hand\nc.d = 5\n");
    let unknown =
        |ignore: bool| json!({"name": "x.y", "value": 1, "sysctl_file": tools.path("new"), "ignoreerrors": ignore});
    let failure = run_module("sysctl", unknown(false), node.connection()).unwrap_err();
    assert!(failure.message.contains("unknown key x.y"), "{failure:?}");
    run_module("sysctl", unknown(true), node.connection()).unwrap();
}

#[test]
fn check_mode_shows_the_file_and_changes_nothing() {
    let tools = kernel();
    let mut node = tools.node("dash");
    let options = json!({"name": "a.b", "value": 3, "sysctl_set": true, "sysctl_file": tools.path("conf")});
    let outcome = check_module("sysctl", options, node.connection()).unwrap();
    assert!(outcome.changed);
    assert_eq!(outcome.changes, ["a.b in the file", "a.b in force: 1\t2 → 3"]);
    assert_eq!(outcome.diff[0].after, "# by hand\nc.d=5\na.b=3\n");
    assert_eq!(tools.calls(), ["sysctl -e -n a.b"]);
    assert_eq!(read(&tools, "conf"), "# by hand\nc.d = 5\n");
}

#[test]
fn mistakes_are_found_before_the_run() {
    let module = crate::modules::find("sysctl").unwrap();
    for options in [
        json!({"name": "a.b"}),
        json!({"name": " ", "value": 1}),
        json!({"name": "a=b", "value": 1}),
        json!({"name": "a", "value": "1\n2"}),
        json!({"name": "a", "value": 1, "unsafe_writes": true}),
    ] {
        assert!(module.validate(options.clone()).is_err(), "{options}");
    }
}
