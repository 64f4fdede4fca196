use std::collections::HashMap;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use crate::connection::local::poll_until;
use crate::connection::{ConnectionError, Endpoint, HostKeyPolicy};

/// Limit for `ssh -G`: a `Match exec` line may run anything.
const ASK_LIMIT: Duration = Duration::from_secs(10);

/// An endpoint's own time limit when nobody has set one; OpenSSH's `ConnectTimeout` then counts.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How a host is reached: OpenSSH's configuration with the endpoint's own fields over it.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) hostname: String,
    pub(super) port: u16,
    pub(super) user: String,
    /// Tried in this order, after the endpoint's own key.
    pub(super) identity_files: Vec<PathBuf>,
    /// Offer no other keys than these.
    pub(super) identities_only: bool,
    /// The agent's socket; `None` for no agent.
    pub(super) agent: Option<PathBuf>,
    pub(super) known_hosts: Vec<PathBuf>,
    pub(super) system_known_hosts: Vec<PathBuf>,
    pub(super) host_key_alias: Option<String>,
    pub(super) hash_known_hosts: bool,
    pub(super) host_key_policy: HostKeyPolicy,
    pub(super) connect_timeout: Duration,
    pub(super) alive_interval: Duration,
    pub(super) alive_count: u32,
    pub(super) proxy_jump: Option<String>,
    pub(super) proxy_command: Option<String>,
    /// Ways to log in that are switched off (`PubkeyAuthentication no` and the like), by their names in the protocol.
    pub(super) methods_off: Vec<&'static str>,
}

impl Settings {
    /// Asks OpenSSH where its configuration may matter, and does without where it cannot.
    ///
    /// # Errors
    /// OpenSSH's client rejects the options or the configuration, or no login user can be told.
    pub(super) fn of(endpoint: &Endpoint) -> Result<Self, ConnectionError> {
        let plain = if endpoint.ssh_args.is_empty() {
            plain_options()
        } else {
            None
        };
        let options = match plain {
            Some(options) => options,
            None => ask_openssh(endpoint)?,
        };
        Self::from_options(endpoint, &options)
    }

    /// How the host is called in messages: its name, and its address where that differs.
    pub(super) fn describe(&self, endpoint: &Endpoint) -> String {
        if self.hostname == endpoint.host && self.port == 22 {
            endpoint.host.clone()
        } else if self.hostname.contains(':') {
            format!("{} ([{}]:{})", endpoint.host, self.hostname, self.port)
        } else {
            format!("{} ({}:{})", endpoint.host, self.hostname, self.port)
        }
    }

    fn from_options(endpoint: &Endpoint, options: &Options) -> Result<Self, ConnectionError> {
        let home = std::env::home_dir().unwrap_or_else(|| PathBuf::from("/"));
        let files = |key: &str, defaults: [&str; 2]| -> Vec<PathBuf> {
            let named = match options.first(key) {
                Some(value) => split(value),
                None => defaults.map(str::to_owned).to_vec(),
            };
            named
                .iter()
                .filter(|file| *file != "none")
                .map(|file| at_home(file, &home))
                .collect()
        };
        let mut identity_files: Vec<PathBuf> = match options.all("identityfile") {
            [] => ["ed25519", "ecdsa", "rsa"]
                .iter()
                .map(|kind| home.join(".ssh").join(format!("id_{kind}")))
                .collect(),
            files => files.iter().map(|file| at_home(file, &home)).collect(),
        };
        identity_files.retain(|file| file != Path::new("none"));
        let user = match endpoint.user.clone().or_else(|| options.text("user")) {
            Some(user) => user,
            None => local_user()?,
        };
        Ok(Self {
            hostname: endpoint
                .address
                .clone()
                .or_else(|| options.text("hostname"))
                .unwrap_or_else(|| endpoint.host.clone()),
            port: endpoint.port.or_else(|| options.number("port")).unwrap_or(22),
            user,
            identity_files,
            identities_only: options.is_yes("identitiesonly"),
            agent: agent(options, &home),
            known_hosts: files("userknownhostsfile", ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"]),
            system_known_hosts: files(
                "globalknownhostsfile",
                ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"],
            ),
            host_key_alias: options.text("hostkeyalias"),
            hash_known_hosts: options.is_yes("hashknownhosts"),
            host_key_policy: endpoint
                .host_key_policy
                .unwrap_or_else(|| match options.first("stricthostkeychecking") {
                    Some("yes" | "true") => HostKeyPolicy::Strict,
                    Some("accept-new") => HostKeyPolicy::AcceptNew,
                    Some("no" | "off" | "false") => HostKeyPolicy::Off,
                    _ => HostKeyPolicy::Ask,
                }),
            connect_timeout: match options.number("connecttimeout") {
                Some(seconds) if endpoint.connect_timeout == DEFAULT_CONNECT_TIMEOUT => Duration::from_secs(seconds),
                _ => endpoint.connect_timeout,
            },
            alive_interval: match options.number("serveraliveinterval") {
                None | Some(0) => Duration::from_secs(15),
                Some(seconds) => Duration::from_secs(seconds),
            },
            alive_count: options.number("serveralivecountmax").unwrap_or(3),
            proxy_jump: options.text("proxyjump"),
            proxy_command: options.text("proxycommand"),
            methods_off: [
                ("pubkeyauthentication", "publickey"),
                ("passwordauthentication", "password"),
                ("kbdinteractiveauthentication", "keyboard-interactive"),
            ]
            .into_iter()
            .filter(|(key, _)| options.is_no(key))
            .map(|(_, method)| method)
            .collect(),
        })
    }
}

/// What `ssh -G` printed: a list of values for each key, in order.
#[derive(Debug, Default)]
struct Options(HashMap<String, Vec<String>>);

impl Options {
    fn parse(text: &str) -> Self {
        let mut options: HashMap<String, Vec<String>> = HashMap::new();
        for (key, value) in text.lines().filter_map(|line| line.split_once(' ')) {
            options
                .entry(key.to_ascii_lowercase())
                .or_default()
                .push(value.trim().to_owned());
        }
        Self(options)
    }

    fn all(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    fn first(&self, key: &str) -> Option<&str> {
        self.all(key).first().map(String::as_str)
    }

    /// A value that is not `none`.
    fn text(&self, key: &str) -> Option<String> {
        self.first(key)
            .filter(|value| !value.is_empty() && *value != "none")
            .map(str::to_owned)
    }

    fn number<N: std::str::FromStr>(&self, key: &str) -> Option<N> {
        self.first(key).and_then(|value| value.parse().ok())
    }

    fn is_yes(&self, key: &str) -> bool {
        matches!(self.first(key), Some("yes" | "true"))
    }

    fn is_no(&self, key: &str) -> bool {
        matches!(self.first(key), Some("no" | "false"))
    }
}

fn ask_openssh(endpoint: &Endpoint) -> Result<Options, ConnectionError> {
    let failed = |reason: String| ConnectionError::Unreachable {
        message: format!("{}: OpenSSH's configuration cannot be read: {reason}", endpoint.host),
        help: Some(format!("`ssh -G {}` shows what is wrong with it", endpoint.host)),
    };
    let mut command = Command::new("ssh");
    command.arg("-G").args(&endpoint.ssh_args);
    if let Some(user) = &endpoint.user {
        command.arg("-l").arg(user);
    }
    if let Some(port) = endpoint.port {
        command.arg("-p").arg(port.to_string());
    }
    let child = command
        .arg("--")
        .arg(&endpoint.host)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        // The inventory's own variables are all there is then.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && endpoint.ssh_args.is_empty() => {
            return Ok(Options::default());
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(ConnectionError::Unreachable {
                message: format!(
                    "{}: OpenSSH options are given ({}), but no OpenSSH client is installed here to read them",
                    endpoint.host,
                    endpoint.ssh_args.join(" ")
                ),
                help: Some("install openssh-client, or use `ansible_host`, `ansible_port`, `ansible_user` and `ansible_ssh_private_key_file` instead".to_owned()),
            });
        }
        Err(error) => return Err(failed(error.to_string())),
    };
    let deadline = Instant::now() + ASK_LIMIT;
    let printed = child.stdout.take().map(|pipe| read_until(pipe, deadline));
    let complaint = child.stderr.take().map(|pipe| read_until(pipe, deadline));
    if Instant::now() >= deadline {
        // It may have ended meanwhile.
        let _ = child.kill();
        let _ = child.wait();
        return Err(failed(format!("no answer within {} s", ASK_LIMIT.as_secs())));
    }
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        return Err(failed(complaint.unwrap_or_default().trim().replace('\n', "; ")));
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

fn agent(options: &Options, home: &Path) -> Option<PathBuf> {
    let from_environment = || std::env::var_os("SSH_AUTH_SOCK");
    let socket: OsString = match options.first("identityagent") {
        None | Some("SSH_AUTH_SOCK") => from_environment()?,
        Some("none") => return None,
        Some(name) => match name.strip_prefix('$') {
            Some(variable) => std::env::var_os(variable)?,
            None => at_home(name, home).into(),
        },
    };
    (!socket.is_empty()).then(|| socket.into())
}

/// Words, of which those in double quotes may hold spaces.
fn split(value: &str) -> Vec<String> {
    shlex::split(value).unwrap_or_else(|| value.split_whitespace().map(str::to_owned).collect())
}

fn at_home(file: &str, home: &Path) -> PathBuf {
    match file.strip_prefix("~/") {
        Some(rest) => home.join(rest),
        None => PathBuf::from(file),
    }
}

fn local_user() -> Result<String, ConnectionError> {
    if rustix::process::getuid().is_root() {
        return Ok("root".to_owned());
    }
    ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .ok_or_else(|| ConnectionError::Unreachable {
            message: "no user to log in as: this machine's own user has no name".to_owned(),
            help: Some("set `ansible_user`, or give -u".to_owned()),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "user ops\nhostname 10.0.0.1\nport 2222\nidentityfile ~/.ssh/a\nidentityfile /k/b\n\
        identitiesonly yes\nstricthostkeychecking accept-new\nconnecttimeout 7\nuserknownhostsfile /a /b\n\
        proxyjump none\nproxycommand nc %h %p\nserveraliveinterval 0\n\
        pubkeyauthentication false\npasswordauthentication yes\n";

    #[test]
    fn openssh_is_understood() {
        let settings = Settings::from_options(&Endpoint::ssh("w1"), &Options::parse(PRINTED)).unwrap();
        assert_eq!(
            (settings.user.as_str(), settings.hostname.as_str(), settings.port),
            ("ops", "10.0.0.1", 2222)
        );
        assert_eq!(settings.identity_files.len(), 2);
        assert!(settings.identities_only);
        assert_eq!(settings.methods_off, ["publickey"]);
        assert_eq!(settings.host_key_policy, HostKeyPolicy::AcceptNew);
        assert_eq!(settings.connect_timeout, Duration::from_secs(7));
        assert_eq!(settings.known_hosts, [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(settings.proxy_jump, None);
        assert_eq!(settings.proxy_command.as_deref(), Some("nc %h %p"));
        assert_eq!(settings.describe(&Endpoint::ssh("w1")), "w1 (10.0.0.1:2222)");
    }

    #[test]
    fn the_endpoint_wins() {
        let endpoint = Endpoint {
            address: Some("fe80::1".to_owned()),
            port: Some(22),
            user: Some("me".to_owned()),
            host_key_policy: Some(HostKeyPolicy::Strict),
            connect_timeout: Duration::from_secs(3),
            ..Endpoint::ssh("w1")
        };
        let settings = Settings::from_options(&endpoint, &Options::parse(PRINTED)).unwrap();
        assert_eq!((settings.user.as_str(), settings.port), ("me", 22));
        assert_eq!(settings.describe(&endpoint), "w1 ([fe80::1]:22)");
        assert_eq!(settings.host_key_policy, HostKeyPolicy::Strict);
        assert_eq!(settings.connect_timeout, Duration::from_secs(3));
    }

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
