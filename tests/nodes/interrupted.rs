//! Ctrl-C on lab nodes: what is in flight is finished, and a node that krun cordoned takes pods again where that is safe.
use crate::support::lab::{Lab, Running, wait_until};
use crate::support::{Project, Ran};

const CORDONED: &str = "w1 Ready,SchedulingDisabled v1.28.0";

/// Starts krun on a playbook of its own.
fn start(lab: &Lab, project: &Project) -> Running {
    lab.start_krun(&[project.path().join("site.yml").to_str().unwrap()])
}

/// Runs the playbook until it waits, and presses Ctrl-C.
fn interrupt_at_the_pause(lab: &Lab, project: &Project) -> Ran {
    lab.on("w1", "rm -f /root/waiting");
    let mut krun = start(lab, project);
    wait_until("the pause", || {
        assert!(krun.is_running(), "it ended before the pause");
        lab.on("w1", "ls /root").contains("waiting")
    });
    krun.interrupt();
    krun.end().expect_status(99)
}

/// Drains the worker, does something, and waits to be interrupted; with `-e go_on=true` it goes on.
fn drain_and(tasks: &str) -> Project {
    Project::new(&format!(
        "
- name: roll
  hosts: workers
  gather_facts: false
  tasks:
    - drain: {{delete_emptydir_data: true, timeout: 120}}
      delegate_to: m1
{tasks}
    - command: touch /root/waiting
      changed_when: false
    - pause: {{minutes: 10}}
      when: not go_on | default(false)
    - uncordon:
      delegate_to: m1
  handlers:
    - name: restart kubelet
      systemd: {{name: kubelet, state: restarted, daemon_reload: true}}
- name: after
  hosts: workers
  tasks: []
"
    ))
}

#[test]
fn a_drain_is_finished_and_the_node_takes_pods_again() {
    let Some(lab) = Lab::up("interrupted-drain", 1, 1, "1.28.0") else {
        return;
    };
    // There is one worker only, and no other place for its pods: the budget of `web` holds the drain.
    let project = drain_and("");
    let mut krun = start(&lab, &project);
    wait_until("the cordon", || lab.nodes()[1] == CORDONED);
    wait_until("the drain", || {
        lab.trace().iter().any(|line| line.contains(" drain w1"))
    });
    krun.interrupt();
    lab.kubectl("get pods");
    assert!(krun.is_running(), "the drain is in flight");
    assert_eq!(lab.nodes()[1], CORDONED);
    lab.kubectl("delete pdb web");
    let ran = krun.end().expect_status(99);
    assert!(
        ran.stderr.starts_with("to go on from here: krun resume "),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    ran.expect_stdout("interrupted: \"drain\" is finished first on w1")
        .expect_stdout("evicted")
        .expect_stdout("STOPPED: interrupted; the tasks in flight were finished")
        .expect_stdout("in the middle of \"roll\": w1")
        .expect_stdout("plays not started: after")
        .expect_stdout("w1 is uncordoned again");
    assert_eq!(lab.nodes()[1], "w1 Ready v1.28.0");
    let node = lab.kubectl("get node w1 -o yaml");
    assert!(!node.contains("krun.dev/cordoned-by"), "{node}");
}

#[test]
fn a_second_ctrl_c_ends_krun_at_once_and_the_next_run_finds_the_drain() {
    let Some(lab) = Lab::up("interrupted-twice", 1, 1, "1.28.0") else {
        return;
    };
    let drains = || lab.trace().iter().filter(|line| line.contains(" drain w1")).count();
    // The budget of `web` holds the drain.
    let project = drain_and("");
    let mut krun = start(&lab, &project);
    wait_until("the drain", || drains() == 1);
    krun.interrupt();
    krun.wait_for("is finished first on w1");
    krun.interrupt();
    let ran = krun.end().expect_status(99);
    assert_eq!(
        ran.stderr,
        "\nstopped at once; commands that were begun may go on on the nodes, and the next run finds them there\n  \
         left to do by hand, or by the next run: uncordon w1\n"
    );
    assert_eq!(lab.nodes()[1], CORDONED);

    let go_on = project.path().join("site.yml");
    let krun = lab.start_krun(&[go_on.to_str().unwrap(), "-e", "go_on=true"]);
    lab.kubectl("delete pdb web");
    krun.end()
        .expect_status(0)
        .expect_stdout("found this command still running on the node, following it")
        .expect_stdout("evicted");
    assert_eq!(drains(), 1, "{:?}", lab.trace());
    assert_eq!(lab.nodes()[1], "w1 Ready v1.28.0");
}

#[test]
fn between_tasks_the_kubelet_decides() {
    let Some(lab) = Lab::up("interrupted-between", 1, 1, "1.28.0") else {
        return;
    };
    // There is one worker only, and no other place for its pods.
    lab.kubectl("delete pdb web");

    interrupt_at_the_pause(&lab, &drain_and("")).expect_stdout("w1 is uncordoned again");
    assert_eq!(lab.nodes()[1], "w1 Ready v1.28.0");

    let upgrade = "    - package: {name: kubelet, version: 1.28.2, disable_excludes: all}
      notify: restart kubelet";
    interrupt_at_the_pause(&lab, &drain_and(upgrade))
        .expect_stdout("pending handlers not run: w1: restart kubelet")
        .expect_stdout("w1 stays cordoned: it was changed since, and its kubelet reports v1.28.0 as before")
        .expect_stdout("what to do: run this again");
    assert_eq!(lab.nodes()[1], CORDONED);

    // The next run finds the node cordoned and empty, and does not know what was done there.
    interrupt_at_the_pause(&lab, &drain_and(""))
        .expect_stdout("w1 stays cordoned: an earlier run cordoned it and may have changed it, and its kubelet reports")
        .expect_stdout("what to do: run this again");
    assert_eq!(lab.nodes()[1], CORDONED);

    let restart = "    - systemd: {name: kubelet, state: restarted, daemon_reload: true}";
    interrupt_at_the_pause(&lab, &drain_and(restart)).expect_stdout("w1 is uncordoned again");
    assert_eq!(lab.nodes()[1], "w1 Ready v1.28.2");

    // What somebody else cordoned is none of krun's business.
    lab.kubectl("cordon w1");
    let ran = interrupt_at_the_pause(&lab, &drain_and(""));
    assert!(
        !ran.stdout.contains("cordoned again") && !ran.stdout.contains("stays cordoned"),
        "{}",
        ran.stdout
    );
    assert_eq!(lab.nodes()[1], "w1 Ready,SchedulingDisabled v1.28.2");
}
