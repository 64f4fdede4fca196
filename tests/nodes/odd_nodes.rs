//! Hosts that are no good sshd: silent, slow, flooding, refusing. Each is given up in time, says why, and delays no other.
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::support::Project;

/// Something that listens on the loopback interface, for as long as the test's process lives; gives its port.
fn listen(serve: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}

/// Reads until the other side hangs up.
fn listen_only(mut stream: TcpStream) {
    while stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {}
}

/// Writes these bytes again and again, as fast as they go.
fn flood(mut stream: TcpStream, begin: &[u8], bytes: &[u8]) {
    let many = bytes.repeat(64 * 1024 / bytes.len());
    if stream.write_all(begin).is_ok() {
        while stream.write_all(&many).is_ok() {}
    }
}

/// What sshd says first, a byte each second.
fn trickle(mut stream: TcpStream) {
    for byte in b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n".iter().cycle() {
        if stream.write_all(&[*byte]).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

#[test]
fn no_odd_host_delays_another_one() {
    let silence = "connected, but no SSH answer within 3 s";
    let disagreement = "SSH was not agreed on";
    // Packets that may come at any time and mean nothing (RFC 4253, section 11.2).
    let ignore = [0, 0, 0, 12, 6, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let hosts = [
        ("silent", listen(listen_only), silence),
        ("trickling", listen(trickle), silence),
        ("hangs_up", listen(drop), disagreement),
        ("refusing", refusing_port(), "Connection refused"),
        ("floods_lines", listen(|stream| flood(stream, b"", b"hello\n")), silence),
        ("floods_zeros", listen(|stream| flood(stream, b"", b"\0")), disagreement),
        (
            "floods_packets",
            listen(move |stream| flood(stream, b"SSH-2.0-flood\r\n", &ignore)),
            silence,
        ),
    ];
    let mut inventory = "good ansible_connection=local\n".to_owned();
    for (name, port, _) in &hosts {
        writeln!(
            inventory,
            "{name} ansible_host=127.0.0.1 ansible_port={port} ansible_user=root"
        )
        .unwrap();
    }
    let project =
        Project::new("- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n").file("hosts.ini", &inventory);
    let ran = project
        .krun(&["site.yml", "-i", "hosts.ini", "-T", "3"])
        .expect_status(4)
        .expect_stdout("good                       : ok=1 ");
    let position = |part: &str| {
        let found = ran.stdout.find(part);
        found.unwrap_or_else(|| panic!("no {part:?} in {}", ran.stdout))
    };
    for (name, port, reason) in hosts {
        let given_up = format!("fatal: [{name}]: UNREACHABLE! => cannot connect to {name} (127.0.0.1:{port}): ");
        let begin = position(&given_up) + given_up.len();
        let line = ran.stdout[begin..].lines().next().unwrap();
        assert!(line.contains(reason), "{name}: {line}");
        if reason == silence {
            assert!(position("ok: [good]") < begin, "{}", ran.stdout);
        }
    }
}

/// A port where nobody listens.
fn refusing_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
