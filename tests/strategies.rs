//! Strategies: hosts that wait for one another after each task, and hosts that go at their own pace.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::Project;

/// A play of a strategy; its tasks write into the trace, and wait for a line of it.
fn play(strategy: &str, keys: &str, tasks: &str) -> Project {
    Project::new(&format!(
        "
- name: p
  hosts: all
  gather_facts: false
  strategy: {strategy}
{keys}
  vars:
    note: echo {{{{ inventory_hostname }}}}
    trace: '{{{{ playbook_dir }}}}/trace'
    await: '{{{{ playbook_dir }}}}/await'
  tasks:
{tasks}"
    ))
    .file(
        "await",
        "n=0; until grep -qx \"$2\" \"$1\" 2>/dev/null; do n=$((n + 1)); [ $n -lt 600 ] || exit 1; sleep 0.05; done\n",
    )
}

fn position(trace: &[String], line: &str) -> usize {
    let found = trace.iter().position(|written| written == line);
    found.unwrap_or_else(|| panic!("no {line:?} in {trace:?}"))
}

#[test]
fn free_hosts_do_not_wait_for_one_another() {
    // a's first task ends only when b is through with the play: with a barrier neither would go on.
    let tasks = "
    - shell: sh {{ await }} {{ trace }} 'b 3'
      when: inventory_hostname == 'a'
    - shell: '{{ note }} 2 >> {{ trace }}'
    - shell: '{{ note }} 3 >> {{ trace }}'
";
    for strategy in ["free", "ansible.builtin.free", "'{{ pace | default(\"free\") }}'"] {
        let project = play(strategy, "", tasks);
        project.run_on("a b", &["--no-fuse"]).expect_status(0);
        assert_eq!(project.trace(), ["b 2", "b 3", "a 2", "a 3"], "{strategy}");
    }
}

#[test]
fn free_shares_the_forks_fairly() {
    let tasks = "
    - shell: '{{ note }} 1 >> {{ trace }}'
    - shell: '{{ note }} 2 >> {{ trace }}'
";
    let project = play("free", "", tasks);
    project.run_on("a b c", &["--no-fuse", "-f", "1"]).expect_status(0);
    let trace = project.trace();
    assert_eq!(trace.len(), 6);
    let first = |host: &str| position(&trace, &format!("{host} 1"));
    // No host is through before all have begun.
    let last_begun = ["a", "b", "c"].map(first).into_iter().max();
    assert!(
        last_begun
            < ["a 2", "b 2", "c 2"]
                .map(|line| position(&trace, line))
                .into_iter()
                .min()
    );
}

#[test]
fn host_pinned_takes_no_more_hosts_than_there_are_forks() {
    let tasks = "
    - shell: '{{ note }} 1 >> {{ trace }}'
    - shell: '{{ note }} 2 >> {{ trace }}'
    - shell: '{{ note }} 3 >> {{ trace }}'
";
    let project = play("host_pinned", "", tasks);
    project.run_on("a b c", &["--no-fuse", "-f", "1"]).expect_status(0);
    let expected: Vec<String> = ["a", "b", "c"]
        .iter()
        .flat_map(|host| (1..=3).map(move |task| format!("{host} {task}")))
        .collect();
    assert_eq!(project.trace(), expected);
}

#[test]
fn a_batch_is_finished_and_nothing_follows_it_when_a_host_fails() {
    let tasks = "
    - command: 'false'
      when: inventory_hostname == 'a'
    - shell: '{{ note }} >> {{ trace }}'
";
    for strategy in ["free", "host_pinned"] {
        let project = play(strategy, "  serial: 2", tasks);
        project
            .run_on("a b c", &[])
            .expect_status(2)
            .expect_stdout("STOPPED: a failed")
            .expect_stdout("not reached in \"p\": c");
        assert_eq!(project.trace(), ["b"]);
        let project = play(strategy, "  serial: 2", tasks);
        project
            .run_on("a b c", &["--failure-policy", "ansible"])
            .expect_status(2);
        assert_eq!(project.trace(), ["b", "c"]);
    }
}

#[test]
fn blocks_handlers_and_includes_are_each_hosts_own() {
    let tasks = "
    - block:
        - command: 'false'
          when: inventory_hostname == 'a'
        - shell: '{{ note }} block >> {{ trace }}'
          notify: handler
      rescue:
        - shell: '{{ note }} rescue {{ ansible_failed_result.rc }} >> {{ trace }}'
      always:
        - include_tasks: more.yml
          loop: [1, 2]
    - meta: flush_handlers
    - shell: '{{ note }} end >> {{ trace }}'
  handlers:
    - name: handler
      shell: '{{ note }} handler >> {{ trace }}'
";
    let project = play("free", "", tasks).file("more.yml", "- shell: '{{ note }} more {{ item }} >> {{ trace }}'\n");
    let ran = project.run_on("a b", &[]).expect_status(0);
    let of = |host: &str| -> Vec<String> {
        let lines = project.trace().into_iter();
        lines
            .filter_map(|line| line.strip_prefix(&format!("{host} ")).map(str::to_owned))
            .collect()
    };
    assert_eq!(of("a"), ["rescue 1", "more 1", "more 2", "end"]);
    assert_eq!(of("b"), ["block", "more 1", "more 2", "handler", "end"]);
    assert!(ran.stdout.contains("rescued=1"), "{}", ran.stdout);
}

#[test]
fn the_forks_and_a_tasks_throttle_hold() {
    // Each host notes how many are inside.
    let tasks = "
    - shell: mkdir {{ playbook_dir }}/in-{{ inventory_hostname }}; ls -d {{ playbook_dir }}/in-* | wc -l >> {{ trace }}; sleep 0.1; rmdir {{ playbook_dir }}/in-{{ inventory_hostname }}
KEYS";
    for (keys, forks, most) in [("      throttle: 1\n", "8", 1), ("", "2", 2)] {
        let project = play("free", "", &tasks.replace("KEYS", keys));
        project.run_on("a b c d e f", &["-f", forks]).expect_status(0);
        let counts: Vec<usize> = project
            .trace()
            .iter()
            .map(|line| line.trim().parse().unwrap())
            .collect();
        assert_eq!(counts.len(), 6);
        assert!(counts.iter().all(|inside| *inside <= most), "{counts:?}");
    }
}

#[test]
fn what_ends_the_play_or_is_fatal_is_so_for_all_hosts() {
    let tasks = |task: &str| {
        format!(
            "
    - shell: '{{{{ note }}}} >> {{{{ trace }}}}'
    - {task}
      when: inventory_hostname == 'a'
    - shell: sh {{{{ await }}}} {{{{ trace }}}} ended; sleep 0.3
      when: inventory_hostname == 'b'
    - shell: echo not reached >> {{{{ trace }}}}
"
        )
    };
    for (task, status) in [("meta: end_play", 0), ("meta: end_batch", 0)] {
        let project = play(
            "free",
            "",
            &tasks(task).replace("{{ await }} {{ trace }} ended", "{{ await }} {{ trace }} a"),
        );
        project.run_on("a b", &["--no-fuse"]).expect_status(status);
        let mut trace = project.trace();
        trace.sort();
        assert_eq!(trace, ["a", "b"], "{task}");
    }
    let project = play(
        "free",
        "  any_errors_fatal: true",
        &tasks("command: 'false'").replace("{{ await }} {{ trace }} ended", "{{ await }} {{ trace }} a"),
    );
    project
        .run_on("a b", &["--no-fuse"])
        .expect_status(2)
        .expect_stdout("any_errors_fatal is set")
        .expect_stdout("in the middle of \"p\": b");
    assert_eq!(project.trace().len(), 2);
}

#[test]
fn a_task_is_named_above_what_is_said_of_its_hosts() {
    let tasks = "
    - name: wait
      shell: sh {{ await }} {{ trace }} 'b 2'
      when: inventory_hostname == 'a'
    - name: write
      shell: '{{ note }} 2 >> {{ trace }}'
";
    let ran = play("free", "", tasks).run_on("a b", &["--no-fuse"]).expect_status(0);
    let told: Vec<&str> = ran
        .stdout
        .lines()
        .filter(|line| {
            ["TASK", "changed:", "skipping:"]
                .iter()
                .any(|word| line.starts_with(word))
        })
        .map(|line| line.split(" *").next().unwrap())
        .collect();
    assert_eq!(
        told,
        [
            "TASK [wait]",
            "skipping: [b]",
            "TASK [write]",
            "changed: [b]",
            "TASK [wait]",
            "changed: [a]",
            "TASK [write]",
            "changed: [a]"
        ]
    );
}

#[test]
fn once_for_all_hosts_is_refused_before_the_run() {
    for (strategy, task, place) in [
        ("free", "command: 'true'\n      run_once: true", "site.yml:14:17"),
        ("host_pinned", "pause: {seconds: 1}", "site.yml:13:7"),
    ] {
        let project = play(strategy, "", &format!("\n    - {task}\n"));
        project
            .run_on("a b", &[])
            .expect_status(4)
            .expect_stderr(place)
            .expect_stderr("no host waits for another one");
    }
    // Where the strategy is known in the run only, the task fails.
    let project = play(
        "'{{ \"free\" }}'",
        "",
        "\n    - shell: echo x >> {{ trace }}\n      run_once: true\n",
    );
    project
        .run_on("a b", &[])
        .expect_status(2)
        .expect_stdout("take the strategy `linear`");
    assert!(project.trace().is_empty());
}

#[test]
fn start_at_task_and_an_interruption_work_on_each_host() {
    let tasks = "
    - name: one
      shell: '{{ note }} 1 >> {{ trace }}'
    - name: two
      shell: '{{ note }} 2 >> {{ trace }}'
";
    let project = play("free", "", tasks);
    project.run_on("a b", &["--start-at-task", "two"]).expect_status(0);
    let mut trace = project.trace();
    trace.sort();
    assert_eq!(trace, ["a 2", "b 2"]);

    let tasks = "
    - shell: '{{ note }} begun >> {{ trace }}; sleep 1; {{ note }} ended >> {{ trace }}'
    - shell: '{{ note }} not begun >> {{ trace }}'
";
    let project = play("free", "", tasks);
    let mut krun = project
        .command(&["site.yml", "-i", "a,b,", "-c", "local", "--no-fuse"])
        .spawn()
        .unwrap();
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while project.trace().len() < 2 && std::time::Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    let id = krun.id().to_string();
    std::process::Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert_eq!(krun.wait().unwrap().code(), Some(99));
    let mut trace = project.trace();
    trace.sort();
    assert_eq!(trace, ["a begun", "a ended", "b begun", "b ended"]);
}
