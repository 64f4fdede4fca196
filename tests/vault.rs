//! `krun vault`, from outside. The files in tests/data/vault were made by ansible-vault; `renew` there makes them anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use rstest::rstest;
use support::{Project, Ran, repository};

const PLAIN: &str = include_str!("data/vault/plain.yml");
const READER: &str = "
- hosts: localhost
  gather_facts: false
  vars_files: [value.yml]
  tasks: [{copy: {content: '{{ secret }}/{{ piped | default(\"\") }}', dest: '{{ playbook_dir }}/seen'}}]
";

/// A folder with what ansible-vault made, two passwords and the programs that print them.
fn project() -> Project {
    let mut project = Project::new(READER)
        .file("other", "battery staple\n")
        .file("open.yml", "open: yes\n")
        .file(
            "keys-client",
            "#!/bin/sh\n[ \"$*\" = '--vault-id dev' ] || exit 2\necho correct horse\n",
        )
        .file("editor", "#!/bin/sh\necho 'more: 1' >> \"$1\"\n")
        .file("idle", "#!/bin/sh\ntrue\n");
    for entry in std::fs::read_dir(repository().join("tests/data/vault")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), project.path().join(entry.file_name())).unwrap();
    }
    for program in ["keys-client", "editor", "idle"] {
        set_mode(&project.path().join(program), 0o755);
    }
    project = project.file("memory/keep", "");
    project
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(project: &Project, file: &str) -> u32 {
    project.path().join(file).metadata().unwrap().permissions().mode() & 0o7777
}

fn vault(project: &Project, line: &str) -> Ran {
    vault_with(project, line, "./editor", "")
}

/// Runs `krun vault` with an editor and with something on standard input.
fn vault_with(project: &Project, line: &str, editor: &str, input: &str) -> Ran {
    let mut command = project.command(&[]);
    let mut krun = command
        .arg("vault")
        .args(line.split(' '))
        .env("EDITOR", editor)
        .env("XDG_RUNTIME_DIR", project.path().join("memory"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // What does not read its input may have ended.
    let _ = krun.stdin.take().unwrap().write_all(input.as_bytes());
    let output = krun.wait_with_output().unwrap();
    Ran {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[rstest]
#[case("view whole.yml --vault-password-file password")]
#[case("view labelled.yml --vault-id dev@password")]
#[case("view labelled.yml --vault-id prod@other --vault-id password")]
#[case("view labelled.yml --vault-id dev@keys-client")]
#[case("decrypt whole.yml --output - --vault-id password")]
fn what_ansible_vault_encrypted_is_shown(#[case] line: &str) {
    let project = project();
    let ran = vault(&project, line).expect_status(0);
    assert_eq!(ran.stdout, PLAIN);
}

#[test]
fn values_of_ansible_vault_are_read_by_playbooks() {
    let project = project();
    project
        .krun(&["site.yml", "--vault-id", "dev@keys-client"])
        .expect_status(0);
    assert_eq!(project.read("seen"), "two words/the inner password");
}

#[test]
fn a_password_file_that_is_encrypted_itself_is_opened_with_an_earlier_password() {
    let project = project();
    let ids = "--vault-id password --vault-id inner@password.encrypted";
    vault(&project, &format!("encrypt open.yml --encrypt-vault-id inner {ids}")).expect_status(0);
    let project = project.file("inner", "the inner password");
    let shown = vault(&project, "view open.yml --vault-id inner")
        .expect_status(0)
        .stdout;
    assert_eq!(shown, "open: yes\n");
}

/// Files in place: the mode stays when they are encrypted, and plain text is the owner's alone.
#[test]
fn files_are_encrypted_and_decrypted_in_place() {
    let project = project();
    set_mode(&project.path().join("plain.yml"), 0o640);
    vault(&project, "encrypt plain.yml open.yml --vault-id dev@password").expect_status(0);
    assert!(project.read("plain.yml").starts_with("$ANSIBLE_VAULT;1.2;AES256;dev\n"));
    assert_eq!(mode(&project, "plain.yml"), 0o640);
    vault(
        &project,
        "rekey plain.yml --vault-id dev@password --new-vault-password-file other",
    )
    .expect_status(0);
    assert!(project.read("plain.yml").starts_with("$ANSIBLE_VAULT;1.1;AES256\n"));
    assert_eq!(mode(&project, "plain.yml"), 0o640);
    vault(&project, "decrypt plain.yml --vault-password-file password")
        .expect_status(1)
        .expect_stderr("plain.yml: none of the vault passwords opens this");
    vault(&project, "decrypt plain.yml --vault-password-file other").expect_status(0);
    assert_eq!(project.read("plain.yml"), PLAIN);
    assert_eq!(mode(&project, "plain.yml"), 0o600);
}

#[test]
fn the_id_that_encrypts_is_chosen_among_several() {
    let project = project();
    let both = "--vault-id dev@password --vault-id prod@other";
    vault(&project, &format!("encrypt open.yml {both}"))
        .expect_status(5)
        .expect_stderr("there are vault passwords for `dev`, `prod`")
        .expect_stderr("--encrypt-vault-id");
    vault(&project, &format!("encrypt open.yml {both} --encrypt-vault-id test"))
        .expect_status(5)
        .expect_stderr("no password is given for the vault id `test`");
    vault(&project, &format!("encrypt open.yml {both} --encrypt-vault-id prod")).expect_status(0);
    assert!(project.read("open.yml").starts_with("$ANSIBLE_VAULT;1.2;AES256;prod\n"));
    vault(&project, &format!("rekey open.yml {both} --encrypt-vault-id dev")).expect_status(0);
    assert!(project.read("open.yml").starts_with("$ANSIBLE_VAULT;1.2;AES256;dev\n"));
    vault(&project, "rekey open.yml --vault-id password --new-vault-id prod@other").expect_status(0);
    assert!(project.read("open.yml").starts_with("$ANSIBLE_VAULT;1.2;AES256;prod\n"));
    let shown = vault(&project, &format!("view open.yml {both}"))
        .expect_status(0)
        .stdout;
    assert_eq!(shown, "open: yes\n");
}

#[test]
fn standard_input_and_output_serve_as_files() {
    let project = project();
    let encrypted = vault_with(&project, "encrypt --vault-id password", "", "piped\n")
        .expect_status(0)
        .stdout;
    let plain = vault_with(&project, "decrypt - --vault-id password", "", &encrypted)
        .expect_status(0)
        .stdout;
    assert_eq!(plain, "piped\n");
    vault_with(&project, "decrypt --vault-id password --output new", "", &encrypted).expect_status(0);
    assert_eq!(
        (project.read("new").as_str(), mode(&project, "new")),
        ("piped\n", 0o600)
    );
}

#[test]
fn any_bytes_can_be_encrypted() {
    let project = project();
    vault(&project, "decrypt binary --vault-id password").expect_status(0);
    assert_eq!(std::fs::read(project.path().join("binary")).unwrap(), b"a\0b\xff");
    vault(&project, "encrypt binary --vault-id password").expect_status(0);
    vault(&project, "decrypt binary --vault-id password --output again").expect_status(0);
    assert_eq!(std::fs::read(project.path().join("again")).unwrap(), b"a\0b\xff");
}

/// One wrong file, and none is written.
#[rstest]
#[case(
    "encrypt plain.yml whole.yml --vault-id password",
    "whole.yml: this is encrypted already"
)]
#[case(
    "decrypt whole.yml plain.yml --vault-id password",
    "plain.yml: this is not encrypted"
)]
#[case(
    "decrypt whole.yml value.yml --vault-id password",
    "value.yml: this file is not encrypted as a whole"
)]
#[case(
    "rekey whole.yml gone --vault-id password --new-vault-id other",
    "gone: cannot read it: there is no such file"
)]
#[case("edit gone --vault-id password", "gone: cannot read it")]
fn what_cannot_be_done_changes_nothing(#[case] line: &str, #[case] expected: &str) {
    let project = project();
    let before = (project.read("plain.yml"), project.read("whole.yml"));
    vault(&project, line).expect_status(1).expect_stderr(expected);
    assert_eq!((project.read("plain.yml"), project.read("whole.yml")), before);
}

#[rstest]
#[case("encrypt plain.yml", "cannot ask for the vault password")]
#[case("encrypt plain.yml -J", "cannot ask for the vault password")]
#[case(
    "encrypt plain.yml --vault-id gone",
    "cannot read the vault password file `gone`: there is no such file"
)]
#[case(
    "view whole.yml --vault-id prod@keys-client",
    "the program has no password for the vault id `prod`"
)]
#[case("encrypt plain.yml --vault-id a;b@password", "which no vault id may have")]
#[case(
    "encrypt plain.yml open.yml --output x --vault-id password",
    "--output takes the result of one file"
)]
#[case(
    "rekey whole.yml --vault-id password --new-vault-id a --new-vault-password-file b",
    "cannot be used with"
)]
#[case("create new --vault-id password", "--skip-tty-check")]
#[case(
    "encrypt-string a --stdin-name b --prompt --vault-id password",
    "--prompt and a value on standard input"
)]
#[case(
    "encrypt-string a -n one --name two --vault-id password",
    "--name: 2 names for 1 value"
)]
#[case("encrypt-string a --show-input --vault-id password", "--prompt")]
fn bad_options_give_5(#[case] line: &str, #[case] expected: &str) {
    vault(&project(), line).expect_status(5).expect_stderr(expected);
}

#[test]
fn values_are_encrypted_for_yaml() {
    let project = project();
    let ran = vault(&project, "encrypt-string words -n secret --vault-id dev@password").expect_status(0);
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(
        lines[..2],
        ["secret: !vault |", "          $ANSIBLE_VAULT;1.2;AES256;dev"]
    );
    assert_eq!(ran.stderr, "");
    let line = "encrypt_string one - --stdin-name piped --vault-id password --output more.yml";
    vault_with(&project, line, "", "from a pipe")
        .expect_status(0)
        .expect_stderr("# variable `piped`, from standard input\n# value 2, from the command line");
    let piped = project.read("more.yml");
    let piped = piped
        .split("!vault |\n")
        .nth(1)
        .unwrap()
        .lines()
        .filter(|line| line.starts_with(' '));
    let piped: Vec<_> = piped.collect();
    let project = project.file(
        "value.yml",
        &format!("{}piped: !vault |\n{}\n", ran.stdout, piped.join("\n")),
    );
    project.krun(&["site.yml", "--vault-id", "password"]).expect_status(0);
    assert_eq!(project.read("seen"), "words/from a pipe");
}

#[test]
fn an_empty_value_is_refused() {
    vault_with(&project(), "encrypt-string --vault-id password", "", "")
        .expect_status(1)
        .expect_stderr("the value of standard input is empty");
}

#[test]
fn files_are_edited_and_made() {
    let project = project();
    let before = project.read("labelled.yml");
    vault_with(&project, "edit labelled.yml --vault-id dev@password", "./idle", "").expect_status(0);
    assert_eq!(project.read("labelled.yml"), before, "nothing was changed");
    vault(&project, "edit labelled.yml --vault-id other --vault-id password").expect_status(0);
    assert!(
        project
            .read("labelled.yml")
            .starts_with("$ANSIBLE_VAULT;1.2;AES256;dev\n")
    );
    let shown = vault(&project, "view labelled.yml --vault-id password")
        .expect_status(0)
        .stdout;
    assert_eq!(shown, format!("{PLAIN}more: 1\n"));

    vault(&project, "create new/secret.yml --skip-tty-check --vault-id password").expect_status(0);
    assert_eq!(mode(&project, "new/secret.yml"), 0o600);
    let shown = vault(&project, "view new/secret.yml --vault-id password")
        .expect_status(0)
        .stdout;
    assert_eq!(shown, "more: 1\n");
    vault(&project, "create new/secret.yml --skip-tty-check --vault-id password")
        .expect_status(1)
        .expect_stderr("this file is there already");
}

/// The editor finds the plain text where nobody else may look, and nothing of it stays, whatever happens.
#[rstest]
#[case::well("echo 'more: 1' >> \"$1\"", 0)]
#[case::failed("exit 3", 1)]
#[case::gone("rm \"$1\"", 1)]
#[case::interrupted("kill -INT $PPID; kill -TERM $PPID; echo 'more: 1' >> \"$1\"", 0)]
fn plain_text_does_not_stay(#[case] editor: &str, #[case] status: i32) {
    let look = "#!/bin/sh\nstat -c %a \"$1\" \"$(dirname \"$1\")\" > looked; basename \"$1\" >> looked\n";
    let project = project().file("editor", &format!("{look}{editor}\n"));
    let before = project.read("whole.yml");
    vault(&project, "edit whole.yml --vault-id password").expect_status(status);
    assert_eq!(project.read("looked"), "600\n700\nwhole.yml\n");
    let left: Vec<_> = std::fs::read_dir(project.path().join("memory")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(project.read("whole.yml") == before, status != 0);
}

#[test]
fn an_encrypted_file_is_not_sent_as_it_is() {
    let project = Project::new(
        "
- hosts: all
  gather_facts: false
  tasks:
    - copy: {src: secret.txt, dest: '{{ playbook_dir }}/sent'}
    - template: {src: 'secret.{{ ending }}', dest: '{{ playbook_dir }}/sent'}
",
    )
    .file("secret.txt", "$ANSIBLE_VAULT;1.1;AES256\n3132\n");
    let refused = project.run_on("a", &["-e", "ending=txt"]).expect_status(4);
    let refused = refused.expect_stderr("site.yml:5:19");
    refused.expect_stderr("the file `secret.txt` is encrypted, and krun does not decrypt files that it sends");
    let project = project.file(
        "site.yml",
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - template: {src: 'secret.{{ ending }}', dest: '{{ playbook_dir }}/sent'}\n",
    );
    let failed = project.run_on("a", &["-e", "ending=txt"]).expect_status(2);
    failed.expect_stdout("is encrypted, and krun does not decrypt");
    assert!(!project.path().join("sent").exists());
}
