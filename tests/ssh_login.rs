//! Logging in: keys of all kinds, the agent, passwords, several steps; and what is said when it fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs
)]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use krun::connection::Endpoint;
use support::Project;
use support::sshd::{Agent, Setup, Sshd, failure, generate_key, success};

/// A user with a password, which PAM knows as well.
const ACCOUNTS: &str = "
useradd --no-create-home --home-dir /tmp --shell /bin/sh ops
echo 'ops:right' | chpasswd
printf 'auth required pam_unix.so nodelay\\naccount required pam_permit.so\\nsession required pam_permit.so\\n' >/etc/pam.d/sshd
";

fn with_accounts(config: &str) -> Option<Sshd> {
    Sshd::set_up(&Setup {
        config,
        etc: ACCOUNTS,
        ..Setup::default()
    })
}

/// How the user with the password logs in.
fn ops(sshd: &Sshd, password: Option<&str>, options: &[&str]) -> Endpoint {
    Endpoint {
        user: Some("ops".to_owned()),
        password: password.map(|password| password.to_owned().into()),
        private_key: None,
        ssh_args: sshd.options(&[options, &["IdentityAgent=none", "IdentityFile=none"]].concat()),
        ..sshd.endpoint()
    }
}

fn allow(sshd: &Sshd, key: &str) {
    fs::copy(sshd.at(&format!("{key}.pub")), sshd.path("authorized_keys")).unwrap();
}

fn through_agent(sshd: &Sshd, socket: &str, options: &[&str]) -> Endpoint {
    let agent = format!("IdentityAgent={}", sshd.at(socket));
    Endpoint {
        private_key: None,
        ssh_args: sshd.options(&[options, &[agent.as_str(), "IdentityFile=none"]].concat()),
        ..sshd.endpoint()
    }
}

#[test]
fn rsa_keys_sign_with_what_the_server_allows() {
    for allowed in ["rsa-sha2-256", "rsa-sha2-512"] {
        let Some(sshd) = Sshd::start_with(&format!("PubkeyAcceptedAlgorithms {allowed}")) else {
            return;
        };
        generate_key(&sshd.path("rsa"), "rsa");
        allow(&sshd, "rsa");
        success(&Endpoint {
            private_key: Some(sshd.path("rsa")),
            ..sshd.endpoint()
        });
        let agent = Agent::start(&sshd.path("agent"));
        agent.add(&sshd.path("rsa"));
        success(&Endpoint {
            private_key: Some(sshd.path("rsa")),
            ..through_agent(&sshd, "agent", &[])
        });
        let only = format!("PubkeyAcceptedAlgorithms={allowed}");
        success(&through_agent(&sshd, "agent", &[&only]));
    }
}

#[test]
fn the_agent_s_keys_of_every_kind_and_its_certificates_log_in() {
    let Some(sshd) = Sshd::start() else { return };
    for kind in ["ed25519", "ecdsa", "rsa"] {
        generate_key(&sshd.path(kind), kind);
        allow(&sshd, kind);
        let socket = format!("agent-{kind}");
        let agent = Agent::start(&sshd.path(&socket));
        agent.add(&sshd.path(kind));
        success(&through_agent(&sshd, &socket, &[]));
    }
    certify(&sshd, "ed25519");
    let agent = Agent::start(&sshd.path("agent"));
    agent.add(&sshd.path("ed25519"));
    success(&through_agent(&sshd, "agent", &[]));
}

/// Only certificates of an authority are let in from now on; the key gets one.
fn certify(sshd: &Sshd, key: &str) {
    generate_key(&sshd.path("ca"), "ed25519");
    let signed = Command::new("ssh-keygen")
        .args([
            "-q",
            "-I",
            "test",
            "-n",
            "root",
            "-s",
            &sshd.at("ca"),
            &sshd.at(&format!("{key}.pub")),
        ])
        .status();
    assert!(signed.unwrap().success());
    let authority = fs::read_to_string(sshd.path("ca.pub")).unwrap();
    fs::write(sshd.path("authorized_keys"), format!("cert-authority {authority}")).unwrap();
}

#[test]
fn a_certificate_may_lie_elsewhere() {
    let Some(sshd) = Sshd::start() else { return };
    certify(&sshd, "id");
    fs::rename(sshd.path("id-cert.pub"), sshd.path("elsewhere")).unwrap();
    let message = failure(&sshd.endpoint());
    assert!(message.contains("refused by the server"), "{message}");
    let option = format!("CertificateFile={}", sshd.at("elsewhere"));
    success(&Endpoint {
        ssh_args: sshd.options(&[&option, "IdentityAgent=none", "IdentityFile=none"]),
        ..sshd.endpoint()
    });
}

#[test]
fn keys_of_every_format_log_in() {
    let Some(sshd) = Sshd::start() else { return };
    for (kind, format) in [
        ("rsa", "PEM"),
        ("ecdsa", "PEM"),
        ("rsa", "PKCS8"),
        ("ecdsa", "PKCS8"),
        ("ed25519", "RFC4716"),
    ] {
        let name = format!("{kind}-{format}");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", kind, "-m", format, "-N", "", "-f", &sshd.at(&name)])
            .status();
        assert!(made.unwrap().success());
        allow(&sshd, &name);
        success(&Endpoint {
            private_key: Some(sshd.path(&name)),
            ..sshd.endpoint()
        });
    }
}

#[test]
fn the_agent_unlocks_a_key_that_is_encrypted_on_disk() {
    let Some(sshd) = Sshd::start() else { return };
    let agent = Agent::start(&sshd.path("agent"));
    agent.add(&sshd.path("id"));
    encrypt(&sshd, "id");
    for without_public_half in [false, true] {
        if without_public_half {
            fs::remove_file(sshd.path("id.pub")).unwrap();
        }
        success(&Endpoint {
            private_key: Some(sshd.path("id")),
            ..through_agent(&sshd, "agent", &["IdentitiesOnly=yes"])
        });
    }
}

fn encrypt(sshd: &Sshd, key: &str) {
    let encrypted = Command::new("ssh-keygen")
        .args(["-q", "-p", "-P", "", "-N", "phrase", "-f", &sshd.at(key)])
        .stdout(Stdio::null())
        .status();
    assert!(encrypted.unwrap().success());
}

#[test]
fn too_many_keys_for_the_server() {
    let Some(sshd) = Sshd::start_with("MaxAuthTries 2") else {
        return;
    };
    let agent = Agent::start(&sshd.path("agent"));
    for name in ["one", "two", "three", "four"] {
        generate_key(&sshd.path(name), "ed25519");
        agent.add(&sshd.path(name));
    }
    agent.add(&sshd.path("id"));
    let message = failure(&through_agent(&sshd, "agent", &[]));
    assert!(message.contains("MaxAuthTries"), "{message}");
    assert!(message.contains("--private-key"), "{message}");
    // The ways out that the message names.
    let chosen = format!("IdentityFile={}", sshd.at("id"));
    let public_half = format!("IdentityFile={}", sshd.at("id.pub"));
    for options in [
        [chosen.as_str(), "IdentitiesOnly=yes"].as_slice(),
        &[&public_half, "IdentitiesOnly=yes"],
        &[&chosen],
    ] {
        let endpoint = through_agent(&sshd, "agent", &[]);
        let agent = format!("IdentityAgent={}", sshd.at("agent"));
        success(&Endpoint {
            ssh_args: sshd.options(&[options, &[agent.as_str()]].concat()),
            ..endpoint
        });
    }
    success(&Endpoint {
        private_key: Some(sshd.path("id")),
        ..through_agent(&sshd, "agent", &[])
    });
}

#[test]
fn passwords_log_in_with_and_without_pam() {
    for config in [
        "PasswordAuthentication yes",
        "PasswordAuthentication yes\nUsePAM yes",
        "KbdInteractiveAuthentication yes\nUsePAM yes",
    ] {
        let Some(sshd) = with_accounts(config) else { return };
        success(&ops(&sshd, Some("right"), &[]));
        let begin = Instant::now();
        let message = failure(&ops(&sshd, Some("wrong"), &[]));
        assert!(message.contains("refused by the server"), "{config}: {message}");
        assert!(!message.contains("wrong"), "{config}: {message}");
        assert!(begin.elapsed() < Duration::from_secs(12), "{:?}", begin.elapsed());
        let message = failure(&ops(&sshd, None, &[]));
        assert!(message.contains("--ask-pass"), "{config}: {message}");
    }
}

#[test]
fn several_steps_are_taken_when_the_server_wants_them() {
    for (methods, config) in [
        ("publickey,password", "PasswordAuthentication yes"),
        ("password,publickey", "PasswordAuthentication yes"),
        (
            "publickey,keyboard-interactive",
            "KbdInteractiveAuthentication yes\nUsePAM yes",
        ),
        (
            "keyboard-interactive,publickey",
            "KbdInteractiveAuthentication yes\nUsePAM yes",
        ),
    ] {
        let Some(sshd) = with_accounts(&format!("AuthenticationMethods {methods}\n{config}")) else {
            return;
        };
        let both = Endpoint {
            private_key: Some(sshd.path("id")),
            ..ops(&sshd, Some("right"), &[])
        };
        success(&both);
        let message = failure(&Endpoint {
            password: None,
            ..both.clone()
        });
        if methods.starts_with("publickey") {
            assert!(message.contains("accepted, but not enough"), "{methods}: {message}");
        }
        assert!(message.contains("-k"), "{methods}: {message}");
        let message = failure(&Endpoint {
            password: Some("wrong".to_owned().into()),
            ..both
        });
        assert!(message.contains("refused by the server"), "{methods}: {message}");
    }
}

#[test]
fn every_attempt_is_listed_in_its_order_with_its_reason() {
    let Some(sshd) = with_accounts("MaxAuthTries 20\nPasswordAuthentication yes") else {
        return;
    };
    let agent = Agent::start(&sshd.path("agent"));
    for name in ["chosen", "other"] {
        generate_key(&sshd.path(name), "ed25519");
        agent.add(&sshd.path(name));
    }
    generate_key(&sshd.path("given"), "rsa");
    fs::write(sshd.path("damaged"), "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n").unwrap();
    let (chosen, damaged, socket) = (
        format!("IdentityFile={}", sshd.at("chosen")),
        format!("IdentityFile={}", sshd.at("damaged")),
        format!("IdentityAgent={}", sshd.at("agent")),
    );
    let endpoint = Endpoint {
        user: Some("ops".to_owned()),
        password: Some("wrong".to_owned().into()),
        private_key: Some(sshd.path("given")),
        ssh_args: sshd.options(&[&chosen, &damaged, &socket]),
        ..sshd.endpoint()
    };
    fs::write(sshd.path("authorized_keys"), "").unwrap();
    let message = failure(&endpoint);
    let mut rest = message.as_str();
    for part in [
        "cannot log in to node",
        "as ops: tried key ",
        "given: refused by the server",
        "given with rsa-sha2-256: refused by the server",
        "agent's key ",
        "refused by the server; agent's key ",
        "damaged: is damaged",
        "password: refused by the server",
        "(the server accepts publickey,password)",
        "give the right key",
    ] {
        let Some((_, after)) = rest.split_once(part) else {
            panic!("no {part:?} in {rest:?} of {message}")
        };
        rest = after;
    }
}

#[test]
fn two_keys_are_given_when_the_server_wants_two() {
    let Some(sshd) = Sshd::start_with("AuthenticationMethods publickey,publickey") else {
        return;
    };
    generate_key(&sshd.path("second"), "ed25519");
    let keys = ["id.pub", "second.pub"].map(|name| fs::read_to_string(sshd.path(name)).unwrap());
    fs::write(sshd.path("authorized_keys"), keys.concat()).unwrap();
    let second = format!("IdentityFile={}", sshd.at("second"));
    success(&Endpoint {
        ssh_args: sshd.options(&[&second, "IdentityAgent=none"]),
        ..sshd.endpoint()
    });
}

#[test]
fn the_order_of_methods_is_the_user_s() {
    let Some(sshd) = with_accounts("PasswordAuthentication yes") else {
        return;
    };
    let endpoint = |options: &[&str]| Endpoint {
        private_key: Some(sshd.path("id")),
        ..ops(&sshd, Some("right"), options)
    };
    let last = |log: &str| {
        let line = log.lines().rfind(|line| line.starts_with("Accepted"));
        line.unwrap_or_default()
            .split(' ')
            .nth(1)
            .unwrap_or_default()
            .to_owned()
    };
    success(&endpoint(&[]));
    assert_eq!(last(&sshd.log()), "publickey");
    success(&endpoint(&["PreferredAuthentications=password,publickey"]));
    assert_eq!(last(&sshd.log()), "password");
    success(&endpoint(&["PubkeyAuthentication=no"]));
    assert_eq!(last(&sshd.log()), "password");
    let message = failure(&Endpoint {
        password: None,
        ..endpoint(&["PreferredAuthentications=password"])
    });
    assert!(message.contains("there was no key and no password to try"), "{message}");
}

/// krun asks on its terminal, whatever its standard input is.
#[test]
fn the_terminal_is_asked_for_a_pass_phrase_once_for_all_hosts() {
    let Some(sshd) = Sshd::start() else { return };
    for kind in [["-t", "ed25519"].as_slice(), &["-t", "rsa", "-m", "PEM"]] {
        let _ = fs::remove_file(sshd.path("key"));
        let made = Command::new("ssh-keygen")
            .arg("-q")
            .args(kind)
            .args(["-N", "phrase", "-f", &sshd.at("key")])
            .status();
        assert!(made.unwrap().success());
        allow(&sshd, "key");
        let inventory = format!(
            "a\nb\n[all:vars]\nansible_host=127.0.0.1\nansible_port={}\nansible_user=root\n\
             ansible_ssh_private_key_file={}\nansible_ssh_common_args='{}'\n",
            sshd.port,
            sshd.at("key"),
            sshd.options(&["IdentityAgent=none", "IdentityFile=none", "StrictHostKeyChecking=yes"])
                .join(" ")
        );
        let project =
            Project::new("- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n").file("hosts.ini", &inventory);
        let said = on_a_terminal(project.path(), "site.yml -i hosts.ini", "Enter passphrase", "phrase\n");
        assert_eq!(said.matches("Enter passphrase for key").count(), 1, "{said}");
        assert!(said.contains("ok=1"), "{said}");
    }
}

#[test]
fn the_terminal_is_asked_about_a_new_host() {
    let Some(sshd) = Sshd::start() else { return };
    let known = fs::read_to_string(sshd.path("known_hosts")).unwrap();
    let known = known.trim_end().rsplit_once(' ').unwrap().0;
    for (answer, status) in [("no\n", "unreachable=1"), ("yes\n", "ok=1")] {
        fs::write(sshd.path("known_hosts"), "").unwrap();
        // With a port in brackets, as inventories have it for IPv6 addresses.
        let inventory = format!(
            "[::1]:{}\n[all:vars]\nansible_user=root\nansible_ssh_private_key_file={}\nansible_ssh_common_args='{}'\n",
            sshd.port,
            sshd.at("id"),
            sshd.options(&["IdentityAgent=none", "IdentityFile=none", "StrictHostKeyChecking=ask"])
                .join(" ")
        );
        let project =
            Project::new("- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n").file("hosts.ini", &inventory);
        let said = on_a_terminal(project.path(), "site.yml -i hosts.ini", "(yes/no)?", answer);
        assert!(said.contains("ED25519 key fingerprint is SHA256:"), "{said}");
        assert!(said.contains(status), "{said}");
        let written = fs::read_to_string(sshd.path("known_hosts")).unwrap();
        let expected = known.replace("127.0.0.1", "::1");
        assert_eq!(written.trim_end(), if answer == "yes\n" { &expected } else { "" });
    }
}

/// Runs krun on a terminal of its own, at which somebody types; what the terminal showed.
fn on_a_terminal(folder: &Path, arguments: &str, question: &str, typed: &str) -> String {
    let mut terminal = Command::new("setsid")
        .args(["--wait", "script", "--quiet", "--return", "--command"])
        .arg(format!("{} {arguments} </dev/null", env!("CARGO_BIN_EXE_krun")))
        .arg("/dev/null")
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut shown = Vec::new();
    let mut screen = terminal.stdout.take().unwrap();
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&shown).contains(question) {
        let read = screen.read(&mut buffer).unwrap();
        assert!(read > 0, "no question: {}", String::from_utf8_lossy(&shown));
        shown.extend(&buffer[..read]);
    }
    terminal.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    screen.read_to_end(&mut shown).unwrap();
    terminal.wait().unwrap();
    String::from_utf8_lossy(&shown).into_owned()
}
