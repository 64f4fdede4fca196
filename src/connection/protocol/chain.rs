//! Chains of requests: how one is written for the shell, and how its answers are read one by one.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::time::{Duration, Instant};

use memchr::memmem;

use super::super::stream::{Heard, Patience, Stream};
use super::super::{Step, StepAnswer, StepKind};
use super::{Answer, AnswerReader, PRELUDE, SWEEP_REQUESTS, Shell, ShellError, place_of, say_word, write_call};

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

/// Reads a chain's answers from what the shell sends at the end, and from what another shell says of them before.
pub(in super::super) struct ChainReader {
    marks: Vec<Between>,
    reader: AnswerReader,
    number: usize,
    /// Where the answers begin in what was heard; a login shell may have greeted before.
    start: Option<usize>,
    /// The answers so far, as read through another shell.
    held: Vec<u8>,
}

impl ChainReader {
    /// True while more than one answer is outstanding.
    pub(in super::super) fn waits_for_several(&self) -> bool {
        self.marks.len() > self.number + 1
    }

    /// Takes in the answers so far: all of them, from the first one.
    pub(in super::super) fn hold(&mut self, answers: Vec<u8>) {
        self.held = answers;
    }

    fn read(&mut self, heard: &[u8]) -> Option<Answer> {
        if self.start.is_none() {
            let first = self.marks.first()?;
            self.start = memmem::find(heard, first.begin.as_bytes());
        }
        let sent = self.start.and_then(|start| heard.get(start..)).unwrap_or_default();
        // Both are the same text, as far as it goes.
        let longer = if sent.len() >= self.held.len() {
            sent
        } else {
            &self.held
        };
        let answer = self.reader.read(longer)?;
        self.number += 1;
        if let Some(next) = self.marks.get(self.number) {
            self.reader = AnswerReader::starting_at(answer.end, &next.begin, &next.end);
        }
        Some(answer)
    }
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
        let _ = writeln!(
            text,
            "krun_chain {} {}",
            steps.len(),
            if sweep { "fresh" } else { "''" }
        );
        let mut new_scripts = HashMap::new();
        let mut marks = Vec::with_capacity(steps.len());
        for step in steps {
            let script = step.request.script.text;
            let place = place_of(script);
            let known = self.scripts.get(&place).or_else(|| new_scripts.get(&place)).copied();
            let number = match known {
                Some(number) => number,
                None => {
                    let number = self.scripts.len() + new_scripts.len();
                    let word = say_word(script, "the script")?;
                    let _ = writeln!(text, "krun_script_{number}={word}");
                    new_scripts.insert(place, number);
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
        text.push_str("krun_chain_end\n");
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
            start: None,
            held: Vec::new(),
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
            if let Some(answer) = chain.read(&self.heard.stdout) {
                self.answered = true;
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
