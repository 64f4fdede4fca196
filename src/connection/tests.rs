//! The protocol over real shells, as children of this process.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rstest::rstest;

use super::*;

/// A connection to this machine through a shell of one's choice.
pub(super) struct TestNode {
    pub(super) connection: Box<dyn Connection>,
    pub(super) directory: tempfile::TempDir,
}

impl TestNode {
    /// `shell` is a command line. Tests for a shell that is not installed fail: `make test` installs them all.
    pub(super) fn new(shell: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let wrapper = directory.path().join("shell");
        std::fs::write(&wrapper, format!("#!/bin/sh\nexec {shell} \"$@\"\n")).unwrap();
        std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();
        let connection = open(&Endpoint {
            shell: wrapper.to_str().unwrap().to_owned(),
            ..Endpoint::local("here")
        });
        Self { connection, directory }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn run(&mut self, text: &'static str) -> Output {
        self.execute(&Request::new::<&str>(script(text), [])).unwrap()
    }

    fn execute(&mut self, request: &Request) -> Result<Output, ConnectionError> {
        self.connection.execute(None, request)
    }
}

fn script(text: &'static str) -> Script {
    Script { name: "test", text }
}

fn is_alive(pid: &str) -> bool {
    // A zombie is dead.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
}

pub(super) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn read_pid(file: &Path) -> String {
    wait_until("a process id", || {
        std::fs::read_to_string(file).is_ok_and(|text| text.ends_with('\n'))
    });
    std::fs::read_to_string(file).unwrap().trim().to_owned()
}

#[rstest]
fn output_and_status_stay_apart(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let mut node = TestNode::new(shell);
    let output = node.run("printf 'out\\000\\377'; printf 'err\\n\\n' >&2; exit 255");
    assert_eq!(output.status, 255);
    assert_eq!(output.stdout, b"out\0\xff");
    assert_eq!(output.stderr, b"err\n\n");
    assert_eq!(node.run("kill -TERM $(sh -c 'echo $PPID')").status, 143);
    assert_eq!(node.run(":"), Output::default());
    assert_eq!(node.connection.exchanges(), 3);
}

#[rstest]
fn arguments_arrive_as_they_are(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let mut node = TestNode::new(shell);
    let arguments = [
        "",
        " ",
        "a b",
        "it's",
        "\"",
        "$HOME `id` \\",
        "line\nline\n",
        "-n",
        "*",
        "é\u{81}ß",
        "\x01\x7f\r\t!",
        "%s\\n",
    ];
    let request = Request::new(script("for word; do printf '%s\\000' \"$word\"; done"), arguments);
    let expected = arguments.join("\0") + "\0";
    assert_eq!(node.execute(&request).unwrap().stdout, expected.as_bytes());
    let nul = Request::new(script(":"), ["a\0b"]);
    assert!(node.execute(&nul).unwrap_err().to_string().contains("NUL"));
    assert!(node.run(":").success());
}

#[rstest]
fn standard_input_may_hold_any_byte(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let mut node = TestNode::new(shell);
    let mut bytes: Vec<u8> = (0..=255).collect();
    bytes.extend(b"--%s%%\\n'\"$x`");
    for input in [bytes.clone(), bytes.repeat(1000), b"-n".to_vec(), b"\0".to_vec()] {
        let request = Request::new::<&str>(script("cat"), []).with_stdin(input.clone());
        assert!(node.execute(&request).unwrap().stdout == input);
    }
    // Without input there is nothing to read: least of all the next request.
    assert_eq!(node.run("cat; read -r line; echo $?").stdout, b"1\n");
}

#[rstest]
fn short_output_arrives_as_it_is(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let mut node = TestNode::new(shell);
    let printed = script("printf -- \"$1\"; printf -- \"$2\" >&2");
    for byte in 0..=255 {
        let format = format!("a\\{byte:03o}b\\{byte:03o}");
        let expected = [b'a', byte, b'b', byte];
        let output = node.execute(&Request::new(printed, [&format, ""])).unwrap();
        assert_eq!(output.stdout, expected, "{byte}");
        let output = node.execute(&Request::new(printed, ["", &format])).unwrap();
        assert_eq!(
            (output.stdout.as_slice(), output.stderr.as_slice()),
            (&[][..], &expected[..]),
            "{byte}"
        );
    }
    for text in [
        "\\000",
        "\\n",
        "\\n\\n",
        " ",
        " a \\n\\t b",
        "\\\\n\\\\",
        "%%s",
        "-n",
        "a\\n\\000\\n",
    ] {
        let output = node.execute(&Request::new(printed, [text, ""])).unwrap();
        let expected = Command::new("printf").arg("--").arg(text).output().unwrap().stdout;
        assert_eq!(output.stdout, expected, "{text}");
    }
    // Around the length from which on another way is taken.
    for length in 890..920 {
        let lines = "123456789\n".repeat(100);
        let expected = &lines[..length];
        let request = Request::new(printed, ["%s", ""]).with_stdin(expected);
        let cat = Request {
            script: script("cat"),
            ..request
        };
        assert_eq!(node.execute(&cat).unwrap().stdout_text(), expected);
    }
}

#[rstest]
fn a_mark_of_an_earlier_answer_is_output_like_any_other(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let mut node = TestNode::new(shell);
    // What krun_run was called with, which the script can see, and what earlier answers ended with.
    let seen = node.run("printf 'x%sx' \"$krun_begin\"; tail -c 100 \"$krun_out\" >&2");
    assert_eq!(seen.stdout.len(), 34);
    let earlier = node.run("cat \"$krun_directory\"/out.1; printf '%s' \"$krun_begin\" >&2; exit 255");
    assert_eq!(earlier.status, 255);
    assert!(memchr::memmem::find(&earlier.stdout, &seen.stdout).is_some());
    assert!(earlier.stdout.ends_with(b"0\n"));
    assert_eq!(earlier.stderr.len(), 32);
}

#[rstest]
fn megabytes_on_both_streams(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let mut node = TestNode::new(shell);
    let output = node.run("head -c 5000000 /dev/zero; head -c 4000000 /dev/zero >&2; head -c 10 /dev/zero");
    assert_eq!((output.stdout.len(), output.stderr.len()), (5_000_010, 4_000_000));
    assert_eq!(node.run("echo next").stdout, b"next\n");
}

#[rstest]
fn environment_is_for_one_request(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let mut node = TestNode::new(shell);
    let read = script("sh -c 'printf %s \"$LC_ALL $KRUN_TEST\"'");
    let request = Request::new::<&str>(read, []);
    let with = request.clone().with_environment(vec![
        ("KRUN_TEST".to_owned(), "it's\n$x".to_owned()),
        ("LC_ALL".to_owned(), "C.UTF-8".to_owned()),
    ]);
    assert_eq!(node.execute(&with).unwrap().stdout_text(), "C.UTF-8 it's\n$x");
    assert_eq!(node.execute(&request.clone()).unwrap().stdout_text(), "C ");
    let wrong = request.with_environment(vec![("a b".to_owned(), String::new())]);
    assert!(node.execute(&wrong).unwrap_err().to_string().contains("`a b`"));
}

#[rstest]
fn scripts_cannot_disturb_the_next_one(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let mut node = TestNode::new(shell);
    for (text, status) in [
        ("exec 0<&- 1>&- 2>&-; exit 3", 3),
        ("exec true", 0),
        ("exec sh -c 'exit 9'", 9),
        ("set -eu; false; echo unreachable", 1),
        ("cd /; X=1; umask 0; set -f; trap 'echo bye' EXIT; exit 4", 4),
        ("krun_status=7; krun_out=/dev/null; krun_answer() { :; }; exit 5", 5),
        ("PATH=/nowhere; exit 6", 6),
        ("return 8", 8),
    ] {
        assert_eq!(node.run(text).status, status, "{text}");
    }
    assert_ne!(node.run("if then").status, 0);
    assert_ne!(node.run("echo 'open").status, 0);
    assert_eq!(node.run("echo $0 >/dev/null; echo ${X-unset}").stdout, b"unset\n");
}

#[rstest]
fn a_child_in_the_background_holds_nothing_up(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let mut node = TestNode::new(shell);
    let begin = Instant::now();
    let file = node.path("pid");
    let request = Request::new(
        script("(echo early; sleep 0.3; while :; do echo late; sleep 0.01; done) & echo $! >\"$1\"; echo done"),
        [file.to_str().unwrap()],
    );
    node.execute(&request).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(3));
    for _ in 0..60 {
        assert_eq!(node.run("sleep 0.01; echo mine").stdout, b"mine\n");
    }
    let kill = Request::new(script("kill \"$1\""), [read_pid(&file)]);
    assert!(node.execute(&kill).unwrap().success());
}

#[rstest]
fn a_shell_that_is_killed_is_opened_anew(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let mut node = TestNode::new(shell);
    node.run(":");
    let lost = node
        .execute(&Request::new::<&str>(script("kill -KILL $$; sleep 5"), []))
        .unwrap_err();
    assert!(matches!(lost, ConnectionError::Lost { .. }), "{lost}");
    assert!(lost.to_string().contains("a new shell is opened"), "{lost}");
    assert!(node.run(":").success());
}

#[rstest]
fn when_the_time_is_up_all_children_are_killed(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let mut node = TestNode::new(shell);
    let file = node.path("pid");
    let request = Request::new(
        script("sh -c 'trap : TERM INT HUP; sleep 1000 & echo $! >\"$1\"; wait; sleep 1000' x \"$1\""),
        [file.to_str().unwrap()],
    )
    .with_timeout(Duration::from_millis(500));
    let error = node.execute(&request).unwrap_err();
    assert!(matches!(error, ConnectionError::TimedOut { .. }), "{error}");
    let pid = read_pid(&file);
    wait_until("the child's end", || !is_alive(&pid));
    assert!(node.run(":").success());
}

#[rstest]
fn a_flood_does_not_outlast_its_time(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let mut node = TestNode::new(shell);
    let request = Request::new::<&str>(script("exec yes >/dev/null"), []).with_timeout(Duration::from_millis(300));
    assert!(node.execute(&request).is_err());
    assert!(node.run(":").success());
}

#[rstest]
fn nothing_is_left_behind(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let mut node = TestNode::new(shell);
    // The directory's name is that of the open file behind standard error.
    let place = node.run("ls -l /proc/self/fd/2 | sed 's/.* -> //; s,/[^/]*$,,'");
    let place = PathBuf::from(place.stdout_text().trim());
    assert!(place.is_dir(), "{}", place.display());
    let mode = std::fs::metadata(&place).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    node.connection.reset();
    wait_until("the directory's end", || !place.exists());
    assert!(node.run(":").success());
}

#[rstest]
fn a_removed_directory_is_made_again(#[values("dash", "bash --posix", "busybox sh")] shell: &str) {
    let mut node = TestNode::new(shell);
    let place = node.run("ls -l /proc/self/fd/2 | sed 's/.* -> //; s,/[^/]*$,,'");
    std::fs::remove_dir_all(place.stdout_text().trim()).unwrap();
    assert_eq!(node.run("echo well").stdout, b"well\n");
}

#[rstest]
fn files_travel_both_ways(
    #[values("dash", "bash --posix", "busybox sh")] shell: &str,
    #[values(0, 1, 65_536, 65_537, 5_000_000)] size: usize,
) {
    let mut node = TestNode::new(shell);
    let content: Vec<u8> = (0..=250).cycle().take(size).collect();
    let path = node.path("it's a file");
    let name = path.to_str().unwrap();
    std::fs::write(&path, "old").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    node.connection.upload(None, &mut content.as_slice(), name).unwrap();
    let written = std::fs::read(&path).unwrap();
    assert!(
        written == content,
        "{} of {size} bytes: {:?}",
        written.len(),
        &written.get(..40)
    );
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut fetched = Vec::new();
    node.connection.download(None, name, &mut fetched).unwrap();
    assert!(fetched == content);
}

#[rstest]
fn transfers_say_why_they_fail(#[values(10, 1_000_000)] size: usize) {
    let mut node = TestNode::new("dash");
    let content = vec![1; size];
    let missing = node.path("none/file");
    let error = node
        .connection
        .upload(None, &mut content.as_slice(), missing.to_str().unwrap())
        .unwrap_err();
    assert!(matches!(error, ConnectionError::Transfer { .. }), "{error}");
    assert!(
        error.to_string().to_lowercase().contains("nonexistent") || error.to_string().contains("No such"),
        "{error}"
    );
    let full = "/dev/full";
    let mut sink = Vec::new();
    assert!(
        node.connection
            .download(None, missing.to_str().unwrap(), &mut sink)
            .is_err()
    );
    assert!(std::path::Path::new(full).exists());
    assert!(node.run(":").success());
}

#[test]
fn a_shell_that_does_not_exist_is_named() {
    let mut connection = open(&Endpoint {
        shell: "/no/such/shell".to_owned(),
        ..Endpoint::local("here")
    });
    let error = connection
        .execute(None, &Request::new::<&str>(script(":"), []))
        .unwrap_err();
    assert!(error.is_unreachable());
    assert!(error.to_string().contains("/no/such/shell"), "{error}");
}

#[test]
fn the_shell_scripts_pass_shellcheck() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/connection");
    let scripts = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let scripts: Vec<PathBuf> = scripts
        .filter(|path| path.extension().is_some_and(|end| end == "sh"))
        .collect();
    assert!(!scripts.is_empty());
    let output = Command::new("shellcheck")
        .args(["-s", "sh"])
        .args(&scripts)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// A program in place of sudo or su, which changes no user: what is tested is the conversation with it.
fn stand_in(node: &TestNode, method: BecomeMethod, password: Option<&str>, text: &str) -> Become {
    let program = node.path(method.name());
    std::fs::write(&program, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    Become {
        method,
        user: "root".to_owned(),
        password: password.map(|password| password.to_owned().into()),
        executable: Some(program.to_str().unwrap().to_owned()),
        flags: Vec::new(),
    }
}

/// Asks for the password as sudo does: with the prompt that it was given, three times.
const SUDO: &str = r#"
[ "$1" != -n ] || { echo "sudo: a password is required" >&2; exit 1; }
for turn in 1 2 3; do
    echo "We trust you have received the usual lecture." >&2
    printf %s "$4" >&2
    read -r password || exit 1
    if [ "$password" = "sesame $" ]; then
        while [ "$1" != -- ]; do shift; done
        shift
        exec "$@"
    fi
    echo "Sorry, try again." >&2
done
exit 1"#;

/// Asks as su does: with a prompt in the system's language and coding.
const SU: &str = r#"
printf 'Gehei\337wort: ' >&2
read -r password
[ "$password" = "sesame $" ] || { echo "su: Authentication failure" >&2; exit 1; }
shift
exec sh "$@""#;

#[rstest]
#[case(BecomeMethod::Sudo, SUDO)]
#[case(BecomeMethod::Su, SU)]
fn the_password_is_given_when_asked_for(
    #[case] method: BecomeMethod,
    #[case] text: &str,
    #[values("dash", "bash --posix", "busybox sh")] shell: &str,
) {
    let mut node = TestNode::new(shell);
    let right = stand_in(&node, method, Some("sesame $"), text);
    let words = Request::new::<&str>(script("tr '\\0' ' ' </proc/$PPID/cmdline; env; cat"), []).with_stdin("input");
    let output = node.connection.execute(Some(&right), &words).unwrap();
    assert!(output.stdout.ends_with(b"input"));
    assert!(!output.stdout_text().contains("sesame"));
    let content = vec![7; 300_000];
    let path = node.path("file");
    node.connection
        .upload(Some(&right), &mut content.as_slice(), path.to_str().unwrap())
        .unwrap();
    assert!(std::fs::read(&path).unwrap() == content);
    node.connection.reset();
    for password in [Some("wrong"), None] {
        let user = stand_in(&node, method, password, text);
        let error = node.connection.execute(Some(&user), &words).unwrap_err();
        assert!(matches!(error, ConnectionError::EscalationRefused { .. }), "{error}");
        let expected = if password.is_some() {
            "the password is wrong"
        } else {
            "a password is required"
        };
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.help().is_some());
    }
}

#[rstest]
#[case("echo 'sudo: sorry, you must have a tty to run sudo' >&2; exit 1", "requiretty")]
#[case("echo 'ops is not in the sudoers file.' >&2; exit 1", "not in the sudoers")]
#[case("exit 1", "without a word")]
fn a_refusal_is_told_at_once(
    #[case] text: &str,
    #[case] expected: &str,
    #[values(None, Some("x"))] password: Option<&str>,
) {
    let mut node = TestNode::new("dash");
    let user = stand_in(&node, BecomeMethod::Sudo, password, text);
    let begin = Instant::now();
    let error = node
        .connection
        .execute(Some(&user), &Request::new::<&str>(script(":"), []))
        .unwrap_err();
    assert!(!error.is_unreachable());
    assert!(error.to_string().contains(expected), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_missing_sudo_is_named() {
    let mut node = TestNode::new("dash");
    let user = Become {
        executable: Some("/no/such/sudo".to_owned()),
        ..stand_in(&node, BecomeMethod::Sudo, None, "")
    };
    let error = node
        .connection
        .execute(Some(&user), &Request::new::<&str>(script(":"), []))
        .unwrap_err();
    assert!(error.to_string().contains("was not found on the node"), "{error}");
}
