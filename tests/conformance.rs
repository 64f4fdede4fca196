//! krun beside Ansible: small playbooks, one rule each, and what a real ansible-playbook did with them
//! (tests/conformance/README.md). `KRUN_CONFORMANCE=WORD` runs the cases whose names hold the word, and shows what krun printed.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use regex::Regex;
use support::repository;

/// A case file: its rule, its runs, its files.
struct Case {
    path: PathBuf,
    name: String,
    runs: Vec<String>,
    files: Vec<(String, String)>,
    /// Why krun does something else on purpose; its own record stands beside Ansible's.
    differs: Option<String>,
    /// Why krun cannot do it yet.
    pending: Option<String>,
    /// With `--failure-policy ansible` krun does what Ansible does.
    policy: bool,
    /// Hosts do not wait for each other, so only each host's own lines have an order.
    free: bool,
}

impl Case {
    fn read(path: &Path, folder: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut parts = Regex::new("(?m)^--- ")
            .unwrap()
            .split(&text)
            .collect::<Vec<_>>()
            .into_iter();
        let mut case = Self {
            path: path.to_owned(),
            name: path
                .strip_prefix(folder)
                .unwrap()
                .with_extension("")
                .display()
                .to_string(),
            runs: Vec::new(),
            files: Vec::new(),
            differs: None,
            pending: None,
            policy: false,
            free: false,
        };
        for line in parts.next().unwrap_or_default().lines().skip(1) {
            match line.split_once(": ") {
                _ if line.starts_with("$ ") => case.runs.push(line[2..].to_owned()),
                Some(("differs", why)) => case.differs = Some(why.to_owned()),
                Some(("pending", why)) => case.pending = Some(why.to_owned()),
                Some(("policy", "ansible")) => case.policy = true,
                Some(("order", "free")) => case.free = true,
                _ => assert!(line.is_empty(), "{}: what is `{line}`?", case.name),
            }
        }
        for part in parts {
            let (name, text) = part.split_once('\n').unwrap_or((part, ""));
            case.files.push((name.trim().to_owned(), text.to_owned()));
        }
        if case.runs.is_empty() {
            case.runs.push("site.yml".to_owned());
        }
        case
    }

    fn lay_out(&self, folder: &Path) {
        let default = std::fs::read_to_string(repository().join("tests/conformance/hosts")).unwrap();
        let default = ("hosts".to_owned(), default);
        for (name, text) in std::iter::once(&default).chain(&self.files) {
            let file = folder.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, text).unwrap();
            if text.starts_with("#!") {
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
                std::fs::set_permissions(&file, mode).unwrap();
            }
        }
    }

    /// What a record says, or nothing where there is none.
    fn record(&self, ending: &str) -> Option<String> {
        std::fs::read_to_string(self.path.with_extension(ending)).ok()
    }

    /// What krun did, in the form of a record; and what it printed.
    fn run(&self, more: &[&str]) -> (String, String) {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().canonicalize().unwrap().join("case");
        let home = folder.with_file_name("home");
        std::fs::create_dir_all(&home).unwrap();
        self.lay_out(&folder);
        let (mut record, mut printed) = (String::new(), String::new());
        for run in &self.runs {
            std::fs::create_dir_all(folder.join("out")).unwrap();
            let output = Command::new(env!("CARGO_BIN_EXE_krun"))
                .args(command_line(run))
                .args(more)
                .current_dir(&folder)
                .env_clear()
                .env("PATH", format!("{}/bin:{SYSTEM_PATH}", folder.display()))
                .env("HOME", &home)
                .env("LC_ALL", "C.UTF-8")
                .env("T", folder.join("trace"))
                .env("NO_COLOR", "1")
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let stdout = String::from_utf8_lossy(&output.stdout);
            let _ = writeln!(record, "$ {run}\nexit {}", output.status.code().unwrap_or(-1));
            for line in stdout.lines() {
                if let Some(found) = RECAP.captures(line) {
                    let counts: Vec<_> = found[2]
                        .split(' ')
                        .filter(|count| !count.is_empty() && !count.ends_with("=0"))
                        .collect();
                    // Ansible's recap leaves out hosts without a task, krun's names them.
                    if counts.is_empty() {
                        continue;
                    }
                    let words = [vec![&found[1]], counts].concat();
                    let _ = writeln!(record, "{}", words.join(" "));
                }
            }
            take_traces(&folder, &mut record);
            printed.push_str(&stdout);
            printed.push_str(&String::from_utf8_lossy(&output.stderr));
        }
        (record.replace(&folder.display().to_string(), "DIR"), printed)
    }

    /// How krun differs from a record.
    fn difference(&self, record: &str, more: &[&str]) -> Option<String> {
        let (actual, printed) = self.run(more);
        // Tasks travel together unless `--no-fuse` is given: then a host is done with several of them before the next begins.
        let same = if self.free || !more.contains(&"--no-fuse") {
            by_host(&actual) == by_host(record)
        } else {
            actual == record
        };
        (!same).then(|| {
            let changes = diff_of(record, &actual);
            let printed = if std::env::var_os("KRUN_CONFORMANCE").is_some() {
                indented(&printed)
            } else {
                String::new()
            };
            format!("{} {}\n{changes}{printed}", self.name, more.join(" "))
        })
    }
}

const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static RECAP: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(\S+)\s+: (ok=.*)$").unwrap());

/// The arguments, with those that a run has unless it says otherwise.
fn command_line(run: &str) -> Vec<String> {
    let mut given = shlex::split(run).unwrap();
    for (option, value) in [("-i", "hosts"), ("-f", "1"), ("-c", "local")] {
        if !given.iter().any(|word| word == option) {
            given.extend([option.to_owned(), value.to_owned()]);
        }
    }
    given
}

/// What the tasks left, which is removed: lines of `trace`, then the files of `out`.
fn take_traces(folder: &Path, record: &mut String) {
    let trace = folder.join("trace");
    if let Ok(text) = std::fs::read_to_string(&trace) {
        for line in text.lines() {
            let _ = writeln!(record, "| {line}");
        }
        std::fs::remove_file(trace).unwrap();
    }
    let mut files = files_below(&folder.join("out"));
    files.sort();
    for file in files {
        let name = file.strip_prefix(folder).unwrap().display();
        let text = std::fs::read_to_string(&file).unwrap();
        for line in text.lines() {
            let _ = writeln!(record, "{name}| {line}");
        }
        if text.is_empty() {
            let _ = writeln!(record, "{name}|");
        }
        std::fs::remove_file(file).unwrap();
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] })
        .collect()
}

/// A record with the traces of each host together, as their order between hosts means nothing.
fn by_host(record: &str) -> Vec<String> {
    let mut runs = Vec::new();
    for run in record
        .split_inclusive('\n')
        .collect::<Vec<_>>()
        .chunk_by(|_, next| !next.starts_with("$ "))
    {
        let (traces, mut rest): (Vec<&str>, Vec<&str>) = run.iter().partition(|line| line.starts_with("| "));
        let mut hosts = BTreeMap::<&str, Vec<&str>>::new();
        for line in traces {
            hosts
                .entry(line.split_whitespace().nth(1).unwrap_or_default())
                .or_default()
                .push(line);
        }
        rest.extend(hosts.into_values().flatten());
        runs.push(rest.concat());
    }
    runs
}

/// The lines that only one of them has, `-` for those of the record.
fn diff_of(record: &str, actual: &str) -> String {
    similar::TextDiff::from_lines(record, actual)
        .unified_diff()
        .context_radius(2)
        .to_string()
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |mut all, line| {
        let _ = writeln!(all, "    {line}");
        all
    })
}

fn cases() -> Vec<Case> {
    cases_of(&std::env::var("KRUN_CONFORMANCE").unwrap_or_default())
}

/// The cases whose names hold a word.
fn cases_of(word: &str) -> Vec<Case> {
    let folder = repository().join("tests/conformance/cases");
    let mut paths = files_below(&folder);
    paths.sort();
    paths
        .iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "case"))
        .map(|path| Case::read(path, &folder))
        .filter(|case| case.name.contains(word))
        .collect()
}

/// Whether this krun knows an option of the command line.
fn knows(option: &str) -> bool {
    let output = Command::new(env!("CARGO_BIN_EXE_krun")).arg("--help").output().unwrap();
    String::from_utf8_lossy(&output.stdout).contains(option)
}

/// How a case went.
enum Verdict {
    Good,
    Pending(String),
    Bad(String),
}

fn judge(case: &Case, has_policy: bool) -> Verdict {
    let Some(ansible) = case.record("ansible") else {
        return Verdict::Bad(format!(
            "{}: no record: tests/conformance/record --renew {0}\n",
            case.name
        ));
    };
    let expected = if case.differs.is_some() {
        if case.pending.is_none() && std::env::var_os("KRUN_CONFORMANCE_OWN").is_some() {
            std::fs::write(case.path.with_extension("krun"), case.run(&["--no-fuse"]).0).unwrap();
        }
        let Some(own) = case.record("krun") else {
            if let Some(why) = &case.pending {
                return Verdict::Pending(format!("{}: {why}", case.name));
            }
            return Verdict::Bad(format!("{}: differs, but krun's own record is missing\n", case.name));
        };
        own
    } else {
        ansible.clone()
    };
    let mut wrong = Vec::new();
    wrong.extend(case.difference(&expected, &["--no-fuse"]));
    if wrong.is_empty() {
        wrong.extend(case.difference(&expected, &[]));
    }
    if case.policy && has_policy {
        wrong.extend(case.difference(&ansible, &["--no-fuse", "--failure-policy", "ansible"]));
    }
    match (&case.pending, wrong.is_empty()) {
        (None, true) => Verdict::Good,
        (None, false) => Verdict::Bad(wrong.concat()),
        (Some(why), false) => Verdict::Pending(format!("{}: {why}", case.name)),
        (Some(_), true) => Verdict::Bad(format!(
            "{}: is pending, but does what it should: take the line out\n",
            case.name
        )),
    }
}

#[test]
fn krun_does_what_ansible_does_or_differs_on_purpose() {
    let cases = cases();
    let has_policy = knows("--failure-policy");
    let next = AtomicUsize::new(0);
    // Most of the time goes to waiting for shells.
    let workers = 2 * std::thread::available_parallelism().map_or(2, usize::from);
    let verdicts: Vec<Verdict> = std::thread::scope(|scope| {
        let work = || {
            let mut found = Vec::new();
            while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                found.push(judge(case, has_policy));
            }
            found
        };
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let (mut pending, mut bad) = (Vec::new(), Vec::new());
    for verdict in verdicts {
        match verdict {
            Verdict::Good => {}
            Verdict::Pending(text) => pending.push(text),
            Verdict::Bad(text) => bad.push(text),
        }
    }
    bad.sort();
    pending.sort();
    let waiting = cases.iter().filter(|case| case.policy && !has_policy).count();
    eprintln!(
        "{} cases, {} pending, {waiting} wait for --failure-policy",
        cases.len(),
        pending.len()
    );
    eprintln!("{}", pending.join("\n"));
    assert!(
        bad.is_empty(),
        "{} of {} cases:\n\n{}",
        bad.len(),
        cases.len(),
        bad.join("\n")
    );
}

/// What public playbooks have in them can be listed and linted, too.
#[test]
fn idioms_are_listed_and_linted_unchanged() {
    let mut looked = 0;
    for case in cases_of("idioms/") {
        let temporary = tempfile::tempdir().unwrap();
        case.lay_out(temporary.path());
        let run = |words: &[&str]| {
            let mut krun = Command::new(env!("CARGO_BIN_EXE_krun"));
            krun.args(words).args(["-i", "hosts", "--unsupported", "when-reached"]);
            let krun = krun
                .current_dir(temporary.path())
                .env("NO_COLOR", "1")
                .stdin(Stdio::null());
            let output = krun.output().unwrap();
            let printed =
                String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            (output.status.code(), printed)
        };
        let words = shlex::split(&case.runs[0]).unwrap();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        for list in ["--list-tasks", "--list-hosts", "--list-tags", "--syntax-check"] {
            let own = words
                .iter()
                .filter(|word| !word.contains("unsupported") && **word != "when-reached");
            let (status, printed) = run(&own.copied().chain([list]).collect::<Vec<_>>());
            let is_listed = status == Some(0) && printed.contains("playbook: ");
            assert!(is_listed, "{} {list}:\n{printed}", case.name);
        }
        let variables = words.windows(2).filter(|pair| pair[0] == "-e").flatten().copied();
        let (status, printed) = run(&["lint", words[0]].into_iter().chain(variables).collect::<Vec<_>>());
        let is_judged = status == Some(0) || status == Some(2);
        assert!(is_judged, "{}:\n{printed}", case.name);
        looked += 1;
    }
    assert!(looked >= 7, "{looked}");
}
