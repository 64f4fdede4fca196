use rstest::rstest;
use serde_json::json;

use crate::modules::testing::{FakeTools, check_module, run_module};

const REPO: &str = "deb [signed-by=/k.gpg] https://pkgs.k8s.io/v1.28/deb/ /";

fn apt() -> FakeTools {
    let tools = FakeTools::new();
    tools.add(
        "apt-config",
        "echo \"main='$HERE/sources.list'\"; echo \"parts='$HERE/parts/'\"",
    );
    tools.add(
        "apt-get",
        "case $(cat \"$HERE\"/parts/*.list) in *refused*) echo 'E: no key' >&2; exit 100 ;; esac",
    );
    std::fs::create_dir(tools.path("parts")).unwrap();
    std::fs::write(
        tools.path("sources.list"),
        "deb http://deb.debian.org/debian bookworm main\n",
    )
    .unwrap();
    tools
}

#[rstest]
fn a_repository_comes_and_goes(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let tools = apt();
    let mut node = tools.node(shell);
    let path = tools.path("parts/kubernetes.list");
    let options = json!({"repo": REPO, "filename": "kubernetes", "mode": "0640"});
    let outcome = check_module("apt_repository", options.clone(), node.connection()).unwrap();
    assert!(outcome.changed);
    assert_eq!(outcome.diff[0].after, format!("{REPO}\n"));
    assert!(!std::path::Path::new(&path).exists());
    let outcome = run_module("ansible.builtin.apt_repository", options.clone(), node.connection()).unwrap();
    assert_eq!(outcome.result["sources_added"], json!([path]));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{REPO}\n"));
    let mode = std::fs::metadata(&path).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o7777, 0o640);
    assert!(tools.calls().last().unwrap().ends_with("update"));
    assert!(
        !run_module("apt_repository", options, node.connection())
            .unwrap()
            .changed
    );
    let options = json!({"repo": REPO, "state": "absent", "update_cache": false});
    let calls = tools.calls().len();
    let outcome = run_module("apt_repository", options.clone(), node.connection()).unwrap();
    assert_eq!(outcome.result["sources_removed"], json!([path]));
    assert!(!std::path::Path::new(&path).exists());
    assert!(
        !run_module("apt_repository", options, node.connection())
            .unwrap()
            .changed
    );
    assert!(!tools.calls()[calls..].iter().any(|call| call.starts_with("apt-get")));
}

#[rstest]
fn what_cannot_be_fetched_is_taken_back(#[values("dash", "busybox sh")] shell: &str) {
    let tools = apt();
    let path = tools.path("parts/a.list");
    std::fs::write(&path, "deb http://a b c\n").unwrap();
    let mut node = tools.node(shell);
    for filename in ["a", "new"] {
        let options = json!({"repo": "deb http://refused b c", "filename": filename, "update_cache_retries": 0});
        let failure = run_module("apt_repository", options, node.connection()).unwrap_err();
        assert!(failure.message.ends_with("E: no key"), "{failure:?}");
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "deb http://a b c\n");
    assert!(!std::path::Path::new(&tools.path("parts/new.list")).exists());
}

#[test]
fn mistakes_are_found_before_the_run() {
    let module = crate::modules::find("apt-repository").unwrap();
    for options in [
        json!({"repo": "ppa:x/y"}),
        json!({"repo": "https://x"}),
        json!({"repo": REPO, "filename": "../x"}),
        json!({"repo": REPO, "codename": "bookworm"}),
    ] {
        assert!(module.validate(options.clone()).is_err(), "{options}");
    }
}
