use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::secret::hidden_line;
use crate::modules::Answer;
use crate::runner::AnswerReader;

/// Reads answers from standard input, until Ctrl-C.
pub(super) fn reader(interrupted: &Arc<AtomicBool>) -> AnswerReader {
    let interrupted = Arc::clone(interrupted);
    Arc::new(move |question| {
        let read = if question.terminal_only && !io::stdin().is_terminal() {
            return Answer::Nobody("there is no terminal to ask on".to_owned());
        } else if question.echo || !io::stdin().is_terminal() {
            line(io::stdin(), &interrupted)
        } else {
            hidden_line(io::stdin(), &interrupted)
        };
        match read {
            Ok(Some(answer)) => Answer::Text(answer),
            Ok(None) => Answer::Nobody("standard input has ended".to_owned()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Answer::Interrupted,
            Err(error) => Answer::Nobody(format!("the answer cannot be read: {error}")),
        }
    })
}

/// One line, and not a byte more; `None` at the input's end.
pub(super) fn line(input: impl AsFd, interrupted: &AtomicBool) -> io::Result<Option<String>> {
    const ROUND: Timespec = Timespec {
        tv_sec: 0,
        tv_nsec: 200_000_000,
    };
    let mut bytes = Vec::new();
    loop {
        if interrupted.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(&ROUND)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut byte = [0];
        match rustix::io::read(&input, &mut byte) {
            Ok(0) if bytes.is_empty() => return Ok(None),
            Ok(0) => break,
            Ok(_) if byte == *b"\n" => break,
            Ok(_) => bytes.extend(byte),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Some(String::from_utf8_lossy(&bytes).trim_end_matches('\r').to_owned()))
}
