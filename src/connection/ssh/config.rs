use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::auth::RSA_SIGNATURES;
use super::openssh::{self, Options};
use super::tokens::Tokens;
use super::unsupported;
use crate::connection::{ConnectionError, Endpoint, HostKeyPolicy};

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
    /// Ways to log in, in the order they are tried, by their names in the protocol.
    pub(super) login_methods: Vec<String>,
    /// Certificates beside those that lie next to their keys.
    pub(super) certificate_files: Vec<PathBuf>,
    /// Host key algorithms that somebody has chosen, and so on.
    pub(super) host_key_algorithms: Option<Vec<String>>,
    pub(super) key_exchanges: Option<Vec<String>>,
    pub(super) ciphers: Option<Vec<String>>,
    pub(super) macs: Option<Vec<String>>,
    /// `PubkeyAcceptedAlgorithms`, as far as it is about the signatures of RSA keys.
    pub(super) signatures: Option<String>,
    pub(super) compression: bool,
    /// `AddressFamily`, when it is one of the two.
    pub(super) family: Option<Family>,
}

/// The addresses that a name may be looked up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

/// Ways to log in that krun knows, in OpenSSH's order; and the option that switches each off.
const LOGIN_METHODS: [(&str, &str); 3] = [
    ("publickey", "pubkeyauthentication"),
    ("keyboard-interactive", "kbdinteractiveauthentication"),
    ("password", "passwordauthentication"),
];

impl Settings {
    /// Asks OpenSSH where its configuration may matter, and does without where it cannot.
    ///
    /// # Errors
    /// OpenSSH's client rejects the options or the configuration, or no login user can be told.
    pub(super) fn of(endpoint: &Endpoint) -> Result<Self, ConnectionError> {
        unsupported::in_arguments(endpoint)?;
        let options = openssh::options(endpoint)?;
        unsupported::in_options(endpoint, &options)?;
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
        let user = match endpoint.user.clone().or_else(|| options.text("user")) {
            Some(user) => user,
            None => local_user()?,
        };
        let hostname = options
            .text("hostname")
            .unwrap_or_else(|| endpoint.destination().to_owned());
        let port = endpoint.port.or_else(|| options.number("port")).unwrap_or(22);
        let tokens = Tokens {
            home: &home,
            hostname: &hostname,
            original: endpoint.destination(),
            port,
            user: &user,
            host_key_alias: options.first("hostkeyalias"),
            jump: options.first("proxyjump").filter(|jump| *jump != "none"),
        };
        let file = |name: &str| at_home(&tokens.expand(name), &home);
        let files = |key: &str, defaults: [&str; 2]| -> Vec<PathBuf> {
            let named = match options.first(key) {
                Some(value) => split(value),
                None => defaults.map(str::to_owned).to_vec(),
            };
            named
                .iter()
                .filter(|name| *name != "none")
                .map(|name| file(name))
                .collect()
        };
        let mut identity_files: Vec<PathBuf> = match options.all("identityfile") {
            [] => ["rsa", "ecdsa", "ed25519"]
                .iter()
                .map(|kind| home.join(".ssh").join(format!("id_{kind}")))
                .collect(),
            files => files.iter().map(|name| file(name)).collect(),
        };
        identity_files.retain(|file| file != Path::new("none"));
        let proxy_command = options.text("proxycommand").map(|command| tokens.expand(&command));
        let host_key_alias = options.text("hostkeyalias").map(|alias| tokens.expand(&alias));
        let agent = agent(options, &home);
        let certificate_files = options.all("certificatefile").iter().map(|name| file(name)).collect();
        let known_hosts = files("userknownhostsfile", ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"]);
        let system_known_hosts = files(
            "globalknownhostsfile",
            ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"],
        );
        Ok(Self {
            port,
            identity_files,
            identities_only: options.is_yes("identitiesonly"),
            agent,
            known_hosts,
            system_known_hosts,
            host_key_alias,
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
            proxy_command,
            login_methods: login_methods(options),
            certificate_files,
            host_key_algorithms: options.chosen("hostkeyalgorithms"),
            key_exchanges: options.chosen("kexalgorithms"),
            ciphers: options.chosen("ciphers"),
            macs: options.chosen("macs"),
            signatures: rsa_signatures(options),
            compression: options.is_yes("compression"),
            family: match options.first("addressfamily") {
                Some("inet") => Some(Family::V4),
                Some("inet6") => Some(Family::V6),
                _ => None,
            },
            hostname,
            user,
        })
    }
}

fn rsa_signatures(options: &Options) -> Option<String> {
    let chosen = options.chosen("pubkeyacceptedalgorithms")?;
    let known = RSA_SIGNATURES.split(',');
    let signatures: Vec<&str> = known.filter(|known| chosen.iter().any(|name| name == known)).collect();
    (!signatures.is_empty()).then(|| signatures.join(","))
}

fn login_methods(options: &Options) -> Vec<String> {
    let preferred = match options.first("preferredauthentications") {
        Some(preferred) => preferred.split(',').map(str::to_owned).collect(),
        None => LOGIN_METHODS.map(|(method, _)| method.to_owned()).to_vec(),
    };
    let is_usable = |preferred: &String| {
        LOGIN_METHODS
            .iter()
            .any(|(method, switch)| method == preferred && !options.is_no(switch))
    };
    preferred.into_iter().filter(is_usable).collect()
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
        assert_eq!(settings.login_methods, ["keyboard-interactive", "password"]);
        assert_eq!(settings.host_key_policy, HostKeyPolicy::AcceptNew);
        assert_eq!(settings.connect_timeout, Duration::from_secs(7));
        assert_eq!(settings.known_hosts, [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(settings.proxy_jump, None);
        assert_eq!(settings.proxy_command.as_deref(), Some("nc 10.0.0.1 2222"));
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
        let printed = PRINTED.replace("hostname 10.0.0.1", "hostname fe80::1");
        let settings = Settings::from_options(&endpoint, &Options::parse(&printed)).unwrap();
        assert_eq!((settings.user.as_str(), settings.port), ("me", 22));
        assert_eq!(settings.describe(&endpoint), "w1 ([fe80::1]:22)");
        assert_eq!(settings.host_key_policy, HostKeyPolicy::Strict);
        assert_eq!(settings.connect_timeout, Duration::from_secs(3));
    }
}
