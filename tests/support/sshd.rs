//! An sshd of a test's own on the loopback interface, and what else a login needs.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output as Ended, Stdio};
use std::time::{Duration, Instant};

use krun::connection::{
    Become, BecomeMethod, Connection, ConnectionError, Endpoint, HostKeyPolicy, Output, Request, Script, open,
};
use tempfile::TempDir;

pub const SSHD: &str = "/usr/sbin/sshd";

/// What makes an sshd differ from a plain one.
#[derive(Default)]
pub struct Setup<'s> {
    /// More lines of its configuration, which come first and so win.
    pub config: &'s str,
    /// Types of its host keys; one ed25519 key when empty.
    pub host_keys: &'s [&'s str],
    /// A script that changes /etc for this sshd alone: accounts, sudoers, PAM. Nothing of it is seen outside.
    pub etc: &'s str,
}

/// An sshd that ends with its test.
pub struct Sshd {
    directory: TempDir,
    pub port: u16,
    server: Child,
    etc: String,
}

impl Sshd {
    /// `None`, with a message, where this machine cannot run one.
    pub fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// The same with more lines in its configuration.
    pub fn start_with(config: &str) -> Option<Self> {
        Self::set_up(&Setup {
            config,
            ..Setup::default()
        })
    }

    pub fn set_up(setup: &Setup<'_>) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            eprintln!("skipped: {SSHD} is missing (apt-get install openssh-server)");
            return None;
        }
        if !rustix::process::getuid().is_root() {
            eprintln!("skipped: an sshd of one's own needs root");
            return None;
        }
        let directory = TempDir::new().unwrap();
        // Other users than root log in as well.
        Command::new("chmod").arg("755").arg(directory.path()).status().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let kinds = if setup.host_keys.is_empty() {
            &["ed25519"]
        } else {
            setup.host_keys
        };
        generate_key(&directory.path().join("id"), "ed25519");
        let mut host_keys = String::new();
        for kind in kinds {
            let name = host_key_name(kind);
            generate_key(&directory.path().join(&name), kind);
            host_keys += &format!("HostKey {}\n", path(&name));
        }
        fs::copy(path("id.pub"), path("authorized_keys")).unwrap();
        // sshd's own place for its unprivileged part.
        fs::create_dir_all("/run/sshd").unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "{}\nPort {port}\nListenAddress 127.0.0.1\nListenAddress ::1\n{host_keys}PidFile none\nUsePAM no\n\
             StrictModes no\nPermitRootLogin yes\nAuthorizedKeysFile {}\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\n",
            setup.config,
            path("authorized_keys")
        );
        fs::write(path("sshd_config"), config).unwrap();
        let server = spawn(directory.path(), setup.etc);
        let sshd = Self {
            directory,
            port,
            server,
            etc: setup.etc.to_owned(),
        };
        sshd.know_host(&sshd.path(&format!("{}.pub", host_key_name(kinds[0]))));
        sshd.wait_until_up();
        Some(sshd)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A file's path as text.
    pub fn at(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn wait_until_up(&self) {
        wait_until("sshd", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    pub fn stop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    pub fn restart(&mut self) {
        self.server = spawn(self.directory.path(), &self.etc);
        self.wait_until_up();
    }

    /// Writes a public key into the `known_hosts` file, in place of what was there.
    pub fn know_host(&self, public_key: &Path) {
        let key = fs::read_to_string(public_key).unwrap();
        fs::write(self.path("known_hosts"), format!("[127.0.0.1]:{} {key}", self.port)).unwrap();
    }

    /// The process that waits for connections.
    pub fn pid(&self) -> u32 {
        self.server.id()
    }

    /// What sshd has said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            address: Some("127.0.0.1".to_owned()),
            port: Some(self.port),
            user: Some("root".to_owned()),
            private_key: Some(self.path("id")),
            ssh_args: self.options(&["IdentityAgent=none", "IdentityFile=none"]),
            host_key_policy: Some(HostKeyPolicy::Strict),
            ..Endpoint::ssh("node")
        }
    }

    /// OpenSSH's options that keep this machine's own configuration out, and more of them.
    pub fn options(&self, more: &[&str]) -> Vec<String> {
        let mut words = vec!["-F".to_owned(), "none".to_owned()];
        let known_hosts = format!("UserKnownHostsFile={}", self.at("known_hosts"));
        for option in more
            .iter()
            .copied()
            .chain([known_hosts.as_str(), "GlobalKnownHostsFile=none"])
        {
            words.extend(["-o".to_owned(), option.to_owned()]);
        }
        words
    }

    /// OpenSSH's own client, to compare with; it never asks anything.
    pub fn openssh(&self, options: &[String], destination: &str, command: &str) -> Ended {
        Command::new("ssh")
            .args(options)
            .args(["-o", "BatchMode=yes", "-T", "-p", &self.port.to_string(), "-i"])
            .arg(self.path("id"))
            .args(["--", destination, command])
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn host_key_name(kind: &str) -> String {
    if kind == "ed25519" {
        "host_key".to_owned()
    } else {
        format!("host_key_{kind}")
    }
}

fn spawn(directory: &Path, etc: &str) -> Child {
    // It ends with this process, however that ends.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if !etc.is_empty() {
        fs::create_dir_all(directory.join("etc/upper")).unwrap();
        fs::create_dir_all(directory.join("etc/work")).unwrap();
        // From a file, since it may hold passwords.
        fs::write(directory.join("etc/script"), etc).unwrap();
        let script = "set -e\nmount -t overlay etc -o \"lowerdir=/etc,upperdir=$1/etc/upper,workdir=$1/etc/work\" /etc\n\
             if [ ! -e \"$1/etc/done\" ]; then\n. \"$1/etc/script\"\n: >\"$1/etc/done\"\nfi\nshift\nexec \"$@\"";
        command
            .args(["unshare", "--mount", "sh", "-c", script, "sh"])
            .arg(directory);
    }
    command
        .args([SSHD, "-D", "-E"])
        .arg(directory.join("log"))
        .arg("-f")
        .arg(directory.join("sshd_config"))
        .stdin(Stdio::null())
        .spawn()
        .unwrap()
}

/// An OpenSSH agent that ends with its test.
pub struct Agent {
    socket: PathBuf,
    process: Child,
}

impl Agent {
    pub fn start(socket: &Path) -> Self {
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "ssh-agent", "-D", "-a"])
            .arg(socket)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_until("the agent", || socket.exists());
        Self {
            socket: socket.to_owned(),
            process,
        }
    }

    pub fn add(&self, key: &Path) {
        let added = Command::new("ssh-add")
            .arg("-q")
            .arg(key)
            .env("SSH_AUTH_SOCK", &self.socket)
            .status();
        assert!(added.unwrap().success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn generate_key(path: &Path, kind: &str) {
    let status = Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-N", "", "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(status.success());
}

pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn request(text: &'static str) -> Request {
    Request::new::<&str>(Script { name: "test", text }, [])
}

pub fn run(connection: &mut dyn Connection, text: &'static str) -> Result<Output, ConnectionError> {
    connection.execute(None, &request(text))
}

/// Connects to a host that must be unreachable; what krun says about it, and its help.
#[track_caller]
pub fn failure(endpoint: &Endpoint) -> String {
    match run(open(endpoint).as_mut(), ":") {
        Ok(_) => panic!("the login was expected to fail"),
        Err(error) => {
            assert!(error.is_unreachable(), "{error}");
            format!("{error}\n{}", error.help().unwrap_or("no help"))
        }
    }
}

/// Connects to a host that must be reachable.
#[track_caller]
pub fn success(endpoint: &Endpoint) {
    if let Err(error) = run(open(endpoint).as_mut(), ":") {
        panic!("{error}\n{}", error.help().unwrap_or("no help"));
    }
}

pub fn become_user(method: BecomeMethod, user: &str, password: Option<&str>) -> Become {
    Become {
        method,
        user: user.to_owned(),
        password: password.map(|password| password.to_owned().into()),
        executable: None,
        flags: Vec::new(),
    }
}
