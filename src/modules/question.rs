/// What is asked of the person at the terminal.
#[derive(Clone, Debug)]
pub struct Question {
    /// What to ask.
    pub text: String,
    /// Whether the answer is shown while it is typed.
    pub echo: bool,
    /// Only somebody at a terminal may answer, no pipe.
    pub terminal_only: bool,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// One line.
    Text(String),
    /// Ctrl-C came instead.
    Interrupted,
    /// There is nobody to ask, or no answer; with the reason.
    Nobody(String),
}

/// Asks the person at the terminal.
pub type Asker<'a> = &'a (dyn Fn(&Question) -> Answer + Sync);
