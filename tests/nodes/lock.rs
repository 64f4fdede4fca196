//! The lock on a cluster, on lab nodes: a second krun is refused while the first one works, and what a killed krun leaves
//! behind is taken by its own run at once, and by others when it is stale and they ask for it.
use crate::support::lab::{Lab, Running, wait_until};
use crate::support::{Project, Ran};

/// A play that holds the lock until a file is there.
fn site(duration: u64) -> Project {
    Project::new(&format!(
        "
- name: locked
  hosts: m1
  gather_facts: false
  tasks:
    - cluster-lock: {{duration: {duration}, take_over: '{{{{ take_over | default(false) }}}}'}}
    - wait-for: {{path: /root/go, timeout: 300}}
"
    ))
}

fn run(lab: &Lab, project: &Project, more: &[&str]) -> Ran {
    let site = project.path().join("site.yml");
    lab.krun(&[&[site.to_str().unwrap()], more].concat())
}

fn lease(lab: &Lab, field: &str) -> String {
    let get = format!("-n kube-system get lease krun --ignore-not-found -o 'jsonpath={{.spec.{field}}}'");
    lab.kubectl(&get).trim().to_owned()
}

#[test]
fn one_krun_at_a_time_and_what_a_killed_one_leaves() {
    let Some(lab) = Lab::up("lock", 1, 1, "1.28.0") else {
        return;
    };
    let project = site(6);
    let path = project.path().join("site.yml");
    let begin = |start: &dyn Fn() -> Running| {
        let before = lease(&lab, "holderIdentity");
        let mut krun = start();
        wait_until("the lock", || {
            assert!(krun.is_running(), "it ended before it was at work");
            let holder = lease(&lab, "holderIdentity");
            !holder.is_empty() && holder != before
        });
        krun
    };
    let begin_anew = || begin(&|| lab.start_krun(&[path.to_str().unwrap()]));

    // While it works nobody else does, and it gives signs of life: it works for longer than its lock lasts without them.
    let krun = begin_anew();
    let holder = lease(&lab, "holderIdentity");
    let (owner, id) = holder.split_once(' ').unwrap();
    run(&lab, &project, &[])
        .expect_status(2)
        .expect_stdout(&format!(
            "another krun is at work on this cluster: {owner} (run {id}, since "
        ))
        .expect_stdout("last sign of life");
    let first = lease(&lab, "renewTime");
    wait_until("a sign of life", || lease(&lab, "renewTime") != first);
    let signs = || {
        lab.trace()
            .iter()
            .filter(|line| line.contains("patch lease krun"))
            .count()
    };
    let before = signs();
    wait_until("more of them than the lock lasts for", || signs() >= before + 7);
    run(&lab, &project, &["-e", "take_over=true"])
        .expect_status(2)
        .expect_stdout("another krun is at work");
    run(&lab, &project, &["--check"]).expect_stdout("outside of check mode this would be refused");

    // Killed it leaves the lock, warm at first. Its own run may take it again.
    krun.kill();
    run(&lab, &project, &[])
        .expect_status(2)
        .expect_stdout(&format!("`krun resume {id}`"));
    let krun = begin(&|| lab.start_krun_alone(&["resume", id]));
    let resumed = lease(&lab, "holderIdentity");
    assert_ne!(resumed, holder, "a run of its own");

    // Killed again, and stale after a while: for others only when they ask.
    krun.kill();
    lab.on("m1", "touch /root/go");
    wait_until("the lock to be stale", || {
        let ran = run(&lab, &project, &[]).expect_status(2);
        ran.stdout.contains("is left on this cluster, and stale")
    });
    assert_eq!(lease(&lab, "holderIdentity"), resumed);
    run(&lab, &project, &["-e", "take_over=true"])
        .expect_status(0)
        .expect_stdout("lock taken over from");

    // What was given back is free.
    assert_eq!(lease(&lab, "holderIdentity"), "");
    run(&lab, &project, &[]).expect_status(0);

    // A lock that is taken away ends the run: nothing further is begun. What it holds is not given back.
    lab.on("m1", "rm /root/go");
    let krun = begin_anew();
    lab.kubectl(
        "-n kube-system patch lease krun --type=merge -p \
         '{\"spec\": {\"holderIdentity\": \"eve@there r9\", \"renewTime\": \"2999-01-01T00:00:00.000000Z\"}}'",
    );
    krun.end()
        .expect_status(1)
        .expect_stdout("STOPPED: the lock on the cluster is in other hands: eve@there (run r9");
    assert_eq!(lease(&lab, "holderIdentity"), "eve@there r9");

    // The playbooks take it, too.
    lab.upgrade(&[])
        .expect_status(2)
        .expect_stdout("another krun is at work on this cluster: eve@there");
    assert_eq!(lab.nodes(), ["m1 Ready v1.28.0", "w1 Ready v1.28.0"]);
}
