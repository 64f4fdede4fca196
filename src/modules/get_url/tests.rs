use rstest::rstest;
use serde_json::json;

use crate::modules::testing::{FakeTools, check_module, run_module};

/// A node whose web server is a file.
fn tools() -> FakeTools {
    let tools = FakeTools::new();
    tools.add(
        "curl",
        r#"cat >"$HERE/options"
while [ $# -gt 1 ]; do [ "$1" != -o ] || out=$2; shift; done
case $1 in *refused*) echo 'curl: (22) The requested URL returned error: 404' >&2; exit 22 ;; esac
cat "$HERE/served" >"$out""#,
    );
    std::fs::write(tools.path("served"), "x\n").unwrap();
    tools
}

const SUM: &str = "sha256:73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac";

#[rstest]
fn something_is_fetched_once(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let tools = tools();
    let mut node = tools.node(shell);
    let dest = tools.path("got it");
    let options = json!({"url": "https://me:secret@x.org/a", "dest": dest, "checksum": SUM, "mode": "0600"});
    let outcome = check_module("get_url", options.clone(), node.connection()).unwrap();
    assert_eq!(outcome.changes, ["new file"]);
    assert!(tools.calls().is_empty());
    let outcome = run_module("ansible.builtin.get_url", options.clone(), node.connection()).unwrap();
    assert_eq!(outcome.result["url"], "https://x.org/a");
    assert_eq!(
        outcome.result["checksum_src"],
        "6fcf9dfbd479ed82697fee719b9f8c610a11ff2a"
    );
    assert_eq!(outcome.result["size"], 2);
    assert_eq!(std::fs::read_to_string(&dest).unwrap(), "x\n");
    let mode = std::fs::metadata(&dest).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o7777, 0o600);
    assert!(!run_module("get_url", options, node.connection()).unwrap().changed);
    assert_eq!(tools.calls().len(), 1);
}

#[rstest]
fn without_a_checksum_it_is_fetched_and_compared(#[values("dash", "busybox sh")] shell: &str) {
    let tools = tools();
    let mut node = tools.node(shell);
    let folder = tools.path("");
    let options = json!({"url": "http://x.org/file.txt?a=b", "dest": folder, "backup": true});
    let mut run = |options: &serde_json::Value| run_module("get_url", options.clone(), node.connection()).unwrap();
    assert_eq!(run(&options).changes, ["new file"]);
    assert!(!run(&options).changed);
    std::fs::write(tools.path("served"), "y\n").unwrap();
    let outcome = run(&options);
    assert_eq!(outcome.changes, ["content"]);
    let backup = outcome.result["backup_file"].as_str().unwrap();
    assert_eq!(std::fs::read_to_string(backup).unwrap(), "x\n");
    assert_eq!(std::fs::read_to_string(tools.path("file.txt")).unwrap(), "y\n");
    let checked = check_module("get_url", options, node.connection()).unwrap();
    assert!(checked.skipped.is_some());
}

#[rstest]
fn what_is_wrong_is_not_put_in_place(#[values("dash", "busybox sh")] shell: &str) {
    let tools = tools();
    let mut node = tools.node(shell);
    let dest = tools.path("got");
    let mut fail = |options| run_module("get_url", options, node.connection()).unwrap_err().message;
    let other = SUM.replace("73cb", "0000");
    let message = fail(json!({"url": "http://x/a", "dest": dest, "checksum": other}));
    assert!(message.contains("instead of 0000"), "{message}");
    let message = fail(json!({"url": "http://x/refused", "dest": dest}));
    assert!(message.contains("error: 404"), "{message}");
    let message = fail(json!({"url": "http://x/a", "dest": tools.path("no/got")}));
    assert!(message.contains("does not exist"), "{message}");
    assert!(!std::path::Path::new(&dest).exists());
    let left = std::fs::read_dir(tools.path("")).unwrap().flatten();
    assert!(
        !left
            .into_iter()
            .any(|entry| entry.file_name().to_string_lossy().contains("krun-get"))
    );
}

#[rstest]
fn sums_may_be_fetched_too(#[values("dash", "busybox sh")] shell: &str, #[values(true, false)] in_list: bool) {
    let tools = FakeTools::new();
    tools.add(
        "curl",
        r#"cat >/dev/null
while [ $# -gt 1 ]; do [ "$1" != -o ] || out=$2; shift; done
case $1 in *sums) cat "$HERE/sums" >"$out" ;; *) cat "$HERE/served" >"$out" ;; esac"#,
    );
    std::fs::write(tools.path("served"), "x\n").unwrap();
    let sum = SUM.trim_start_matches("sha256:").to_uppercase();
    let sums = if in_list {
        format!("0000  b\n{sum} *a\n")
    } else {
        format!("{sum}\n")
    };
    std::fs::write(tools.path("sums"), sums).unwrap();
    let mut node = tools.node(shell);
    let dest = tools.path("got");
    let options = json!({"url": "http://x/a?b", "dest": dest, "checksum": "sha256:http://x/sums"});
    let mut run = || run_module("get_url", options.clone(), node.connection());
    assert!(run().unwrap().changed);
    assert!(!run().unwrap().changed);
    assert_eq!(tools.calls().len(), 3, "{:?}", tools.calls());
    std::fs::write(tools.path("sums"), "0000 c\n1111 d\n").unwrap();
    assert!(run().unwrap_err().message.contains("names no sum of a"));
}

#[test]
fn secrets_are_in_no_list_of_processes() {
    let tools = tools();
    let mut node = tools.node("dash");
    let options = json!({
        "url": "http://x/a", "dest": tools.path("got"), "url_username": "me", "url_password": "se\"cret",
        "headers": {"Authorization": "Bearer t0ken"},
    });
    run_module("get_url", options, node.connection()).unwrap();
    let sent = std::fs::read_to_string(tools.path("options")).unwrap();
    assert_eq!(
        sent,
        "header = \"Authorization: Bearer t0ken\"\nuser = \"me:se\\\"cret\"\n"
    );
    assert!(!tools.calls()[0].contains("t0ken") && !tools.calls()[0].contains("cret"));
}

#[test]
fn mistakes_are_found_before_the_run() {
    let module = crate::modules::find("get-url").unwrap();
    for options in [
        json!({"url": "x.org/a", "dest": "/x"}),
        json!({"url": "gopher://x", "dest": "/x"}),
        json!({"url": "http://x/a", "dest": "/x", "checksum": "sha256:12"}),
        json!({"url": "http://x/a", "dest": "/x", "checksum": "sha256:gopher://x/sums"}),
        json!({"url": "http://x/a", "dest": "/x", "force_basic_auth": false}),
        json!({"url": "http://x/a", "dest": "/x", "url_password": "x"}),
        json!({"url": "http://x/a", "dest": "/x", "use_gssapi": false}),
    ] {
        assert!(module.validate(options.clone()).is_err(), "{options}");
    }
}
