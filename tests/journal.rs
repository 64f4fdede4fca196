//! The journal and going on from it: runs that fail, are killed, or lose their disk, and what is in the files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use rstest::rstest;
use support::{Project, Ran};

/// Steps that leave a line each, on two hosts one after the other; where a file `kill-STEP-HOST` is, krun is killed there.
const STEPS: &str = r"
- hosts: all
  serial: 1
  gather_facts: false
  vars:
    step: >-
      if rm {{ playbook_dir }}/kill-$STEP-{{ inventory_hostname }}; then kill -9 $(cat {{ playbook_dir }}/pid); sleep 60; fi
      2>/dev/null; echo $STEP-{{ inventory_hostname }} >>{{ playbook_dir }}/trace
  tasks:
    - name: look
      shell: '{{ step }}; wc -l <{{ playbook_dir }}/trace'
      environment: {STEP: look}
      register: looked
    - name: remember
      set-fact: {seen: 'a{{ looked.stdout }}'}
    - name: write
      copy: {content: '{{ seen }}', dest: '{{ playbook_dir }}/written-{{ inventory_hostname }}'}
      notify: told
    - name: act
      shell: '{{ step }}'
      environment: {STEP: act}
    - name: under a condition
      shell: '{{ step }}'
      environment: {STEP: maybe}
      when: looked is changed
    - name: each
      include_tasks: included.yml
      loop: [1, 2]
    - meta: flush_handlers
    - name: last
      shell: '{{ step }}'
      environment: {STEP: last}
  handlers:
    - name: told
      shell: '{{ step }}'
      environment: {STEP: told}
- hosts: all
  gather_facts: false
  tasks:
    - name: end
      shell: 'echo end-{{ inventory_hostname }} >>{{ playbook_dir }}/trace-{{ inventory_hostname }}'
";

const INCLUDED: &str = "
- name: included {{ item }}
  shell: '{{ step }}'
  environment: {STEP: 'included{{ item }}'}
";

fn steps() -> Project {
    Project::new(STEPS).file("included.yml", INCLUDED)
}

/// Runs the steps; krun's process id is in the file `pid`.
fn run(project: &Project, args: &[&str]) -> Ran {
    let krun = project.command(args);
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", "echo $$ >pid; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_krun")])
        .args(args)
        .current_dir(project.path())
        .stdin(Stdio::null());
    for (name, value) in krun.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let output = shell.output().unwrap();
    Ran {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

const RUN: [&str; 5] = ["site.yml", "-i", "a,b,", "-c", "local"];

#[rstest]
#[case(&[])]
#[case(&["--no-fuse"])]
fn a_killed_run_goes_on_to_the_same_end(#[case] more: &[&str]) {
    let undisturbed = steps();
    let args = [&RUN, more].concat();
    run(&undisturbed, &args).expect_status(0);
    let expected = undisturbed.trace();
    let parts = ["look", "act", "maybe", "included1", "included2", "told", "last"];
    assert_eq!(expected.len(), parts.len() * 2, "{expected:?}");

    for host in ["a", "b"] {
        for part in parts {
            let project = steps().file(&format!("kill-{part}-{host}"), "");
            assert_eq!(run(&project, &args).status, -1, "{part} {host}");
            let left = project.krun(&["show"]);
            assert!(left.stdout.contains("krun was cut off here"), "{}", left.stdout);
            assert!(
                left.stdout.contains("was at work; how far it got is not known"),
                "{}",
                left.stdout
            );
            run(&project, &["resume"]).expect_status(0);
            assert_eq!(project.trace(), expected, "killed in {part} on {host}");
            for host in ["a", "b"] {
                let written = format!("written-{host}");
                assert_eq!(
                    project.read(&written),
                    undisturbed.read(&written),
                    "killed in {part} on {host}"
                );
                assert_eq!(project.read(&format!("trace-{host}")), format!("end-{host}\n"));
            }
            let again = project.krun(&["resume"]).expect_status(1);
            assert!(again.stderr.contains("ended well"), "{}", again.stderr);
        }
    }
}

/// Two passes of a file of plays. The list is not the same any more when it was read once: it is taken from the journal.
#[test]
fn a_run_that_was_killed_in_a_pass_goes_on_in_it() {
    let project = || {
        Project::new(
            "
- import_playbook: pass.yml
  loop: \"{{ lookup('file', playbook_dir ~ '/passes').split() }}\"
- hosts: all
  gather_facts: false
  serial: 1
  tasks:
    - shell: 'echo end-{{ inventory_hostname }} >>{{ playbook_dir }}/trace'
",
        )
        .file("passes", "x y")
        .file(
            "pass.yml",
            r"
- hosts: all
  gather_facts: false
  serial: 1
  vars:
    step: >-
      rm -f {{ playbook_dir }}/passes; touch {{ playbook_dir }}/passes;
      if rm {{ playbook_dir }}/kill-$STEP-{{ item }}-{{ inventory_hostname }}; then kill -9 $(cat {{ playbook_dir }}/pid);
      sleep 60; fi 2>/dev/null; echo $STEP-{{ item }}-{{ inventory_hostname }} >>{{ playbook_dir }}/trace
  tasks:
    - name: first
      shell: '{{ step }}; echo {{ item }}'
      environment: {STEP: first}
      register: done
      notify: told
    - name: second
      shell: '{{ step }}'
      environment: {STEP: second}
      when: done.stdout == item
    - name: write
      copy: {content: '{{ item }}', dest: '{{ playbook_dir }}/at-{{ inventory_hostname }}'}
    - name: gate
      wait-for: {path: '{{ playbook_dir }}/at-{{ inventory_hostname }}', search_regex: '^{{ item }}$', timeout: 2}
  handlers:
    - name: told
      shell: '{{ step }}'
      environment: {STEP: told}
",
        )
    };
    let undisturbed = project();
    run(&undisturbed, &RUN).expect_status(0);
    let expected = undisturbed.trace();
    assert_eq!(expected.len(), 2 * 2 * 3 + 2, "{expected:?}");
    for step in &expected[..12] {
        let killed = project().file(&format!("kill-{step}"), "");
        assert_eq!(run(&killed, &RUN).status, -1, "{step}");
        let resumed = run(&killed, &["resume"]).expect_status(0);
        assert_eq!(killed.trace(), expected, "killed in {step}");
        assert_eq!(killed.read("at-a") + &killed.read("at-b"), "yy");
        // What the first pass had written is not put back where the second one may have gone over it.
        let first = resumed.stdout.split("PLAY [all (y)]").next().unwrap();
        let again = step.contains("-y-") && first.contains("changed: ");
        assert!(!again, "killed in {step}: {}", resumed.stdout);
    }
    // A run that goes on writes down what it took over.
    let killed = project().file("kill-first-x-b", "").file("kill-second-y-a", "");
    assert_eq!(run(&killed, &RUN).status, -1);
    assert_eq!(run(&killed, &["resume"]).status, -1);
    run(&killed, &["resume"]).expect_status(0);
    assert_eq!(killed.trace(), expected);
}

#[test]
fn a_run_that_goes_on_may_be_killed_as_well() {
    let project = steps()
        .file("kill-act-a", "")
        .file("kill-act-b", "")
        .file("kill-last-b", "");
    assert_eq!(run(&project, &RUN).status, -1);
    assert_eq!(run(&project, &["resume"]).status, -1);
    assert_eq!(run(&project, &["resume"]).status, -1);
    run(&project, &["resume"]).expect_status(0);
    let undisturbed = steps();
    run(&undisturbed, &RUN).expect_status(0);
    assert_eq!(project.trace(), undisturbed.trace());
    let history = project.krun(&["history"]).expect_status(0);
    assert_eq!(history.stdout.matches(" cut ").count(), 3, "{}", history.stdout);
    assert_eq!(history.stdout.matches("goes on from").count(), 3, "{}", history.stdout);
}

#[test]
fn what_a_judgement_rested_on_is_looked_at_again() {
    let project = Project::new(
        "
- hosts: all
  gather_facts: false
  tasks:
    - name: count
      shell: cat room
      args: {chdir: '{{ playbook_dir }}'}
      register: room
      changed_when: false
    - name: begin
      shell: echo begun >>{{ playbook_dir }}/trace
    - name: judge
      assert: {that: room.stdout | int > 10}
",
    )
    .file("room", "1");
    project
        .run_on("a", &[])
        .expect_status(2)
        .expect_stderr("to go on from here: krun resume");
    let project = project.file("room", "20");
    project
        .krun(&["resume", "--accept-changes"])
        .expect_status(0)
        .expect_stdout("ok: [a] (done before)");
    assert_eq!(project.trace(), ["begun"]);
}

#[test]
fn a_command_that_was_waited_for_is_not_judged_again() {
    let project = Project::new(
        "
- hosts: all
  gather_facts: false
  tasks:
    - name: wait
      shell: echo waited >>{{ playbook_dir }}/trace; echo good
      register: waited
      until: waited.stdout == 'good'
      failed_when: waited.stdout != 'good'
    - name: gate
      shell: test -e {{ playbook_dir }}/open
",
    );
    project.run_on("a", &[]).expect_status(2);
    let project = project.file("open", "");
    project.krun(&["resume", "--accept-changes"]).expect_status(0);
    assert_eq!(project.trace(), ["waited"]);
}

#[test]
fn what_was_changed_since_is_mended_and_tells_its_handlers() {
    let project = Project::new(
        "
- hosts: all
  gather_facts: false
  tasks:
    - name: write
      copy: {content: new, dest: '{{ playbook_dir }}/target'}
      notify: told
    - name: gate
      shell: test -e {{ playbook_dir }}/open
  handlers:
    - name: told
      shell: echo told >>{{ playbook_dir }}/trace
",
    );
    let failed = project.run_on("a", &[]).expect_status(2);
    failed.expect_stdout("pending handlers not run: a: told");
    let project = project.file("open", "").file("target", "old");
    let resumed = project.krun(&["resume", "--accept-changes"]).expect_status(0);
    resumed.expect_stdout("changed: [a]");
    assert_eq!(
        (project.read("target"), project.trace()),
        ("new".to_owned(), vec!["told".to_owned()])
    );
}

#[test]
fn secrets_are_not_in_the_files() {
    let secrets = ["hidden-by-no-log", "hidden-by-name", "hidden-in-a-vault"];
    let project = Project::new(
        "
- hosts: all
  gather_facts: false
  tasks:
    - name: quiet
      shell: echo hidden-by-no-log
      no_log: true
      register: quiet
    - name: by name
      debug: {msg: '{{ db_password }} {{ quiet.stdout }}'}
      no_log: true
    - name: loud
      shell: 'echo {{ db_password }} {{ from_vault }}'
      register: loud
    - name: shown
      debug: {var: loud.stdout}
    - name: end
      fail: {msg: 'not with {{ from_vault }}'}
",
    )
    .file("password", "correct horse")
    .file("group_vars/all.yml", &format!("from_vault: !vault |\n{VAULTED}"));
    let arguments = ["-e", "db_password=hidden-by-name", "--vault-password-file", "password"];
    project.run_on("a", &arguments).expect_status(2);
    let folder = project.path().join(".journal");
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret}");
        }
        files += 1;
    }
    assert!(files > 0);
    let shown = project.krun(&["show"]).expect_status(0);
    shown
        .expect_stdout("not kept, since secret: db_password")
        .expect_stdout("********");

    project
        .krun(&["resume"])
        .expect_status(1)
        .expect_stderr("db_password")
        .expect_stderr("give them again with -e");
    let given = project.krun(&["resume", "-e", "db_password=hidden-by-name"]);
    given.expect_status(2).expect_stdout("hidden-by-name hidden-in-a-vault");
}

/// `hidden-in-a-vault`, made by ansible-vault with the password `correct horse`.
const VAULTED: &str = include_str!("data/vault/journal.txt");

#[test]
fn other_users_cannot_read_it() {
    let project = steps();
    run(&project, &RUN).expect_status(0);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = project.path().join(".journal");
    assert_eq!(mode(&folder), 0o700);
    for entry in std::fs::read_dir(&folder).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

#[test]
fn what_cannot_go_on_says_why() {
    let project = steps();
    project
        .krun(&["resume"])
        .expect_status(1)
        .expect_stderr("no run stands in the journal");
    let checked =
        Project::new("- hosts: all\n  gather_facts: false\n  tasks: [{debug: {msg: x}}, {fail: {msg: no}}]\n");
    checked.krun(&[&RUN[..], &["--check"]].concat()).expect_status(2);
    checked
        .krun(&["resume"])
        .expect_status(1)
        .expect_stderr("was in check mode");
    run(&project, &RUN).expect_status(0);
    project
        .krun(&["resume", "nonsense"])
        .expect_status(1)
        .expect_stderr("there is no run `nonsense`");

    let project = steps().file("kill-act-a", "");
    assert_eq!(run(&project, &RUN).status, -1);
    let project = project.file("included.yml", "[]");
    project
        .krun(&["resume"])
        .expect_status(1)
        .expect_stderr("included.yml was changed")
        .expect_stderr("--accept-changes");
    assert_eq!(project.trace(), ["look-a"], "nothing was done");
}

#[test]
fn a_run_that_goes_on_is_no_run_to_go_on_from() {
    let project = Project::new(
        "
- hosts: all
  gather_facts: false
  tasks:
    - shell: 'echo begun >{{ playbook_dir }}/begun; while ! test -e {{ playbook_dir }}/go; do sleep 0.1; done'
",
    );
    let mut running = project
        .command(&RUN)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !project.path().join("begun").exists() {
        assert!(running.try_wait().unwrap().is_none(), "krun ended");
        std::thread::yield_now();
    }
    let refused = project.krun(&["resume"]);
    let shown = project.krun(&["history"]);
    let project = project.file("go", "");
    assert!(running.wait().unwrap().success());
    refused.expect_status(1).expect_stderr("goes on");
    shown.expect_stdout("at work");
    project.krun(&["history"]).expect_stdout("well");
}

#[test]
fn without_a_journal_nothing_is_written() {
    let project = steps();
    run(&project, &[&RUN[..], &["--no-journal"]].concat()).expect_status(0);
    assert!(!project.path().join(".journal").exists());
    let unwritable = project
        .command(&RUN)
        .env("KRUN_JOURNAL", "/proc/nowhere")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&unwritable.stderr).into_owned();
    assert_eq!(unwritable.status.code(), Some(1), "{said}");
    assert!(
        said.contains("cannot make the journal's folder /proc/nowhere") && said.contains("--no-journal"),
        "{said}"
    );
}

/// A file system with room for the beginning of a run only.
#[test]
fn on_a_full_disk_no_further_task_is_begun() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let text = "x".repeat(4000);
    let task = |number| format!("    - shell: 'echo {number} >>{{{{ playbook_dir }}}}/trace; echo {text}'\n");
    let tasks = (0..200).map(task).collect::<Vec<_>>().concat();
    let project = Project::new(&format!("- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}"));
    std::fs::create_dir(project.path().join("small")).unwrap();
    let script = "mount -t tmpfs -o size=512k none small && exec \"$@\" --journal small/runs";
    let output = std::process::Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_krun")])
        .args(RUN)
        .current_dir(project.path())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("the journal cannot be written"), "{said}");
    assert!(said.contains("the task was not begun"), "{said}");
    let ran = project.trace().len();
    assert!(ran > 0 && ran < 200, "{ran} tasks ran");
}

#[test]
fn tasks_know_the_name_of_their_run() {
    let project = Project::new(
        "
- hosts: all
  gather_facts: false
  tasks:
    - copy: {content: '{{ krun_run_id }}', dest: '{{ playbook_dir }}/name'}
",
    );
    project.run_on("a", &[]).expect_status(0);
    let name = project.read("name");
    project.krun(&["history"]).expect_stdout(&name);
    project.run_on("a", &["--no-journal"]).expect_status(0);
    let other = project.read("name");
    assert!(other.len() == name.len() && other != name, "{name}, {other}");
}
