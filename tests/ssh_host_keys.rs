//! Host keys: krun believes and refuses what OpenSSH's own client believes and refuses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs
)]

mod support;

use std::fs;
use std::process::Command;

use krun::connection::{Endpoint, HostKeyPolicy, open};

use support::sshd::{Setup, Sshd, failure, generate_key, run, success};

const POLICIES: [(&str, HostKeyPolicy); 4] = [
    ("yes", HostKeyPolicy::Strict),
    ("accept-new", HostKeyPolicy::AcceptNew),
    ("no", HostKeyPolicy::Off),
    ("ask", HostKeyPolicy::Ask),
];

/// A server whose host keys have these types, with a certificate for the first one.
fn server(host_keys: &[&str]) -> Option<Sshd> {
    let mut sshd = Sshd::set_up(&Setup {
        // OpenSSH's first choice costs ten times as much.
        config: "KexAlgorithms curve25519-sha256",
        host_keys,
        ..Setup::default()
    })?;
    for (name, kind) in [
        ("other", "ed25519"),
        ("other_rsa", "rsa"),
        ("ca", "ed25519"),
        ("other_ca", "ecdsa"),
    ] {
        generate_key(&sshd.path(name), kind);
    }
    certify(&sshd, "ca", &["-h", "-n", "127.0.0.1,::1"]);
    let config = sshd.at("sshd_config");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        format!("HostCertificate {}\n{text}", sshd.at("host_key-cert.pub")),
    )
    .unwrap();
    sshd.stop();
    sshd.restart();
    Some(sshd)
}

/// Signs the first host key anew.
fn certify(sshd: &Sshd, authority: &str, more: &[&str]) {
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-s", &sshd.at(authority), "-I", "test"])
        .args(more)
        .arg(sshd.path("host_key.pub"))
        .status();
    assert!(signed.unwrap().success());
}

/// A `known_hosts` text: `{NAME}` stands for a public key of the test's, `PORT` for the server's port.
fn known_hosts(sshd: &Sshd, template: &str) -> String {
    let mut text = template.replace("PORT", &sshd.port.to_string());
    for name in [
        "host_key",
        "host_key_rsa",
        "host_key_ecdsa",
        "other",
        "other_rsa",
        "ca",
        "other_ca",
    ] {
        let place = format!("{{{name}}}");
        if text.contains(&place) {
            let key = fs::read_to_string(sshd.path(&format!("{name}.pub"))).unwrap();
            text = text.replace(&place, key.trim());
        }
    }
    text
}

/// Asks both with every policy; they must agree on the answer, on the line to look at, and on what they write down.
fn compare(sshd: &Sshd, template: &str, options: &[&str]) {
    let text = known_hosts(sshd, template);
    let file = sshd.path("known_hosts");
    let options = sshd.options(&[options, &["IdentityAgent=none"]].concat());
    // With `ask` and nobody to ask, all goes as with `yes`: a look at one case is enough.
    let policies = if template.is_empty() {
        &POLICIES[..]
    } else {
        &POLICIES[..3]
    };
    for &(name, policy) in policies {
        fs::write(&file, &text).unwrap();
        let strict = format!("StrictHostKeyChecking={name}");
        let all = [&["-o".to_owned(), strict.clone()], options.as_slice()].concat();
        let theirs = sshd.openssh(&all, "root@127.0.0.1", "true");
        let said = String::from_utf8_lossy(&theirs.stderr).into_owned();
        let written = fs::read_to_string(&file).unwrap();
        fs::write(&file, &text).unwrap();
        let endpoint = Endpoint {
            ssh_args: options.clone(),
            host_key_policy: Some(policy),
            ..sshd.endpoint()
        };
        let ours = run(open(&endpoint).as_mut(), ":");
        let case = format!("{template:?} {name} {options:?}");
        assert_eq!(
            ours.is_ok(),
            theirs.status.success(),
            "{case}: {ours:?}\nOpenSSH: {said}"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), written, "{case}: written down");
        if let Err(error) = ours {
            let line = said.lines().find(|line| line.starts_with("Offending"));
            let message = error.to_string();
            assert_eq!(
                message.contains("Offending"),
                line.is_some(),
                "{case}: {message}\n{said}"
            );
            assert!(message.contains(line.unwrap_or_default()), "{case}: {message}\n{said}");
            assert!(message.contains("Host key verification failed."), "{case}: {message}");
        }
    }
}

#[test]
fn known_hosts_files_are_read_as_openssh_reads_them() {
    let Some(sshd) = server(&["ed25519", "rsa", "ecdsa"]) else {
        return;
    };
    for template in [
        "",
        "[127.0.0.1]:PORT {host_key}",
        "other,[127.0.0.1]:PORT {host_key}\n",
        "[127.0.0.*]:PORT {host_key}\n",
        "[127.0.?.1]:P* {host_key}\n*:PORT {host_key}",
        "[127.0.0.*]:PORT,![127.0.0.1]:PORT {host_key}\n",
        // A key that is known for the host counts for its other ports; another key there does not.
        "127.0.0.1 {host_key}\n",
        "127.0.0.1 {other}\n",
        // The server has several keys: the type that is known is asked for.
        "[127.0.0.1]:PORT {host_key_rsa}\n",
        "[127.0.0.1]:PORT {host_key_ecdsa}\n",
        "[127.0.0.1]:PORT {other}\n[127.0.0.1]:PORT {host_key}\n",
        "[127.0.0.1]:PORT {other}\n[127.0.0.1]:PORT {other_rsa}\n",
        "[127.0.0.1]:PORT {other_rsa}\n[127.0.0.1]:PORT {host_key}\n",
        "[127.0.0.1]:PORT {host_key}\n@revoked * {host_key}\n",
        "@revoked [127.0.0.1]:PORT {host_key}\n",
        "@revoked elsewhere {host_key}\n[127.0.0.1]:PORT {host_key}\n",
        "@strange [127.0.0.1]:PORT {host_key}\n",
        "# [127.0.0.1]:PORT {other}\n\n  [127.0.0.1]:PORT {host_key} comment with words\n",
        "[127.0.0.1]:PORT ssh-ed25519 AAAAnonsense\n",
        "[127.0.0.1]:PORT\n[127.0.0.1]:PORT ssh-rsa\n[127.0.0.1]:PORT {host_key}\n",
        "[127.0.0.1]:PORT {host_key}\r\n",
    ] {
        compare(&sshd, template, &[]);
    }
}

#[test]
fn a_key_of_another_type_than_the_known_one_is_a_changed_key() {
    let Some(sshd) = server(&["ed25519"]) else { return };
    compare(&sshd, "[127.0.0.1]:PORT {other_rsa}\n", &[]);
    // Nobody gets the password, even where checking is off.
    let known = known_hosts(&sshd, "[127.0.0.1]:PORT {other_rsa}\n");
    fs::write(sshd.path("known_hosts"), known).unwrap();
    fs::write(sshd.path("authorized_keys"), "").unwrap();
    let config = fs::read_to_string(sshd.path("sshd_config")).unwrap();
    fs::write(
        sshd.path("sshd_config"),
        format!("PasswordAuthentication yes\n{config}"),
    )
    .unwrap();
    let mut sshd = sshd;
    sshd.stop();
    sshd.restart();
    let message = failure(&Endpoint {
        password: Some("secret".to_owned().into()),
        host_key_policy: Some(HostKeyPolicy::Off),
        ..sshd.endpoint()
    });
    assert!(message.contains("no password is sent"), "{message}");
    assert!(!sshd.log().contains("Failed password"), "{}", sshd.log());
}

#[test]
fn certificates_of_hosts_are_believed_as_openssh_believes_them() {
    let Some(sshd) = server(&["ed25519", "rsa"]) else {
        return;
    };
    for template in [
        "@cert-authority * {ca}\n",
        "@cert-authority [127.0.0.1]:PORT {ca}\n",
        "@cert-authority 127.0.0.1 {ca}\n",
        "@cert-authority * {other_ca}\n",
        "@cert-authority elsewhere {ca}\n",
        "@cert-authority * {other_ca}\n[127.0.0.1]:PORT {host_key}\n",
        "@cert-authority * {ca}\n[127.0.0.1]:PORT {other}\n",
        "@cert-authority * {ca}\n@revoked * {ca}\n",
        "@cert-authority * {ca}\n@revoked * {host_key}\n",
        // An authority's key is no host's key.
        "@cert-authority * {host_key}\n",
        "[127.0.0.1]:PORT {ca}\n",
    ] {
        compare(&sshd, template, &[]);
    }
    for more in [
        ["-h", "-n", "elsewhere"].as_slice(),
        &["-h", "-n", "127.0.0.*"],
        &["-h"],
        &["-h", "-n", "127.0.0.1", "-V", "20200101:20210101"],
        &["-n", "127.0.0.1"],
    ] {
        let mut sshd = server(&["ed25519"]).unwrap();
        sshd.stop();
        certify(&sshd, "ca", more);
        sshd.restart();
        compare(&sshd, "@cert-authority * {ca}\n", &[]);
    }
}

#[test]
fn names_and_files_come_from_openssh_s_options() {
    let Some(sshd) = server(&["ed25519"]) else { return };
    let other_file = format!("UserKnownHostsFile={} {}", sshd.at("none"), sshd.at("second"));
    let system_file = format!("GlobalKnownHostsFile={}", sshd.at("second"));
    fs::write(sshd.path("second"), known_hosts(&sshd, "[127.0.0.1]:PORT {host_key}\n")).unwrap();
    compare(&sshd, "[127.0.0.1]:PORT {other}\n", &[&other_file]);
    compare(&sshd, "", &[&system_file]);
    compare(&sshd, "[127.0.0.1]:PORT {other}\n", &[&system_file]);
    for alias in ["node", "Node"] {
        let alias = format!("HostKeyAlias={alias}");
        for template in [
            "node {host_key}\n",
            "NODE {host_key}\n",
            "[127.0.0.1]:PORT {host_key}\n",
            "node {other}\n",
        ] {
            compare(&sshd, template, &[&alias]);
        }
    }
    compare(&sshd, "[127.0.0.1]:PORT {host_key}\n", &["CheckHostIP=yes"]);
}

#[test]
fn hashed_names_are_found_and_written() {
    let Some(sshd) = server(&["ed25519"]) else { return };
    let file = sshd.path("known_hosts");
    for (hashed_by_openssh, policy) in [(true, HostKeyPolicy::Strict), (false, HostKeyPolicy::AcceptNew)] {
        fs::write(&file, "").unwrap();
        let endpoint = Endpoint {
            ssh_args: sshd.options(&["HashKnownHosts=yes", "IdentityAgent=none"]),
            host_key_policy: Some(policy),
            ..sshd.endpoint()
        };
        if hashed_by_openssh {
            fs::write(&file, known_hosts(&sshd, "[127.0.0.1]:PORT {host_key}\n")).unwrap();
            let hashed = Command::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(&file).status();
            assert!(hashed.unwrap().success());
        }
        success(&endpoint);
        // What stands there now is found by OpenSSH.
        let name = format!("[127.0.0.1]:{}", sshd.port);
        let found = Command::new("ssh-keygen")
            .args(["-F", &name, "-f"])
            .arg(&file)
            .output()
            .unwrap();
        assert!(String::from_utf8_lossy(&found.stdout).contains("|1|"), "{policy:?}");
    }
}

#[test]
fn an_ipv6_address_has_its_name() {
    let Some(sshd) = server(&["ed25519"]) else { return };
    let endpoint = Endpoint {
        address: Some("::1".to_owned()),
        ..sshd.endpoint()
    };
    fs::write(sshd.path("known_hosts"), known_hosts(&sshd, "[::1]:PORT {host_key}\n")).unwrap();
    let theirs = sshd.openssh(&sshd.options(&["StrictHostKeyChecking=yes"]), "root@::1", "true");
    assert!(theirs.status.success(), "{}", String::from_utf8_lossy(&theirs.stderr));
    success(&endpoint);
    fs::write(sshd.path("known_hosts"), "").unwrap();
    let message = failure(&endpoint);
    assert!(message.contains(&format!("node ([::1]:{})", sshd.port)), "{message}");
}
