use rstest::rstest;
use serde_json::{Value, json};

use super::{ACT, LOOK};
use crate::modules::testing::{FakeTools, ShellNode, check_module, run_module, with_context};

/// A node on which nothing is really mounted.
fn tools() -> FakeTools {
    let tools = FakeTools::new();
    tools.add(
        "mount",
        "case $* in *refused*) echo 'wrong fs type' >&2; exit 32 ;; esac",
    );
    tools.add("umount", ":");
    std::fs::write(tools.path("fstab"), "# by hand\n/dev/a / ext4 defaults 0 1\n").unwrap();
    tools
}

fn options(tools: &FakeTools, more: &Value) -> Value {
    let mut options = json!({
        "path": tools.path("point"), "src": "/dev/c", "fstype": "xfs", "state": "mounted", "fstab": tools.path("fstab"),
    });
    for (name, value) in more.as_object().unwrap() {
        options[name] = value.clone();
    }
    options
}

fn fstab(tools: &FakeTools) -> String {
    std::fs::read_to_string(tools.path("fstab")).unwrap()
}

fn run(tools: &FakeTools, node: &mut ShellNode, more: &Value) -> Vec<String> {
    let outcome = run_module("ansible.posix.mount", options(tools, more), node.connection()).unwrap();
    assert_eq!(outcome.changed, !outcome.changes.is_empty());
    outcome.changes
}

#[rstest]
fn lines_and_mounts(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let tools = tools();
    let mut node = tools.node(shell);
    let point = tools.path("point");
    let line = format!("line in {}", tools.path("fstab"));
    assert_eq!(run(&tools, &mut node, &json!({"state": "present"})), [line.as_str()]);
    let text = format!("# by hand\n/dev/a / ext4 defaults 0 1\n/dev/c {point} xfs defaults 0 0\n");
    assert_eq!(fstab(&tools), text);
    assert!(run(&tools, &mut node, &json!({"state": "present"})).is_empty());
    assert!(tools.calls().is_empty());
    assert_eq!(run(&tools, &mut node, &json!({})), ["mounted"]);
    assert_eq!(tools.calls(), [format!("mount -T {} {point}", tools.path("fstab"))]);
    assert!(std::path::Path::new(&point).is_dir());
    // Nothing is mounted there by a stand-in.
    assert!(run(&tools, &mut node, &json!({"state": "unmounted"})).is_empty());
    assert_eq!(
        run(&tools, &mut node, &json!({"state": "remounted", "opts": "ro"})),
        ["remounted"]
    );
    assert_eq!(
        tools.calls().last().unwrap(),
        &format!("mount -o remount,ro -T {} {point}", tools.path("fstab"))
    );
    let changes = run(&tools, &mut node, &json!({"state": "absent"}));
    assert_eq!(changes, [line.as_str(), "mount point removed"]);
    assert_eq!(fstab(&tools), "# by hand\n/dev/a / ext4 defaults 0 1\n");
    assert!(!std::path::Path::new(&point).exists());
    assert!(run(&tools, &mut node, &json!({"state": "absent"})).is_empty());
}

#[rstest]
fn what_cannot_be_mounted_leaves_no_line(#[values("dash", "busybox sh")] shell: &str) {
    let tools = tools();
    let mut node = tools.node(shell);
    let options = options(&tools, &json!({"path": tools.path("refused"), "backup": true}));
    let failure = run_module("mount", options, node.connection()).unwrap_err();
    let what = format!(
        "mounting {} failed with exit status 32: wrong fs type",
        tools.path("refused")
    );
    assert_eq!(failure.message, what);
    assert_eq!(fstab(&tools), "# by hand\n/dev/a / ext4 defaults 0 1\n");
    assert!(!std::path::Path::new(&tools.path("refused")).exists());
}

#[rstest]
fn what_is_mounted_is_found(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let tools = tools();
    let mut node = tools.node(shell);
    let fstab_path = tools.path("fstab");
    for (point, is_mounted) in [("/proc", true), ("/", true), ("/proc/nowhere", false)] {
        let text = with_context(node.connection(), |context| {
            let words = [point, point, "no", "", "0", "", "no", &fstab_path];
            context.run(LOOK, words).unwrap().stdout_text()
        });
        assert_eq!(text.contains("mounted=yes"), is_mounted, "{text}");
        assert_eq!(text.contains("exists=yes"), is_mounted, "{text}");
    }
}

#[rstest]
fn a_remount_that_fails_becomes_a_mount(#[values("dash", "busybox sh")] shell: &str) {
    let tools = tools();
    tools.add("mount", "[ \"$1\" != -o ]");
    let mut node = tools.node(shell);
    with_context(node.connection(), |context| {
        let output = context
            .run(ACT, ["/x", "remount", "/etc/fstab", "", "keep", ""])
            .unwrap();
        assert!(output.success(), "{}", output.stderr_text());
        let output = context
            .run(ACT, ["/x", "remount", "/etc/fstab", "ro", "keep", ""])
            .unwrap();
        assert!(!output.success());
    });
    assert_eq!(
        tools.calls(),
        ["mount -o remount /x", "umount /x", "mount /x", "mount -o remount,ro /x"]
    );
}

#[test]
fn check_mode_changes_nothing() {
    let tools = tools();
    let mut node = tools.node("dash");
    let options = options(&tools, &json!({"boot": false}));
    let outcome = check_module("mount", options, node.connection()).unwrap();
    assert_eq!(outcome.changes.last().unwrap(), "mounted");
    assert_eq!(outcome.result["opts"], "defaults,noauto");
    assert!(outcome.diff[0].after.contains("xfs defaults,noauto 0 0\n"));
    assert!(tools.calls().is_empty());
    assert!(!fstab(&tools).contains("xfs"));
}

#[test]
fn mistakes_are_found_before_the_run() {
    let module = crate::modules::find("mount").unwrap();
    for options in [
        json!({"path": "/x"}),
        json!({"path": "/x", "state": "mounted", "src": "/dev/a"}),
        json!({"path": "/x", "state": "present", "fstype": "xfs"}),
        json!({"path": "/x", "state": "ephemeral", "src": "/dev/a", "fstype": "xfs"}),
        json!({"path": "-x", "state": "unmounted"}),
        json!({"path": "/x", "state": "unmounted", "opts_no_log": true}),
    ] {
        assert!(module.validate(options.clone()).is_err(), "{options}");
    }
}
