//! OpenSSH's own configuration, which its client is asked for.

use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use crate::connection::local::poll_until;
use crate::connection::{ConnectionError, Endpoint};

/// Limit for `ssh -G`: a `Match exec` line may run anything.
const ASK_LIMIT: Duration = Duration::from_secs(10);

/// What `ssh -G` printed: a list of values for each key, in order.
#[derive(Debug, Default)]
pub(super) struct Options(HashMap<String, Vec<String>>);

impl Options {
    pub(super) fn parse(text: &str) -> Self {
        let mut options: HashMap<String, Vec<String>> = HashMap::new();
        for (key, value) in text.lines().filter_map(|line| line.split_once(' ')) {
            options
                .entry(key.to_ascii_lowercase())
                .or_default()
                .push(value.trim().to_owned());
        }
        Self(options)
    }

    pub(super) fn all(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    pub(super) fn first(&self, key: &str) -> Option<&str> {
        self.all(key).first().map(String::as_str)
    }

    /// A value that is not `none`.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.first(key)
            .filter(|value| !value.is_empty() && *value != "none")
            .map(str::to_owned)
    }

    pub(super) fn number<N: std::str::FromStr>(&self, key: &str) -> Option<N> {
        self.first(key).and_then(|value| value.parse().ok())
    }

    /// A list that somebody has set: OpenSSH's own choice is none of krun's business.
    pub(super) fn chosen(&self, key: &str) -> Option<Vec<String>> {
        let value = self.first(key)?;
        let is_default = defaults().is_none_or(|defaults| defaults.first(key) == Some(value));
        (!is_default).then(|| value.split(',').map(str::to_owned).collect())
    }

    pub(super) fn is_yes(&self, key: &str) -> bool {
        matches!(self.first(key), Some("yes" | "true"))
    }

    pub(super) fn is_no(&self, key: &str) -> bool {
        matches!(self.first(key), Some("no" | "false"))
    }
}

/// What OpenSSH's client would do with an endpoint, from its own files and the options of the inventory.
///
/// # Errors
/// It rejects an option or its files, or is needed and not there.
pub(super) fn options(endpoint: &Endpoint) -> Result<Options, ConnectionError> {
    if endpoint.ssh_args.is_empty()
        && let Some(options) = plain_options()
    {
        return Ok(options);
    }
    let destination = endpoint.destination();
    let mut words = endpoint.ssh_args.clone();
    if let Some(user) = &endpoint.user {
        words.extend(["-l".to_owned(), user.clone()]);
    }
    if let Some(port) = endpoint.port {
        words.extend(["-p".to_owned(), port.to_string()]);
    }
    words.extend(["--".to_owned(), destination.to_owned()]);
    match ask(&words) {
        Ok(options) => Ok(options),
        // The inventory's own variables are all there is then.
        Err(Trouble::NotInstalled) if endpoint.ssh_args.is_empty() => Ok(Options::default()),
        Err(Trouble::NotInstalled) => Err(ConnectionError::Unreachable {
            message: format!(
                "{}: OpenSSH options are given ({}), but no OpenSSH client is installed here to read them",
                endpoint.host,
                endpoint.ssh_args.join(" ")
            ),
            help: Some("install openssh-client, or use `ansible_host`, `ansible_port`, `ansible_user` and `ansible_ssh_private_key_file` instead".to_owned()),
        }),
        Err(Trouble::Failed(reason)) => Err(ConnectionError::Unreachable {
            message: format!("{}: OpenSSH's configuration cannot be read: {reason}", endpoint.host),
            help: Some(format!("`ssh -G {destination}` shows what is wrong with it")),
        }),
    }
}

/// What OpenSSH's client does when nothing is configured.
fn defaults() -> Option<&'static Options> {
    static DEFAULTS: OnceLock<Option<Options>> = OnceLock::new();
    DEFAULTS
        .get_or_init(|| ask(&["-F", "none", "--", "localhost"].map(str::to_owned)).ok())
        .as_ref()
}

/// Why OpenSSH could not be asked.
enum Trouble {
    NotInstalled,
    Failed(String),
}

fn ask(words: &[String]) -> Result<Options, Trouble> {
    let mut child = Command::new("ssh")
        .arg("-G")
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Trouble::NotInstalled,
            _ => Trouble::Failed(error.to_string()),
        })?;
    let deadline = Instant::now() + ASK_LIMIT;
    let printed = child.stdout.take().map(|pipe| read_until(pipe, deadline));
    let complaint = child.stderr.take().map(|pipe| read_until(pipe, deadline));
    if Instant::now() >= deadline {
        // It may have ended meanwhile.
        let _ = child.kill();
        let _ = child.wait();
        return Err(Trouble::Failed(format!("no answer within {} s", ASK_LIMIT.as_secs())));
    }
    let status = child.wait().map_err(|error| Trouble::Failed(error.to_string()))?;
    if !status.success() {
        return Err(Trouble::Failed(
            complaint.unwrap_or_default().trim().replace('\n', "; "),
        ));
    }
    Ok(Options::parse(&printed.unwrap_or_default()))
}

/// Reads a child's output to its end, or until the deadline.
fn read_until(mut pipe: impl Read + std::os::fd::AsFd, deadline: Instant) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8192];
    while poll_until(&mut [PollFd::new(&pipe, PollFlags::IN)], deadline).unwrap_or(false) {
        match pipe.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(read) => bytes.extend_from_slice(buffer.get(..read).unwrap_or_default()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The options of this machine's configuration files, when these say nothing that is about single hosts or that krun
/// would have to follow: then OpenSSH need not be asked, which costs ten milliseconds a host.
fn plain_options() -> Option<Options> {
    static HASHED: OnceLock<Option<bool>> = OnceLock::new();
    let hashed = (*HASHED.get_or_init(|| {
        let mut files = vec![PathBuf::from("/etc/ssh/ssh_config")];
        files.extend(std::env::home_dir().map(|home| home.join(".ssh/config")));
        if let Ok(directory) = fs_err::read_dir("/etc/ssh/ssh_config.d") {
            files.extend(directory.flatten().map(|entry| entry.path()));
        }
        let mut hashed = false;
        for file in files {
            match fs_err::read_to_string(file) {
                Ok(text) => {
                    if !text.lines().all(is_harmless) {
                        return None;
                    }
                    hashed |= text.lines().any(hashes_names);
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(_) => return None,
            }
        }
        Some(hashed)
    }))?;
    let mut options = Options::default();
    if hashed {
        options.0.insert("hashknownhosts".to_owned(), vec!["yes".to_owned()]);
    }
    Some(options)
}

/// True for a line that changes nothing about where and how krun connects.
fn is_harmless(line: &str) -> bool {
    let line = line.trim().to_ascii_lowercase();
    let mut words = line.split_whitespace();
    match words.next() {
        None | Some("sendenv" | "gssapiauthentication") => true,
        Some("host") => words.eq(["*"]),
        Some("include") => words.eq(["/etc/ssh/ssh_config.d/*.conf"]),
        Some("hashknownhosts") => words.eq(["yes"]) || line.ends_with(" no"),
        Some(word) => word.starts_with('#'),
    }
}

fn hashes_names(line: &str) -> bool {
    line.to_ascii_lowercase()
        .split_whitespace()
        .eq(["hashknownhosts", "yes"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_lines() {
        for line in [
            "",
            "# Port 5",
            "Host *",
            "    SendEnv LANG LC_*",
            "Include /etc/ssh/ssh_config.d/*.conf",
            "HashKnownHosts yes",
        ] {
            assert!(is_harmless(line), "{line}");
        }
        for line in ["Host w*", "Port 22", "Match all", "Include other"] {
            assert!(!is_harmless(line), "{line}");
        }
    }
}
