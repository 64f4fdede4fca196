//! The module on a real apt and dpkg, which work in a root of their own below a temporary folder, with a repository of
//! small packages that the test builds. Nothing of this machine's own packages is touched.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rstest::rstest;
use rustix::fs::{FlockOperation, fcntl_lock};
use serde_json::{Value, json};

use crate::modules::testing::{ShellNode, check_module, run_module, shells};
use crate::modules::{Failure, Outcome};

/// What the repository holds: the old and the new style of Kubernetes' packages, and versions that begin alike.
const PACKAGES: [(&str, &[&str]); 2] = [
    ("kubeadm", &["1.28.0-00", "1.28.2-00", "1.29.0-00"]),
    ("kubelet", &["1.28.0-1.1", "1.28.2-1.1", "1.28.2-2.1", "1.28.10-1.1"]),
];

/// A root with nothing in it but apt's and dpkg's own files.
struct Root {
    folder: tempfile::TempDir,
    node: ShellNode,
}

impl Root {
    /// None where this machine has no apt, or the test may not use it; it says so.
    fn new(shell: &str) -> Option<Self> {
        let is_root = rustix::process::geteuid().is_root();
        if !is_root || !Path::new("/usr/bin/apt-get").exists() {
            eprintln!("skipped: this needs root and apt");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for directory in [
            "root/var/lib/dpkg/info",
            "root/var/lib/dpkg/updates",
            "root/var/lib/apt/lists/partial",
            "root/var/cache/apt/archives/partial",
            "root/var/log/apt",
            "root/etc/apt/apt.conf.d",
            "root/etc/apt/preferences.d",
            "root/etc/apt/trusted.gpg.d",
            "repository",
        ] {
            fs::create_dir_all(path.join(directory)).unwrap();
        }
        for file in ["status", "available"] {
            fs::write(path.join("root/var/lib/dpkg").join(file), "").unwrap();
        }
        let here = path.display();
        fs::write(
            path.join("root/etc/apt/sources.list"),
            format!("deb [trusted=yes] copy:{here}/repository ./\n"),
        )
        .unwrap();
        // dpkg's own words come first, so that its folders are this root's and its programs this machine's.
        fs::write(
            path.join("apt.conf"),
            format!(
                "Dir \"{here}/root/\";\nDir::State::status \"{here}/root/var/lib/dpkg/status\";\n\
                 Dir::Bin::dpkg \"/usr/bin/dpkg\";\nDir::Bin::methods \"/usr/lib/apt/methods\";\n\
                 DPkg::Options {{ \"--root={here}/root\"; }};\nAPT::Sandbox::User \"root\";\n\
                 Acquire::Languages \"none\";\n"
            ),
        )
        .unwrap();
        for (name, versions) in PACKAGES {
            for version in versions {
                build(path, name, version);
            }
        }
        index(path);
        // What of apt's is called is written down.
        fs::create_dir(path.join("bin")).unwrap();
        for program in ["apt-get", "apt-mark"] {
            let file = path.join("bin").join(program);
            fs::write(
                &file,
                format!("#!/bin/sh\necho {program} >>{here}/calls\nexec /usr/bin/{program} \"$@\"\n"),
            )
            .unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let search = std::env::var("PATH").unwrap();
        let node = shells(&format!(
            "env APT_CONFIG={here}/apt.conf DPKG_ROOT={here}/root 'PATH={here}/bin:{search}' {shell}"
        ));
        let mut root = Self { folder, node };
        root.run(json!({"update_cache": true})).unwrap();
        Some(root)
    }

    fn run(&mut self, options: Value) -> Result<Outcome, Failure> {
        run_module("package", options, self.node.connection())
    }

    /// A program of this machine on this root.
    fn ask(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program)
            .args(arguments)
            .env("APT_CONFIG", self.path("apt.conf"))
            .env("DPKG_ROOT", self.path("root"))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// What dpkg says is installed.
    fn installed(&self) -> String {
        let list = self.ask(
            "dpkg-query",
            &["-W", "-f", "${db:Status-Status} ${Package} ${Version}\n"],
        );
        list.lines()
            .filter_map(|line| line.strip_prefix("installed "))
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn held(&self) -> String {
        self.ask("apt-mark", &["showhold"])
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Builds a package with one file in it.
fn build(folder: &Path, name: &str, version: &str) {
    let tree = folder.join("tree");
    fs::create_dir_all(tree.join("DEBIAN")).unwrap();
    fs::create_dir_all(tree.join("opt")).unwrap();
    fs::write(
        tree.join("DEBIAN/control"),
        format!(
            "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Test <test@example.org>\n\
             Description: stand-in\n"
        ),
    )
    .unwrap();
    fs::write(tree.join("opt").join(name), version).unwrap();
    let status = Command::new("dpkg-deb")
        .args(["-Znone", "--root-owner-group", "--build"])
        .arg(&tree)
        .arg(folder.join(format!("repository/{name}_{version}_all.deb")))
        .output()
        .unwrap()
        .status;
    assert!(status.success());
    fs::remove_dir_all(tree).unwrap();
}

/// Writes the repository's list of packages.
fn index(folder: &Path) {
    let repository = folder.join("repository");
    let mut list = String::new();
    for entry in fs::read_dir(&repository).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_none_or(|extension| extension != "deb") {
            continue;
        }
        let fields = Command::new("dpkg-deb").arg("--field").arg(&file).output().unwrap();
        let bytes = fs::read(&file).unwrap();
        let sum = openssl::sha::sha256(&bytes).map(|byte| format!("{byte:02x}")).concat();
        list += &String::from_utf8(fields.stdout).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        list += &format!("Filename: ./{name}\nSize: {}\nSHA256: {sum}\n\n", bytes.len());
    }
    fs::write(repository.join("Packages"), list).unwrap();
}

#[rstest]
fn versions_are_found_in_both_styles(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
    let Some(mut root) = Root::new(shell) else { return };
    let options = json!({"name": ["kubeadm", "kubelet"], "version": "v1.28.2"});
    let outcome = check_module("package", options.clone(), root.node.connection()).unwrap();
    assert_eq!(outcome.changes, ["kubeadm 1.28.2-00", "kubelet 1.28.2-2.1"]);
    assert_eq!(root.installed(), "");
    let outcome = root.run(options.clone()).unwrap();
    assert_eq!(
        outcome.result["packages"],
        json!({"kubeadm": "1.28.2-00", "kubelet": "1.28.2-2.1"})
    );
    assert_eq!(root.installed(), "kubeadm 1.28.2-00, kubelet 1.28.2-2.1");
    let before = root.node.connection().exchanges();
    assert!(!root.run(options).unwrap().changed);
    assert_eq!(root.node.connection().exchanges() - before, 1);
    // The suffix decides where it is given, in each way to write it.
    for name in ["kubelet=1.28.2-1.1", "kubelet-1.28.2-1.1"] {
        root.run(json!({"name": name, "allow_downgrade": true})).unwrap();
        assert!(root.installed().ends_with("kubelet 1.28.2-1.1"), "{}", root.installed());
    }
    // 1.28.1 is not the beginning of 1.28.10.
    let failure = root.run(json!({"name": "kubelet", "version": "1.28.1"})).unwrap_err();
    assert_eq!(failure.message, "no repository of the node holds kubelet 1.28.1");
}

#[rstest]
fn packages_are_held_and_let_go(#[values("dash", "busybox sh")] shell: &str) {
    let Some(mut root) = Root::new(shell) else { return };
    let install = json!({"name": "kubeadm=1.28.0", "hold": true});
    root.run(install.clone()).unwrap();
    assert_eq!(
        (root.installed().as_str(), root.held().as_str()),
        ("kubeadm 1.28.0-00", "kubeadm")
    );
    assert!(!root.run(install).unwrap().changed);
    // Another version is refused as long as the task does not say what becomes of the hold.
    let failure = root.run(json!({"name": "kubeadm=1.28.2"})).unwrap_err();
    assert_eq!(failure.message, "kubeadm is held at 1.28.0-00");
    let outcome = root.run(json!({"name": "kubeadm=1.28.2", "hold": true})).unwrap();
    assert_eq!(outcome.changes, ["kubeadm 1.28.0-00 → 1.28.2-00"]);
    assert_eq!(
        (root.installed().as_str(), root.held().as_str()),
        ("kubeadm 1.28.2-00", "kubeadm")
    );
    // A hold alone changes nothing else.
    let outcome = root.run(json!({"name": "kubeadm", "hold": false})).unwrap();
    assert_eq!(outcome.changes, ["kubeadm no longer held"]);
    assert_eq!(
        (root.installed().as_str(), root.held().as_str()),
        ("kubeadm 1.28.2-00", "")
    );
    root.run(json!({"name": "kubeadm", "hold": true})).unwrap();
    root.run(json!({"name": "kubeadm=1.29.0", "hold": false})).unwrap();
    assert_eq!(
        (root.installed().as_str(), root.held().as_str()),
        ("kubeadm 1.29.0-00", "")
    );
    // What is held is not taken away either without a word.
    root.run(json!({"name": "kubeadm", "hold": true})).unwrap();
    let failure = root.run(json!({"name": "kubeadm", "state": "absent"})).unwrap_err();
    assert_eq!(failure.message, "kubeadm is held at 1.29.0-00");
    root.run(json!({"name": "kubeadm", "state": "absent", "hold": false}))
        .unwrap();
    assert_eq!(root.installed(), "");
}

#[test]
fn older_versions_need_permission() {
    let Some(mut root) = Root::new("dash") else { return };
    root.run(json!({"name": "kubelet", "state": "latest"})).unwrap();
    assert_eq!(root.installed(), "kubelet 1.28.10-1.1");
    let failure = root.run(json!({"name": "kubelet=1.28.2-1.1"})).unwrap_err();
    assert_eq!(
        failure.message,
        "kubelet 1.28.10-1.1 is newer than 1.28.2-1.1, which was asked for"
    );
    root.run(json!({"name": "kubelet", "hold": true})).unwrap();
    let options = json!({"name": "kubelet=1.28.2-1.1", "allow_downgrade": true, "hold": true});
    let outcome = root.run(options).unwrap();
    assert_eq!(outcome.changes, ["kubelet 1.28.10-1.1 → 1.28.2-1.1"]);
    assert_eq!(
        (root.installed().as_str(), root.held().as_str()),
        ("kubelet 1.28.2-1.1", "kubelet")
    );
}

#[test]
fn what_is_missing_is_answered_with_what_is_there() {
    let Some(mut root) = Root::new("dash") else { return };
    let failure = root.run(json!({"name": "kubeadm", "version": "1.30.0"})).unwrap_err();
    assert_eq!(failure.message, "no repository of the node holds kubeadm 1.30.0");
    let help = failure.help.unwrap();
    assert!(
        help.contains("these are there: 1.29.0-00, 1.28.2-00, 1.28.0-00"),
        "{help}"
    );
    let failure = root.run(json!({"name": "kubectl", "version": "1.28.2"})).unwrap_err();
    assert!(failure.help.unwrap().contains("no version of kubectl at all"));
    let failure = root.run(json!({"name": "nothere"})).unwrap_err();
    assert!(
        failure.message.contains("Unable to locate package nothere"),
        "{}",
        failure.message
    );
    // A repository that got a new version since the lists were fetched.
    build(root.folder.path(), "kubeadm", "1.30.0-1.1");
    index(root.folder.path());
    assert!(root.run(json!({"name": "kubeadm=1.30.0"})).is_err());
    root.run(json!({"name": "kubeadm=1.30.0", "update_cache": true}))
        .unwrap();
    assert_eq!(root.installed(), "kubeadm 1.30.0-1.1");
}

#[test]
fn what_could_not_be_installed_is_not_held() {
    let Some(mut root) = Root::new("dash") else { return };
    fs::remove_file(root.path("repository/kubeadm_1.29.0-00_all.deb")).unwrap();
    let failure = root.run(json!({"name": "kubeadm=1.29.0", "hold": true})).unwrap_err();
    assert!(failure.message.contains("Failed to fetch"), "{}", failure.message);
    // It would keep the next task away from a package that is not there.
    assert_eq!(root.held(), "");
    root.run(json!({"name": "kubeadm=1.28.2"})).unwrap();
    assert_eq!(root.installed(), "kubeadm 1.28.2-00");
}

/// The locks, and how to run into them. apt waits by itself only for the first, with the others it has to be called again.
#[rstest]
#[case::packages("var/lib/dpkg/lock-frontend", json!({"name": "kubeadm=1.28.0"}), 1)]
#[case::downloads("var/cache/apt/archives/lock", json!({"name": "kubeadm=1.28.0"}), 2)]
#[case::lists("var/lib/apt/lists/lock", json!({"name": "kubeadm=1.28.0", "update_cache": true}), 2)]
#[case::lists_alone("var/lib/apt/lists/lock", json!({"update_cache": true}), 2)]
#[case::holds("var/lib/dpkg/lock-frontend", json!({"name": "kubelet", "hold": true}), 2)]
fn another_package_manager_is_waited_for(#[case] lock: &str, #[case] mut options: Value, #[case] calls: usize) {
    let Some(mut root) = Root::new("dash") else { return };
    root.run(json!({"name": "kubelet"})).unwrap();
    let before = (root.installed(), root.held());
    let file = fs::File::create(root.path("root").join(lock)).unwrap();
    fcntl_lock(&file, FlockOperation::LockExclusive).unwrap();
    options["lock_timeout"] = 1.into();
    let failure = root.run(options.clone()).unwrap_err();
    assert!(failure.message.contains("held the lock for 1 s"), "{}", failure.message);
    assert!(
        failure.help.as_deref().unwrap_or_default().contains("lock_timeout"),
        "{failure:?}"
    );
    assert_eq!((root.installed(), root.held()), before);
    // The lock is let go as soon as apt has run into it.
    let list = root.path("calls");
    fs::write(&list, "").unwrap();
    let holder = std::thread::spawn(move || {
        let deadline = Instant::now() + Duration::from_secs(20);
        while fs::read_to_string(&list).unwrap().lines().count() < calls {
            assert!(Instant::now() < deadline, "apt was not called {calls} times");
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(file);
    });
    options["lock_timeout"] = 30.into();
    root.run(options.clone()).unwrap();
    holder.join().unwrap();
    if options["name"] == "kubelet" {
        assert_eq!(root.held(), "kubelet");
    } else if options["name"].is_string() {
        assert!(
            root.installed().starts_with("kubeadm 1.28.0-00"),
            "{}",
            root.installed()
        );
    }
}

/// The order of versions is rpm's in krun; where it matters dpkg's is the same.
#[rstest]
#[case("1.28.2-00", "1.28.2-1.1")]
#[case("1.28.2-1.1", "1.28.10-1.1")]
#[case("1.29.0~rc.1-1.1", "1.29.0-1.1")]
#[case("9.9-1", "1:1.0-1")]
#[case("2.36-9+deb12u7", "2.36-9+deb12u10")]
#[case("1.0-1", "1.0-1+b1")]
#[case("1.7.1-1", "1.7.1-1ubuntu1")]
fn the_order_is_dpkgs_too(#[case] older: &str, #[case] newer: &str) {
    assert!(super::versions::compare(older, newer).is_lt());
    if Path::new("/usr/bin/dpkg").exists() {
        let status = Command::new("dpkg")
            .args(["--compare-versions", older, "lt", newer])
            .status()
            .unwrap();
        assert!(status.success());
    }
}

#[rstest]
fn everything_is_upgraded(#[values("dash", "busybox sh")] shell: &str) {
    let Some(mut root) = Root::new(shell) else { return };
    root.run(json!({"name": "kubelet", "version": "1.28.0"})).unwrap();
    let looked = check_module("apt", json!({"upgrade": "dist"}), root.node.connection()).unwrap();
    assert!(looked.changes[0].starts_with("kubelet 1.28."), "{:?}", looked.changes);
    assert!(root.installed().contains("kubelet 1.28.0"), "{}", root.installed());
    let outcome = root
        .run(json!({"upgrade": "safe", "dpkg_options": "force-confold"}))
        .unwrap();
    assert_eq!(outcome.changes, looked.changes);
    assert!(!root.installed().contains("kubelet 1.28.0"), "{}", root.installed());
    for options in [
        json!({"upgrade": "full"}),
        json!({"name": "*", "state": "latest"}),
        json!({"autoremove": true}),
    ] {
        assert!(!root.run(options).unwrap().changed);
    }
    assert!(!root.run(json!({"autoclean": true})).unwrap().changed);
}

#[test]
fn young_lists_are_not_fetched_again() {
    let Some(mut root) = Root::new("dash") else { return };
    assert!(!root.run(json!({"cache_valid_time": 3600})).unwrap().changed);
    assert!(root.run(json!({"update_cache": true})).unwrap().changed);
    assert!(
        !root
            .run(json!({"name": "kubelet", "only_upgrade": true}))
            .unwrap()
            .changed
    );
    assert_eq!(root.installed(), "");
    let failure = root.run(json!({"name": "kubelet", "nobest": true})).unwrap_err();
    assert!(failure.message.contains("which has no `nobest`"), "{}", failure.message);
}

#[test]
fn a_held_package_may_be_changed_as_ansible_does() {
    let Some(mut root) = Root::new("dash") else { return };
    root.run(json!({"name": "kubelet", "version": "1.28.0", "hold": true}))
        .unwrap();
    let options = json!({"name": "kubelet", "state": "latest", "allow_change_held_packages": true});
    assert!(root.run(options).unwrap().changed);
    assert!(!root.installed().contains("kubelet 1.28.0"), "{}", root.installed());
}

#[test]
fn mistakes_are_found_before_the_run() {
    let module = crate::modules::find("apt").unwrap();
    for options in [
        json!({"upgrade": "dist", "name": "x"}),
        json!({"name": "*"}),
        json!({"name": "x", "security": true}),
        json!({"name": "x", "dpkg_options": "force-x -oFoo=1"}),
        json!({"deb": "/x.deb"}),
    ] {
        assert!(module.validate(options.clone()).is_err(), "{options}");
    }
    assert!(module.refusal("deb").is_some());
}
