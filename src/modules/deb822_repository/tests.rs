use rstest::rstest;
use serde_json::{Value, json};

use super::{Deb822Repository, Plan, slug};
use crate::connection::scripted::Answer;
use crate::modules::testing::{asked, check_module, run_module, scripted, shells, with_context};
use crate::modules::{Module as _, State};

fn module(options: Value) -> Deb822Repository {
    serde_json::from_value(options).unwrap()
}

#[test]
fn fields_stand_as_in_ansible() {
    let options = json!({
        "name": "Kubernetes 1.28", "uris": "https://a/b/", "suites": ["/"], "enabled": true, "date_max_future": 10,
        "architectures": ["amd64", "arm64"], "signed_by": "-----BEGIN\n\nabc\n-----END\n",
    });
    assert_eq!(
        module(options).text(),
        "Architectures: amd64 arm64\nDate-Max-Future: 10\nEnabled: yes\nX-Repolib-Name: Kubernetes 1.28\n\
         Signed-By:\n    -----BEGIN\n    .\n    abc\n    -----END\nSuites: /\nTypes: deb\nURIs: https://a/b/\n"
    );
    assert_eq!(slug("My_Repo  no. 1"), "my-repo-no-1");
}

#[rstest]
fn under_real_shells(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let mut node = shells(shell);
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let path = folder.path().join("k8s.sources");
    let mut run = |options: Value| {
        let module = module(options);
        with_context(node.connection(), |context| {
            match module.check_in(context, place).unwrap() {
                State::Satisfied(_) => false,
                State::Pending(pending) => {
                    let outcome = match pending.plan {
                        Plan::Write(plan) => plan.apply(context).unwrap(),
                        plan @ Plan::Remove(_) => module.apply(context, plan).unwrap(),
                    };
                    assert!(outcome.changed);
                    true
                }
                State::Unknown { .. } => panic!(),
            }
        })
    };
    let options = json!({"name": "K8s", "uris": "https://a/", "suites": "/"});
    assert!(run(options.clone()));
    assert!(!run(options));
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, "X-Repolib-Name: K8s\nSuites: /\nTypes: deb\nURIs: https://a/\n");
    let mode = std::fs::metadata(&path).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o7777, 0o644);
    assert!(run(json!({"name": "K8s", "state": "absent"})));
    assert!(!path.exists());
    assert!(!run(json!({"name": "K8s", "state": "absent"})));
}

#[test]
fn check_mode_only_looks() {
    let (mut node, log) = scripted([Answer::stdout("umask=0022\npath=/etc/apt/sources.list.d/k.sources\n")]);
    let options = json!({"name": "k", "uris": "https://a/", "suites": "/", "signed_by": "/k.asc"});
    let outcome = check_module("ansible.builtin.deb822_repository", options, &mut node).unwrap();
    assert_eq!(outcome.result["dest"], "/etc/apt/sources.list.d/k.sources");
    assert_eq!(outcome.result["key_filename"], "/k.asc");
    assert_eq!(asked(&log).len(), 1);
    let (mut node, _) = scripted([Answer::stdout("umask=0022\npath=/x\n")]);
    let outcome = run_module("deb822_repository", json!({"name": "k", "state": "absent"}), &mut node).unwrap();
    assert!(!outcome.changed && outcome.result["repo"].is_null());
}

#[test]
fn mistakes_are_found_before_the_run() {
    let module = crate::modules::find("deb822-repository").unwrap();
    for options in [
        json!({"name": "..."}),
        json!({}),
        json!({"name": "a", "types": "rpm"}),
        json!({"name": "a", "signed_by": "https://x/key"}),
        json!({"name": "a", "install_python_debian": true}),
    ] {
        assert!(module.validate(options.clone()).is_err(), "{options}");
    }
}
