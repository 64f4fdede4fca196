//! Chains of requests on a real sshd: they run to their end on the node by themselves, and stop where they have to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs
)]

mod support;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use krun::connection::{Connection, ConnectionError, Request, Script, Step, StepAnswer, StepKind, open};
use support::sshd::{Sshd, wait_until};

fn step(kind: StepKind, text: &'static str, args: &[&str]) -> Step {
    let script = Script { name: "step", text };
    Step {
        request: Request::new(script, args.iter().copied()),
        kind,
    }
}

fn act(text: &'static str, args: &[&str]) -> Step {
    step(StepKind::Act, text, args)
}

/// An answer on one line.
fn told(answer: &Result<StepAnswer, ConnectionError>) -> String {
    match answer {
        Ok(StepAnswer::Ran(output)) => format!("{} {}", output.status, output.stdout_text()).trim().to_owned(),
        Ok(StepAnswer::Same) => "same".to_owned(),
        Ok(StepAnswer::NotRun) => "not run".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn run(connection: &mut dyn Connection, steps: &[Step], afresh: bool) -> Vec<String> {
    let mut answers = Vec::new();
    connection.chain(None, steps, afresh, &AtomicBool::new(false), &mut |number, answer| {
        assert_eq!(number, answers.len());
        answers.push(told(&answer));
    });
    answers
}

const LOOK: &str = "cat \"$1\"";
const WRITE: &str = "echo \"$2\" >\"$1\"";

#[test]
fn a_chain_stops_where_it_has_to() {
    let Some(sshd) = Sshd::start() else { return };
    let mut node = open(&sshd.endpoint());
    let node = node.as_mut();
    let (a, b) = (sshd.at("a"), sshd.at("b"));
    let (a, b) = (a.as_str(), b.as_str());
    let looks = [
        act(WRITE, &[a, "one"]),
        act(WRITE, &[b, "one"]),
        step(StepKind::Look(1), LOOK, &[a]),
        step(StepKind::Look(2), LOOK, &[b]),
    ];
    assert_eq!(run(node, &looks, true), ["0", "0", "0 one", "0 one"]);
    // At a failure nothing more is run, not even looks.
    let failing = [
        act("echo said; exit 255", &[]),
        step(StepKind::Look(3), LOOK, &[a]),
        act(WRITE, &[a, "x"]),
    ];
    assert_eq!(run(node, &failing, false), ["255 said", "not run", "not run"]);
    // What was looked at before is as it was, until something else is found: then there is only looking.
    let again = [
        step(StepKind::Again(1), LOOK, &[a]),
        act(WRITE, &[b, "two"]),
        step(StepKind::Again(2), LOOK, &[b]),
        act(WRITE, &[a, "never"]),
        step(StepKind::Again(1), LOOK, &[a]),
        step(StepKind::Look(4), LOOK, &[b]),
    ];
    let expected = ["same", "0", "0 two", "not run", "same", "0 two"];
    assert_eq!(run(node, &again, false), expected);
    // The later answer is the one that counts from then on; and a look that failed is one, too.
    let later = [
        step(StepKind::Again(2), LOOK, &[b]),
        step(StepKind::Look(5), "cat /nowhere", &[]),
        step(StepKind::Again(5), "cat /nowhere", &[]),
        act(WRITE, &[a, "three"]),
        step(StepKind::Again(9), LOOK, &[a]),
        act(WRITE, &[a, "never"]),
    ];
    assert_eq!(
        run(node, &later, false),
        ["same", "1", "same", "0", "0 three", "not run"]
    );
    let exchanges = node.exchanges();
    assert_eq!(exchanges, 4, "a chain is one exchange");
}

#[test]
fn answers_may_hold_anything() {
    let Some(sshd) = Sshd::start() else { return };
    let mut node = open(&sshd.endpoint());
    let steps = [
        act("head -c 300000 /dev/zero; echo after >&2", &[]),
        act("printf '\\000\\377\\n\\n'", &[]),
        act("sh -c 'sleep 300 & echo $!'", &[]),
        act("exec >&- 2>&-; exit 0", &[]),
        act(
            "cat /dev/shm/krun-*/held /dev/shm/krun-*/out.* >/dev/null; cat; echo end",
            &[],
        ),
        act("i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done", &[]),
        act("printf %s \"$krun_session$krun_held$1\"", &["x"]),
    ];
    let mut outputs = Vec::new();
    node.chain(
        None,
        &steps,
        true,
        &AtomicBool::new(false),
        &mut |_, answer| match answer {
            Ok(StepAnswer::Ran(output)) => outputs.push(output),
            other => panic!("{other:?}"),
        },
    );
    assert_eq!(outputs.len(), steps.len());
    assert_eq!(outputs[0].stdout.len(), 300_000);
    assert_eq!(outputs[0].stderr, b"after\n");
    assert_eq!(outputs[1].stdout, b"\0\xff\n\n");
    let left_behind = outputs[2].stdout_text().trim().to_owned();
    assert!(Path::new("/proc").join(&left_behind).exists());
    std::process::Command::new("kill").arg(&left_behind).status().unwrap();
    assert_eq!(outputs[3].stdout, b"");
    assert_eq!(outputs[4].stdout, b"end\n");
    assert_eq!(outputs[5].stdout_text().lines().count(), 3000);
    assert!(outputs[6].stdout_text().ends_with('x'));
}

#[test]
fn a_long_chain_is_one_exchange() {
    let Some(sshd) = Sshd::start() else { return };
    let mut node = open(&sshd.endpoint());
    let numbers: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let steps: Vec<_> = numbers.iter().map(|number| act("echo \"$1\"", &[number])).collect();
    let expected: Vec<_> = numbers.iter().map(|number| format!("0 {number}")).collect();
    assert_eq!(run(node.as_mut(), &steps, true), expected);
    assert_eq!(run(node.as_mut(), &steps, true), expected);
    assert_eq!(node.exchanges(), 2);
}

const WAIT: &str = "until [ -e \"$1\" ]; do sleep 0.1; done";

#[test]
fn what_is_done_is_told_while_a_chain_goes_on() {
    let Some(sshd) = Sshd::start() else { return };
    let mut node = open(&sshd.endpoint());
    let go = sshd.at("go");
    let steps = [act("echo quick", &[]), act(WAIT, &[&go]), act("echo last", &[])];
    let mut answers = Vec::new();
    // The second step ends only when the answer to the first one has come.
    node.chain(None, &steps, true, &AtomicBool::new(false), &mut |number, answer| {
        if number == 0 {
            std::fs::write(&go, "").unwrap();
        }
        answers.push(told(&answer));
    });
    assert_eq!(answers, ["0 quick", "0", "0 last"]);
}

#[test]
fn an_interrupted_chain_ends_after_the_step_that_it_is_at() {
    let Some(sshd) = Sshd::start() else { return };
    let mut node = open(&sshd.endpoint());
    let (go, begun) = (sshd.at("go"), sshd.at("begun"));
    let steps = [
        act(
            "echo \"$PPID\" >\"$2\"; until [ -e \"$1\" ]; do sleep 0.1; done",
            &[&go, &begun],
        ),
        act("echo never", &[]),
        step(StepKind::Look(1), "echo never", &[]),
    ];
    let interrupted = AtomicBool::new(false);
    let mut answers = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_until("the first step", || Path::new(&begun).exists());
            interrupted.store(true, Ordering::Relaxed);
            let is_told = || {
                let places = std::fs::read_dir("/dev/shm").unwrap();
                places.flatten().any(|place| place.path().join("stop").exists())
            };
            wait_until("the word to stop", is_told);
            std::fs::write(&go, "").unwrap();
        });
        node.chain(None, &steps, true, &interrupted, &mut |_, answer| {
            answers.push(told(&answer));
        });
    });
    assert_eq!(answers, ["0", "not run", "not run"]);
    // The next chain is not stopped by it.
    assert_eq!(run(node.as_mut(), &[act("echo on", &[])], false), ["0 on"]);
}

#[test]
fn a_step_that_hangs_is_ended_and_what_is_behind_it_is_not_run() {
    let Some(sshd) = Sshd::start() else { return };
    let mut node = open(&sshd.endpoint());
    let never = sshd.at("never");
    let mut steps = [
        act("echo first", &[]),
        act(WAIT, &["/nowhere/at/all"]),
        act("echo >\"$1\"", &[&never]),
    ];
    steps[1].request.timeout = Duration::from_secs(2);
    let answers = run(node.as_mut(), &steps, true);
    assert_eq!(answers, ["0 first", "`step` did not finish within 2 s and was ended"]);
    assert_eq!(run(node.as_mut(), &[act("echo on", &[])], true), ["0 on"]);
    assert!(!Path::new(&never).exists());
}

#[test]
fn a_step_that_ends_its_shell_ends_the_chain() {
    let Some(sshd) = Sshd::start() else { return };
    let mut node = open(&sshd.endpoint());
    let never = sshd.at("never");
    let steps = [act("kill -9 $PPID $$", &[]), act("echo >\"$1\"", &[&never])];
    let answers = run(node.as_mut(), &steps, true);
    assert_eq!(answers.len(), 1);
    assert!(answers[0].contains("was lost while `step` ran"), "{answers:?}");
    assert_eq!(run(node.as_mut(), &[act("echo on", &[])], true), ["0 on"]);
    assert!(!Path::new(&never).exists());
}
