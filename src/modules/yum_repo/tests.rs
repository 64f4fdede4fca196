use serde_json::{Value, json};

use crate::modules::testing::{check_module, local_shell, run_module};

fn options(folder: &tempfile::TempDir) -> Value {
    json!({
        "name": "kubernetes", "description": "Kubernetes", "baseurl": "http://mirror.example/el7",
        "enabled": true, "gpgcheck": false, "repo_gpgcheck": "no",
        "gpgkey": ["http://mirror.example/a.gpg", "http://mirror.example/b.gpg"],
        "exclude": "kubelet kubeadm", "reposdir": folder.path().to_str().unwrap(),
    })
}

const TEXT: &str = "[kubernetes]\nname=Kubernetes\nbaseurl=http://mirror.example/el7\nenabled=1\ngpgcheck=0\n\
                    repo_gpgcheck=0\ngpgkey=http://mirror.example/a.gpg\n    http://mirror.example/b.gpg\n\
                    exclude=kubelet kubeadm\n";

#[test]
fn a_repository_is_written_once_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubernetes.repo");
    let mut shell = local_shell();
    assert!(check_module("yum-repo", options(&folder), &mut *shell).unwrap().changed);
    assert!(!file.exists());
    let outcome = run_module("yum-repository", options(&folder), &mut *shell).unwrap();
    assert!(outcome.changed);
    assert_eq!(outcome.diff[0].after, TEXT);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), TEXT);
    let before = shell.exchanges();
    assert!(!run_module("yum-repo", options(&folder), &mut *shell).unwrap().changed);
    assert_eq!(shell.exchanges(), before + 1);

    let mut absent = options(&folder);
    absent["state"] = json!("absent");
    assert!(run_module("yum-repo", absent.clone(), &mut *shell).unwrap().changed);
    assert!(!file.exists());
    assert!(!run_module("yum-repo", absent, &mut *shell).unwrap().changed);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_changed_keys_are_named_and_other_sections_stay() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubernetes.repo");
    std::fs::write(&file, format!("{TEXT}\n[other]\nname=Other\n")).unwrap();
    let mut changed = options(&folder);
    changed["baseurl"] = json!("http://mirror.example/v1.29");
    changed.as_object_mut().unwrap().remove("exclude");
    let outcome = run_module("yum-repo", changed, &mut *local_shell()).unwrap();
    assert_eq!(outcome.changes, ["baseurl", "exclude"]);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("v1.29") && text.ends_with("\n[other]\nname=Other\n"),
        "{text}"
    );
}

#[test]
fn a_wrong_mode_is_put_right() {
    let folder = tempfile::tempdir().unwrap();
    run_module("yum-repo", options(&folder), &mut *local_shell()).unwrap();
    let mut changed = options(&folder);
    changed["mode"] = json!("0600");
    let outcome = run_module("yum-repo", changed.clone(), &mut *local_shell()).unwrap();
    assert_eq!(outcome.changes, ["mode"]);
    assert!(!run_module("yum-repo", changed, &mut *local_shell()).unwrap().changed);
}

#[test]
fn a_password_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(&folder);
    options["password"] = json!("hunter2");
    let outcome = run_module("yum-repo", options, &mut *local_shell()).unwrap();
    assert!(!format!("{outcome:?}").contains("hunter2"));
}

#[test]
fn mistakes_are_found_before_the_run() {
    let module = crate::modules::find("yum-repo").unwrap();
    for (options, path) in [
        (json!({"description": "x", "baseurl": "x"}), "name"),
        (json!({"name": "a", "baseurl": "x"}), "description"),
        (json!({"name": "a", "description": "x"}), "baseurl"),
        (json!({"name": "a/b", "description": "x", "baseurl": "x"}), "name"),
        (json!({"name": "a", "description": "x\ny", "baseurl": "x"}), ""),
    ] {
        assert_eq!(module.validate(options).unwrap_err().path, path);
    }
}
