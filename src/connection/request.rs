use std::time::Duration;

/// A POSIX `sh` script that runs on a node: a file of its own in the source tree, never text put together at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Script {
    /// Name for error messages and tests, for example `package/query`.
    pub name: &'static str,
    /// The script's text; values reach it as `$1`, `$2`, … and on standard input.
    pub text: &'static str,
}

/// One request to a node's shell.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to run.
    pub script: Script,
    /// Its positional parameters; any bytes but NUL.
    pub args: Vec<String>,
    /// What it reads on standard input; nothing (end of file) when empty. Secrets travel here.
    pub stdin: Vec<u8>,
    /// Variables to set for it.
    pub environment: Vec<(String, String)>,
    /// Longest time to wait for the answer; then the script and its children are killed.
    pub timeout: Duration,
}

impl Request {
    /// Time limit of an exchange that should answer at once.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

    /// A request with positional parameters and nothing else.
    pub fn new<S: Into<String>>(script: Script, args: impl IntoIterator<Item = S>) -> Self {
        Self {
            script,
            args: args.into_iter().map(Into::into).collect(),
            stdin: Vec::new(),
            environment: Vec::new(),
            timeout: Self::DEFAULT_TIMEOUT,
        }
    }

    /// Gives the script something to read.
    #[must_use]
    pub fn with_stdin(mut self, stdin: impl Into<Vec<u8>>) -> Self {
        self.stdin = stdin.into();
        self
    }

    /// Sets variables for the script.
    #[must_use]
    pub fn with_environment(mut self, environment: Vec<(String, String)>) -> Self {
        self.environment = environment;
        self
    }

    /// Sets the longest time to wait for the answer.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// What a script printed and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Exit status as the shell gives it: 128 + n after signal n.
    pub status: i32,
    /// Standard output, byte for byte.
    pub stdout: Vec<u8>,
    /// Standard error, byte for byte.
    pub stderr: Vec<u8>,
}

impl Output {
    /// True when the exit status is 0.
    pub fn success(&self) -> bool {
        self.status == 0
    }

    /// Standard output as text, with U+FFFD for what is not UTF-8.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text, with U+FFFD for what is not UTF-8.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Reads `key=value` lines of standard output, krun's own scripts' way to answer; the last of a key wins.
    pub fn pairs(&self) -> indexmap::IndexMap<String, String> {
        self.stdout_text()
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }
}
