//! The `user` module.

mod found;
mod options;
mod steps;
#[cfg(test)]
mod tests;

use serde_json::json;

use super::args::Presence;
use super::group::check_name;
use super::{ArgumentError, Context, Failure, Fuses, Module, Outcome, Pending, State};
use crate::connection::{Request, Script};
use found::Found;
pub use options::User;
pub use steps::Steps;

const QUERY: Script = Script {
    name: "user/query",
    text: include_str!("query.sh"),
};

const APPLY: Script = Script {
    name: "user/apply",
    text: include_str!("apply.sh"),
};

impl Module for User {
    const NAME: &'static str = "user";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[("user", "name"), ("createhome", "create_home")];
    const REFUSED_OPTIONS: &'static [(&'static str, &'static str)] = &[
        (
            "generate_ssh_key",
            "use the `command` module: `ssh-keygen -N '' -f /home/x/.ssh/id_ed25519`, with `creates` and `become_user`",
        ),
        ("ssh_key_bits", "it is for `generate_ssh_key`"),
        ("ssh_key_comment", "it is for `generate_ssh_key`"),
        ("ssh_key_file", "it is for `generate_ssh_key`"),
        ("ssh_key_passphrase", "it is for `generate_ssh_key`"),
        ("ssh_key_type", "it is for `generate_ssh_key`"),
        ("authorization", "it is for Solaris"),
        ("hidden", "it is for macOS"),
        ("local", "users are made with the node's useradd"),
        ("login_class", "it is for BSD"),
        (
            "password_expire_account_disable",
            "use the `command` module with `chage --inactive`",
        ),
        ("profile", "it is for Solaris"),
        ("role", "it is for Solaris"),
    ];
    const FUSES: Fuses = Fuses::Whole;
    const EXAMPLE: &'static str = "\
- name: The user whom etcd runs as
  user:
    name: etcd
    system: true
    shell: /usr/sbin/nologin
    home: /var/lib/etcd
    create_home: false

- name: The operator may read the journal
  user:
    name: ops
    groups: [adm, systemd-journal]
    append: true
";

    type Plan = Steps;

    fn validate(&self) -> Result<(), ArgumentError> {
        self.check_together()
    }

    fn check_option(name: &str, value: &str) -> Result<(), ArgumentError> {
        if name == "name" { check_name(value) } else { Ok(()) }
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Steps>, Failure> {
        let groups = self.groups.iter().flat_map(|groups| groups.iter().cloned());
        let words = std::iter::once(self.name.0.clone())
            .chain(self.group.iter().map(|group| group.0.clone()))
            .chain(groups);
        let output = context.request(Request::new(QUERY, words).with_stdin(self.password_bytes()))?;
        if !output.success() {
            return Err(Failure::of_program(
                &format!("looking for the user {}", self.name),
                &output,
            ));
        }
        let found = Found::read(&output);
        let (steps, changes) = match (self.state, found.exists()) {
            (Presence::Absent, false) => return Ok(State::Satisfied(self.outcome(None))),
            (Presence::Absent, true) => (self.removal(), vec!["removed".to_owned()]),
            (Presence::Present, false) => (self.addition(&found)?, vec!["new user".to_owned()]),
            (Presence::Present, true) => {
                let (steps, changes) = self.alteration(&found)?;
                if changes.is_empty() {
                    return Ok(State::Satisfied(self.described(self.outcome(Some(&found)))));
                }
                (steps, changes)
            }
        };
        let mut pending = Pending::new(steps, changes);
        pending.result = self.described(self.outcome(Some(&found))).result;
        Ok(pending.into())
    }

    fn apply(&self, context: &mut Context<'_>, plan: Steps) -> Result<Outcome, Failure> {
        let program = plan.program();
        let stdin = if plan.sets_password() {
            self.password_bytes()
        } else {
            Vec::new()
        };
        let is_new = plan.is_new;
        let words = plan.into_words(&self.name);
        let output = context.request(Request::new(APPLY, words).with_stdin(stdin))?;
        if !output.success() {
            return Err(Failure::of_program(&format!("{program} {}", self.name), &output));
        }
        let found = Found::read(&output);
        let outcome = Outcome {
            changed: true,
            ..self.outcome(Some(&found))
        };
        if self.state == Presence::Absent {
            return Ok(outcome.with("force", *self.force).with("remove", *self.remove));
        }
        Ok(if is_new {
            outcome
                .with("system", *self.system)
                .with("create_home", *self.create_home)
        } else {
            self.described(outcome)
        })
    }
}

impl User {
    fn password_bytes(&self) -> Vec<u8> {
        self.password
            .as_ref()
            .map_or_else(Vec::new, |password| password.as_bytes().to_vec())
    }

    /// What results hold of a user who was there.
    fn described(&self, outcome: Outcome) -> Outcome {
        if self.state == Presence::Absent {
            return outcome;
        }
        outcome.with("append", *self.append).with("move_home", *self.move_home)
    }

    fn outcome(&self, found: Option<&Found>) -> Outcome {
        let state = match self.state {
            Presence::Present => "present",
            Presence::Absent => "absent",
        };
        let mut outcome = Outcome::ok().with("name", &*self.name).with("state", state);
        if self.state == Presence::Absent {
            return outcome;
        }
        if let Some(found) = found.filter(|found| found.exists()) {
            outcome = outcome
                .with("uid", found.uid())
                .with("group", found.gid().parse::<u64>().ok())
                .with("comment", found.comment())
                .with("home", found.home())
                .with("shell", found.shell());
        }
        if let Some(groups) = &self.groups {
            outcome = outcome.with("groups", groups.join(","));
        }
        let Some(password) = &self.password else { return outcome };
        outcome = outcome.with("password", json!("NOT_LOGGING_PASSWORD"));
        // What crypt makes begins with `$`, or has the 13 characters of old.
        let is_encrypted = password.starts_with(['$', '_', '!', '*']) || matches!(&**password, "" | "x") || {
            password.len() == 13
                && password
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"./".contains(&byte))
        };
        if is_encrypted {
            outcome
        } else {
            outcome.with_warning(
                "the password seems not to be encrypted: nobody can log in with it (see the filter `password_hash`)",
            )
        }
    }
}
