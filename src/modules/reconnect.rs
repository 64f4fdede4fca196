//! A request on a node whose connection was lost: asked again over another one, where that cannot do anything twice.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::connection::{ConnectionError, Output, Request};

use super::{Context, Failure};

/// Pauses between attempts to connect again: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Executes a request, over as many connections as it takes, where the node was there before.
pub(super) fn execute(context: &mut Context<'_>, request: Request) -> Result<Output, Failure> {
    let request = context.within_limits(request)?;
    let user = context.become_user;
    let connection = context.connection()?;
    match connection.execute(user, &request) {
        Ok(output) => Ok(output),
        Err(error) if connection.exchanges() > 0 && may_repeat(context, &error) => again(context, request, error),
        Err(error) => Err(failure(context, error)),
    }
}

/// True when the node has not got the request, or when that does not matter.
fn may_repeat(context: &Context<'_>, error: &ConnectionError) -> bool {
    error.may_pass() && (context.only_looks || error.was_before()) && !context.reconnect_for.is_zero()
}

fn again(context: &mut Context<'_>, mut request: Request, first: ConnectionError) -> Result<Output, Failure> {
    context.report(&format!("connection lost ({first}), reconnecting"));
    let end = Instant::now() + context.reconnect_for;
    let user = context.become_user;
    let mut pause = FIRST_PAUSE;
    let mut last = first;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left < pause || context.interrupted.load(Ordering::Relaxed) {
            return Err(failure(context, last));
        }
        std::thread::sleep(pause.min(context.remaining()?));
        pause = (pause * 2).min(LONGEST_PAUSE);
        request.timeout = request.timeout.min(context.remaining()?);
        let connection = context.connection()?;
        connection.reset();
        match connection.execute(user, &request) {
            Ok(output) => {
                context.report("connected again");
                return Ok(output);
            }
            Err(error) if may_repeat(context, &error) => last = error,
            Err(error) => return Err(failure(context, error)),
        }
    }
}

/// Says what is unknown.
fn failure(context: &Context<'_>, error: ConnectionError) -> Failure {
    let is_unknown = matches!(error, ConnectionError::Lost { .. }) && !context.only_looks;
    let failure = Failure::from(error);
    if is_unknown {
        failure.help("whether it has come to its end on the node is unknown: look there before you run this again")
    } else {
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Script;
    use crate::connection::scripted::Answer;
    use crate::modules::testing::{asked, scripted, with_context};

    const SCRIPT: Script = Script { name: "x", text: ":" };

    fn run(answers: &[Answer], only_looks: bool) -> (Result<String, Failure>, usize) {
        let (mut connection, log) = scripted(answers.to_vec());
        let result = with_context(&mut connection, |context| {
            context.reconnect_for = Duration::from_secs(1);
            context.only_looks = only_looks;
            context.run(SCRIPT, [""; 0]).map(|output| output.stdout_text())
        });
        (result, asked(&log).len())
    }

    #[test]
    fn a_look_is_repeated() {
        let (result, asked) = run(&[Answer::Lost, Answer::Lost, Answer::stdout("there")], true);
        assert_eq!((result.unwrap().as_str(), asked), ("there", 3));
    }

    #[test]
    fn a_look_is_given_up_some_time() {
        let (result, asked) = run(&[const { Answer::Lost }; 9], true);
        let failure = result.unwrap_err();
        assert!(failure.unreachable && failure.help.is_none(), "{failure:?}");
        assert!((2..9).contains(&asked), "{asked}");
    }

    #[test]
    fn what_may_have_been_done_is_not_done_again_and_said_to_be_unknown() {
        let (result, asked) = run(&[Answer::Lost, Answer::stdout("there")], false);
        let failure = result.unwrap_err();
        assert!(failure.unreachable && failure.help.unwrap().contains("unknown"));
        assert_eq!(asked, 1);
    }
}
