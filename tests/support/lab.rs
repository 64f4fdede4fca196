//! A lab of real nodes for a test, and krun run against it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use super::changes::all_changes;
use super::{Ran, repository};

/// Nodes with a cluster; gone when dropped.
pub struct Lab {
    name: String,
    inventory: tempfile::NamedTempFile,
    journal: tempfile::TempDir,
}

impl Lab {
    /// Brings up a lab with a stand-in cluster of this version; `None`, with the reason on standard error, where that
    /// cannot be.
    pub fn up(name: &str, masters: usize, workers: usize, version: &str) -> Option<Self> {
        Self::up_with("stand-in", name, masters, workers, version)
    }

    /// The same with the real control plane; only where `make test-real` asks for it, since it may have to be built.
    pub fn up_real(name: &str, masters: usize, workers: usize, version: &str) -> Option<Self> {
        if std::env::var_os("KRUN_TEST_REAL").is_none() {
            eprintln!("skipped: `make test-real` runs the tests on the real control plane");
            return None;
        }
        Self::up_with("real", name, masters, workers, version)
    }

    /// Whether the tests are wanted that take many minutes (`make test-long`).
    pub fn is_long_wanted() -> bool {
        let is_wanted = std::env::var_os("KRUN_TEST_LONG").is_some_and(|wanted| !wanted.is_empty());
        if !is_wanted {
            eprintln!("skipped: `make test-long` runs the tests that take many minutes");
        }
        is_wanted
    }

    fn up_with(cluster: &str, name: &str, masters: usize, workers: usize, version: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: lab nodes need root");
            return None;
        }
        let name = format!("t-{name}");
        run_lab(&["setup", "--cluster", cluster]);
        run_lab(&["clean", "--name", &name]);
        let (masters, workers) = (masters.to_string(), workers.to_string());
        run_lab(&[
            "up",
            "--name",
            &name,
            "--cluster",
            cluster,
            "--masters",
            &masters,
            "--workers",
            &workers,
            "--version",
            version,
        ]);
        let inventory = tempfile::Builder::new().suffix(".ini").tempfile().unwrap();
        let lab = Self {
            name,
            inventory,
            journal: tempfile::tempdir().unwrap(),
        };
        let text = lab.lab(&["inventory"]);
        std::fs::write(lab.inventory.path(), text).unwrap();
        Some(lab)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs a command of the lab tool for this lab; gives what it printed.
    pub fn lab(&self, args: &[&str]) -> String {
        let mut all = vec![args[0], "--name", &self.name];
        all.extend(&args[1..]);
        run_lab(&all)
    }

    /// Runs a command on a node, without krun; gives what it printed.
    pub fn on(&self, node: &str, command: &str) -> String {
        self.lab(&["run", node, "--", "sh", "-c", command])
    }

    /// The same, or nothing where it fails.
    pub fn try_on(&self, node: &str, command: &str) -> Option<String> {
        let args = ["run", "--name", &self.name, node, "--", "sh", "-c", command];
        let output = Command::new(lab_tool())
            .args(args)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(text)
    }

    /// Writes a file that all nodes see in /srv/lab; whole at once, since they read it at any time.
    pub fn write_shared(&self, file: &str, content: &serde_json::Value) {
        let path = self.shared().join(file);
        let new = path.with_extension("new");
        std::fs::write(&new, content.to_string()).unwrap();
        // Any user's call counts faults down.
        std::fs::set_permissions(&new, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
        std::fs::rename(new, path).unwrap();
    }

    /// What is in such a file, if it is there and whole.
    pub fn read_shared(&self, file: &str) -> Option<serde_json::Value> {
        let text = std::fs::read_to_string(self.shared().join(file)).ok()?;
        serde_json::from_str(&text).ok()
    }

    fn shared(&self) -> PathBuf {
        let state =
            std::env::var_os("KRUN_LAB_STATE").map_or_else(|| PathBuf::from("/var/lib/krun-lab"), PathBuf::from);
        state.join(&self.name).join("shared")
    }

    /// Runs krun on the controller's side of the lab, with the lab's inventory.
    pub fn krun(&self, args: &[&str]) -> Ran {
        self.start_krun(args).end()
    }

    /// The same with an inventory of which a host's line is missing.
    pub fn krun_without(&self, host: &str, args: &[&str]) -> Ran {
        let text = std::fs::read_to_string(self.inventory.path()).unwrap();
        let start = format!("{host} ");
        let kept: Vec<_> = text.lines().filter(|line| !line.starts_with(&start)).collect();
        let inventory = tempfile::Builder::new().suffix(".ini").tempfile().unwrap();
        std::fs::write(inventory.path(), kept.join("\n")).unwrap();
        self.start(args, Some(inventory.path())).end()
    }

    /// Runs krun on the controller's side of the lab without an inventory: what it is told is in its journal.
    pub fn krun_alone(&self, args: &[&str]) -> Ran {
        self.start_krun_alone(args).end()
    }

    /// The same, beside the test.
    pub fn start_krun_alone(&self, args: &[&str]) -> Running {
        self.start(args, None)
    }

    /// The same as [`Lab::krun`], beside the test.
    pub fn start_krun(&self, args: &[&str]) -> Running {
        self.start(args, Some(self.inventory.path()))
    }

    fn start(&self, args: &[&str], inventory: Option<&Path>) -> Running {
        let mut krun = Command::new(lab_tool());
        krun.args(["ctl", "--name", &self.name, "--", env!("CARGO_BIN_EXE_krun")])
            .args(args)
            .args(inventory.iter().flat_map(|path| [Path::new("-i"), path]))
            .current_dir(repository())
            .env("NO_COLOR", "1")
            .env("KRUN_JOURNAL", self.journal.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Running {
            krun: krun.spawn().unwrap(),
            printed: Vec::new(),
            awaited: 0,
        }
    }

    /// Runs `playbooks/upgrade.yml` to 1.28.2, with more arguments. The sample workload keeps nothing of value in its
    /// emptyDir.
    pub fn upgrade(&self, more: &[&str]) -> Ran {
        let settings = "kubernetes_version=1.28.2 drain_delete_emptydir_data=true drain_timeout=20 wait_timeout=60";
        self.krun(&[&["playbooks/upgrade.yml", "-e", settings], more].concat())
    }

    /// Runs kubectl as the administrator on the first master; gives what it printed.
    pub fn kubectl(&self, command: &str) -> String {
        let kubectl = "kubectl --kubeconfig /etc/kubernetes/admin.conf";
        self.on("m1", &format!("{kubectl} {command}"))
    }

    /// Lets a program on the nodes fail as docs/lab.md tells: one fault, as JSON, in the place of those set before.
    pub fn fault(&self, fault: &serde_json::Value) {
        let write = "printf '%s' \"$1\" > /srv/lab/faults.json; chmod 666 /srv/lab/faults.json";
        let faults = serde_json::json!([fault]).to_string();
        self.lab(&["run", "m1", "--", "sh", "-c", write, "sh", &faults]);
    }

    /// Gives a node another name in the inventory, with more of its line.
    pub fn rename(&self, node: &str, line: &str) {
        self.edit_inventory(&format!("\n{node} "), &format!("\n{line} "));
    }

    /// Replaces a part of the inventory.
    pub fn edit_inventory(&self, part: &str, new: &str) {
        let text = std::fs::read_to_string(self.inventory.path()).unwrap();
        assert!(text.contains(part), "no {part:?} in {text}");
        std::fs::write(self.inventory.path(), text.replace(part, new)).unwrap();
    }

    /// Brings everything back to how it was after `up`.
    pub fn reset(&self) {
        self.lab(&["reset"]);
    }

    /// The changes on the nodes since this was asked last, or since `up`.
    pub fn changes(&self) -> Vec<String> {
        let changes = all_changes(&self.trace());
        self.lab(&["trace", "--clear"]);
        changes
    }

    /// What ran on the nodes so far, in order: `NODE PROGRAM ARGS`.
    pub fn trace(&self) -> Vec<String> {
        let text = self.lab(&["trace"]);
        text.lines()
            .filter_map(|line| {
                let mut fields = line.split('\t').skip(1);
                let (node, _user) = (fields.next()?, fields.next()?);
                Some(format!("{node} {}", fields.collect::<Vec<_>>().join(" ")))
            })
            .collect()
    }

    /// `NAME STATUS VERSION` of each node, as the cluster sees them.
    pub fn nodes(&self) -> Vec<String> {
        nodes_of(&self.kubectl("get nodes --no-headers"))
    }

    /// The same, or nothing where the API server does not answer.
    pub fn try_nodes(&self) -> Option<Vec<String>> {
        let kubectl = "kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes --no-headers";
        self.try_on("m1", kubectl).map(|text| nodes_of(&text))
    }
}

fn nodes_of(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| {
            let columns: Vec<_> = line.split_whitespace().collect();
            format!("{} {} {}", columns[0], columns[1], columns[columns.len() - 1])
        })
        .collect()
}

/// Waits until something is so; a minute at most.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !is_so() {
        assert!(std::time::Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// krun, while it runs.
pub struct Running {
    krun: Child,
    /// What was read of its standard output so far.
    printed: Vec<u8>,
    /// How much of that a wait has passed.
    awaited: usize,
}

impl Running {
    /// Presses Ctrl-C.
    pub fn interrupt(&self) {
        let krun = rustix::process::Pid::from_child(&self.krun);
        rustix::process::kill_process(krun, rustix::process::Signal::INT).unwrap();
    }

    /// Kills it, as a machine that loses its power does; gives what it has printed.
    pub fn kill(mut self) -> Ran {
        self.krun.kill().unwrap();
        self.end()
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.krun.try_wait().unwrap().is_none()
    }

    /// Waits until it has printed this, after what was waited for before.
    #[track_caller]
    pub fn wait_for(&mut self, part: &str) {
        let stdout = self.krun.stdout.as_mut().unwrap();
        let mut piece = [0; 4096];
        loop {
            if let Some(position) = memchr::memmem::find(&self.printed[self.awaited..], part.as_bytes()) {
                self.awaited += position + part.len();
                return;
            }
            let read = stdout.read(&mut piece).unwrap();
            let so_far = String::from_utf8_lossy(&self.printed);
            assert!(read > 0, "krun ended before it printed {part:?}:\n{so_far}");
            self.printed.extend(&piece[..read]);
        }
    }

    /// Reads what it has printed, so that a full pipe does not hold it up.
    pub fn drain(&mut self) {
        let stdout = self.krun.stdout.as_mut().unwrap();
        let mut piece = vec![0; 65536];
        loop {
            let mut ready = [rustix::event::PollFd::new(&*stdout, rustix::event::PollFlags::IN)];
            let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
            if rustix::event::poll(&mut ready, Some(&now)).unwrap() == 0 {
                return;
            }
            match stdout.read(&mut piece).unwrap() {
                0 => return,
                read => self.printed.extend(&piece[..read]),
            }
        }
    }

    /// The next line that it prints; nothing at its end.
    pub fn next_line(&mut self) -> Option<String> {
        let stdout = self.krun.stdout.as_mut().unwrap();
        let mut piece = [0; 4096];
        loop {
            if let Some(length) = memchr::memchr(b'\n', &self.printed[self.awaited..]) {
                let line = String::from_utf8_lossy(&self.printed[self.awaited..][..length]).into_owned();
                self.awaited += length + 1;
                return Some(line);
            }
            match stdout.read(&mut piece).unwrap() {
                0 => return None,
                read => self.printed.extend(&piece[..read]),
            }
        }
    }

    /// Waits for its end.
    pub fn end(self) -> Ran {
        let Self { krun, mut printed, .. } = self;
        let output = krun.wait_with_output().unwrap();
        printed.extend(output.stdout);
        Ran {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&printed).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = Command::new(lab_tool()).args(["clean", "--name", &self.name]).output();
    }
}

pub fn lab_tool() -> PathBuf {
    repository().join("tests/lab/lab")
}

fn run_lab(args: &[&str]) -> String {
    let Output { status, stdout, stderr } = Command::new(lab_tool())
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        status.success(),
        "lab {args:?}: {}{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
    String::from_utf8_lossy(&stdout).into_owned()
}
