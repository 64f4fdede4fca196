//! The `cron` module.

mod options;
mod table;
#[cfg(test)]
mod tests;

use super::args::Presence;
use super::remote_file::{Attributes, FilePlan, Installation, Original};
use super::{ArgumentError, Context, Diff, Failure, Fuses, Module, Outcome, Pending, State};
use crate::connection::{Request, Script};
pub use options::Cron;
use table::{Beside, Table};

const READ: Script = Script {
    name: "cron/read",
    text: include_str!("read.sh"),
};

const WRITE: Script = Script {
    name: "cron/write",
    text: include_str!("write.sh"),
};

const REMOVE: Script = Script {
    name: "cron/remove",
    text: include_str!("remove.sh"),
};

/// What has to be done.
pub enum Plan {
    /// A file is to be written.
    File(Box<FilePlan>, Outcome),
    /// A file goes: nothing is left in it.
    Remove(String, Outcome),
    /// A user's table is to be this.
    Table(String, Outcome),
}

impl Module for Cron {
    const NAME: &'static str = "cron";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] =
        &[("value", "job"), ("dom", "day"), ("dow", "weekday")];
    const FUSES: Fuses = Fuses::Whole;
    const EXAMPLE: &'static str = "\
- name: Old snapshots of etcd go once a night
  cron:
    name: old etcd snapshots
    cron_file: etcd-snapshots
    user: root
    minute: 30
    hour: 3
    job: find /var/backups/etcd -name '*.db' -mtime +14 -delete
";

    type Plan = Plan;

    fn validate(&self) -> Result<(), ArgumentError> {
        self.check_together()
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Plan>, Failure> {
        match self.file() {
            Some(file) => self.check_file(context, &file),
            None => self.check_user(context),
        }
    }

    fn apply(&self, context: &mut Context<'_>, plan: Plan) -> Result<Outcome, Failure> {
        let (mut outcome, backup) = match plan {
            Plan::File(plan, outcome) => {
                let written = plan.apply(context)?;
                (outcome, written.result.get("backup_file").cloned())
            }
            Plan::Remove(path, outcome) => {
                let output = context.run(REMOVE, [path.as_str()])?;
                if !output.success() {
                    return Err(Failure::of_program(&format!("removing {path}"), &output));
                }
                (outcome, None)
            }
            Plan::Table(text, outcome) => {
                let words = [
                    self.user.as_deref().unwrap_or_default(),
                    if *self.backup { "yes" } else { "no" },
                ];
                let output = context.request(Request::new(WRITE, words).with_stdin(text.into_bytes()))?;
                if !output.success() {
                    return Err(Failure::of_program("crontab", &output));
                }
                (outcome, output.pairs().get("backup").cloned().map(Into::into))
            }
        };
        outcome.changed = true;
        Ok(match backup {
            Some(backup) => outcome.with("backup_file", backup),
            None => outcome,
        })
    }
}

impl Cron {
    fn check_file(&self, context: &mut Context<'_>, file: &str) -> Result<State<Plan>, Failure> {
        let original = Original::read(context, file)?;
        let mut table = Table::of_file(text(original.content().unwrap_or_default(), file)?);
        let change = self.edit(&mut table)?;
        let outcome = self.outcome(&table);
        let Some(change) = change else {
            return Ok(State::Satisfied(outcome));
        };
        if self.state == Presence::Absent && !*self.env && table.is_empty() {
            let diff = Diff {
                before_header: original.path().to_owned(),
                after_header: "/dev/null".to_owned(),
                before: table.before,
                after: String::new(),
            };
            let plan = Plan::Remove(original.path().to_owned(), outcome.clone());
            let mut pending = Pending::new(plan, ["removed".to_owned()]).with_diff(diff);
            pending.result = outcome.result;
            return Ok(pending.into());
        }
        let installation = Installation {
            attributes: Attributes::default(),
            backup: *self.backup,
            validate: None,
        };
        let state = original.compare(context, table.text().into_bytes(), &change, installation)?;
        Ok(match state {
            State::Pending(pending) => Pending {
                plan: Plan::File(Box::new(pending.plan), outcome.clone()),
                changes: vec![change],
                diff: pending.diff,
                result: outcome.result,
            }
            .into(),
            State::Satisfied(_) | State::Unknown { .. } => State::Satisfied(outcome),
        })
    }

    fn check_user(&self, context: &mut Context<'_>) -> Result<State<Plan>, Failure> {
        let user = self.user.as_deref().unwrap_or_default();
        let output = context.run(READ, [user])?;
        if !output.success() {
            return Err(Failure::of_program("crontab -l", &output));
        }
        let header = if user.is_empty() {
            "crontab".to_owned()
        } else {
            format!("crontab for user \"{user}\"")
        };
        let mut table = Table::of_user(text(&output.stdout, &header)?);
        let change = self.edit(&mut table)?;
        let outcome = self.outcome(&table);
        let Some(change) = change else {
            return Ok(State::Satisfied(outcome));
        };
        let after = table.text();
        let diff = Diff {
            before_header: header.clone(),
            after_header: header,
            before: table.before,
            after: after.clone(),
        };
        let mut pending = Pending::new(Plan::Table(after, outcome.clone()), [change]).with_diff(diff);
        pending.result = outcome.result;
        Ok(pending.into())
    }

    /// Puts what is wanted into the table; what changed, or none.
    fn edit(&self, table: &mut Table) -> Result<Option<String>, Failure> {
        let is_present = self.state == Presence::Present;
        let has_open_end = !table.before.is_empty() && !table.before.ends_with(['\r', '\n']);
        let (what, is_changed) = if *self.env {
            let beside = match (&self.insertafter, &self.insertbefore) {
                (Some(other), _) => Some(Beside::After(other)),
                (None, Some(other)) => Some(Beside::Before(other)),
                (None, None) => None,
            };
            let is_changed = if is_present {
                let value = self.job.as_deref().unwrap_or_default();
                table.put_variable(&self.name, value, beside).ok_or_else(|| {
                    let other = self.insertafter.as_deref().or(self.insertbefore.as_deref());
                    Failure::new(format!(
                        "there is no variable {} in the table to stand beside",
                        other.unwrap_or_default()
                    ))
                })?
            } else {
                table.remove_variable(&self.name)
            };
            ("variable", is_changed)
        } else if is_present {
            ("job", table.put_job(&self.name, &self.line()))
        } else {
            ("job", table.remove_job(&self.name))
        };
        Ok(match (is_changed, has_open_end) {
            (true, _) => Some(format!("{what} {}", self.name)),
            (false, true) => Some("end of the last line".to_owned()),
            (false, false) => None,
        })
    }

    fn outcome(&self, table: &Table) -> Outcome {
        let outcome = Outcome::ok().with("jobs", table.jobs()).with("envs", table.variables());
        let Some(file) = &self.table_file else { return outcome };
        let outcome = outcome.with("cron_file", &**file);
        let name = file.rsplit('/').next().unwrap_or_default();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !name.is_empty() && name.bytes().all(is_plain) {
            outcome
        } else {
            outcome.with_warning(format!(
                "cron passes over files like `{name}`: their names have letters, digits, `_` and `-` only"
            ))
        }
    }
}

fn text<'a>(bytes: &'a [u8], what: &str) -> Result<&'a str, Failure> {
    std::str::from_utf8(bytes).map_err(|_| Failure::new(format!("{what} is no text in UTF-8")))
}
