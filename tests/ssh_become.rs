//! Becoming another user with the real sudo, su and doas, on an sshd with accounts of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs
)]

mod support;

use std::fs;
use std::time::{Duration, Instant};

use krun::connection::{Become, BecomeMethod, Connection, ConnectionError, Endpoint, Request, Script, open};
use support::Project;
use support::sshd::{Setup, Sshd, become_user, request, run};

const PASSWORD: &str = "rabbit-of-caerbannog";

/// `ops` is who logs in, `deploy` is who is to be become; both have the password.
fn node(sudoers: &str, more: &str) -> Option<Sshd> {
    let etc = format!(
        "for user in ops deploy; do
             useradd --no-create-home --home-dir /tmp --shell /bin/sh $user
             echo $user:{PASSWORD} | chpasswd
         done
         rm -rf /etc/sudoers.d
         printf '%b\\n' '{sudoers}' >/etc/sudoers
         chmod 440 /etc/sudoers
         {more}"
    );
    Sshd::set_up(&Setup {
        config: "KexAlgorithms curve25519-sha256",
        etc: &etc,
        ..Setup::default()
    })
}

fn connect(sshd: &Sshd) -> Box<dyn Connection> {
    open(&Endpoint {
        user: Some("ops".to_owned()),
        ..sshd.endpoint()
    })
}

/// Becomes the user for a whole script, then for a large upload, which has a channel of its own.
#[track_caller]
fn becomes(sshd: &Sshd, user: &Become) {
    let mut connection = connect(sshd);
    let script = request("id -un; cat | { id -un; cat; }; (id -un) && echo \"$0\" >/dev/null");
    let output = connection.execute(Some(user), &script.with_stdin("a\0b\n")).unwrap();
    let expected = format!("{0}\n{0}\na\0b\n{0}\n", user.user);
    assert_eq!(output.stdout, expected.as_bytes(), "{}", output.stderr_text());
    assert_eq!(output.stderr_text(), "");
    let path = format!("/tmp/krun-become-{}", sshd.port);
    let content: Vec<u8> = (0..=255).cycle().take(500_000).collect();
    connection.upload(Some(user), &mut content.as_slice(), &path).unwrap();
    let mut fetched = Vec::new();
    connection.download(Some(user), &path, &mut fetched).unwrap();
    assert!(fetched == content);
    let look = Request::new(
        Script {
            name: "look",
            text: "stat -c %U \"$1\"; rm \"$1\"",
        },
        [&path],
    );
    let output = connection.execute(Some(user), &look).unwrap();
    assert_eq!(output.stdout_text(), format!("{}\n", user.user));
    // The login user's shell is another one.
    assert_eq!(run(connection.as_mut(), "id -un").unwrap().stdout_text(), "ops\n");
    nothing_leaks();
}

/// No process has the password in its arguments or its environment, now that the shells stand.
#[track_caller]
fn nothing_leaks() {
    for process in fs::read_dir("/proc").unwrap().flatten() {
        for file in ["cmdline", "environ"] {
            let text = fs::read(process.path().join(file)).unwrap_or_default();
            let found = memchr::memmem::find(&text, PASSWORD.as_bytes());
            assert!(
                found.is_none(),
                "{}: {}",
                process.path().display(),
                String::from_utf8_lossy(&text)
            );
        }
    }
}

#[track_caller]
fn is_refused(sshd: &Sshd, user: &Become) -> String {
    let error = connect(sshd).execute(Some(user), &request(":")).unwrap_err();
    assert!(matches!(error, ConnectionError::EscalationRefused { .. }), "{error}");
    let message = format!("{error}\n{}", error.help().unwrap_or_default());
    assert!(!message.contains(PASSWORD), "{message}");
    message
}

#[test]
fn sudo_with_and_without_a_password() {
    for sudoers in [
        "ops ALL=(ALL) NOPASSWD: ALL",
        "ops ALL=(ALL) ALL",
        "Defaults lecture=always\\nops ALL=(ALL) ALL",
        "Defaults use_pty\\nops ALL=(ALL) ALL",
        "Defaults env_reset,secure_path=/usr/bin:/bin,timestamp_timeout=0\\nops ALL=(ALL) ALL",
    ] {
        let Some(sshd) = node(sudoers, ":") else { return };
        for user in ["deploy", "root"] {
            becomes(&sshd, &become_user(BecomeMethod::Sudo, user, Some(PASSWORD)));
        }
        let without = become_user(BecomeMethod::Sudo, "deploy", None);
        if sudoers.contains("NOPASSWD") {
            becomes(&sshd, &without);
            continue;
        }
        let message = is_refused(&sshd, &without);
        assert!(message.contains("a password is required"), "{message}");
        let begin = Instant::now();
        let message = is_refused(&sshd, &become_user(BecomeMethod::Sudo, "deploy", Some("wrong")));
        assert!(message.contains("the password is wrong"), "{message}");
        // PAM waits two seconds before it says so.
        assert!(begin.elapsed() < Duration::from_secs(12), "{:?}", begin.elapsed());
    }
}

#[test]
fn sudo_that_insists_on_a_terminal_gets_one() {
    for (sudoers, password) in [
        ("Defaults requiretty\\nops ALL=(ALL) NOPASSWD: ALL", None),
        ("Defaults requiretty\\nops ALL=(ALL) ALL", Some(PASSWORD)),
        (
            "Defaults requiretty,use_pty,lecture=always\\nops ALL=(ALL) ALL",
            Some(PASSWORD),
        ),
    ] {
        let Some(sshd) = node(sudoers, ":") else { return };
        becomes(&sshd, &become_user(BecomeMethod::Sudo, "deploy", password));
        if password.is_some() {
            let message = is_refused(&sshd, &become_user(BecomeMethod::Sudo, "deploy", Some("wrong")));
            assert!(message.contains("the password is wrong"), "{message}");
        }
    }
}

/// Tasks that travel together find out about the terminal together.
#[test]
fn a_whole_play_runs_where_sudo_insists_on_a_terminal() {
    let Some(sshd) = node("Defaults requiretty\\nops ALL=(ALL) NOPASSWD: ALL", ":") else {
        return;
    };
    let tasks = "- {shell: id -un, register: one}\n    - {shell: id -un >&2, register: two}\n    \
                 - {debug: {msg: 'it is {{ one.stdout }} and {{ two.stderr }}'}}\n";
    let inventory = format!(
        "node\n[all:vars]\nansible_host=127.0.0.1\nansible_port={}\nansible_user=ops\n\
         ansible_ssh_private_key_file={}\nansible_ssh_common_args='{}'\n",
        sshd.port,
        sshd.at("id"),
        sshd.options(&["IdentityAgent=none", "IdentityFile=none", "StrictHostKeyChecking=yes"])
            .join(" ")
    );
    Project::new(&format!(
        "- hosts: all\n  gather_facts: false\n  become: true\n  become_user: deploy\n  tasks:\n    {tasks}"
    ))
    .file("hosts.ini", &inventory)
    .krun(&["site.yml", "-i", "hosts.ini"])
    .expect_status(0)
    .expect_stdout("it is deploy and deploy");
}

#[test]
fn sudo_that_asks_in_its_own_words_is_answered() {
    for prompt in [
        "[sudo] password for %u: ",
        "Pa\\0337wort:",
        "\\0346\\0210\\0221\\0343\\0200\\0200: ",
    ] {
        let sudoers = format!("Defaults passprompt_override,passprompt=\"{prompt}\"\\nops ALL=(ALL) ALL");
        let Some(sshd) = node(&sudoers, ":") else { return };
        becomes(&sshd, &become_user(BecomeMethod::Sudo, "deploy", Some(PASSWORD)));
        let message = is_refused(&sshd, &become_user(BecomeMethod::Sudo, "deploy", Some("wrong")));
        assert!(message.contains("the password is wrong"), "{message}");
    }
}

#[test]
fn sudo_that_refuses_is_quoted() {
    let Some(sshd) = node("ops ALL=(deploy) /usr/bin/id", ":") else {
        return;
    };
    let message = is_refused(&sshd, &become_user(BecomeMethod::Sudo, "deploy", Some(PASSWORD)));
    assert!(message.contains("not allowed to execute"), "{message}");
    assert!(message.contains("sudoers"), "{message}");
    let Some(sshd) = node("root ALL=(ALL) ALL", ":") else {
        return;
    };
    let message = is_refused(&sshd, &become_user(BecomeMethod::Sudo, "deploy", Some(PASSWORD)));
    assert!(message.contains("not in the sudoers file"), "{message}");
    let elsewhere = Become {
        executable: Some("/no/such/sudo".to_owned()),
        ..become_user(BecomeMethod::Sudo, "deploy", None)
    };
    let message = is_refused(&sshd, &elsewhere);
    assert!(message.contains("was not found"), "{message}");
}

#[test]
fn su_takes_the_other_user_s_password() {
    let Some(sshd) = node("root ALL=(ALL) ALL", ":") else {
        return;
    };
    becomes(&sshd, &become_user(BecomeMethod::Su, "deploy", Some(PASSWORD)));
    let begin = Instant::now();
    let message = is_refused(&sshd, &become_user(BecomeMethod::Su, "deploy", Some("wrong")));
    assert!(message.contains("the password is wrong"), "{message}");
    assert!(begin.elapsed() < Duration::from_secs(12), "{:?}", begin.elapsed());
    let message = is_refused(&sshd, &become_user(BecomeMethod::Su, "deploy", None));
    assert!(message.contains("a password is required"), "{message}");
    let message = is_refused(&sshd, &become_user(BecomeMethod::Su, "nobody-there", Some(PASSWORD)));
    assert!(message.contains("no such user"), "{message}");
}

#[test]
fn doas_goes_without_a_password() {
    let rules =
        "printf 'permit nopass ops as deploy\\npermit ops as root\\n' >/etc/doas.conf; chmod 400 /etc/doas.conf";
    let Some(sshd) = node("root ALL=(ALL) ALL", rules) else {
        return;
    };
    becomes(&sshd, &become_user(BecomeMethod::Doas, "deploy", None));
    let message = is_refused(&sshd, &become_user(BecomeMethod::Doas, "root", None));
    assert!(message.contains("a password is required"), "{message}");
    let message = is_refused(&sshd, &become_user(BecomeMethod::Doas, "root", Some(PASSWORD)));
    assert!(message.contains("from a terminal only"), "{message}");
    let message = is_refused(&sshd, &become_user(BecomeMethod::Doas, "nobody", None));
    assert!(message.contains("this right"), "{message}");
}

#[test]
fn flags_of_the_user_s_reach_the_program() {
    let Some(sshd) = node(
        "Defaults env_keep+=ASKED_FOR\\nops ALL=(ALL) NOPASSWD:SETENV: ALL",
        "usermod --shell /usr/sbin/nologin deploy",
    ) else {
        return;
    };
    let mut sudo = become_user(BecomeMethod::Sudo, "deploy", None);
    sudo.flags = vec!["ASKED_FOR=it".to_owned()];
    let output = connect(&sshd)
        .execute(Some(&sudo), &request("echo $ASKED_FOR; id -un"))
        .unwrap();
    assert_eq!(output.stdout_text(), "it\ndeploy\n");
    // A user who may not log in cannot be become by su.
    let message = is_refused(&sshd, &become_user(BecomeMethod::Su, "deploy", Some(PASSWORD)));
    assert!(message.contains("not available"), "{message}");
    // Not even with another shell, unless by root.
    let mut su = become_user(BecomeMethod::Su, "deploy", Some(PASSWORD));
    su.flags = vec!["-s".to_owned(), "/bin/sh".to_owned()];
    let message = is_refused(&sshd, &su);
    assert!(message.contains("restricted shell"), "{message}");
    su.password = None;
    let mut by_root = open(&sshd.endpoint());
    assert_eq!(
        by_root.execute(Some(&su), &request("id -un")).unwrap().stdout_text(),
        "deploy\n"
    );
}

#[test]
fn the_login_user_s_shell_may_be_any() {
    for shell in ["/usr/bin/fish", "/usr/bin/zsh", "/usr/bin/tcsh", "/bin/bash"] {
        for sudoers in ["ops ALL=(ALL) ALL", "Defaults requiretty\\nops ALL=(ALL) ALL"] {
            let Some(sshd) = node(sudoers, &format!("usermod --shell {shell} ops")) else {
                return;
            };
            let sudo = become_user(BecomeMethod::Sudo, "deploy", Some(PASSWORD));
            becomes(&sshd, &sudo);
            let su = become_user(BecomeMethod::Su, "deploy", Some(PASSWORD));
            becomes(&sshd, &su);
        }
    }
}
