//! Tasks with `async`: what their keys come to, and what a task that was left answers.

use std::time::Duration;

use super::endpoint::diagnostic;
use super::module_call::seconds_of;
use crate::modules::{
    Background, BackgroundKind, Context, Failure, LeftJob, ModuleDefinition, NO_JOB, Outcome, background_of,
};
use crate::playbook::Task;
use crate::vars::Scope;

/// How a task's work goes on beside krun, if it is to.
pub(super) fn background(
    task: &Task,
    definition: &ModuleDefinition,
    scope: &Scope,
) -> Result<Option<Background>, Failure> {
    let Some(keys) = &task.in_background else {
        return Ok(None);
    };
    let limit = keys.limit.number(scope).map_err(|error| diagnostic(&error))?;
    if limit == 0.0 {
        return Ok(None);
    }
    let limit = seconds_of(limit, "async")?;
    let poll = keys.poll.as_ref().map(|poll| poll.number(scope));
    let is_left = poll.transpose().map_err(|error| diagnostic(&error))? == Some(0.0);
    match (background_of(definition), is_left) {
        (BackgroundKind::Senseless(reason), _) => {
            let failure = Failure::new(format!("`{}` does not go with `async`: {reason}", definition.name));
            Err(failure.help("leave `async` and `poll` out"))
        }
        (BackgroundKind::Followed, true) => {
            let failure = Failure::new(format!("`{}` cannot be left on the node (`poll: 0`)", definition.name));
            Err(failure.help("leave `poll` out: then the task is followed to its end, for as long as `async` says"))
        }
        (_, true) => Ok(Some(Background::Left(limit))),
        (_, false) => Ok(Some(Background::Followed(limit))),
    }
}

/// What a task's end means, given how its work goes on.
pub(super) fn settled(
    ran: Result<Outcome, Failure>,
    background: Option<Background>,
    context: &mut Context<'_>,
) -> Result<Outcome, Failure> {
    match background {
        None => ran,
        Some(Background::Left(_)) => left(ran, context),
        Some(Background::Followed(limit)) => followed(ran, limit, context),
    }
}

/// What a task that was left on the node answers; one that had nothing to do leaves a job too, so that it can be asked for.
fn left(ran: Result<Outcome, Failure>, context: &mut Context<'_>) -> Result<Outcome, Failure> {
    match ran {
        Err(Failure { left: Some(job), .. }) => Ok(Outcome {
            changed: true,
            ..started(Outcome::ok(), &job)
        }),
        Ok(outcome) if context.check_mode => {
            let nothing = LeftJob {
                identity: NO_JOB.to_owned(),
                directory: String::new(),
            };
            Ok(started(outcome, &nothing))
        }
        Ok(outcome) => Ok(started(outcome, &context.leave_nothing()?)),
        Err(failure) => Err(failure),
    }
}

fn started(outcome: Outcome, job: &LeftJob) -> Outcome {
    outcome
        .with("ansible_job_id", job.identity.as_str())
        .with("results_file", job.directory.as_str())
        .with("started", 1)
        .with("finished", 0)
}

/// Says whose limit it was.
fn followed(ran: Result<Outcome, Failure>, limit: Duration, context: &Context<'_>) -> Result<Outcome, Failure> {
    match ran {
        Err(failure) if context.remaining().is_err() => Err(Failure {
            message: format!(
                "the task did not complete within the time of its `async`, {} s: {}",
                limit.as_secs_f64(),
                failure.message
            ),
            help: Some("raise `async`, or look on the node what it waits for".to_owned()),
            ..failure
        }),
        other => other,
    }
}
