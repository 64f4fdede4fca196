//! The SSH connection against a real sshd on the loopback interface, with keys and a configuration of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs
)]

mod support;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use krun::connection::{
    BecomeMethod, ConnectionError, DetachedJob, Endpoint, HostKeyPolicy, JobNews, JobState, Progress, Request, Script,
    forget_request, open, run_detached, start_detached, status_request,
};

use support::sshd::{Agent, SSHD, Sshd, become_user, failure, generate_key, request, run, wait_until};

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
fn whatever_a_command_does_it_and_the_next_one_are_answered() {
    let Some(sshd) = Sshd::start() else { return };
    let mut connection = open(&sshd.endpoint());
    for (text, status, length) in [
        ("exec 0<&- 1>&- 2>&-; exit 255", 255, 0),
        ("exit 255", 255, 0),
        ("printf 'a\\000\\377'; exit 1", 1, 3),
        (
            "head -c 5000000 /dev/urandom; head -c 3000000 /dev/urandom >&2",
            0,
            5_000_000,
        ),
        ("sleep 30 & echo $!", 0, 0),
        ("(trap '' HUP; sleep 0.2; echo late; exec sleep 30) & echo early", 0, 6),
        ("cat \"$krun_directory\"/out.11", 0, 0),
        ("kill -TERM $(sh -c 'echo $PPID'); sleep 5", 143, 0),
    ] {
        let output = run(connection.as_mut(), text).unwrap();
        assert_eq!(output.status, status, "{text}");
        assert!(
            length == 0 || output.stdout.len() == length,
            "{text}: {}",
            output.stdout.len()
        );
        assert_eq!(
            run(connection.as_mut(), "echo mine").unwrap().stdout,
            b"mine\n",
            "{text}"
        );
    }
    let killed = run(connection.as_mut(), "kill -KILL $$; sleep 5").unwrap_err();
    assert!(matches!(killed, ConnectionError::Lost { .. }), "{killed}");
    assert_eq!(run(connection.as_mut(), "echo mine").unwrap().stdout, b"mine\n");
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
fn nothing_but_keys_uses_up_the_attempts() {
    let Some(sshd) = Sshd::start_with("MaxAuthTries 2") else {
        return;
    };
    for kind in ["wrong", "worse"] {
        generate_key(&sshd.path(kind), "ed25519");
    }
    let mut endpoint = sshd.endpoint();
    endpoint.private_key = Some(sshd.path("wrong"));
    let last = endpoint.ssh_args.last_mut().unwrap();
    *last = format!("IdentityFile={}", sshd.path("id").display());
    assert!(run(open(&endpoint).as_mut(), ":").unwrap().success());
    // After these two nothing is left to ask with, and both are named all the same.
    let last = endpoint.ssh_args.last_mut().unwrap();
    *last = format!("IdentityFile={}", sshd.path("worse").display());
    let message = failure(&endpoint);
    assert!(message.contains("wrong: refused by the server"), "{message}");
    assert!(message.contains("worse"), "{message}");
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
    let nobody = become_user(BecomeMethod::Sudo, "nobody", None);
    let name = connection.execute(Some(&nobody), &request("id -un")).unwrap();
    assert_eq!(name.stdout, b"nobody\n", "{}", name.stderr_text());
    assert_eq!(run(connection.as_mut(), "id -un").unwrap().stdout, b"root\n");
    let path = sshd.path("of-nobody").display().to_string();
    let error = connection
        .upload(Some(&nobody), &mut vec![0; 200_000].as_slice(), &path)
        .unwrap_err();
    assert!(error.to_string().contains("ermission denied"), "{error}");
    let error = connection
        .execute(
            Some(&become_user(BecomeMethod::Sudo, "no-such-user", None)),
            &request(":"),
        )
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
        node_limit: None,
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
fn a_job_that_is_left_is_ended_by_the_node_itself() {
    let Some(sshd) = Sshd::start() else { return };
    let identity = format!("loopback-left-{}", sshd.port);
    let job = DetachedJob {
        identity: &identity,
        request: Request::new::<&str>(
            Script {
                name: "endless",
                text: "echo begun; while :; do sleep 1; done",
            },
            [],
        ),
        reconnect_for: Duration::from_secs(10),
        result_lasts: Duration::ZERO,
        node_limit: Some(Duration::from_secs(1)),
    };
    let mut connection = open(&sshd.endpoint());
    let directory = start_detached(connection.as_mut(), None, &job).unwrap();
    // Nobody is connected while its time runs out.
    drop(connection);
    let mut connection = open(&sshd.endpoint());
    let ask = status_request(&identity, 0, 0).unwrap();
    let mut state = JobState::Running;
    wait_until("the end of its time", || {
        let news = JobNews::parse(connection.execute(None, &ask).unwrap()).unwrap();
        assert_eq!(news.directory, directory);
        state = news.state;
        state != JobState::Running
    });
    assert_eq!(state, JobState::Expired);
    let forget = forget_request(&identity).unwrap();
    assert!(connection.execute(None, &forget).unwrap().success());
    assert_eq!(connection.execute(None, &forget).unwrap().status, 3);
}

#[test]
fn the_agent_s_key_logs_in() {
    let Some(sshd) = Sshd::start() else { return };
    let socket = sshd.path("agent");
    let agent = Agent::start(&socket);
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
    agent.add(&sshd.path("id"));
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
        "Host node\n  HostName 127.0.0.1\n  ProxyJump jump\nHost jump\n  HostName 127.0.0.1\n  Port {}\n  User root\n  IdentityFile {}\nHost *\n  \
         UserKnownHostsFile {}\n  IdentityAgent none\n  IdentitiesOnly yes\n",
        sshd.port,
        sshd.path("id").display(),
        sshd.path("known_hosts").display()
    );
    fs::write(&config, text).unwrap();
    let endpoint = Endpoint {
        address: None,
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
        "exec tcsh -f -c \"$SSH_ORIGINAL_COMMAND\"",
        "exec fish -c \"$SSH_ORIGINAL_COMMAND\"",
        "exec zsh -c \"$SSH_ORIGINAL_COMMAND\"",
        "HOME=/no/such/home; export HOME; exec busybox sh -c \"$SSH_ORIGINAL_COMMAND\"",
    ] {
        let program = login_shell.split_whitespace().nth(1).unwrap_or_default();
        if ["fish", "tcsh", "zsh"].contains(&program) && !Path::new("/usr/bin").join(program).exists() {
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
