//! Hosts that are no good sshd: silent, slow, flooding, refusing. Each is given up in time, with the reason, and delays no
//! other. And nodes that are odd in other ways, on which krun works all the same.
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::support::lab::Lab;
use crate::support::{Project, Ran};

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

/// Homes, login shells and a locale that programs trip over, on a real node and through its PAM.
const USERS: &str = "
printf '#!/bin/sh\\necho Welcome; echo Beware >&2; sleep 1; exec /bin/sh \"$@\"\\n' >/usr/local/bin/noisy
chmod 755 /usr/local/bin/noisy
useradd --shell /usr/local/bin/noisy --create-home noisy
useradd --shell /bin/bash --no-create-home --home-dir /no/such/home homeless
useradd --shell /bin/bash --home-dir /home/readonly readonly
mkdir /home/readonly
mount -t tmpfs -o ro tmpfs /home/readonly
cp /root/.ssh/authorized_keys /etc/ssh/keys
printf 'AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/keys\\n' >/etc/ssh/sshd_config.d/00-keys.conf
printf 'LC_ALL=de_DE.ISO-8859-1\\nLANG=tr_TR.ISO-8859-9\\n' >>/etc/environment
chmod 644 /etc/ssh/keys /etc/kubernetes/admin.conf
systemctl reload ssh
";

#[test]
fn homes_shells_locales_and_disks_that_are_odd() {
    let Some(lab) = Lab::up("odd", 1, 1, "1.28.0") else {
        return;
    };
    lab.on("m1", USERS);
    // There is one worker only, and no other place for its pods.
    lab.kubectl("delete pdb web");
    let exec = |module: &str, args: &str, more: &[&str]| -> Ran {
        lab.krun(&[&["exec", "m1", "-m", module, "-a", args], more].concat())
    };
    let drain = "node=w1 delete_emptydir_data=true";
    let large = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(large.path(), vec![b'x'; 300_000]).unwrap();
    for user in ["noisy", "homeless", "readonly"] {
        let login = format!("ansible_user={user}");
        let login = ["-e", login.as_str()];
        exec("command", "printf 'Grüße\n%s' \"it's\"", &login)
            .expect_status(0)
            .expect_stdout("Grüße\nit's");
        exec("setup", "", &login)
            .expect_status(0)
            .expect_stdout(&format!("\"ansible_user_id\": \"{user}\""));
        exec("copy", &format!("content=Grüße dest=/tmp/{user}.small"), &login).expect_status(0);
        let copy = format!("src={} dest=/tmp/{user}.large", large.path().display());
        exec("copy", &copy, &login).expect_status(0);
        let sizes = lab.on("m1", &format!("cat /tmp/{user}.small; wc -c </tmp/{user}.large"));
        assert_eq!(sizes, "Grüße300000\n");
        // A detached command keeps its files in the home directory, or where there is a place.
        exec("drain", drain, &login).expect_status(0).expect_stdout("drained");
        assert_eq!(lab.nodes()[1], "w1 Ready,SchedulingDisabled v1.28.0");
        exec("uncordon", "node=w1", &login).expect_status(0);
        assert_eq!(lab.nodes()[1], "w1 Ready v1.28.0");
        let jobs = format!("ls /home/{user}/.krun/jobs /var/tmp/krun-$(id -u {user}) 2>/dev/null | grep -v :; :");
        assert_eq!(lab.on("m1", &jobs).trim(), "");
    }

    // Where detached commands are kept there is no room: nothing is begun.
    lab.on("m1", "mkdir -p /var/lib/krun");
    lab.lab(&["fill", "m1", "/var/lib/krun"]);
    exec("drain", drain, &[])
        .expect_status(2)
        .expect_stdout("No space left on device")
        .expect_stdout("what to do: a disk of the node is full");
    assert_eq!(lab.nodes()[1], "w1 Ready v1.28.0");
    lab.lab(&["unfill", "m1", "/var/lib/krun"]);
    // Output passes through the next place where there is room.
    lab.lab(&["fill", "m1", "/dev/shm"]);
    exec("command", "seq 100000", &[])
        .expect_status(0)
        .expect_stdout("\n100000\n");
}
