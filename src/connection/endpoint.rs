use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// How a host is reached (`ansible_connection`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionKind {
    /// Over SSH.
    Ssh,
    /// On this machine, without SSH.
    Local,
}

/// What to do about a host key that is not known yet; a changed key is always refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKeyPolicy {
    /// Only known keys (OpenSSH's `StrictHostKeyChecking yes`).
    Strict,
    /// Write a new host's key down and go on (`accept-new`).
    AcceptNew,
    /// Ask on the terminal; without one as strict (`ask`).
    Ask,
    /// No checking (`no`); Ansible's `host_key_checking = False`.
    Off,
}

/// Where a host is and how to log in: what the inventory's `ansible_*` variables, the command line and OpenSSH's
/// configuration say together.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// SSH or this machine.
    pub kind: ConnectionKind,
    /// Name in the inventory.
    pub host: String,
    /// Name or address to connect to (`ansible_host`), also for OpenSSH's configuration; the inventory name when unset.
    pub address: Option<String>,
    /// TCP port; OpenSSH's configuration or 22 when unset.
    pub port: Option<u16>,
    /// Login user; OpenSSH's configuration or the local user when unset.
    pub user: Option<String>,
    /// Login password (`ansible_password`).
    pub password: Option<SecretString>,
    /// Private key file (`ansible_ssh_private_key_file`, `--private-key`); tried before all others.
    pub private_key: Option<PathBuf>,
    /// OpenSSH options (`ansible_ssh_common_args` and `ansible_ssh_extra_args`), already split into words.
    pub ssh_args: Vec<String>,
    /// Overrides OpenSSH's configuration when set.
    pub host_key_policy: Option<HostKeyPolicy>,
    /// Limit for connecting, key exchange and login together (`--timeout`, default 10 s).
    pub connect_timeout: Duration,
    /// The POSIX shell on the node (`ansible_shell_executable`).
    pub shell: String,
}

impl Endpoint {
    /// An SSH endpoint with every default.
    pub fn ssh(host: impl Into<String>) -> Self {
        Self {
            kind: ConnectionKind::Ssh,
            host: host.into(),
            address: None,
            port: None,
            user: None,
            password: None,
            private_key: None,
            ssh_args: Vec::new(),
            host_key_policy: None,
            connect_timeout: Duration::from_secs(10),
            shell: "/bin/sh".to_owned(),
        }
    }

    /// True when a session to one of them serves for the other: all is the same but the passwords, which nobody compares.
    pub fn leads_the_same_way(&self, other: &Self) -> bool {
        // Taken apart, so that a new field is not forgotten.
        let Self {
            kind,
            host,
            address,
            port,
            user,
            password,
            private_key,
            ssh_args,
            host_key_policy,
            connect_timeout,
            shell,
        } = self;
        *kind == other.kind
            && *host == other.host
            && *address == other.address
            && *port == other.port
            && *user == other.user
            && password.is_some() == other.password.is_some()
            && *private_key == other.private_key
            && *ssh_args == other.ssh_args
            && *host_key_policy == other.host_key_policy
            && *connect_timeout == other.connect_timeout
            && *shell == other.shell
    }

    /// What OpenSSH's client would be given as the host: its `Host` blocks are found by this name.
    pub fn destination(&self) -> &str {
        self.address.as_deref().unwrap_or(&self.host)
    }

    /// This machine.
    pub fn local(host: impl Into<String>) -> Self {
        Self {
            kind: ConnectionKind::Local,
            ..Self::ssh(host)
        }
    }
}
