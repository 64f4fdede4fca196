//! Ctrl-C on lab nodes: what is in flight is finished, and a node that krun cordoned takes pods again where that is safe.
use crate::support::Project;
use crate::support::lab::{Lab, Running, wait_until};

const CORDONED: &str = "w1 Ready,SchedulingDisabled v1.28.0";

/// Starts krun on a playbook of its own.
fn start(lab: &Lab, project: &Project) -> Running {
    lab.start_krun(&[project.path().join("site.yml").to_str().unwrap()])
}

/// Drains the worker, does something, waits to be interrupted, and would go on.
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
    - uncordon:
      delegate_to: m1
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
    assert_eq!(ran.stderr, "");
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
