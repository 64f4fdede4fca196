//! What a host is sent next: as many of a window's requests as can travel together.

use std::collections::HashSet;
use std::time::Duration;

use super::{HostWindow, Link, WindowEnd, fuses};
use crate::connection::{Request, Step, StepKind};
use crate::modules::Fuses;
use crate::playbook::{Expression, Task};
use crate::runner::fused::ahead::{Asked, Unit};

/// From this time on a round trip costs more than it costs a node to look twice (some milliseconds).
const FAR: Duration = Duration::from_millis(4);

/// The most that travels together: so many requests, of so many bytes.
const MOST_STEPS: usize = 100;
const MOST_BYTES: usize = 128 * 1024;

/// A request that is to be sent.
pub(super) struct Planned {
    pub(super) unit: Unit,
    pub(super) position: usize,
    pub(super) step: Step,
    /// The answer is certain when it comes: everything before the request was.
    pub(super) is_certain: bool,
}

/// What comes next on a host's way.
pub(super) enum Plan {
    Send(Vec<Planned>),
    RunAlone,
    End(WindowEnd),
}

impl HostWindow<'_, '_> {
    /// Looks ahead as far as is of use, and ends the tasks at the front that need nothing any more.
    pub(super) fn plan(&mut self) -> Plan {
        let mut plan = Vec::new();
        let mut weight = 0;
        let mut unset = HashSet::new();
        // Nothing before is open, so that a request sent now has its turn.
        let mut is_certain = true;
        let mut acts = 0;
        let mut set_out_at = None;
        let mut number = self.position;
        while number < self.tasks.len() {
            if self.is_over() {
                break;
            }
            let at_front = plan.is_empty() && number == self.position;
            if at_front && self.link == Link::Cut {
                self.link = Link::Up;
                self.afresh = true;
                return Plan::RunAlone;
            }
            // Asked before: what is read must have been there.
            let reached = self.stage.others_have_reached(self.host, number);
            let attempt = self.attempt(number, unset.clone());
            if attempt.reads_others && !(at_front && reached) {
                return if at_front {
                    Plan::End(WindowEnd::Waits)
                } else {
                    Plan::Send(plan)
                };
            }
            if attempt.reads_unset {
                break;
            }
            if attempt.alone {
                if !at_front {
                    break;
                }
                // What it has done must not be forgotten.
                if set_out_at == Some(number) || self.ahead.knows(number) {
                    return Plan::RunAlone;
                }
                // It may be that only the way there is another one.
                set_out_at = Some(number);
                self.ahead.set_out_anew();
                self.afresh = true;
                continue;
            }
            let is_open = attempt.asked.iter().any(|asked| !self.is_certain(asked, acts));
            if at_front && !is_open {
                self.settle(attempt);
                number = self.position;
                continue;
            }
            let task = &self.tasks[number];
            let only_looks = fuses(task) == Fuses::Looks;
            let mut is_told = true;
            for asked in &attempt.asked {
                let sent = self.plan_request(asked, only_looks, &mut is_certain, &mut acts, &mut is_told);
                match sent {
                    Sent::Nothing => {}
                    Sent::NoUse => return Plan::Send(plan),
                    Sent::Step(planned) => {
                        weight += weight_of(&planned.step.request);
                        if !plan.is_empty() && (weight > MOST_BYTES || plan.len() >= MOST_STEPS) {
                            return Plan::Send(plan);
                        }
                        plan.push(planned);
                    }
                }
            }
            unset.extend(task.register.iter().cloned());
            unset.extend(attempt.ended.variables.keys().cloned());
            if !attempt.ended.facts.is_empty() || gives_facts(task) {
                break;
            }
            let judges = is_judged(task) && attempt.asked.iter().any(|asked| !matches!(asked, Asked::Predicted(..)));
            if judges || (is_told && attempt.ended.lost()) {
                is_certain = false;
            }
            number += 1;
        }
        if plan.is_empty() {
            Plan::End(WindowEnd::Done)
        } else {
            Plan::Send(plan)
        }
    }

    /// Decides about one request of a task that is planned.
    fn plan_request(
        &mut self,
        asked: &Asked,
        only_looks: bool,
        is_certain: &mut bool,
        acts: &mut usize,
        is_told: &mut bool,
    ) -> Sent {
        let step = |request: &Request, kind| Step {
            request: request.clone(),
            kind,
        };
        match asked {
            Asked::Predicted(unit, position, ..) if self.is_certain(asked, *acts) => {
                if *is_certain {
                    // Its turn has come, and what the task itself does now makes it no less true.
                    self.ahead.confirm(*unit, *position, None);
                }
                Sent::Nothing
            }
            Asked::Predicted(unit, position, prediction, request) => {
                if !*is_certain && !self.is_far() {
                    return Sent::NoUse;
                }
                Sent::Step(Planned {
                    unit: *unit,
                    position: *position,
                    step: step(request, StepKind::Again(prediction.key)),
                    is_certain: *is_certain,
                })
            }
            Asked::Look(unit, position, request) => {
                *is_told = false;
                let was_certain = *is_certain;
                if !was_certain && !self.looks_ahead() {
                    return Sent::NoUse;
                }
                let kind = if was_certain && only_looks {
                    StepKind::Act
                } else {
                    self.keys += 1;
                    StepKind::Look(self.keys)
                };
                *is_certain = was_certain && only_looks;
                Sent::Step(Planned {
                    unit: *unit,
                    position: *position,
                    step: step(request, kind),
                    is_certain: was_certain,
                })
            }
            Asked::Act(unit, position, request) => {
                if !*is_certain {
                    return if self.is_far() { Sent::Nothing } else { Sent::NoUse };
                }
                *acts += 1;
                self.changes |= *position > 0;
                Sent::Step(Planned {
                    unit: *unit,
                    position: *position,
                    step: step(request, StepKind::Act),
                    is_certain: true,
                })
            }
        }
    }

    /// True for what needs no request: a prediction that nothing can have made wrong.
    pub(super) fn is_certain(&self, asked: &Asked, acts: usize) -> bool {
        match asked {
            Asked::Predicted(_, _, prediction, _) => prediction.epoch == self.epoch && acts == 0,
            Asked::Look(..) | Asked::Act(..) => false,
        }
    }

    fn is_far(&self) -> bool {
        self.ahead.round_trip().is_some_and(|time| time >= FAR)
    }

    /// Whether it is of use to look before a request's turn.
    fn looks_ahead(&self) -> bool {
        !self.changes || self.is_far()
    }
}

enum Sent {
    Step(Planned),
    /// It need not, or cannot, be sent now.
    Nothing,
    /// To plan on is of no use.
    NoUse,
}

fn gives_facts(task: &Task) -> bool {
    task.action.name() == "setup"
}

/// True when a request that succeeds may still make the task fail.
fn is_judged(task: &Task) -> bool {
    let is_constant = |condition: &Expression| {
        matches!(
            condition.text.trim().to_lowercase().as_str(),
            "true" | "false" | "yes" | "no"
        )
    };
    task.failed_when.is_some()
        || task
            .changed_when
            .as_ref()
            .is_some_and(|conditions| !conditions.iter().all(is_constant))
}

fn weight_of(request: &Request) -> usize {
    let words: usize = request.args.iter().map(String::len).sum();
    let environment: usize = request
        .environment
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    request.stdin.len() + words + environment
}
