use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, Write};
use std::sync::{Mutex, PoisonError};

use secrecy::SecretString;

/// One question at a time, however many hosts connect at once.
static TERMINAL: Mutex<()> = Mutex::new(());

/// Asks on the terminal, which need not be standard input, and gives the answer's line.
pub(super) fn ask(question: &str) -> io::Result<String> {
    let _turn = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner);
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    terminal.write_all(question.as_bytes())?;
    terminal.flush()?;
    let mut line = String::new();
    BufReader::new(terminal).read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// Asks for something that is not shown while it is typed.
pub(super) fn ask_secret(question: &str) -> io::Result<SecretString> {
    let _turn = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner);
    rpassword::prompt_password(question).map(SecretString::from)
}
