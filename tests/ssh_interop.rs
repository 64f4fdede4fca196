//! krun with servers of other kinds and settings than a plain OpenSSH.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs
)]

mod support;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use krun::connection::{
    BecomeMethod, Connection, DetachedJob, Endpoint, HostKeyPolicy, Request, Script, open, run_detached,
};
use tempfile::TempDir;

use support::Project;
use support::sshd::{Sshd, become_user, failure, generate_key, request, run, success, wait_until};

/// What every server has to bear: a shell, another user's shell, files both ways, and a detached job.
fn use_everything(endpoint: &Endpoint, folder: &str) {
    let mut connection = open(endpoint);
    let output = run(connection.as_mut(), "printf 'a\\000b'; echo error >&2; exit 7").unwrap();
    assert_eq!((output.status, output.stdout.as_slice()), (7, b"a\0b".as_slice()));
    let nobody = become_user(BecomeMethod::Sudo, "nobody", None);
    let name = connection.execute(Some(&nobody), &request("id -un")).unwrap();
    assert_eq!(name.stdout_text(), "nobody\n");
    travel(connection.as_mut(), folder);
    let job = DetachedJob {
        identity: &format!("interop-{}", endpoint.port.unwrap()),
        request: Request::new::<&str>(
            Script {
                name: "job",
                text: "echo out; echo err >&2; exit 3",
            },
            [],
        ),
        reconnect_for: Duration::from_secs(10),
        result_lasts: Duration::ZERO,
        node_limit: None,
    };
    let output = run_detached(connection.as_mut(), None, &job, &mut |_| {}).unwrap();
    assert_eq!((output.status, output.stdout_text().as_str()), (3, "out\n"));
    // The shells from the beginning are still there.
    let name = connection.execute(Some(&nobody), &request("id -un")).unwrap();
    assert_eq!(name.stdout_text(), "nobody\n");
}

fn travel(connection: &mut dyn Connection, folder: &str) {
    let path = format!("{folder}/uploaded");
    for size in [1000, 3_000_000] {
        let content: Vec<u8> = (0..=250).cycle().take(size).collect();
        connection.upload(None, &mut content.as_slice(), &path).unwrap();
        assert!(fs::read(&path).unwrap() == content);
        let mut fetched = Vec::new();
        connection.download(None, &path, &mut fetched).unwrap();
        assert!(fetched == content);
    }
}

#[test]
fn hardened_settings() {
    let always = "PermitTTY no\nAllowTcpForwarding no\nX11Forwarding no\nAllowAgentForwarding no\nMaxSessions 1\n\
                  MaxAuthTries 3\nPermitUserRC no\nLoginGraceTime 20\nKexAlgorithms curve25519-sha256";
    for more in [
        "Ciphers chacha20-poly1305@openssh.com",
        "Ciphers aes256-gcm@openssh.com",
        "Ciphers aes128-ctr\nMACs hmac-sha2-512-etm@openssh.com",
        "Ciphers aes256-ctr\nMACs hmac-sha2-256-etm@openssh.com",
        "Compression no",
    ] {
        let Some(sshd) = Sshd::start_with(&format!("{always}\n{more}")) else {
            return;
        };
        use_everything(&sshd.endpoint(), &sshd.at(""));
    }
}

#[test]
fn every_key_exchange_that_openssh_and_the_library_share() {
    for kex in [
        "curve25519-sha256@libssh.org",
        "ecdh-sha2-nistp256",
        "ecdh-sha2-nistp521",
        "diffie-hellman-group14-sha256",
        "diffie-hellman-group16-sha512",
        "diffie-hellman-group-exchange-sha256",
    ] {
        let Some(sshd) = Sshd::start_with(&format!("KexAlgorithms {kex}")) else {
            return;
        };
        success(&sshd.endpoint());
    }
    let Some(sshd) = Sshd::start_with("KexAlgorithms sntrup761x25519-sha512@openssh.com") else {
        return;
    };
    let message = failure(&sshd.endpoint());
    assert!(message.contains("no common key exchange"), "{message}");
}

#[test]
fn algorithms_are_the_user_s_to_choose() {
    let Some(sshd) = Sshd::start_with("LogLevel DEBUG1") else {
        return;
    };
    let with = |option: &str| Endpoint {
        ssh_args: sshd.options(&[option, "IdentityAgent=none", "IdentityFile=none"]),
        ..sshd.endpoint()
    };
    for (option, agreed) in [
        ("Ciphers=aes192-ctr", "cipher: aes192-ctr"),
        ("KexAlgorithms=ecdh-sha2-nistp384", "kex: algorithm: ecdh-sha2-nistp384"),
        ("Compression=yes", "compression: zlib@openssh.com"),
    ] {
        success(&with(option));
        let log = sshd.log();
        let last = log.rfind("SSH2_MSG_KEXINIT received").unwrap();
        assert!(log[last..].contains(agreed), "{option}: {}", &log[last..]);
    }
    let macs = with("MACs=hmac-sha2-512");
    success(&Endpoint {
        ssh_args: [
            macs.ssh_args.as_slice(),
            &["-o".to_owned(), "Ciphers=aes128-ctr".to_owned()],
        ]
        .concat(),
        ..macs
    });
    assert!(sshd.log().contains("MAC: hmac-sha2-512 "), "{}", sshd.log());
    let message = failure(&with("Ciphers=aes128-cbc"));
    assert!(message.contains("no common key exchange, cipher"), "{message}");
    let message = failure(&with("KexAlgorithms=sntrup761x25519-sha512@openssh.com"));
    assert!(message.contains("nothing of what KexAlgorithms asks for"), "{message}");
    let message = failure(&with("HostKeyAlgorithms=rsa-sha2-512"));
    assert!(
        message.contains("no common key exchange, cipher or host key type"),
        "{message}"
    );
}

#[test]
fn compression_is_bearable() {
    let Some(sshd) = Sshd::start() else { return };
    use_everything(
        &Endpoint {
            ssh_args: sshd.options(&["Compression=yes", "IdentityAgent=none", "IdentityFile=none"]),
            ..sshd.endpoint()
        },
        &sshd.at(""),
    );
}

#[test]
fn a_server_that_runs_no_commands_is_named() {
    for config in ["ForceCommand internal-sftp", "ForceCommand /bin/false", "MaxSessions 0"] {
        let Some(sshd) = Sshd::start_with(config) else { return };
        let message = failure(&sshd.endpoint());
        assert!(message.contains("logged in, but"), "{config}: {message}");
    }
}

#[test]
fn ssh_s_own_files_say_where_a_host_is() {
    let Some(sshd) = Sshd::start() else { return };
    let more = sshd.at("more_config");
    fs::write(
        &more,
        format!(
            "Match host 127.0.0.1 user root\n  Port {}\n  IdentityFile {}\n",
            sshd.port,
            sshd.at("id")
        ),
    )
    .unwrap();
    let config = sshd.at("ssh_config");
    let text = format!(
        "Include {more}\nHost w1* !w13\n  HostName 127.0.0.1\n  User root\nHost *\n  IdentitiesOnly yes\n  \
         IdentityAgent none\n  ConnectTimeout 3\n  ServerAliveInterval 5\n  StrictHostKeyChecking yes\n  \
         UserKnownHostsFile {}\nMatch final host 127.0.0.1\n  Port {}\n  IdentityFile {}\n",
        sshd.at("known_hosts"),
        sshd.port,
        sshd.at("id")
    );
    fs::write(&config, text).unwrap();
    let endpoint = |host: &str, address: Option<&str>| Endpoint {
        address: address.map(str::to_owned),
        ssh_args: vec![format!("-F{config}")],
        ..Endpoint::ssh(host)
    };
    success(&endpoint("w12", None));
    // OpenSSH knows a host by ansible_host, as with Ansible.
    success(&endpoint("worker", Some("w12")));
    let message = failure(&endpoint("w13", None));
    assert!(message.contains("cannot be resolved"), "{message}");
    let message = failure(&Endpoint {
        ssh_args: vec![format!("-F{config}"), "-o".to_owned(), "ForwardAgent=yes".to_owned()],
        ..endpoint("w12", None)
    });
    assert!(message.contains("`ForwardAgent`"), "{message}");
    let message = failure(&Endpoint {
        ssh_args: vec!["-o".to_owned(), "Nonsense=yes".to_owned()],
        ..endpoint("w12", None)
    });
    assert!(message.contains("`Nonsense`"), "{message}");
    fs::write(&config, "Host *\n  BindAddress 127.0.0.9\n").unwrap();
    let message = failure(&endpoint("w12", None));
    assert!(message.contains("`BindAddress`"), "{message}");
}

/// Three hops, the node at an IPv6 address; each jump has a port, a user and a key of its own.
#[test]
fn several_jumps_lead_to_the_node() {
    let (Some(first), Some(second), Some(node)) = (Sshd::start(), Sshd::start(), Sshd::start()) else {
        return;
    };
    let config = node.at("ssh_config");
    let mut text = String::new();
    for (name, sshd) in [("first", &first), ("second", &second)] {
        text += &format!(
            "Host {name}\n  HostName 127.0.0.1\n  Port {}\n  User root\n  IdentityFile {}\n  UserKnownHostsFile {}\n",
            sshd.port,
            sshd.at("id"),
            sshd.at("known_hosts")
        );
    }
    text += "Host *\n  IdentityAgent none\n  IdentitiesOnly yes\n  StrictHostKeyChecking yes\n";
    fs::write(&config, text).unwrap();
    let known = fs::read_to_string(node.path("known_hosts")).unwrap();
    fs::write(node.path("known_hosts"), known.replace("[127.0.0.1]", "[::1]")).unwrap();
    let with = |jumps: &str| {
        let mut endpoint = Endpoint {
            address: Some("::1".to_owned()),
            ..node.endpoint()
        };
        endpoint.ssh_args = vec![
            "-F".to_owned(),
            config.clone(),
            "-J".to_owned(),
            jumps.to_owned(),
            "-o".to_owned(),
            format!("UserKnownHostsFile={}", node.at("known_hosts")),
        ];
        endpoint
    };
    use_everything(&with("first,second"), &node.at(""));
    for sshd in [&first, &second] {
        assert!(sshd.log().contains("Accepted publickey for root"), "{}", sshd.log());
    }
    // What the jump says about its own failure is in the error.
    fs::write(second.path("authorized_keys"), "").unwrap();
    let message = failure(&with("first,second"));
    assert!(message.contains("Permission denied (publickey)"), "{message}");
    let message = failure(&with("no-such-jump.invalid"));
    assert!(message.contains("no-such-jump.invalid"), "{message}");
}

/// A play begins with all its hosts at once; a jump host's sshd lets in only so many at a time.
#[test]
fn many_hosts_behind_one_jump_are_reached_at_once() {
    let (Some(jump), Some(node)) = (
        Sshd::start_with("MaxStartups 9:100:9\nKexAlgorithms curve25519-sha256"),
        Sshd::start_with("MaxStartups 100\nKexAlgorithms curve25519-sha256"),
    ) else {
        return;
    };
    let config = node.at("ssh_config");
    let text = format!(
        "Host jump\n  HostName 127.0.0.1\n  Port {}\n  User root\n  IdentityFile {}\n  UserKnownHostsFile {}\n  \
         IdentityAgent none\n",
        jump.port,
        jump.at("id"),
        jump.at("known_hosts")
    );
    fs::write(&config, text).unwrap();
    for way in [
        "ProxyJump=jump".to_owned(),
        format!("ProxyCommand=ssh -F {config} -W %h:%p jump"),
    ] {
        let endpoint = Endpoint {
            ssh_args: ["-F", &config, "-o", &way, "-o"]
                .map(str::to_owned)
                .into_iter()
                .chain([format!("UserKnownHostsFile={}", node.at("known_hosts"))])
                .collect(),
            connect_timeout: Duration::from_secs(30),
            ..node.endpoint()
        };
        std::thread::scope(|scope| {
            for _ in 0..24 {
                scope.spawn(|| success(&endpoint));
            }
        });
    }
}

#[test]
fn an_ipv6_address_may_be_linked_to_an_interface() {
    let Some(sshd) = Sshd::start() else { return };
    let message = failure(&Endpoint {
        address: Some("fe80::1%nowhere".to_owned()),
        ..sshd.endpoint()
    });
    assert!(message.contains("fe80::1%nowhere"), "{message}");
    for (family, address) in [("inet", "::1"), ("inet6", "127.0.0.1")] {
        let message = failure(&Endpoint {
            address: Some(address.to_owned()),
            ssh_args: sshd.options(&[&format!("AddressFamily={family}")]),
            ..sshd.endpoint()
        });
        assert!(message.contains("no address of the kind"), "{message}");
    }
}

#[test]
fn connection_variables_are_obeyed_or_named() {
    for (line, named) in [
        ("ansible_ssh_executable=/usr/local/bin/ssh", "`ansible_ssh_executable`"),
        ("ansible_sudo_user=root", "`ansible_sudo_user`"),
        ("ansible_timeout=soon", "whole seconds, and is `soon`"),
        ("ansible_host_key_checking=perhaps", "true or false, and is `perhaps`"),
        ("ansible_port=99999", "`99999` is no TCP port"),
        ("ansible_ssh_args='-o Nonsense=1'", "`Nonsense`"),
        ("ansible_ssh_common_args='-o SetEnv=A=b'", "`SetEnv`"),
        ("ansible_ssh_extra_args='-L 80:localhost:80'", "`-L`"),
    ] {
        let project = Project::new("- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n")
            .file("hosts.ini", &format!("w1 ansible_host=127.0.0.1 {line}\n"));
        let ran = project.krun(&["site.yml", "-i", "hosts.ini"]);
        assert_ne!(ran.status, 0, "{line}");
        assert!(ran.stdout.contains(named), "{line}: {}{}", ran.stdout, ran.stderr);
    }
}

/// A dropbear that ends with its test.
struct Dropbear {
    folder: TempDir,
    port: u16,
    server: Child,
}

impl Dropbear {
    fn start(host_key: &str) -> Option<Self> {
        if !rustix::process::getuid().is_root() {
            eprintln!("skipped: a dropbear of one's own needs root");
            return None;
        }
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        let made = Command::new("dropbearkey")
            .args(["-t", host_key, "-f"])
            .arg(at("host"))
            .stderr(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&made.stdout).into_owned();
        let key = said.lines().find(|line| line.contains(" AAAA")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        fs::write(at("known_hosts"), format!("[127.0.0.1]:{port} {key}\n")).unwrap();
        // It looks for authorized_keys in the user's home only: a folder of the test's is mounted there.
        fs::create_dir(at("ssh")).unwrap();
        let script = "mount -t tmpfs -o mode=700 home /root && mkdir /root/.ssh && mount --bind \"$1/ssh\" /root/.ssh && \
                      exec dropbear -F -E -r \"$1/host\" -p \"127.0.0.1:$2\" -P \"$1/pid\"";
        let server = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "--mount", "sh", "-c", script, "sh"])
            .arg(folder.path())
            .arg(port.to_string())
            .stdin(Stdio::null())
            .stderr(fs::File::create(at("log")).unwrap())
            .spawn()
            .unwrap();
        wait_until("dropbear", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(Self { folder, port, server })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An endpoint that logs in with a new key of this kind.
    fn endpoint(&self, kind: &str) -> Endpoint {
        let key = self.path(kind);
        generate_key(&key, kind);
        fs::copy(key.with_extension("pub"), self.path("ssh/authorized_keys")).unwrap();
        Endpoint {
            address: Some("127.0.0.1".to_owned()),
            port: Some(self.port),
            user: Some("root".to_owned()),
            private_key: Some(key),
            ssh_args: [
                "-F",
                "none",
                "-o",
                "IdentityAgent=none",
                "-o",
                "IdentityFile=none",
                "-o",
            ]
            .map(str::to_owned)
            .into_iter()
            .chain([format!("UserKnownHostsFile={}", self.path("known_hosts").display())])
            .collect(),
            host_key_policy: Some(HostKeyPolicy::Strict),
            ..Endpoint::ssh("node")
        }
    }
}

impl Drop for Dropbear {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn dropbear_is_served_with_keys_of_every_kind() {
    for (host_key, kind) in [("ed25519", "ed25519"), ("ecdsa", "rsa"), ("rsa", "ecdsa")] {
        let Some(dropbear) = Dropbear::start(host_key) else {
            return;
        };
        let endpoint = dropbear.endpoint(kind);
        use_everything(&endpoint, &dropbear.path("").display().to_string());
        fs::write(dropbear.path("ssh/authorized_keys"), "").unwrap();
        let message = failure(&endpoint);
        assert!(message.contains("refused by the server"), "{message}");
    }
}
