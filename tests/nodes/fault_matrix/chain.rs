//! One lab and one kind of fault: run, be struck, be judged, resume, be struck again, until the upgrade is through.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::kinds::Kind;
use super::promises::{Done, Stopped};
use super::steps::{self, Call, Step};
use crate::support::lab::{Lab, wait_until};

const UPGRADE: [&str; 3] = [
    "playbooks/upgrade.yml",
    "-e",
    "kubernetes_version=1.28.2 drain_delete_emptydir_data=true",
];
/// A link of the chain: the longest, a hanging kubeadm on a busy machine, takes a fraction of it.
const PATIENCE: Duration = Duration::from_secs(240);
/// How often a run may stop without having met a new fault, for what the one before left behind.
const ECHOES: usize = 2;

/// What became of a step under a kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    Missed,
    /// The run stopped, and was resumed.
    Stopped,
    /// The run went on.
    WentOn,
}

/// What an undisturbed run did, and how it left the cluster.
pub struct Goal {
    pub changes: Vec<String>,
    pub nodes: Vec<String>,
}

/// An upgrade without faults: its steps, and what a disturbed one has to come to.
pub fn undisturbed(lab: &Lab) -> (Vec<Step>, Goal) {
    prepare(lab);
    let mut krun = lab.start_krun(&[&UPGRADE[..], &["-e", "wait_timeout=60"]].concat());
    let mut heads = Vec::new();
    while let Some(line) = krun.next_line() {
        if line.starts_with("TASK [") || line.starts_with("RUNNING HANDLER [") {
            let (_, title) = line.split_once('[').unwrap();
            heads.push((steps::now(), title.split_once("] *").unwrap().0.to_owned()));
        }
    }
    krun.end().expect_status(0);
    let calls: Vec<Call> = lab.lab(&["trace"]).lines().filter_map(Call::of).collect();
    let goal = Goal {
        changes: lab.changes(),
        nodes: lab.nodes(),
    };
    (steps::of(&heads, &calls), goal)
}

/// There is one worker only, and no other place for its pods.
fn prepare(lab: &Lab) {
    lab.kubectl("delete pdb web");
    lab.write_shared("standin.json", &serde_json::json!({"node_grace_seconds": 30}));
    lab.changes();
}

/// Strikes these steps one after the other.
pub fn run(lab: &Lab, kind: Kind, steps: &[Step], wanted: &[usize], goal: &Goal, cells: &mut [Cell]) {
    prepare(lab);
    let faults: Vec<Value> = wanted.iter().map(|step| kind.fault(&steps[*step])).collect();
    lab.write_shared("faults.json", &Value::Array(faults));
    let mut done = Done::default();
    let mut struck: Vec<usize> = Vec::new();
    let mut echoes = 0;
    let mut first = true;
    loop {
        let settings = kind.settings();
        let mut krun = Some(if first {
            lab.start_krun(&[&UPGRADE[..], &["-e", settings]].concat())
        } else {
            lab.start_krun_alone(&["resume"])
        });
        first = false;
        let mut now: Vec<usize> = Vec::new();
        let end = Instant::now() + PATIENCE;
        while let Some(running) = &mut krun
            && running.is_running()
        {
            if Instant::now() > end {
                let ran = krun.take().unwrap().kill();
                panic!(
                    "{}: krun does not come to an end, struck {:#?}:\n{}{}",
                    kind.name(),
                    names(steps, &now),
                    ran.stdout,
                    ran.stderr
                );
            }
            running.drain();
            for step in newly_struck(lab, wanted, &struck) {
                struck.push(step);
                now.push(step);
                krun = kind.act(lab, &steps[step].nodes[0], krun.take().unwrap());
                if krun.is_none() {
                    break;
                }
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let ran = krun.map(crate::support::lab::Running::end);
        for step in newly_struck(lab, wanted, &struck) {
            struck.push(step);
            now.push(step);
        }
        for step in &now {
            kind.heal(lab, &steps[*step].nodes[0]);
        }
        let finished = ran.as_ref().is_some_and(|ran| ran.status == 0);
        for step in &now {
            cells[*step] = Cell::WentOn;
        }
        if let (Some(last), false) = (now.last(), finished) {
            cells[*last] = Cell::Stopped;
        }
        let struck_here: Vec<&Step> = now.iter().map(|step| &steps[*step]).collect();
        settle(lab);
        let nodes = nodes_in_the_end(lab);
        let stopped = Stopped {
            kind,
            ran: ran.as_ref(),
            struck: &struck_here,
            changes: lab.changes(),
            nodes,
            goal,
        };
        if finished {
            stopped.has_arrived(&mut done, lab);
            return;
        }
        stopped.is_well(&mut done);
        if now.is_empty() {
            echoes += 1;
            let said = ran.map(|ran| ran.stdout).unwrap_or_default();
            assert!(echoes <= ECHOES, "{}: stopped without a fault:\n{said}", kind.name());
        }
    }
}

fn names(steps: &[Step], numbers: &[usize]) -> Vec<String> {
    numbers.iter().map(|step| steps[*step].shown()).collect()
}

/// The steps whose faults have been counted down.
fn newly_struck(lab: &Lab, wanted: &[usize], struck: &[usize]) -> Vec<usize> {
    // While a node counts one down the file is not whole.
    let Some(Value::Array(faults)) = lab.read_shared("faults.json") else {
        return Vec::new();
    };
    let counted = wanted.iter().zip(faults).filter(|(_, fault)| fault["times"] == 0);
    counted
        .map(|(step, _)| *step)
        .filter(|step| !struck.contains(step))
        .collect()
}

/// What a fault left at work on the nodes comes to its end, or is ended where it never would.
fn settle(lab: &Lab) {
    for node in ["m1", "w1"] {
        // The lab's own stand-in for a program that hangs.
        lab.on(node, "pkill -KILL -f '^[^ ]*python3 [^ ]*krun-lab/faults.py' || :");
    }
}

/// The nodes, as soon as the cluster can tell: the kubeadm of a krun that was killed goes on, and restarts the API server.
fn nodes_in_the_end(lab: &Lab) -> Vec<String> {
    let mut nodes = None;
    wait_until("the cluster to tell its nodes", || {
        nodes = lab.try_nodes();
        nodes.is_some()
    });
    nodes.unwrap()
}
