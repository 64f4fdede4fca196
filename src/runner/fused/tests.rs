//! Fused or not, near or far: a run is the same in what it does and in what it tells.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use crate::connection::{
    Answered, Become, Connection, ConnectionError, ConnectionKind, Endpoint, Output, Request, SessionPool, Step,
};
use crate::inventory::{Inventory, InventoryVariables};
use crate::playbook::{Loader, LoaderOptions};
use crate::runner::{RunOptions, run};
use crate::vars::vault::VaultPasswords;

/// A local shell that says how far away it is, and counts exchanges.
struct Distant {
    shell: Box<dyn Connection>,
    round_trip: Duration,
    exchanges: Arc<AtomicU64>,
}

impl Distant {
    fn count(&self) {
        self.exchanges.fetch_add(1, Ordering::Relaxed);
    }
}

impl Connection for Distant {
    fn execute(&mut self, user: Option<&Become>, request: &Request) -> Result<Output, ConnectionError> {
        self.count();
        self.shell.execute(user, request)
    }

    fn upload(&mut self, user: Option<&Become>, source: &mut dyn Read, path: &str) -> Result<(), ConnectionError> {
        self.count();
        self.shell.upload(user, source, path)
    }

    fn download(&mut self, user: Option<&Become>, path: &str, sink: &mut dyn Write) -> Result<(), ConnectionError> {
        self.count();
        self.shell.download(user, path, sink)
    }

    fn chain(
        &mut self,
        user: Option<&Become>,
        steps: &[Step],
        afresh: bool,
        interrupted: &AtomicBool,
        answered: Answered<'_>,
    ) {
        self.count();
        self.shell.chain(user, steps, afresh, interrupted, answered);
    }

    fn round_trip(&self) -> Option<Duration> {
        Some(self.round_trip)
    }

    fn reset(&mut self) {
        self.shell.reset();
    }

    fn exchanges(&self) -> u64 {
        self.exchanges.load(Ordering::Relaxed)
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Alone,
    Near,
    Far,
}

/// What a run told, what it left in its folder, and how many exchanges it took.
#[derive(Debug)]
struct Ran {
    events: Vec<Value>,
    left: Vec<(String, String)>,
    exchanges: u64,
}

/// Runs tasks (a YAML list) on one host with `{{ base }}` as a folder of its own.
fn run_tasks(tasks: &str, way: Way, check_mode: bool, times: usize) -> Ran {
    let base = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(base.path().join("there"), "one\ntwo\n").unwrap();
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    std::fs::write(
        folder.path().join("templates/t.j2"),
        "{{ seen.stdout | default('none') }}\n",
    )
    .unwrap();
    let playbook = folder.path().join("site.yml");
    let vars = format!("{{base: {}}}", base.path().display());
    let text = format!("- name: p\n  hosts: all\n  gather_facts: false\n  vars: {vars}\n  tasks:\n{tasks}");
    std::fs::write(&playbook, text).unwrap();
    let passwords = VaultPasswords::default();
    let loader_options = LoaderOptions::default();
    let loader = Loader::new(&loader_options, &passwords);
    let (loaded, diagnostics) = loader.load(&playbook);
    let loaded = loaded.unwrap_or_else(|| panic!("{diagnostics}\n{tasks}"));
    assert!(!diagnostics.has_errors(), "{diagnostics}\n{tasks}");
    let exchanges = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&exchanges);
    let sessions = SessionPool::with_opener(Arc::new(move |endpoint: &Endpoint| {
        let local = Endpoint {
            kind: ConnectionKind::Local,
            ..endpoint.clone()
        };
        Box::new(Distant {
            shell: crate::connection::open(&local),
            round_trip: Duration::from_millis(if way == Way::Far { 100 } else { 0 }),
            exchanges: Arc::clone(&counter),
        })
    }));
    let mut told = Vec::new();
    let mut before = 0;
    for _ in 0..times {
        before = exchanges.load(Ordering::Relaxed);
        let (inventory, _) = Inventory::load(&["a,".to_owned()], &passwords).unwrap();
        let (variables, _) = InventoryVariables::load(&inventory, None, &passwords).unwrap();
        let options = Arc::new(RunOptions {
            no_fuse: way == Way::Alone,
            check_mode,
            diff: true,
            ..RunOptions::default()
        });
        let (events, receiver) = mpsc::channel();
        run(
            std::slice::from_ref(&loaded),
            (inventory, variables),
            &options,
            &loader,
            &passwords,
            &sessions,
            events,
        )
        .unwrap();
        told.extend(receiver.try_iter().map(|event| serde_json::to_value(event).unwrap()));
    }
    let names = [base.path(), folder.path()].map(|path| path.display().to_string());
    for event in &mut told {
        make_comparable(event, &names);
    }
    Ran {
        events: told,
        left: everything_in(base.path()),
        exchanges: exchanges.load(Ordering::Relaxed) - before,
    }
}

/// Takes out what differs between any two runs: folders and the checksums of texts that name them, random names, times.
fn make_comparable(value: &mut Value, folders: &[String]) {
    match value {
        Value::Object(map) => {
            for name in ["mtime", "ctime", "atime", "inode", "dev", "checksum"] {
                map.remove(name);
            }
            map.values_mut().for_each(|value| make_comparable(value, folders));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| make_comparable(value, folders)),
        Value::String(text) => {
            for folder in folders {
                *text = text.replace(folder.as_str(), "FOLDER");
            }
            let random = regex::Regex::new(r"krun-[0-9a-f]{16}").unwrap();
            *text = random.replace_all(text, "krun-RANDOM").into_owned();
        }
        _ => {}
    }
}

fn everything_in(folder: &Path) -> Vec<(String, String)> {
    let output = std::process::Command::new("sh")
        .args([
            "-c",
            "find . | sort | while read -r f; do stat -c '%n %a %F' \"$f\"; [ -d \"$f\" ] || cat \"$f\"; done",
        ])
        .current_dir(folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).replace(&folder.display().to_string(), "FOLDER");
    text.lines().map(|line| (line.to_owned(), String::new())).collect()
}

fn assert_same(tasks: &str, check_mode: bool) {
    let alone = run_tasks(tasks, Way::Alone, check_mode, 2);
    for way in [Way::Near, Way::Far] {
        let fused = run_tasks(tasks, way, check_mode, 2);
        for (number, (expected, event)) in alone.events.iter().zip(&fused.events).enumerate() {
            assert_eq!(expected, event, "event {number}, {way:?}\n{tasks}");
        }
        assert_eq!(alone.events.len(), fused.events.len(), "{way:?}\n{tasks}");
        assert_eq!(alone.left, fused.left, "{way:?}\n{tasks}");
    }
}

/// Tasks that meet each other in a few files.
fn task() -> impl Strategy<Value = String> {
    let file = prop::sample::select(vec!["there", "d", "d/x", "d/y", "z"]);
    let keywords = prop::sample::select(vec![
        "",
        "",
        "",
        "      ignore_errors: true\n",
        "      register: seen\n",
        "      register: seen\n      failed_when: false\n",
        "      register: it\n      failed_when: it is failed or 'no' in (it.stdout | default(''))\n",
        "      when: seen is defined\n",
        "      when: seen is defined and seen is changed\n",
        "      loop: [1, 2]\n",
        "      loop: [x, there, y]\n      loop_control: {index_var: n}\n",
        "      changed_when: false\n",
        "      changed_when: \"'one' in (seen.stdout | default(''))\"\n",
        "      environment: {V: w}\n",
        "      check_mode: true\n",
        "      no_log: true\n",
        "      vars: {w: \"{{ seen.stdout | default('w') }}\"}\n",
    ]);
    let action = file.prop_flat_map(|file| {
        prop::sample::select(vec![
            format!("file: {{path: \"{{{{ base }}}}/{file}\", state: directory, mode: \"0755\"}}"),
            format!("file: {{path: \"{{{{ base }}}}/{file}\", state: touch, mode: \"0600\", access_time: preserve, modification_time: preserve}}"),
            format!("file: {{path: \"{{{{ base }}}}/{file}\", state: absent}}"),
            format!("copy: {{content: \"c{{{{ item | default(0) }}}}\", dest: \"{{{{ base }}}}/{file}\"}}"),
            format!("copy: {{content: \"one\", dest: \"{{{{ base }}}}/{file}\", mode: \"0640\"}}"),
            format!("template: {{src: t.j2, dest: \"{{{{ base }}}}/{file}\"}}"),
            format!("lineinfile: {{path: \"{{{{ base }}}}/{file}\", line: \"l{{{{ item | default('') }}}}\", create: true}}"),
            format!("replace: {{path: \"{{{{ base }}}}/{file}\", regexp: one, replace: two}}"),
            format!("stat: {{path: \"{{{{ base }}}}/{file}\"}}"),
            format!("shell: cat {{{{ base }}}}/{file}"),
            format!("shell: echo \"$V{{{{ w | default('') }}}}\" >> {{{{ base }}}}/{file}; echo no"),
            format!("command: rm -r {{{{ base }}}}/{file}"),
            format!("command: touch {{{{ base }}}}/{file}\n      args: {{creates: \"{{{{ base }}}}/{file}\"}}"),
            "debug: {msg: \"{{ seen | default('-') }}\"}".to_owned(),
            "set_fact: {seen: {stdout: \"fact {{ seen.stdout | default('') }}\"}}".to_owned(),
            "assert: {that: seen is not defined or seen.stdout is defined}".to_owned(),
            "command: 'false'".to_owned(),
            "ping:".to_owned(),
        ])
    });
    (action, keywords).prop_map(|(action, keywords)| {
        // `until` and the like would take these out of their windows.
        format!("    - {action}\n{keywords}")
    })
}

/// A case is six runs: fewer of them than usual.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_done_and_told_is_the_same(tasks in prop::collection::vec(task(), 1..9), check_mode in prop::bool::weighted(0.2)) {
        assert_same(&tasks.concat(), check_mode);
    }
}

const MANY: &str = r#"
    - file: {path: "{{ base }}/conf.d", state: directory, mode: "0755"}
    - command: "true"
    - shell: echo 1; echo 2 >&2
    - stat: {path: "{{ base }}/conf.d"}
      register: before
    - copy: {content: a, dest: "{{ base }}/conf.d/a"}
    - copy: {content: b, dest: "{{ base }}/conf.d/b"}
    - copy: {content: c, dest: "{{ base }}/conf.d/c", mode: "0600"}
    - template: {src: t.j2, dest: "{{ base }}/service.conf"}
    - file: {path: "{{ base }}/state", state: directory, mode: "0700"}
    - lineinfile: {path: "{{ base }}/node.env", line: V=1, regexp: "^V=", create: true}
    - command: echo 4.2.1
      register: installed
    - command: "true"
      when: installed.stdout == "4.2.1"
    - shell: test -d {{ base }}/state && true
    - stat: {path: "{{ base }}/service.conf"}
    - command: "true"
    - command: "true"
"#;

#[rstest]
#[case(Way::Alone, 1, 24)]
#[case(Way::Alone, 2, 16)]
#[case(Way::Near, 1, 9)]
#[case(Way::Near, 2, 4)]
#[case(Way::Far, 1, 5)]
#[case(Way::Far, 2, 4)]
fn exchanges_of_a_usual_role(#[case] way: Way, #[case] times: usize, #[case] at_most: u64) {
    assert_same(MANY, false);
    let ran = run_tasks(MANY, way, false, times);
    assert!(ran.exchanges <= at_most, "{way:?}, run {times}: {}", ran.exchanges);
}

#[test]
fn check_mode_looks_at_all_tasks_at_once() {
    let tasks = MANY.replace("when: installed.stdout == \"4.2.1\"", "when: true");
    assert_same(&tasks, true);
    assert_eq!(run_tasks(&tasks, Way::Near, true, 1).exchanges, 1);
}

#[test]
fn a_failure_ends_the_chain() {
    let tasks = "    - shell: exit 3\n    - shell: touch {{ base }}/never\n";
    let ran = run_tasks(tasks, Way::Far, false, 1);
    assert!(ran.left.iter().all(|(line, _)| !line.contains("never")), "{ran:?}");
    assert_same(tasks, false);
}

#[test]
fn what_an_earlier_task_changes_is_not_overlooked() {
    // The look of the second task is made ahead, and is wrong by the time of its turn.
    let tasks = r#"
    - copy: {content: new, dest: "{{ base }}/x"}
    - shell: echo other > {{ base }}/there
    - copy: {content: "other\n", dest: "{{ base }}/there"}
    - copy: {content: "last", dest: "{{ base }}/there"}
    - shell: cat {{ base }}/there
"#;
    assert_same(tasks, false);
    let ran = run_tasks(tasks, Way::Far, false, 1);
    let last = ran
        .events
        .iter()
        .rev()
        .find_map(|event| event.pointer("/result/stdout"));
    assert_eq!(last, Some(&json!("last")));
}

#[test]
fn what_was_looked_at_before_its_turn_is_looked_at_again() {
    // The items meet in one file. The node finds it changed at the second one, and what it finds for the third one
    // then is from before the second one has acted.
    let tasks = r#"
    - lineinfile: {path: "{{ base }}/x", line: "l{{ item }}", create: true}
      loop: [1, 2, 3]
    - copy: {content: "{{ item }}", dest: "{{ base }}/there"}
      loop: [new, new, other]
"#;
    assert_same(tasks, false);
}

#[rstest]
#[case("", 1)]
#[case("      timeout: 5\n", 2)]
#[case("      retries: 1\n", 2)]
#[case("      throttle: 1\n", 2)]
#[case("      when: hostvars['a'] is defined\n", 2)]
#[case("      vars: {x: \"{{ hostvars['a'].inventory_hostname }}\"}\n", 2)]
#[case("      delegate_to: a\n", 2)]
#[case("      any_errors_fatal: true\n", 2)]
#[case("      run_once: false\n", 1)]
fn tasks_that_go_by_themselves(#[case] keywords: &str, #[case] exchanges: u64) {
    let tasks = format!("    - command: 'true'\n    - command: 'true'\n{keywords}");
    assert_same(&tasks, false);
    assert_eq!(run_tasks(&tasks, Way::Far, false, 1).exchanges, exchanges);
}
