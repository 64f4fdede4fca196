//! The `known-hosts` module.

mod lines;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::Deserialize;

use super::args::{Flag, Presence, Text};
use super::remote_file::{Attributes, FilePlan, Installation, Original};
use super::{ArgumentError, Context, Failure, Module, Outcome, State};
use lines::{Found, Line};

/// Sees to it that a host's key is in a file of known hosts on the node, or that it is not. A key of the same type that the
/// file has for the host is replaced.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KnownHosts {
    /// The host, as ssh is told: a name, an address, or `[name]:port`.
    name: Text,
    /// The line for it, as `ssh-keyscan` prints it: names, a type and a key. Needed unless `state` is `absent`; without it
    /// all lines about the host go.
    key: Option<Text>,
    /// The file. Default: `~/.ssh/known_hosts`.
    #[serde(default = "default_path")]
    #[schemars(default = "path")]
    path: Text,
    /// Writes the host's name as a hash. Default: false.
    #[serde(default)]
    hash_host: Flag,
    /// Whether it is there.
    #[serde(default)]
    state: Presence,
}

fn path() -> &'static str {
    "~/.ssh/known_hosts"
}

fn default_path() -> Text {
    Text(path().to_owned())
}

impl Module for KnownHosts {
    const NAME: &'static str = "known-hosts";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[("host", "name")];
    const EXAMPLE: &'static str = "\
- name: The host that takes the backups is known
  known-hosts:
    path: /etc/ssh/ssh_known_hosts
    name: backup.example.org
    key: \"{{ backup_host_key }}\"
";

    type Plan = FilePlan;

    fn validate(&self) -> Result<(), ArgumentError> {
        let host = self.host();
        if host.is_empty() || host.contains(|character: char| character.is_whitespace() || character == ',') {
            return Err(ArgumentError::option("name", "give one host"));
        }
        let Some(key) = self.key.as_deref().map(str::trim) else {
            return match self.state {
                Presence::Absent => Ok(()),
                Presence::Present => Err(ArgumentError::option("key", "say with `key` what the host is known by")),
            };
        };
        match Line::read(key) {
            Some(line) if !key.contains('\n') && line.is_about(&host) => Ok(()),
            Some(_) if !key.contains('\n') => Err(ArgumentError::option(
                "key",
                "Host parameter does not match hashed host field in supplied key",
            )),
            _ => Err(ArgumentError::option(
                "key",
                "it is one line with the host's name, the type and the key, as `ssh-keyscan` prints it",
            )),
        }
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<FilePlan>, Failure> {
        let original = Original::read(context, &self.path)?;
        let text = std::str::from_utf8(original.content().unwrap_or_default())
            .map_err(|_| Failure::new(format!("{} is no text in UTF-8", original.path())))?;
        let host = self.host();
        let edited = match &self.key {
            None => lines::without_host(text, &host),
            Some(key) => self.edited(text, &host, key)?,
        };
        if edited == text {
            return Ok(State::Satisfied(self.outcome()));
        }
        let installation = Installation {
            attributes: Attributes::default(),
            backup: false,
            validate: None,
        };
        let message = format!("key of {host}");
        original.compare(context, edited.into_bytes(), &message, installation)
    }

    fn apply(&self, context: &mut Context<'_>, plan: FilePlan) -> Result<Outcome, Failure> {
        plan.apply(context)?;
        Ok(Outcome {
            changed: true,
            ..self.outcome()
        })
    }
}

impl KnownHosts {
    fn host(&self) -> String {
        self.name.to_lowercase()
    }

    fn outcome(&self) -> Outcome {
        Outcome::ok().with("path", &*self.path).with("name", &*self.name)
    }

    fn edited(&self, text: &str, host: &str, key: &str) -> Result<String, Failure> {
        let line = if *self.hash_host {
            lines::hashed(key, host).ok_or_else(|| Failure::new("the host's name cannot be hashed here"))?
        } else {
            key.to_owned()
        };
        let wanted = Line::read(&line).ok_or_else(|| Failure::new("`key` is no line of a file of known hosts"))?;
        Ok(match (self.state, lines::look(text, host, wanted)) {
            (Presence::Present, Found::Same(_)) => text.to_owned(),
            (Presence::Present, Found::Other(number)) => lines::edited(text, Some(number), Some(&line)),
            (Presence::Present, _) => lines::edited(text, None, Some(&line)),
            (Presence::Absent, Found::Same(number) | Found::Other(number)) => lines::edited(text, Some(number), None),
            (Presence::Absent, _) => text.to_owned(),
        })
    }
}
