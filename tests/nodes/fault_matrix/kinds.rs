//! The kinds of fault: what happens to a program's call, and what is done to krun or to the node meanwhile.

use serde_json::{Value, json};

use super::steps::Step;
use crate::support::lab::{Lab, Running};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Killed,
    Cut,
    Fails,
    Hangs,
    Lies,
    Reboots,
}

impl Kind {
    pub const ALL: [Self; 6] = [
        Self::Killed,
        Self::Cut,
        Self::Fails,
        Self::Hangs,
        Self::Lies,
        Self::Reboots,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Cut => "cut",
            Self::Fails => "fails",
            Self::Hangs => "hangs",
            Self::Lies => "lies",
            Self::Reboots => "reboots",
        }
    }

    /// The head of its column.
    pub fn title(self) -> &'static str {
        match self {
            Self::Killed => "krun killed",
            Self::Cut => "connection cut",
            Self::Fails => "command fails",
            Self::Hangs => "command hangs",
            Self::Lies => "command lies",
            Self::Reboots => "node reboots",
        }
    }

    /// What strikes a step's call, once.
    pub fn fault(self, step: &Step) -> Value {
        let mut fault = match self {
            // Time to kill krun, or to pull the plug, while the call is at work; it goes on by itself then.
            Self::Killed => json!({"action": "delay", "seconds": 1}),
            Self::Cut => json!({"action": "delay", "seconds": 2}),
            Self::Fails => json!({"action": "fail", "stderr": "struck by the test\n"}),
            Self::Hangs | Self::Reboots => json!({"action": "hang"}),
            Self::Lies if step.program == "kubeadm" && step.arguments.starts_with("version") => {
                json!({"action": "lie-version", "version": "1.27.6"})
            }
            // It says that all is well, and has done nothing.
            Self::Lies => json!({"action": "lie"}),
        };
        fault["program"] = step.program.as_str().into();
        fault["node"] = step.nodes[0].as_str().into();
        fault["match"] = step.pattern().into();
        fault["times"] = 1.into();
        fault
    }

    /// Settings of the run: what would take long gets short limits.
    pub fn settings(self) -> &'static str {
        match self {
            Self::Hangs => "krun_task_timeout=8 kubeadm_timeout=20 drain_timeout=8 wait_timeout=8 backup_timeout=8",
            Self::Fails | Self::Lies => "drain_timeout=20 wait_timeout=10",
            Self::Cut => {
                "drain_timeout=60 wait_timeout=60 krun_reconnect_timeout=1 \
                 ansible_ssh_extra_args='-o ServerAliveInterval=1 -o ServerAliveCountMax=2'"
            }
            Self::Killed | Self::Reboots => "drain_timeout=60 wait_timeout=60",
        }
    }

    /// What is done when a step was struck; `None` where krun is no more.
    pub fn act(self, lab: &Lab, node: &str, krun: Running) -> Option<Running> {
        match self {
            Self::Killed => {
                krun.kill();
                return None;
            }
            Self::Cut => {
                lab.lab(&["cut", node]);
            }
            Self::Reboots => {
                lab.lab(&["kill", node]);
                lab.lab(&["boot", node]);
            }
            Self::Fails | Self::Hangs | Self::Lies => {}
        }
        Some(krun)
    }

    /// Brings back what the fault took away, before the run is resumed.
    pub fn heal(self, lab: &Lab, node: &str) {
        if self == Self::Cut {
            lab.lab(&["heal", node]);
        }
    }

    /// The exit codes of a run that it stops.
    pub fn exit_codes(self) -> &'static [i32] {
        match self {
            Self::Killed => &[-1],
            Self::Cut => &[4],
            Self::Fails | Self::Hangs | Self::Lies => &[2],
            // A command that was cut short failed; a node of which that is unknown is unreachable.
            Self::Reboots => &[2, 4],
        }
    }
}
