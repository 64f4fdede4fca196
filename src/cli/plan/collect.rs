use std::sync::mpsc::Receiver;

use serde::Serialize;
use serde_json::Value;

use crate::cli::print::complain;
use crate::kube::preflight::Report;
use crate::runner::{Event, HostReport, Status};

/// The module whose result describes the cluster, the hops and the findings.
const JUDGE: &str = "preflight";

/// A play that would be run, with the hosts of each of its batches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Phase {
    pub(super) play: String,
    pub(super) batches: Vec<Vec<String>>,
}

/// A task that failed while the cluster was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    pub(super) host: String,
    pub(super) message: String,
    pub(super) what_to_do: Option<String>,
}

/// What is known of a run that has not been begun.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// What the preflight found out, where the playbook has one.
    pub(super) report: Option<Report>,
    /// What follows the preflight, in order.
    pub(super) phases: Vec<Phase>,
    pub(super) problems: Vec<Problem>,
    /// Why the plan ends early.
    pub(super) stopped: Option<String>,
}

impl Plan {
    /// Puts it together from a run's events; gives it when the last one has come.
    pub(super) fn collect(events: &Receiver<Event>, verbosity: u8) -> Self {
        let mut plan = Self::default();
        let mut current: Option<Phase> = None;
        while let Ok(event) = events.recv() {
            match event {
                Event::PlayStarted { name, .. } => {
                    plan.phases
                        .extend(current.take().filter(|phase| !phase.batches.is_empty()));
                    current = Some(Phase {
                        play: name,
                        batches: Vec::new(),
                    });
                }
                Event::BatchStarted { hosts, .. } => {
                    if let Some(phase) = &mut current {
                        phase.batches.push(hosts);
                    }
                }
                // A play that looks has tasks, and is no step of what would be done.
                Event::TaskStarted { name, .. } => {
                    current = None;
                    if verbosity > 0 {
                        complain(&format!("looking: {name}"));
                    }
                }
                Event::Asked { question } => crate::cli::print::prompt(&question),
                Event::Warning { message } => complain(&format!("warning: {message}")),
                Event::HostFinished(report) => plan.finished(report),
                Event::RunStopped { reason, .. } => plan.stopped = Some(reason),
                _ => {}
            }
        }
        plan.phases.extend(current.filter(|phase| !phase.batches.is_empty()));
        plan
    }

    fn finished(&mut self, report: HostReport) {
        let has_failed = matches!(report.status, Status::Failed | Status::Unreachable) && !report.ignored;
        if report.module == JUDGE {
            match serde_json::from_value(Value::Object(report.result.clone())) {
                Ok(found) => {
                    self.report = Some(found);
                    // Each of its findings is told by itself.
                    return;
                }
                // It failed before it had looked at anything.
                Err(_) if has_failed => {}
                Err(error) => complain(&format!("warning: the preflight's result cannot be read: {error}")),
            }
        }
        if has_failed {
            self.problems.push(Problem {
                host: report.host,
                message: report.message.unwrap_or_default(),
                what_to_do: report.help,
            });
        }
    }

    /// Whether nothing was found that blocks.
    pub(super) fn may_start(&self) -> bool {
        let is_blocked = self.report.as_ref().is_some_and(|report| !report.may_start);
        !is_blocked && self.problems.is_empty() && self.stopped.is_none()
    }
}
