//! Several requests that travel together: the node runs them one after the other without waiting for this side, and
//! itself decides by rules that are sent with them whether to go on.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Become, Connection, ConnectionError, Output, Request};

/// One request of a chain.
#[derive(Clone, Debug)]
pub struct Step {
    /// What to run.
    pub request: Request,
    /// What it means for the steps behind it.
    pub kind: StepKind,
}

/// What a step of a chain means for the steps behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// Makes something so. With any status but 0 nothing behind it runs.
    Act,
    /// Only looks; its answer is kept on the node under this number, so that a later chain can compare with it.
    Look(usize),
    /// Looks again, with the same request. When the answer is not what the look of this number gave, nothing behind it
    /// acts any more; looks still run, so that this side learns how things stand now.
    Again(usize),
}

/// What became of a step.
#[derive(Debug)]
pub enum StepAnswer {
    /// It ran.
    Ran(Output),
    /// It looked again and found what the earlier look had found.
    Same,
    /// A step before it ended the chain, or Ctrl-C did.
    NotRun,
}

/// Takes the answer to the step of this number. After an error no further step is reported: whether those ran is unknown.
pub type Answered<'a> = &'a mut dyn FnMut(usize, Result<StepAnswer, ConnectionError>);

/// How a chain goes on after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Go,
    OnlyLooks,
    Ended,
}

/// Runs a chain request by request, for connections that cannot do better.
pub(super) fn one_by_one(
    connection: &mut (impl Connection + ?Sized),
    looked: &mut Vec<(usize, Output)>,
    user: Option<&Become>,
    steps: &[Step],
    interrupted: &AtomicBool,
    answered: Answered<'_>,
) {
    let mut course = Course::Go;
    for (number, step) in steps.iter().enumerate() {
        if interrupted.load(Ordering::Relaxed) {
            course = Course::Ended;
        }
        let runs = match course {
            Course::Go => true,
            Course::OnlyLooks => step.kind != StepKind::Act,
            Course::Ended => false,
        };
        if !runs {
            answered(number, Ok(StepAnswer::NotRun));
            continue;
        }
        let output = match connection.execute(user, &step.request) {
            Ok(output) => output,
            Err(error) => return answered(number, Err(error)),
        };
        let answer = match step.kind {
            StepKind::Act => {
                if !output.success() {
                    course = Course::Ended;
                }
                StepAnswer::Ran(output)
            }
            StepKind::Look(key) => {
                looked.push((key, output.clone()));
                StepAnswer::Ran(output)
            }
            StepKind::Again(key) => {
                if looked
                    .iter()
                    .rev()
                    .find(|(other, _)| *other == key)
                    .map(|(_, seen)| seen)
                    == Some(&output)
                {
                    StepAnswer::Same
                } else {
                    if course == Course::Go {
                        course = Course::OnlyLooks;
                    }
                    looked.push((key, output.clone()));
                    StepAnswer::Ran(output)
                }
            }
        };
        answered(number, Ok(answer));
    }
}
