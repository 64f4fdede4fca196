//! The SSH connection against a real sshd on the loopback interface, with keys and a configuration of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs
)]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use krun::connection::{
    Become, BecomeMethod, Connection, ConnectionError, DetachedJob, Endpoint, HostKeyPolicy, Output, Progress, Request,
    Script, open, run_detached,
};
use tempfile::TempDir;

const SSHD: &str = "/usr/sbin/sshd";

/// An sshd that ends with its test.
struct Sshd {
    directory: TempDir,
    port: u16,
    server: Child,
}

impl Sshd {
    /// `None`, with a message, where this machine cannot run one.
    fn start() -> Option<Self> {
        Self::start_with("")
    }

    fn start_with(more_config: &str) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            eprintln!("skipped: {SSHD} is missing (apt-get install openssh-server)");
            return None;
        }
        if !rustix::process::getuid().is_root() {
            eprintln!("skipped: an sshd of one's own needs root");
            return None;
        }
        let directory = TempDir::new().unwrap();
        for name in ["host_key", "id"] {
            generate_key(&directory.path().join(name), "ed25519");
        }
        fs::copy(
            directory.path().join("id.pub"),
            directory.path().join("authorized_keys"),
        )
        .unwrap();
        // sshd's own place for its unprivileged part.
        fs::create_dir_all("/run/sshd").unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nUsePAM no\nStrictModes no\n\
             PermitRootLogin yes\nAuthorizedKeysFile {}\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n{more_config}\n",
            path("host_key"),
            path("authorized_keys")
        );
        fs::write(directory.path().join("sshd_config"), config).unwrap();
        let server = spawn(directory.path());
        let sshd = Self {
            directory,
            port,
            server,
        };
        sshd.know_host(&sshd.path("host_key.pub"));
        sshd.wait_until_up();
        Some(sshd)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn wait_until_up(&self) {
        wait_until("sshd", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    fn stop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    fn restart(&mut self) {
        self.server = spawn(self.directory.path());
        self.wait_until_up();
    }

    /// Writes a public key into the `known_hosts` file, in place of what was there.
    fn know_host(&self, public_key: &Path) {
        let key = fs::read_to_string(public_key).unwrap();
        fs::write(self.path("known_hosts"), format!("[127.0.0.1]:{} {key}", self.port)).unwrap();
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint {
            address: Some("127.0.0.1".to_owned()),
            port: Some(self.port),
            user: Some("root".to_owned()),
            private_key: Some(self.path("id")),
            ssh_args: [
                "-F".to_owned(),
                "none".to_owned(),
                "-o".to_owned(),
                format!("UserKnownHostsFile={}", self.path("known_hosts").display()),
                "-o".to_owned(),
                "IdentityAgent=none".to_owned(),
                "-o".to_owned(),
                "IdentityFile=none".to_owned(),
            ]
            .to_vec(),
            host_key_policy: Some(HostKeyPolicy::Strict),
            ..Endpoint::ssh("node")
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn spawn(directory: &Path) -> Child {
    // It ends with this process, however that ends.
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", SSHD, "-D"])
        .arg("-E")
        .arg(directory.join("log"))
        .arg("-f")
        .arg(directory.join("sshd_config"))
        .stdin(Stdio::null())
        .spawn()
        .unwrap()
}

/// An OpenSSH agent that ends with its test.
struct Agent(Child);

impl Agent {
    fn start(socket: &Path) -> Self {
        let agent = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "ssh-agent", "-D", "-a"])
            .arg(socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_until("the agent", || socket.exists());
        Self(agent)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn generate_key(path: &Path, kind: &str) {
    let status = Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-N", "", "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(status.success());
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn request(text: &'static str) -> Request {
    Request::new::<&str>(Script { name: "test", text }, [])
}

fn run(connection: &mut dyn Connection, text: &'static str) -> Result<Output, ConnectionError> {
    connection.execute(None, &request(text))
}

fn failure(endpoint: &Endpoint) -> String {
    let error = run(open(endpoint).as_mut(), ":").unwrap_err();
    assert!(error.is_unreachable(), "{error}");
    format!("{error}\n{}", error.help().unwrap_or("no help"))
}

fn sudo(user: &str) -> Become {
    Become {
        method: BecomeMethod::Sudo,
        user: user.to_owned(),
        password: None,
        executable: None,
        flags: Vec::new(),
    }
}

#[test]
fn requests_are_answered() {
    let Some(sshd) = Sshd::start() else { return };
    let mut connection = open(&sshd.endpoint());
    let output = run(connection.as_mut(), "printf 'a\\000b'; echo error >&2; exit 255").unwrap();
    assert_eq!(
        (output.status, output.stdout.as_slice(), output.stderr.as_slice()),
        (255, b"a\0b".as_slice(), b"error\n".as_slice())
    );
    let output = run(
        connection.as_mut(),
        "head -c 6000000 /dev/zero >&2; head -c 6000000 /dev/zero",
    )
    .unwrap();
    assert_eq!((output.stdout.len(), output.stderr.len()), (6_000_000, 6_000_000));
    let echo = request("cat").with_stdin(vec![0xff; 3_000_000]);
    assert_eq!(connection.execute(None, &echo).unwrap().stdout.len(), 3_000_000);
    assert_eq!(connection.exchanges(), 3);
}

#[test]
fn files_travel_both_ways() {
    let Some(sshd) = Sshd::start() else { return };
    let mut connection = open(&sshd.endpoint());
    for size in [0, 1000, 5 * 1024 * 1024] {
        let content: Vec<u8> = (0..=250).cycle().take(size).collect();
        let path = sshd.path("uploaded").display().to_string();
        connection.upload(None, &mut content.as_slice(), &path).unwrap();
        assert!(fs::read(&path).unwrap() == content);
        let mut fetched = Vec::new();
        connection.download(None, &path, &mut fetched).unwrap();
        assert!(fetched == content);
    }
    let error = connection
        .upload(None, &mut vec![0; 1024 * 1024].as_slice(), "/dev/full/x")
        .unwrap_err();
    assert!(matches!(error, ConnectionError::Transfer { .. }), "{error}");
    assert!(run(connection.as_mut(), ":").unwrap().success());
}

#[test]
fn a_changed_host_key_is_refused() {
    let Some(sshd) = Sshd::start() else { return };
    generate_key(&sshd.path("other"), "ed25519");
    sshd.know_host(&sshd.path("other.pub"));
    for policy in [HostKeyPolicy::Strict, HostKeyPolicy::AcceptNew] {
        let message = failure(&Endpoint {
            host_key_policy: Some(policy),
            ..sshd.endpoint()
        });
        assert!(message.contains("REMOTE HOST IDENTIFICATION HAS CHANGED"), "{message}");
        let place = format!("Offending ED25519 key in {}:1", sshd.path("known_hosts").display());
        assert!(message.contains(&place), "{message}");
        assert!(message.contains("ssh-keygen -f"), "{message}");
    }
    let off = Endpoint {
        host_key_policy: Some(HostKeyPolicy::Off),
        ..sshd.endpoint()
    };
    assert!(run(open(&off).as_mut(), ":").unwrap().success());
}

#[test]
fn an_unknown_host_key_is_refused_or_written_down() {
    let Some(sshd) = Sshd::start() else { return };
    let known_hosts = sshd.path("known_hosts");
    fs::remove_file(&known_hosts).unwrap();
    let message = failure(&sshd.endpoint());
    assert!(
        message.contains("No ED25519 host key is known for [127.0.0.1]"),
        "{message}"
    );
    assert!(!known_hosts.exists());
    let new = Endpoint {
        host_key_policy: Some(HostKeyPolicy::AcceptNew),
        ..sshd.endpoint()
    };
    assert!(run(open(&new).as_mut(), ":").unwrap().success());
    assert_eq!(fs::read_to_string(&known_hosts).unwrap().lines().count(), 1);
    assert!(run(open(&sshd.endpoint()).as_mut(), ":").unwrap().success());
}

#[test]
fn a_refused_key_is_named() {
    let Some(sshd) = Sshd::start() else { return };
    generate_key(&sshd.path("wrong"), "ecdsa");
    let message = failure(&Endpoint {
        private_key: Some(sshd.path("wrong")),
        ..sshd.endpoint()
    });
    assert!(message.contains("as root"), "{message}");
    assert!(message.contains("wrong: refused by the server"), "{message}");
    assert!(message.contains("the server accepts publickey"), "{message}");
    let message = failure(&Endpoint {
        private_key: Some(sshd.path("missing")),
        ..sshd.endpoint()
    });
    assert!(message.contains("missing: there is no such file"), "{message}");
}

#[test]
fn every_kind_of_key_logs_in() {
    let Some(sshd) = Sshd::start() else { return };
    for kind in ["rsa", "ecdsa"] {
        let path = sshd.path(kind);
        generate_key(&path, kind);
        fs::copy(path.with_extension("pub"), sshd.path("authorized_keys")).unwrap();
        let endpoint = Endpoint {
            private_key: Some(path),
            ..sshd.endpoint()
        };
        assert!(run(open(&endpoint).as_mut(), ":").unwrap().success(), "{kind}");
    }
}

#[test]
fn nobody_listens() {
    let Some(mut sshd) = Sshd::start() else { return };
    sshd.stop();
    let message = failure(&sshd.endpoint());
    assert!(message.contains("Connection refused"), "{message}");
    assert!(message.contains("sshd"), "{message}");
}

#[test]
fn a_silent_server_is_given_up() {
    let Some(sshd) = Sshd::start() else { return };
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let begin = Instant::now();
    let message = failure(&Endpoint {
        port: Some(silent.local_addr().unwrap().port()),
        connect_timeout: Duration::from_secs(1),
        ..sshd.endpoint()
    });
    assert!(message.contains("no SSH answer within 1 s"), "{message}");
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[test]
fn another_user_has_a_shell_of_its_own() {
    let Some(sshd) = Sshd::start() else { return };
    let mut connection = open(&sshd.endpoint());
    if !run(connection.as_mut(), "command -v sudo").unwrap().success() {
        eprintln!("skipped: sudo is missing");
        return;
    }
    let nobody = sudo("nobody");
    let name = connection.execute(Some(&nobody), &request("id -un")).unwrap();
    assert_eq!(name.stdout, b"nobody\n", "{}", name.stderr_text());
    assert_eq!(run(connection.as_mut(), "id -un").unwrap().stdout, b"root\n");
    let path = sshd.path("of-nobody").display().to_string();
    let error = connection
        .upload(Some(&nobody), &mut vec![0; 200_000].as_slice(), &path)
        .unwrap_err();
    assert!(error.to_string().contains("ermission denied"), "{error}");
    let error = connection
        .execute(Some(&sudo("no-such-user")), &request(":"))
        .unwrap_err();
    assert!(matches!(error, ConnectionError::EscalationRefused { .. }), "{error}");
    assert!(error.to_string().contains("no such user"), "{error}");
}

#[test]
fn a_limit_that_passes_kills_what_ran() {
    let Some(sshd) = Sshd::start() else { return };
    let mut connection = open(&sshd.endpoint());
    let file = sshd.path("pid");
    let slow = Request::new(
        Script {
            name: "slow",
            text: "sleep 1000 & echo $! >\"$1\"; wait",
        },
        [file.to_str().unwrap()],
    );
    let error = connection
        .execute(None, &slow.with_timeout(Duration::from_secs(1)))
        .unwrap_err();
    assert!(matches!(error, ConnectionError::TimedOut { .. }), "{error}");
    let pid = fs::read_to_string(&file).unwrap();
    wait_until("the end of the child", || !Path::new("/proc").join(pid.trim()).exists());
    assert!(run(connection.as_mut(), ":").unwrap().success());
}

#[test]
fn a_lost_connection_is_opened_anew() {
    let Some(sshd) = Sshd::start() else { return };
    let mut connection = open(&sshd.endpoint());
    assert!(run(connection.as_mut(), ":").unwrap().success());
    // The parent of the shell is the sshd process of this session.
    let lost = run(connection.as_mut(), "kill -KILL $PPID; sleep 0.5").unwrap_err();
    assert!(matches!(lost, ConnectionError::Lost { .. }), "{lost}");
    assert!(run(connection.as_mut(), ":").unwrap().success());
    // Lost while idle: nobody need know.
    let parent = run(connection.as_mut(), "echo $PPID").unwrap().stdout_text();
    Command::new("kill").args(["-KILL", parent.trim()]).status().unwrap();
    wait_until("the end of sshd's process", || {
        !Path::new("/proc").join(parent.trim()).exists()
    });
    assert!(run(connection.as_mut(), ":").unwrap().success());
}

#[test]
fn a_detached_job_outlives_its_connection() {
    let Some(mut sshd) = Sshd::start() else { return };
    let mut connection = open(&sshd.endpoint());
    let go_on = sshd.path("go-on");
    let job = DetachedJob {
        identity: &format!("loopback-{}", sshd.port),
        request: Request::new(
            Script {
                name: "patient",
                text: "echo before; echo $PPID >&2; while [ ! -e \"$1\" ]; do sleep 0.05; done; echo after; exit 3",
            },
            [go_on.to_str().unwrap()],
        ),
        reconnect_for: Duration::from_secs(30),
        result_lasts: Duration::ZERO,
    };
    let parent = run(connection.as_mut(), "echo $PPID").unwrap().stdout_text();
    let mut news = Vec::new();
    let output = run_detached(connection.as_mut(), None, &job, &mut |progress| match progress {
        Progress::Printed { bytes, .. } if bytes.starts_with(b"before") => {
            news.push("printed");
            sshd.stop();
            Command::new("kill").args(["-KILL", parent.trim()]).status().unwrap();
        }
        Progress::Printed { .. } => {}
        Progress::Found => news.push("found"),
        Progress::Reconnecting { .. } => {
            news.push("reconnecting");
            sshd.restart();
            fs::write(&go_on, "").unwrap();
        }
        Progress::Reconnected => news.push("reconnected"),
    })
    .unwrap();
    assert_eq!(output.status, 3);
    assert_eq!(output.stdout, b"before\nafter\n");
    assert_eq!(news, ["printed", "reconnecting", "reconnected"]);
}

#[test]
fn the_agent_s_key_logs_in() {
    let Some(sshd) = Sshd::start() else { return };
    let socket = sshd.path("agent");
    let _agent = Agent::start(&socket);
    let mut endpoint = Endpoint {
        private_key: None,
        ..sshd.endpoint()
    };
    let set = format!("IdentityAgent={}", socket.display());
    for argument in &mut endpoint.ssh_args {
        if argument == "IdentityAgent=none" {
            argument.clone_from(&set);
        }
    }
    let message = failure(&endpoint);
    assert!(message.contains("agent: it holds no keys"), "{message}");
    let added = Command::new("ssh-add")
        .arg("-q")
        .arg(sshd.path("id"))
        .env("SSH_AUTH_SOCK", &socket)
        .status();
    assert!(added.unwrap().success());
    assert!(run(open(&endpoint).as_mut(), ":").unwrap().success());
}

#[test]
fn an_encrypted_key_without_a_terminal_is_named() {
    let Some(sshd) = Sshd::start() else { return };
    let encrypted = Command::new("ssh-keygen")
        .args(["-q", "-p", "-P", "", "-N", "phrase", "-f"])
        .arg(sshd.path("id"))
        .stdout(Stdio::null())
        .status();
    assert!(encrypted.unwrap().success());
    // The test runner may have a terminal; a session of its own has none.
    if fs::File::open("/dev/tty").is_ok() {
        eprintln!("skipped: there is a terminal, which would be asked");
        return;
    }
    let message = failure(&sshd.endpoint());
    assert!(message.contains("is encrypted, and there is no terminal"), "{message}");
}

#[test]
fn a_certificate_logs_in() {
    let Some(sshd) = Sshd::start() else { return };
    generate_key(&sshd.path("ca"), "ed25519");
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-I", "test", "-n", "root", "-s"])
        .arg(sshd.path("ca"))
        .arg(sshd.path("id.pub"))
        .status();
    assert!(signed.unwrap().success());
    let authority = fs::read_to_string(sshd.path("ca.pub")).unwrap();
    fs::write(sshd.path("authorized_keys"), format!("cert-authority {authority}")).unwrap();
    assert!(run(open(&sshd.endpoint()).as_mut(), ":").unwrap().success());
}

#[test]
fn a_proxy_command_leads_to_the_node() {
    let Some(sshd) = Sshd::start() else { return };
    let mut endpoint = sshd.endpoint();
    endpoint.ssh_args.extend([
        "-o".to_owned(),
        // A second sshd, as a child, on the socket pair.
        format!("ProxyCommand={SSHD} -i -e -f {}", sshd.path("sshd_config").display()),
    ]);
    let mut connection = open(&endpoint);
    let content: Vec<u8> = (0..=250).cycle().take(3_000_000).collect();
    let path = sshd.path("uploaded").display().to_string();
    connection.upload(None, &mut content.as_slice(), &path).unwrap();
    assert!(fs::read(&path).unwrap() == content);
}

#[test]
fn a_jump_host_leads_to_the_node() {
    let Some(sshd) = Sshd::start() else { return };
    // The jump host is the same sshd; its client's configuration is in a file of its own.
    let config = sshd.path("ssh_config");
    let text = format!(
        "Host node\n  ProxyJump jump\nHost jump\n  HostName 127.0.0.1\n  Port {}\n  User root\n  IdentityFile {}\nHost *\n  \
         UserKnownHostsFile {}\n  IdentityAgent none\n  IdentitiesOnly yes\n",
        sshd.port,
        sshd.path("id").display(),
        sshd.path("known_hosts").display()
    );
    fs::write(&config, text).unwrap();
    let endpoint = Endpoint {
        ssh_args: vec!["-F".to_owned(), config.display().to_string()],
        ..sshd.endpoint()
    };
    let mut connection = open(&endpoint);
    assert_eq!(run(connection.as_mut(), "echo there").unwrap().stdout, b"there\n");
    let lost = run(connection.as_mut(), "kill -KILL $PPID; sleep 0.5").unwrap_err();
    assert!(matches!(lost, ConnectionError::Lost { .. }), "{lost}");
    assert!(run(connection.as_mut(), ":").unwrap().success());
}

/// A login shell is whatever sshd hands the command to; a forced command can play any.
#[test]
fn login_shells_of_all_kinds_are_borne() {
    let Some(_) = Sshd::start() else { return };
    for login_shell in [
        "echo Welcome; echo 'Last login: today' >&2; sleep 1; exec sh -c \"$SSH_ORIGINAL_COMMAND\"; echo bye",
        "export LC_ALL=de_DE.ISO-8859-1 CDPATH=/ ENV=/no/such; cd /; exec bash -c \"$SSH_ORIGINAL_COMMAND\"",
        "exec fish -c \"$SSH_ORIGINAL_COMMAND\"",
        "exec zsh -c \"$SSH_ORIGINAL_COMMAND\"",
        "HOME=/no/such/home; export HOME; exec busybox sh -c \"$SSH_ORIGINAL_COMMAND\"",
    ] {
        let program = login_shell.split_whitespace().nth(1).unwrap_or_default();
        if ["fish", "zsh"].contains(&program) && !Path::new("/usr/bin").join(program).exists() {
            eprintln!("skipped: {program} is missing");
            continue;
        }
        let Some(sshd) = Sshd::start_with(&format!("ForceCommand {login_shell}")) else {
            return;
        };
        let mut connection = open(&sshd.endpoint());
        let request = Request::new(
            Script {
                name: "test",
                text: "printf '%s' \"$1\"; cat >&2",
            },
            ["it's \\ \"$HOME\""],
        );
        let output = connection.execute(None, &request.with_stdin("in\0put")).unwrap();
        assert_eq!(output.stdout, b"it's \\ \"$HOME\"", "{login_shell}");
        assert_eq!(output.stderr, b"in\0put", "{login_shell}");
        let content = vec![7; 300_000];
        let path = sshd.path("it's \\ a file").display().to_string();
        connection.upload(None, &mut content.as_slice(), &path).unwrap();
        let mut fetched = Vec::new();
        connection.download(None, &path, &mut fetched).unwrap();
        assert!(fetched == content, "{login_shell}");
    }
}

#[test]
fn a_login_shell_that_refuses_is_quoted() {
    let Some(sshd) = Sshd::start_with("ForceCommand echo This account is currently not available.; exit 1") else {
        return;
    };
    let message = failure(&sshd.endpoint());
    assert!(
        message.contains("This account is currently not available."),
        "{message}"
    );
    assert!(message.contains("login shell"), "{message}");
}
