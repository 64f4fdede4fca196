//! The long-lived shell on a node: how a request is written for it, and how its answer is read.
//!
//! A request is shell code made of quoted words only. An answer is `BEGIN stdout END stderr END status`, where both
//! marks are random words made for this one request. The shell reads END only after the script has ended, so nothing
//! that the script prints can hold it: the answer is never misread, whatever the output is.
//!
//! Marks and not lengths: output passes through a file on the node, so that a child that is left behind holds nothing up,
//! and to count it there would take one more program a request, most of what a short one costs. A count would be wrong,
//! too, once such a child prints more before the file is sent; what comes after the status does no harm. The same file is
//! why a short answer needs no program at all: the shell's own offset in it tells whether the shell has read it whole.

mod chain;

pub(super) use chain::{ChainReader, Next};

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::time::{Duration, Instant};

use memchr::memmem;

use super::quote;
use super::stream::{Heard, Patience, Stream};
use super::{Output, Request};

/// What the shell is told before its first request.
const PRELUDE: &str = include_str!("shell.sh");

/// The shell's directory is swept after so many requests, and after an answer of so many bytes.
const SWEEP_REQUESTS: usize = 50;
const SWEEP_BYTES: usize = 256 * 1024;

/// The most that a script may print: more would fill this machine's memory.
const OUTPUT_LIMIT: usize = 256 * 1024 * 1024;

/// How long to listen to a shell that has ended; what it left in the background may hold its streams open.
const LAST_WORDS_LIMIT: Duration = Duration::from_millis(500);

/// How much of what a failed shell said is worth showing.
const SAID_LIMIT: usize = 2000;

/// Why a shell gave no answer.
#[derive(Debug)]
pub(super) enum ShellError {
    /// The request cannot be written down for a shell; nothing was sent.
    Unsayable(String),
    /// The shell ended before it answered at all; this is what it, or the login shell before it, said.
    NotStarted(String),
    /// The shell ended while the script ran.
    Ended(String),
    /// The time is up; the script may still be running.
    TimedOut,
    /// No place on the node to keep the output in; the script was not started.
    NoRoom,
    /// The script ran, but its output did not fit into this directory on the node.
    OutputLost(String),
    /// The script printed more than [`OUTPUT_LIMIT`].
    TooMuchOutput,
    /// The connection broke.
    Broken(io::Error),
}

/// A shell that runs on a node.
pub(super) struct Shell<S> {
    stream: S,
    session: String,
    heard: Heard,
    marks: Marks,
    /// Texts that the shell has in variables already, by number. They are found by where they are: to read kilobytes for
    /// every request would cost more, and to send one twice does no harm.
    scripts: HashMap<(usize, usize), usize>,
    greeted: bool,
    answered: bool,
    unswept: usize,
    /// The marks of the looks that the node keeps the answers of.
    looks: HashMap<usize, chain::Between>,
}

impl<S: Stream> Shell<S> {
    /// Takes over a stream at whose other end `sh` reads its standard input; `heard` is what it said so far.
    pub(super) fn new(stream: S, heard: Heard) -> io::Result<Self> {
        Ok(Self {
            stream,
            session: random_word()?,
            heard,
            marks: Marks::default(),
            scripts: HashMap::new(),
            greeted: false,
            answered: false,
            unswept: 0,
            looks: HashMap::new(),
        })
    }

    /// The word that `kill.sh` finds this shell by.
    pub(super) fn session(&self) -> &str {
        &self.session
    }

    /// True when the shell is known to have ended, as far as can be told without waiting.
    pub(super) fn is_gone(&mut self) -> bool {
        self.heard.take_in(&mut self.stream).is_err() || self.heard.stdout_ended()
    }

    /// Runs a script. After an error other than `Unsayable`, `NoRoom` and `OutputLost` the shell is of no more use.
    pub(super) fn run(&mut self, request: &Request, deadline: Instant) -> Result<Output, ShellError> {
        let begin = self.marks.next().map_err(ShellError::Broken)?;
        let end = self.marks.next().map_err(ShellError::Broken)?;
        let mut text = String::new();
        let script = self.write_setup(&mut text, request)?;
        write_call(&mut text, "krun_run", request, script, &begin)?;
        let _ = writeln!(text, "krun_answer {end}");
        if self.answered {
            self.heard = Heard::default();
        }
        self.heard
            .say(&mut self.stream, text.as_bytes(), Patience::Until(deadline))
            .map_err(|error| self.failure(error))?;
        self.greeted = true;
        self.scripts.insert(place_of(request.script.text), script);
        self.read_answer(&begin, &end, deadline)
    }

    /// Writes what has to come before the call, and gives the number of the script's variable.
    fn write_setup(&self, text: &mut String, request: &Request) -> Result<usize, ShellError> {
        if !self.greeted {
            let _ = writeln!(text, "krun_session={}\n{PRELUDE}", self.session);
        }
        if self.unswept >= SWEEP_REQUESTS {
            text.push_str("krun_sweep\n");
        }
        if let Some(&number) = self.scripts.get(&place_of(request.script.text)) {
            return Ok(number);
        }
        let number = self.scripts.len();
        let _ = writeln!(
            text,
            "krun_script_{number}={}",
            say_word(request.script.text, "the script")?
        );
        Ok(number)
    }

    fn read_answer(&mut self, begin: &str, end: &str, deadline: Instant) -> Result<Output, ShellError> {
        let mut reader = AnswerReader::new(begin, end);
        loop {
            if let Some(answer) = reader.read(&self.heard.stdout) {
                return self.accept(answer);
            }
            if self.heard.stdout_ended() {
                return Err(self.ended());
            }
            if self.heard.stdout.len() > OUTPUT_LIMIT {
                return Err(ShellError::TooMuchOutput);
            }
            self.heard
                .listen(&mut self.stream, deadline)
                .map_err(|error| self.failure(error))?;
        }
    }

    fn accept(&mut self, answer: Answer) -> Result<Output, ShellError> {
        self.answered = true;
        self.unswept = if self.unswept >= SWEEP_REQUESTS {
            1
        } else {
            self.unswept + 1
        };
        self.output(answer)
    }

    /// What a script left. The directory is swept after a large answer, as it may be in the node's memory.
    fn output(&mut self, answer: Answer) -> Result<Output, ShellError> {
        if answer.stdout.len() + answer.stderr.len() > SWEEP_BYTES {
            // A broken connection shows at the next request.
            let patience = Patience::Until(Instant::now() + Duration::from_secs(1));
            let _ = Heard::default().say(&mut self.stream, b"krun_sweep\n", patience);
            self.unswept = 0;
        }
        match answer.status.parse() {
            Ok(status) => Ok(Output {
                status,
                stdout: answer.stdout,
                stderr: answer.stderr,
            }),
            Err(_) if answer.status == "no-room-before" => Err(ShellError::NoRoom),
            Err(_) => Err(ShellError::OutputLost(
                String::from_utf8_lossy(&answer.stdout).into_owned(),
            )),
        }
    }

    fn failure(&mut self, error: io::Error) -> ShellError {
        match error.kind() {
            io::ErrorKind::TimedOut => ShellError::TimedOut,
            io::ErrorKind::BrokenPipe => self.ended(),
            _ => ShellError::Broken(error),
        }
    }

    fn ended(&mut self) -> ShellError {
        // Its last words may still be on their way.
        let deadline = Instant::now() + LAST_WORDS_LIMIT;
        while !self.heard.ended() && self.heard.listen(&mut self.stream, deadline).is_ok() {}
        let said = said(&self.heard);
        if self.answered {
            ShellError::Ended(said)
        } else {
            ShellError::NotStarted(said)
        }
    }
}

fn place_of(text: &'static str) -> (usize, usize) {
    (text.as_ptr().addr(), text.len())
}

/// Writes the request as a call of one of the shell's functions.
fn write_call(
    text: &mut String,
    function: &str,
    request: &Request,
    script: usize,
    begin: &str,
) -> Result<(), ShellError> {
    let mut environment = String::new();
    for (name, value) in &request.environment {
        if !quote::is_variable_name(name) {
            return Err(ShellError::Unsayable(format!(
                "`{name}` cannot be the name of an environment variable"
            )));
        }
        let value = say_word(value, &format!("the environment variable `{name}`"))?;
        let _ = writeln!(environment, "{name}={value}; export {name}");
    }
    let environment = say_word(&environment, "the environment")?;
    let input = if request.stdin.is_empty() {
        "''".to_owned()
    } else {
        quote::printf_format(&request.stdin)
    };
    // In braces, so that a call of which a lost connection swallowed the end is not run.
    let _ = write!(
        text,
        "{{ {function} {begin} \"$krun_script_{script}\" {environment} {input}"
    );
    for argument in &request.args {
        text.push(' ');
        text.push_str(&say_word(argument, "an argument")?);
    }
    text.push_str("\n}\n");
    Ok(())
}

fn say_word(text: &str, what: &str) -> Result<String, ShellError> {
    quote::word(text).ok_or_else(|| ShellError::Unsayable(format!("{what} holds a NUL character")))
}

/// The end of what a program said on both streams, on one line, for an error message.
pub(super) fn said(heard: &Heard) -> String {
    let mut lines = Vec::new();
    for stream in [&heard.stdout, &heard.stderr] {
        let tail = stream
            .get(stream.len().saturating_sub(SAID_LIMIT)..)
            .unwrap_or_default();
        let text = String::from_utf8_lossy(tail).into_owned();
        lines.extend(
            text.lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .map(str::to_owned),
        );
    }
    lines.join("; ")
}

/// 128 random bits in hexadecimal.
pub(super) fn random_word() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(word(bytes))
}

fn word(bytes: [u8; 16]) -> String {
    format!("{:032x}", u128::from_ne_bytes(bytes))
}

/// Random words, drawn some at a time: each is as unknown to the node as if it had been drawn when it is sent.
#[derive(Default)]
struct Marks {
    drawn: [[u8; 16]; 16],
    left: usize,
}

impl Marks {
    fn next(&mut self) -> io::Result<String> {
        if self.left == 0 {
            getrandom::fill(self.drawn.as_flattened_mut()).map_err(io::Error::other)?;
            self.left = self.drawn.len();
        }
        self.left -= 1;
        Ok(word(self.drawn.get(self.left).copied().unwrap_or_default()))
    }
}

struct Answer {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    status: String,
    /// Where it ends in the buffer that it was found in.
    end: usize,
}

/// Looks for an answer in a growing buffer without looking at any byte twice.
struct AnswerReader {
    begin: memmem::Finder<'static>,
    end: memmem::Finder<'static>,
    mark_length: usize,
    /// Where the marks that were found so far end.
    found: Vec<usize>,
    searched: usize,
}

impl AnswerReader {
    fn new(begin: &str, end: &str) -> Self {
        Self::starting_at(0, begin, end)
    }

    /// For an answer that does not begin before this place in the buffer.
    fn starting_at(place: usize, begin: &str, end: &str) -> Self {
        Self {
            begin: memmem::Finder::new(begin).into_owned(),
            end: memmem::Finder::new(end).into_owned(),
            mark_length: begin.len(),
            found: Vec::new(),
            searched: place,
        }
    }

    fn read(&mut self, buffer: &[u8]) -> Option<Answer> {
        while self.found.len() < 3 {
            let finder = if self.found.is_empty() { &self.begin } else { &self.end };
            let Some(position) = finder.find(buffer.get(self.searched..)?) else {
                // A mark may have arrived in part.
                let floor = self.found.last().copied().unwrap_or(0);
                self.searched = floor.max(buffer.len().saturating_sub(self.mark_length - 1));
                return None;
            };
            self.searched += position + self.mark_length;
            self.found.push(self.searched);
        }
        let &[after_begin, after_stdout, after_stderr] = self.found.as_slice() else {
            return None;
        };
        let rest = buffer.get(after_stderr..)?;
        let line = rest.get(..memchr::memchr(b'\n', rest)?)?;
        Some(Answer {
            end: after_stderr + line.len() + 1,
            stdout: buffer.get(after_begin..after_stdout - self.mark_length)?.to_vec(),
            stderr: buffer.get(after_stdout..after_stderr - self.mark_length)?.to_vec(),
            status: String::from_utf8_lossy(line).into_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::super::Script;
    use super::*;

    /// sshd closes the shell's standard input when the connection breaks, and a shell runs a last line without its end.
    #[test]
    fn half_a_request_is_not_run() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let script = Script {
            name: "test",
            text: "echo \"$2 $3\" >>\"$1\"",
        };
        let request = Request::new(script, [log.to_str().unwrap(), "/var/lib", "and more"]);
        let mut call = String::new();
        write_call(&mut call, "krun_run", &request, 0, "BBBB").unwrap();
        let _ = writeln!(call, "krun_answer EEEE");
        let before = format!(
            "krun_session=half-{}\n{PRELUDE}\nkrun_script_0='{}'\n",
            random_word().unwrap(),
            script.text
        );
        for cut in 0..=call.len() {
            let mut shell = Command::new("sh")
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let text = format!("{before}{}", &call[..cut]);
            io::Write::write_all(&mut shell.stdin.take().unwrap(), text.as_bytes()).unwrap();
            shell.wait().unwrap();
            let written = std::fs::read_to_string(&log).unwrap_or_default();
            assert!(
                ["", "/var/lib and more\n"].contains(&written.as_str()),
                "{cut}: {written}"
            );
            let _ = std::fs::remove_file(&log);
        }
    }

    #[test]
    fn an_answer_is_found_wherever_its_pieces_are_cut() {
        let whole = b"Welcome!\nBBBBout\0putEEEEerrorEEEE255\nlate words";
        for cut in 0..whole.len() {
            let mut reader = AnswerReader::new("BBBB", "EEEE");
            let early = reader.read(&whole[..cut]);
            let answer = early.or_else(|| reader.read(whole)).unwrap();
            assert_eq!(answer.stdout, b"out\0put");
            assert_eq!(answer.stderr, b"error");
            assert_eq!(answer.status, "255");
        }
    }
}
