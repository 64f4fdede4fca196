//! From variables, keywords and options to the way a host is reached and the user to become.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::options::RunOptions;
use crate::connection::{Become, BecomeMethod, ConnectionKind, Endpoint, HostKeyPolicy};
use crate::modules::Failure;
use crate::playbook::{Keywords, Setting};
use crate::syntax::{Diagnostic, parse_bool};
use crate::vars::Scope;

/// Connection variables of Ansible's that would change where or how krun logs in, and that it does not obey.
const NOT_OBEYED: [&str; 9] = [
    "ansible_ssh_executable",
    "ansible_ssh_pkcs11_provider",
    "ansible_ssh_private_key",
    "ansible_private_key",
    "ansible_ssh_private_key_passphrase",
    "ansible_private_key_passphrase",
    "ansible_sudo_user",
    "ansible_su_user",
    "ansible_su_pass",
];

/// How a host is reached. Variables (`target`'s own) beat keywords, which beat options.
pub(super) fn endpoint(
    host: &str,
    implicit_local: bool,
    target: &Scope,
    task: &Scope,
    keywords: &Keywords,
    options: &RunOptions,
) -> Result<Endpoint, Failure> {
    let text = |name: &str| target.get_text(name).map_err(Failure::from);
    let connection = first(
        text("ansible_connection")?,
        keyword(keywords.connection.as_ref(), task)?,
        options.connection.clone(),
    );
    let local = match connection.as_deref() {
        None | Some("smart") => implicit_local,
        Some("ssh" | "paramiko" | "paramiko_ssh" | "ansible.netcommon.libssh") => false,
        Some("local") => true,
        Some(other) => {
            return Err(
                Failure::new(format!("there is no connection `{other}`")).help("ansible_connection is ssh or local")
            );
        }
    };
    for name in NOT_OBEYED {
        if text(name)?.is_some() {
            return Err(Failure::new(format!("krun does not know the connection variable `{name}`")).help(
                "take it out of the inventory; docs/connections.md lists the variables that krun obeys, and what to use instead",
            ));
        }
    }
    let mut endpoint = Endpoint::ssh(host);
    endpoint.kind = if local {
        ConnectionKind::Local
    } else {
        ConnectionKind::Ssh
    };
    endpoint.address = first(text("ansible_host")?, text("ansible_ssh_host")?, None);
    endpoint.user = first(
        first(text("ansible_user")?, text("ansible_ssh_user")?, None),
        keyword(keywords.remote_user.as_ref(), task)?,
        options.remote_user.clone(),
    );
    let port = first(
        first(text("ansible_port")?, text("ansible_ssh_port")?, None),
        keyword(keywords.port.as_ref(), task)?,
        None,
    );
    endpoint.port = port
        .map(|port| {
            port.parse()
                .map_err(|_| Failure::new(format!("`{port}` is no TCP port (1 to 65535)")))
        })
        .transpose()?;
    endpoint.password = first(
        text("ansible_password")?,
        text("ansible_ssh_pass")?,
        text("ansible_ssh_password")?,
    )
    .map(SecretString::from)
    .or_else(|| options.connection_password.clone());
    endpoint.private_key = first(
        text("ansible_ssh_private_key_file")?,
        text("ansible_private_key_file")?,
        None,
    )
    .map(|path| expand_home(&path))
    .or_else(|| options.private_key.clone());
    endpoint.ssh_args = ssh_args(target, options)?;
    if let Some(shell) = text("ansible_shell_executable")? {
        endpoint.shell = shell;
    }
    endpoint.host_key_policy = host_key_policy(target, options)?;
    let timeout = match first(text("ansible_timeout")?, text("ansible_ssh_timeout")?, None) {
        Some(seconds) => Some(
            seconds
                .parse()
                .map_err(|_| Failure::new(format!("ansible_timeout must be whole seconds, and is `{seconds}`")))?,
        ),
        None => options.connect_timeout,
    };
    if let Some(seconds) = timeout {
        endpoint.connect_timeout = Duration::from_secs(seconds);
    }
    Ok(endpoint)
}

/// Options for ssh: a variable stands in place of the option of the same name.
fn ssh_args(target: &Scope, options: &RunOptions) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    for (name, given) in [
        ("ansible_ssh_args", &options.ssh_args.args),
        ("ansible_ssh_common_args", &options.ssh_args.common),
        ("ansible_ssh_extra_args", &options.ssh_args.extra),
    ] {
        match target.get_text(name)? {
            None => all.extend(given.iter().cloned()),
            Some(args) => {
                let words = shlex::split(&args)
                    .ok_or_else(|| Failure::new(format!("{name} has a quote without its end: {args}")))?;
                all.extend(words);
            }
        }
    }
    Ok(all)
}

fn host_key_policy(target: &Scope, options: &RunOptions) -> Result<Option<HostKeyPolicy>, Failure> {
    let check = first(
        target.get_text("ansible_host_key_checking")?,
        target.get_text("ansible_ssh_host_key_checking")?,
        None,
    );
    let Some(check) = check else {
        return Ok(options.host_key_policy);
    };
    let is_on = parse_bool(&check).ok_or_else(|| {
        Failure::new(format!(
            "ansible_host_key_checking must be true or false, and is `{check}`"
        ))
    })?;
    Ok(match (is_on, options.host_key_policy) {
        (false, _) => Some(HostKeyPolicy::Off),
        // It only takes back what the option switched off.
        (true, Some(HostKeyPolicy::Off)) => None,
        (true, policy) => policy,
    })
}

/// How long to try to reach a host again whose connection was lost, where its variables say so.
pub(super) fn reconnect_for(target: &Scope) -> Result<Option<Duration>, Failure> {
    seconds_in(target, "krun_reconnect_timeout")
}

/// The number of seconds in a variable, if there is one.
pub(super) fn seconds_in(scope: &Scope, variable: &str) -> Result<Option<Duration>, Failure> {
    let Some(text) = scope.get_text(variable)? else {
        return Ok(None);
    };
    match text.trim().parse() {
        Ok(seconds) => Ok(Some(Duration::from_secs(seconds))),
        Err(_) => Err(Failure::new(format!(
            "{variable} is a number of seconds, it is `{text}`"
        ))),
    }
}

/// Whom to become, if anybody.
pub(super) fn become_user(
    target: &Scope,
    task: &Scope,
    keywords: &Keywords,
    options: &RunOptions,
) -> Result<Option<Become>, Failure> {
    let text = |name: &str| target.get_text(name).map_err(Failure::from);
    let enabled = match text("ansible_become")? {
        Some(value) => parse_bool(&value).ok_or_else(|| Failure::new("ansible_become must be true or false"))?,
        None => match &keywords.become_user_enabled {
            Some(setting) => setting.flag(task).map_err(|error| diagnostic(&error))?,
            None => options.become_enabled,
        },
    };
    if !enabled {
        return Ok(None);
    }
    let method = first(
        text("ansible_become_method")?,
        keyword(keywords.become_method.as_ref(), task)?,
        options.become_method.map(|method| method.name().to_owned()),
    );
    let method = match method.as_deref() {
        None | Some("sudo") => BecomeMethod::Sudo,
        Some("su") => BecomeMethod::Su,
        Some("doas") => BecomeMethod::Doas,
        Some(other) => {
            return Err(Failure::new(format!("there is no become method `{other}`")).help("use sudo, su or doas"));
        }
    };
    let flags = first(
        text("ansible_become_flags")?,
        keyword(keywords.become_flags.as_ref(), task)?,
        None,
    );
    Ok(Some(Become {
        method,
        user: first(
            text("ansible_become_user")?,
            keyword(keywords.become_user.as_ref(), task)?,
            options.become_user.clone(),
        )
        .unwrap_or_else(|| "root".to_owned()),
        password: first(
            text("ansible_become_password")?,
            text("ansible_become_pass")?,
            text("ansible_sudo_pass")?,
        )
        .map(SecretString::from)
        .or_else(|| options.become_password.clone()),
        executable: first(
            text("ansible_become_exe")?,
            keyword(keywords.become_exe.as_ref(), task)?,
            options.become_exe.clone(),
        ),
        flags: flags
            .map(|flags| shlex::split(&flags).ok_or_else(|| Failure::new("become_flags has a quote without its end")))
            .transpose()?
            .unwrap_or_else(|| options.become_flags.clone()),
    }))
}

/// A diagnostic that only came up while the task ran.
pub(super) fn diagnostic(error: &Diagnostic) -> Failure {
    let failure = Failure::new(error.message());
    match error.place() {
        Some(place) => failure.at(place),
        None => failure,
    }
}

fn keyword(setting: Option<&Setting>, scope: &Scope) -> Result<Option<String>, Failure> {
    setting
        .map(|setting| setting.text(scope).map_err(|error| diagnostic(&error)))
        .transpose()
}

fn first<T>(a: Option<T>, b: Option<T>, c: Option<T>) -> Option<T> {
    a.or(b).or(c)
}

fn expand_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::runner::SshArgs;
    use crate::vars::{ScopeBuilder, VarMap, Variable};

    fn host(variables: &[(&str, &str)]) -> Scope {
        let variables: VarMap = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Variable::written(serde_json::Value::from(*value))))
            .collect();
        ScopeBuilder::default().layer(Arc::new(variables)).build()
    }

    #[test]
    fn variables_stand_in_place_of_the_ssh_options_of_their_name() {
        let word = |text: &str| vec![text.to_owned()];
        let options = RunOptions {
            ssh_args: SshArgs {
                args: word("-4"),
                common: word("-6"),
                extra: word("-C"),
            },
            ..RunOptions::default()
        };
        assert_eq!(ssh_args(&host(&[]), &options).unwrap(), ["-4", "-6", "-C"]);
        let host = host(&[("ansible_ssh_common_args", "-J 'jump'")]);
        assert_eq!(ssh_args(&host, &options).unwrap(), ["-4", "-J", "jump", "-C"]);
    }

    #[test]
    fn a_hosts_variable_decides_about_its_key() {
        let with = |policy| RunOptions {
            host_key_policy: policy,
            ..RunOptions::default()
        };
        let (plain, off) = (host(&[]), host(&[("ansible_host_key_checking", "false")]));
        let on = host(&[("ansible_host_key_checking", "true")]);
        for (host, option, expected) in [
            (&plain, None, None),
            (&plain, Some(HostKeyPolicy::Off), Some(HostKeyPolicy::Off)),
            (&off, Some(HostKeyPolicy::Strict), Some(HostKeyPolicy::Off)),
            (&on, Some(HostKeyPolicy::Off), None),
            (&on, Some(HostKeyPolicy::Strict), Some(HostKeyPolicy::Strict)),
        ] {
            assert_eq!(host_key_policy(host, &with(option)).unwrap(), expected);
        }
    }
}
