//! The `mount` module.

mod fstab;
mod options;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::remote_file::{Attributes, Besides, FilePlan, Installation, Original};
use super::{ArgumentError, Context, Failure, Fuses, Module, Outcome, Pending, State};
use crate::connection::{Request, Script};
use fstab::Entry;
pub use options::Mount;
use options::Wish;

const LOOK: Script = Script {
    name: "mount/look",
    text: concat!(include_str!("look.sh"), include_str!("../remote_file/query.sh")),
};

const WRITE: Script = Script {
    name: "mount/write",
    text: concat!(
        include_str!("begin.sh"),
        include_str!("../remote_file/install.sh"),
        include_str!("end.sh")
    ),
};

const ACT: Script = Script {
    name: "mount/act",
    text: concat!(include_str!("begin.sh"), include_str!("end.sh")),
};

/// What has to be done.
pub enum Plan {
    /// The file is to be written, and perhaps more.
    Write(Box<FilePlan>),
    /// The file is right; these are the words for begin.sh.
    Act(Vec<String>),
}

impl Module for Mount {
    const NAME: &'static str = "mount";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[("name", "path")];
    const FUSES: Fuses = Fuses::Whole;
    const EXAMPLE: &'static str = "\
- name: No swap after the next boot
  mount:
    path: none
    src: /dev/sda2
    fstype: swap
    state: absent

- name: The disk for etcd
  mount:
    path: /var/lib/etcd
    src: LABEL=etcd
    fstype: xfs
    opts: noatime
    state: mounted
";

    type Plan = Plan;

    fn validate(&self) -> Result<(), ArgumentError> {
        self.check_together()
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Plan>, Failure> {
        let kernel = self
            .point()
            .replace('\\', "\\134")
            .replace(' ', "\\040")
            .replace('\t', "\\011");
        let besides = Besides {
            script: LOOK,
            words: &[self.point(), &kernel],
        };
        let original = Original::read_with(context, &self.fstab, Some(besides))?;
        let text = String::from_utf8(original.content().unwrap_or_default().to_vec())
            .map_err(|_| Failure::new(format!("{} is no text in UTF-8", original.path())))?;
        let is_mounted = original.answer("mounted").is_some();
        let wanted = self.wanted_text(&text);
        let is_right = wanted == text;
        let (action, change) = self.action(is_right, is_mounted);
        let mut changes: Vec<String> = change.into_iter().map(str::to_owned).collect();
        let removes = self.state == Wish::Absent && !is_right;
        if removes && original.answer("exists").is_some() {
            changes.push("mount point removed".to_owned());
        }
        let words: Vec<String> = [
            self.point(),
            action,
            original.path(),
            match (&self.opts, self.state) {
                (Some(opts), Wish::Remounted) => opts,
                _ => "",
            },
            if removes { "remove" } else { "keep" },
            if self.state == Wish::Mounted && !is_right {
                "keep"
            } else {
                ""
            },
        ]
        .map(ToOwned::to_owned)
        .to_vec();
        if is_right {
            return Ok(if action == "leave" {
                State::Satisfied(self.outcome())
            } else {
                let mut pending = Pending::new(Plan::Act(words), changes);
                pending.result = self.outcome().result;
                pending.into()
            });
        }
        let installation = Installation {
            attributes: Attributes::default(),
            backup: *self.backup,
            validate: None,
        };
        let message = format!("line in {}", original.path());
        let state = original.compare(context, wanted.into_bytes(), &message, installation)?;
        Ok(match state {
            State::Pending(pending) => {
                changes.splice(0..0, pending.changes);
                Pending {
                    plan: Plan::Write(Box::new(pending.plan.along_with(WRITE, words, self.what()))),
                    changes,
                    diff: pending.diff,
                    result: self.outcome().result,
                }
                .into()
            }
            State::Satisfied(_) | State::Unknown { .. } => State::Satisfied(self.outcome()),
        })
    }

    fn apply(&self, context: &mut Context<'_>, plan: Plan) -> Result<Outcome, Failure> {
        let mut outcome = self.outcome();
        outcome.changed = true;
        match plan {
            Plan::Write(plan) => {
                let written = plan.apply(context)?;
                if let Some(backup) = written.result.get("backup_file") {
                    outcome = outcome.with("backup_file", backup.clone());
                }
            }
            Plan::Act(words) => {
                let limit = context.remaining()?;
                let output = context.request(Request::new(ACT, words).with_timeout(limit))?;
                if !output.success() {
                    return Err(Failure::of_program(&self.what(), &output));
                }
            }
        }
        Ok(outcome)
    }
}

impl Mount {
    /// What failures are about.
    fn what(&self) -> String {
        let what = match self.state {
            Wish::Absent | Wish::AbsentFromFstab | Wish::AbsentMount => "removing the mount",
            Wish::Mounted => "mounting",
            Wish::Present => "setting up the mount",
            Wish::Unmounted => "unmounting",
            Wish::Remounted => "remounting",
        };
        format!("{what} {}", self.point())
    }

    /// The file as it is to be.
    fn wanted_text(&self, text: &str) -> String {
        if self.is_line_unwanted() {
            return fstab::remove(text, &self.path, self.src.as_deref());
        }
        let (Some(src), Some(fstype), true) = (&self.src, &self.fstype, self.is_line_wanted()) else {
            return text.to_owned();
        };
        let opts = self.line_options();
        let wanted = fstab::put(
            text,
            &Entry {
                src,
                path: &self.path,
                fstype,
                opts: &opts,
                dump: &self.dump,
                passno: &self.passno,
            },
        );
        // A last line without an end is no difference.
        if wanted.strip_suffix('\n') == Some(text) {
            text.to_owned()
        } else {
            wanted
        }
    }

    /// What end.sh is to do, and how that is called.
    fn action(&self, is_right: bool, is_mounted: bool) -> (&'static str, Option<&'static str>) {
        match (self.state, is_mounted) {
            (Wish::Mounted, false) => ("mount", Some("mounted")),
            (Wish::Mounted, true) if !is_right => ("remount", Some("remounted")),
            (Wish::Remounted, _) => ("remount", Some("remounted")),
            (Wish::Unmounted, true) => ("unmount", Some("unmounted")),
            // As in Ansible: only where a line was there.
            (Wish::Absent | Wish::AbsentMount, true) if !is_right => ("unmount", Some("unmounted")),
            _ => ("leave", None),
        }
    }

    fn outcome(&self) -> Outcome {
        let outcome = Outcome::ok()
            .with("name", &*self.path)
            .with("opts", self.line_options())
            .with("dump", &*self.dump)
            .with("passno", &*self.passno)
            .with("fstab", &*self.fstab)
            .with("boot", if *self.boot { "yes" } else { "no" })
            .with("backup_file", Value::from(""));
        [("src", &self.src), ("fstype", &self.fstype)]
            .into_iter()
            .fold(outcome, |outcome, (name, value)| match value {
                Some(value) => outcome.with(name, &**value),
                None => outcome,
            })
    }
}
