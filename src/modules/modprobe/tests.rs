use rstest::rstest;
use serde_json::{Value, json};

use super::{APPLY, Modprobe, QUERY};
use crate::connection::scripted::Answer;
use crate::modules::Module as _;
use crate::modules::testing::{FakeTools, ShellNode, asked, run_module, scripted, with_context};

/// A node with a kernel of its own.
fn kernel() -> FakeTools {
    let tools = FakeTools::new();
    tools.add(
        "modprobe",
        r#"if [ "$1" = -r ]; then grep -v "^$2 " "$HERE/proc/modules" >"$HERE/rest"; cp "$HERE/rest" "$HERE/proc/modules"
elif [ "$1" = nowhere ]; then echo "modprobe: FATAL: Module nowhere not found" >&2; exit 1
else echo "$1 1 0 - Live" | tr - _ >>"$HERE/proc/modules"; fi"#,
    );
    tools.add("uname", "echo 6.1");
    for folder in ["proc", "lib/modules/6.1", "etc/modules-load.d", "etc/modprobe.d"] {
        std::fs::create_dir_all(tools.path(folder)).unwrap();
    }
    std::fs::write(tools.path("proc/modules"), "overlay 1 0 - Live\n").unwrap();
    std::fs::write(
        tools.path("lib/modules/6.1/modules.builtin"),
        "kernel/fs/ext4/ext4.ko\n",
    )
    .unwrap();
    tools
}

/// Runs it on that node; gives what changed.
fn run(tools: &FakeTools, node: &mut ShellNode, options: Value) -> Vec<String> {
    let module: Modprobe = serde_json::from_value(options).unwrap();
    module.validate().unwrap();
    let root = tools.path("");
    let root = root.trim_end_matches('/');
    with_context(node.connection(), |context| {
        let output = context.run(QUERY, [root, &*module.name]).unwrap();
        assert!(output.success(), "{}", output.stderr_text());
        let (plan, changes) = module.compare(&output);
        if !changes.is_empty() {
            let output = context.run(APPLY, module.words(root, &plan).unwrap()).unwrap();
            assert!(output.success(), "{}", output.stderr_text());
        }
        changes
    })
}

#[rstest]
fn loaded_and_unloaded(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let tools = kernel();
    let mut node = tools.node(shell);
    for name in ["overlay", "ext4"] {
        assert!(run(&tools, &mut node, json!({"name": name})).is_empty());
    }
    let options = json!({"name": "br-netfilter", "params": "a=1 b=\"x y\""});
    assert_eq!(run(&tools, &mut node, options.clone()), ["loaded"]);
    assert!(run(&tools, &mut node, options).is_empty());
    assert!(tools.calls().contains(&"modprobe br-netfilter a=1 b=x y".to_owned()));
    assert_eq!(
        run(&tools, &mut node, json!({"name": "overlay", "state": "absent"})),
        ["unloaded"]
    );
    assert!(run(&tools, &mut node, json!({"name": "overlay", "state": "absent"})).is_empty());
}

#[rstest]
fn kept_for_the_next_boot(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let tools = kernel();
    let mut node = tools.node(shell);
    let read = |name: &str| std::fs::read_to_string(tools.path(name)).unwrap();
    std::fs::write(
        tools.path("etc/modprobe.d/old.conf"),
        "options overlay a=9 # old\noptions x a=1\n",
    )
    .unwrap();
    let options = |persistent: &str| json!({"name": "overlay", "params": "a=1 b=2", "persistent": persistent});
    assert!(run(&tools, &mut node, options("disabled")).is_empty());
    let changes = run(&tools, &mut node, options("present"));
    assert_eq!(changes, ["loaded at boot", "parameters at boot"]);
    assert_eq!(read("etc/modules-load.d/overlay.conf"), "overlay\n");
    assert_eq!(
        read("etc/modprobe.d/overlay.conf"),
        "options overlay a=1\noptions overlay b=2\n"
    );
    assert_eq!(
        read("etc/modprobe.d/old.conf"),
        "#options overlay a=9 # old\noptions x a=1\n"
    );
    assert!(run(&tools, &mut node, options("present")).is_empty());
    std::fs::write(
        tools.path("etc/modules-load.d/more.conf"),
        "  overlay # here too\noverlay2\n",
    )
    .unwrap();
    let changes = run(&tools, &mut node, options("absent"));
    assert_eq!(changes, ["not loaded at boot", "no parameters at boot"]);
    assert_eq!(read("etc/modules-load.d/overlay.conf"), "#overlay\n");
    assert_eq!(
        read("etc/modules-load.d/more.conf"),
        "#  overlay # here too\noverlay2\n"
    );
    assert_eq!(
        read("etc/modprobe.d/overlay.conf"),
        "#options overlay a=1\n#options overlay b=2\n"
    );
    assert!(run(&tools, &mut node, options("absent")).is_empty());
}

#[test]
fn what_modprobe_says_is_told() {
    let answers = [
        Answer::stdout("loaded=no\npersistent=no\n"),
        Answer::failure(1, "modprobe: FATAL: Module nowhere not found\n"),
    ];
    let (mut node, log) = scripted(answers);
    let failure = run_module("community.general.modprobe", json!({"name": "nowhere"}), &mut node).unwrap_err();
    assert!(failure.message.contains("Module nowhere not found"), "{failure:?}");
    assert_eq!(asked(&log)[1].trim_end(), "modprobe/apply  nowhere load leave leave");
    let answers = [
        Answer::stdout("loaded=no\npersistent=no\n"),
        Answer::stdout("loaded=no\n"),
    ];
    let (mut node, _) = scripted(answers);
    let outcome = run_module("modprobe", json!({"name": "shy"}), &mut node).unwrap();
    assert!(!outcome.changed && outcome.warnings.len() == 1);
}

#[test]
fn mistakes_are_found_before_the_run() {
    let module = crate::modules::find("modprobe").unwrap();
    for options in [
        json!({"name": "a.b"}),
        json!({"name": "-r"}),
        json!({"name": "a", "params": "x='"}),
        json!({"name": "a", "persistent": "yes"}),
    ] {
        assert!(module.validate(options.clone()).is_err(), "{options}");
    }
}
