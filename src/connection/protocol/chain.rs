//! Chains of requests: how one is written for the shell, and how its answers are read one by one.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::time::{Duration, Instant};

use super::super::stream::{Heard, Patience, Stream};
use super::super::{Step, StepAnswer, StepKind};
use super::{AnswerReader, PRELUDE, SWEEP_REQUESTS, Shell, ShellError, say_word, write_call};

/// How long to listen before looking whether the user has interrupted the run.
const TICK: Duration = Duration::from_millis(200);

/// The marks that a step's answer stands between.
#[derive(Clone)]
pub(in super::super) struct Between {
    begin: String,
    end: String,
}

/// What was heard after a moment of listening.
pub(in super::super) enum Next {
    /// The step's answer.
    Answer(StepAnswer),
    /// Nothing yet.
    Nothing,
}

/// Reads a chain's answers.
pub(in super::super) struct ChainReader {
    marks: Vec<Between>,
    reader: AnswerReader,
    number: usize,
}

impl<S: Stream> Shell<S> {
    /// Sends a chain. After an error other than `Unsayable` the shell is of no more use.
    pub(in super::super) fn send_chain(&mut self, steps: &[Step], afresh: bool) -> Result<ChainReader, ShellError> {
        let mut text = String::new();
        if !self.greeted {
            let _ = writeln!(text, "krun_session={}\n{PRELUDE}", self.session);
        }
        if afresh {
            self.looks.clear();
        }
        // Sweeping removes what looks have left, too.
        let sweep = afresh && self.unswept >= SWEEP_REQUESTS;
        let _ = writeln!(text, "krun_chain {}", if sweep { "fresh" } else { "''" });
        let mut new_scripts = HashMap::new();
        let mut marks = Vec::with_capacity(steps.len());
        for step in steps {
            let script = step.request.script.text;
            let known = self.scripts.get(script).or_else(|| new_scripts.get(script)).copied();
            let number = match known {
                Some(number) => number,
                None => {
                    let number = self.scripts.len() + new_scripts.len();
                    let word = say_word(script, "the script")?;
                    let _ = writeln!(text, "krun_script_{number}={word}");
                    new_scripts.insert(script, number);
                    number
                }
            };
            let mark = self.between_of(step.kind)?;
            let function = match step.kind {
                StepKind::Act => "krun_step act 0".to_owned(),
                StepKind::Look(key) => format!("krun_step look {key}"),
                StepKind::Again(key) => format!("krun_step again {key}"),
            };
            write_call(&mut text, &function, &step.request, number, &mark.begin)?;
            let _ = writeln!(text, "krun_told {}", mark.end);
            marks.push(mark);
        }
        if self.answered {
            self.heard = Heard::default();
        }
        let limit = steps.first().map_or(TICK, |step| step.request.timeout);
        self.heard
            .say(
                &mut self.stream,
                text.as_bytes(),
                Patience::Until(Instant::now() + limit),
            )
            .map_err(|error| self.failure(error))?;
        self.greeted = true;
        self.scripts.extend(new_scripts);
        self.unswept = if sweep { steps.len() } else { self.unswept + steps.len() };
        let first = marks.first();
        Ok(ChainReader {
            reader: AnswerReader::new(
                first.map_or("", |marks| &marks.begin),
                first.map_or("", |marks| &marks.end),
            ),
            marks,
            number: 0,
        })
    }

    /// Looks that are compared with one another stand between the same marks, so that whole answers can be compared.
    fn between_of(&mut self, kind: StepKind) -> Result<Between, ShellError> {
        let known = match kind {
            StepKind::Again(key) => self.looks.get(&key).cloned(),
            StepKind::Act | StepKind::Look(_) => None,
        };
        let marks = match known {
            Some(marks) => marks,
            None => Between {
                begin: self.marks.next().map_err(ShellError::Broken)?,
                end: self.marks.next().map_err(ShellError::Broken)?,
            },
        };
        if let StepKind::Look(key) | StepKind::Again(key) = kind {
            self.looks.insert(key, marks.clone());
        }
        Ok(marks)
    }

    /// Listens for a moment for the next answer. After an error the shell is of no more use, but for those that are
    /// about the node's file system.
    pub(in super::super) fn next_answer(
        &mut self,
        chain: &mut ChainReader,
        deadline: Instant,
    ) -> Result<Next, ShellError> {
        let moment = deadline.min(Instant::now() + TICK);
        loop {
            if let Some(answer) = chain.reader.read(&self.heard.stdout) {
                self.heard.stdout.drain(..answer.end);
                self.answered = true;
                chain.number += 1;
                if let Some(next) = chain.marks.get(chain.number) {
                    chain.reader = AnswerReader::new(&next.begin, &next.end);
                }
                return Ok(Next::Answer(match answer.status.as_str() {
                    "not-run" => StepAnswer::NotRun,
                    "same" => StepAnswer::Same,
                    _ => StepAnswer::Ran(self.output(answer)?),
                }));
            }
            if self.heard.stdout_ended() {
                return Err(self.ended());
            }
            if self.heard.stdout.len() > super::OUTPUT_LIMIT {
                return Err(ShellError::TooMuchOutput);
            }
            match self.heard.listen(&mut self.stream, moment) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return if Instant::now() < deadline {
                        Ok(Next::Nothing)
                    } else {
                        Err(ShellError::TimedOut)
                    };
                }
                Err(error) => return Err(self.failure(error)),
            }
        }
    }
}
