//! What a failed host means for the rest of the run: krun's stop rule, and Ansible's own.
#![allow(missing_docs)]

mod support;

use support::Project;

/// Plays on hosts a to d; each begins with its name and ends as the test says.
fn plays(plays: &[&str]) -> Project {
    let texts: Vec<String> = plays.iter().map(|play| format!("\n- {}", play.trim_start())).collect();
    Project::new(&texts.concat())
}

const TRACE: &str = "shell: echo {{ inventory_hostname }} >> {{ playbook_dir }}/trace";
const ANSIBLE: &[&str] = &["--failure-policy", "ansible", "-f", "1"];

fn failing(keys: &str, bad: &str) -> String {
    format!(
        "name: roll
  hosts: all
  gather_facts: false
{keys}
  tasks:
    - {TRACE}
    - command: 'false'
      when: inventory_hostname in {bad}
"
    )
}

fn after(hosts: &str) -> String {
    format!(
        "name: after
  hosts: {hosts}
  gather_facts: false
  tasks:
    - shell: echo after {{{{ inventory_hostname }}}} >> {{{{ playbook_dir }}}}/trace
"
    )
}

#[test]
fn ansible_goes_on_with_the_hosts_that_are_left() {
    let project = plays(&[&failing("  serial: 2", "['b']"), &after("all")]);
    let ran = project.run_on("a b c d", ANSIBLE).expect_status(2);
    assert_eq!(project.trace(), ["a", "b", "c", "d", "after a", "after c", "after d"]);
    assert!(!ran.stdout.contains("STOPPED"), "{}", ran.stdout);
}

#[test]
fn ansible_stops_when_a_whole_batch_is_lost() {
    let project = plays(&[&failing("  serial: 1", "['b']"), &after("all")]);
    project
        .run_on("a b c", ANSIBLE)
        .expect_status(2)
        .expect_stdout("STOPPED: no host of the batch is left: b failed")
        .expect_stdout("not reached in \"roll\": c")
        .expect_stdout("plays not started: after");
    assert_eq!(project.trace(), ["a", "b"]);
}

#[test]
fn the_environment_may_say_so_too_and_stop_is_the_default() {
    let project = plays(&[&failing("", "['a']"), &after("all")]);
    let args = ["site.yml", "-i", "a,b,", "-c", "local", "-f", "1"];
    let ran = project.command(&args).env("KRUN_FAILURE_POLICY", "ansible").output();
    assert_eq!(ran.unwrap().status.code(), Some(2));
    assert_eq!(project.trace(), ["a", "b", "after b"]);
    project.krun(&args).expect_status(2).expect_stdout("STOPPED: a failed");
    assert_eq!(project.trace().len(), 5);
    project
        .run_on("a", &["--failure-policy", "go"])
        .expect_status(5)
        .expect_stderr("use stop or ansible");
}

#[test]
fn hosts_that_are_lost_keep_their_places_in_the_batches() {
    let show = "name: show
  hosts: all
  gather_facts: false
  serial: 50%
  tasks:
    - shell: echo {{ ansible_play_hosts | join('') }} {{ ansible_play_batch | join('') }} {{ ansible_play_hosts_all | join('') }} >> {{ playbook_dir }}/trace
      when: inventory_hostname == 'c'
    - command: 'false'
";
    let project = plays(&[&failing("", "['a', 'b']"), &after("a"), show, &after("localhost")]);
    let ran = project.run_on(
        "a b c d localhost",
        &["--failure-policy", "ansible", "-f", "1", "-l", "!localhost"],
    );
    // The batch of c and d loses all its hosts, so that the last play does not begin.
    let ran = ran.expect_status(2).expect_stdout("plays not started: after");
    assert_eq!(project.trace(), ["a", "b", "c", "d", "cd cd abcd"]);
    // Of the play whose host is lost there is the banner and nothing else.
    assert!(ran.stdout.contains("PLAY [after] ***"), "{}", ran.stdout);
}

#[test]
fn a_lost_host_in_a_batch_that_loses_all_others_lets_ansible_go_on() {
    let all_fail = "name: all fail
  hosts: all
  gather_facts: false
  tasks:
    - command: 'false'
";
    let last =
        "name: last\n  hosts: x\n  gather_facts: false\n  tasks:\n    - shell: echo last >> {{ playbook_dir }}/trace\n";
    let all_fail = all_fail.replace("hosts: all", "hosts: all:!x");
    let first = failing("", "['a']").replace("hosts: all", "hosts: all:!x");
    let project = plays(&[&first, &all_fail, last]);
    project.run_on("a b x", ANSIBLE).expect_status(2);
    assert_eq!(project.trace(), ["a", "b", "last"]);
}

#[test]
fn ansible_looks_at_the_share_after_each_task() {
    let share = |limit: u8| {
        format!(
            "name: roll
  hosts: all
  gather_facts: false
  max_fail_percentage: {limit}
  tasks:
    - block:
        - command: 'false'
          when: inventory_hostname == 'a'
      always:
        - {TRACE}
    - command: 'false'
      when: inventory_hostname == 'b'
    - shell: echo on {{{{ inventory_hostname }}}} >> {{{{ playbook_dir }}}}/trace
"
        )
    };
    let project = plays(&[&share(25), &after("all")]);
    // Who failed in a block that cleans up is not counted.
    project.run_on("a b c d", ANSIBLE).expect_status(2);
    assert_eq!(
        project.trace(),
        ["a", "b", "c", "d", "on c", "on d", "after c", "after d"]
    );
    let project = plays(&[&share(24), &after("all")]);
    project
        .run_on("a b c d", ANSIBLE)
        .expect_status(2)
        .expect_stdout("which is more than max_fail_percentage (24)");
    assert_eq!(project.trace(), ["a", "b", "c", "d"]);
}

#[test]
fn any_errors_fatal_and_a_failed_run_once_lose_the_whole_batch() {
    for keys in ["any_errors_fatal: true", "run_once: true"] {
        let play = format!(
            "name: roll
  hosts: all
  gather_facts: false
  serial: 2
  tasks:
    - command: 'false'
      when: inventory_hostname == 'a'
      {keys}
    - {TRACE}
"
        );
        let project = plays(&[&play, &after("all")]);
        project
            .run_on("a b c d", ANSIBLE)
            .expect_status(2)
            .expect_stdout("STOPPED");
        assert!(project.trace().is_empty(), "{keys}");
    }
}

#[test]
fn a_rescue_undoes_any_errors_fatal_for_all_hosts() {
    let play = format!(
        "name: roll
  hosts: all
  gather_facts: false
  any_errors_fatal: true
  tasks:
    - block:
        - command: 'false'
          when: inventory_hostname == 'a'
        - command: 'false'
      rescue:
        - shell: echo rescue {{{{ inventory_hostname }}}} >> {{{{ playbook_dir }}}}/trace
    - {TRACE}
"
    );
    for policy in [ANSIBLE, &["-f", "1"]] {
        let project = plays(&[&play]);
        let ran = project.run_on("a b", policy).expect_status(0);
        assert_eq!(project.trace(), ["rescue a", "rescue b", "a", "b"]);
        // Only the host that failed itself was rescued.
        let rescued: Vec<&str> = ran.stdout.lines().filter(|line| line.contains("rescued=1")).collect();
        assert!(rescued.len() == 1 && rescued[0].starts_with('a'), "{rescued:?}");
    }
}

#[test]
fn cleared_hosts_take_part_again_in_the_next_play() {
    let play = format!(
        "{}    - meta: clear_host_errors\n    - shell: echo on {{{{ inventory_hostname }}}} >> {{{{ playbook_dir }}}}/trace\n",
        failing("", "['a']")
    );
    let project = plays(&[&play, &after("all")]);
    project.run_on("a b", &["-f", "1"]).expect_status(0);
    assert_eq!(project.trace(), ["a", "b", "on b", "after a", "after b"]);
}

#[test]
fn ansible_begins_no_further_playbook_after_a_failure() {
    let project = plays(&[&failing("", "['a']")]).file("more.yml", &format!("- {}", after("all")));
    let args = [
        "site.yml",
        "more.yml",
        "-i",
        "a,b,",
        "-c",
        "local",
        "--failure-policy",
        "ansible",
    ];
    project
        .krun(&args)
        .expect_status(2)
        .expect_stdout("plays not started: after");
}

#[test]
fn an_unreachable_host_gives_4_unless_the_share_was_exceeded() {
    let hosts = "gone ansible_host=127.0.0.1 ansible_port=1\n[local]\na\nb\n[local:vars]\nansible_connection=local\n";
    let args = ["site.yml", "-i", "hosts", "--failure-policy", "ansible", "-f", "1"];
    let project = plays(&[&failing("", "['a']"), &after("all")]).file("hosts", hosts);
    project.krun(&args).expect_status(4);
    assert_eq!(project.trace(), ["a", "b", "after b"]);
    // Ansible does not count hosts that it could not reach.
    let project = plays(&[&failing("  max_fail_percentage: 34", "[]"), &after("all")]).file("hosts", hosts);
    project.krun(&args).expect_status(4);
    let project = plays(&[&failing("  max_fail_percentage: 34", "['a']"), &after("all")]).file("hosts", hosts);
    project.krun(&args).expect_status(4);
    let project = plays(&[&failing("  max_fail_percentage: 34", "['a', 'b']"), &after("all")]).file("hosts", hosts);
    project
        .krun(&args)
        .expect_status(2)
        .expect_stdout("STOPPED: a, b failed");
}
