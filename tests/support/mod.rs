//! Runs the krun binary on files that a test writes.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs
)]

pub mod changes;
pub mod lab;
pub mod sshd;
pub mod watcher;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder with a playbook, and krun run in it.
pub struct Project {
    folder: TempDir,
}

/// What a run printed and how it ended.
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Project {
    /// A project whose `site.yml` has this text.
    pub fn new(playbook: &str) -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        project.file("site.yml", playbook)
    }

    /// Adds a file.
    pub fn file(self, path: &str, text: &str) -> Self {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs `krun site.yml` with local hosts of these names.
    pub fn run_on(&self, hosts: &str, args: &[&str]) -> Ran {
        let inventory = format!("{},", hosts.replace(' ', ","));
        let mut all = vec!["site.yml", "-i", &inventory, "-c", "local"];
        all.extend(args);
        self.krun(&all)
    }

    /// Runs krun in the project's folder.
    pub fn krun(&self, args: &[&str]) -> Ran {
        let output = self.command(args).output().unwrap();
        Ran {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// krun in the project's folder, to be started; without a terminal, and without what this machine sets for it.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_krun"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if ["KRUN_", "ANSIBLE_"]
                .iter()
                .any(|prefix| name.to_string_lossy().starts_with(prefix))
            {
                command.env_remove(name);
            }
        }
        command.env("XDG_CONFIG_HOME", self.path().join("config-home"));
        command.env("NO_COLOR", "1");
        command.env("KRUN_JOURNAL", self.path().join(".journal"));
        command
    }

    /// What tasks wrote into a file of the project.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path().join(path)).unwrap_or_default()
    }

    /// The lines of `trace`, into which tasks write what they do.
    pub fn trace(&self) -> Vec<String> {
        self.read("trace").lines().map(str::to_owned).collect()
    }
}

impl Ran {
    #[track_caller]
    pub fn expect_status(self, status: i32) -> Self {
        assert_eq!(
            self.status, status,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    #[track_caller]
    pub fn expect_stdout(self, part: &str) -> Self {
        assert!(
            self.stdout.contains(part),
            "no {part:?} in stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    #[track_caller]
    pub fn expect_stderr(self, part: &str) -> Self {
        assert!(
            self.stderr.contains(part),
            "no {part:?} in stderr:\n{}\nstdout:\n{}",
            self.stderr,
            self.stdout
        );
        self
    }
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
