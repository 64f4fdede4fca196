use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::modules::Answer;
use crate::runner::AnswerReader;

/// Reads answers from standard input, until Ctrl-C.
pub(super) fn reader(interrupted: &Arc<AtomicBool>) -> AnswerReader {
    let interrupted = Arc::clone(interrupted);
    Arc::new(move |question| {
        let read = if question.terminal_only && !io::stdin().is_terminal() {
            return Answer::Nobody("there is no terminal to ask on".to_owned());
        } else if question.echo {
            line(&interrupted)
        } else {
            console::Term::stderr().read_secure_line().map(Some)
        };
        match read {
            Ok(Some(answer)) => Answer::Text(answer),
            Ok(None) => Answer::Nobody("standard input has ended".to_owned()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Answer::Interrupted,
            Err(error) => Answer::Nobody(format!("the answer cannot be read: {error}")),
        }
    })
}

/// One line of standard input, and not a byte more; `None` at its end.
fn line(interrupted: &AtomicBool) -> io::Result<Option<String>> {
    const ROUND: Timespec = Timespec {
        tv_sec: 0,
        tv_nsec: 200_000_000,
    };
    let stdin = io::stdin();
    let mut bytes = Vec::new();
    loop {
        if interrupted.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&ROUND)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut byte = [0];
        match rustix::io::read(stdin.as_fd(), &mut byte) {
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
