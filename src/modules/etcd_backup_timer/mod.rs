//! `etcd-backup-timer`: backups of etcd that a control plane takes by itself.

mod files;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::Deserialize;

use super::args::{Count, Presence, Text};
use super::etcd::MANIFEST;
use super::etcd_backup::EtcdBackup;
use super::{ArgumentError, Context, Failure, Module, Outcome, Pending, State};
use crate::connection::{Request, Script};
use crate::schedule::When;
use files::TIMER;

const LOOK: Script = Script {
    name: "etcd-backup-timer/look",
    text: include_str!("look.sh"),
};

const PUT: Script = Script {
    name: "etcd-backup-timer/put",
    text: include_str!("put.sh"),
};

/// Has a control plane back up etcd by itself, without krun: a script that does what `etcd-backup` does, and a timer of
/// systemd that runs it, or cron.
///
/// What was missed is made up for (by systemd), no two backups run at the same time, and one that fails is a failed unit:
/// `systemctl --failed` shows krun-etcd-backup.service. How the last one went stands in
/// /var/lib/krun/schedule/etcd-backup.json.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EtcdBackupTimer {
    /// Whether the backups are taken. `absent` takes away all but the snapshots.
    state: Presence,
    /// When: daily, weekly, monthly, hourly, weekdays (`mon,thu`), or a calendar expression of systemd. Default: daily.
    on: Text,
    /// At which time of day; for hourly at which minute (`:15`). Default: 00:00, or as the expression says.
    at: Option<Text>,
    /// Seconds by which a backup may be put off, drawn anew each time. Default: 0.
    delay: Count,
    /// Command for the node's shell when a backup has failed.
    on_failure: Option<Text>,
    /// File for Prometheus' node exporter, in its folder for text files; its name ends with .prom.
    textfile: Option<Text>,
    /// systemd, cron, or auto: systemd where it runs. Default: auto.
    scheduler: Scheduler,
    /// Folder on the node that snapshots go to; made with mode 0700 when it is not there. Default:
    /// /var/backups/krun-etcd.
    dest: Text,
    /// How many snapshots to keep; the oldest beyond are removed, after the new one is verified. At least 1. Default: 7.
    keep: Count,
    /// Seconds for the save itself. Default: 300.
    timeout: Count,
    /// etcd's manifest on the node, from which everything else is read. Default: /etc/kubernetes/manifests/etcd.yaml.
    manifest: Text,
}

/// Who runs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Scheduler {
    /// Systemd where it runs, or else cron.
    #[default]
    Auto,
    /// Systemd.
    Systemd,
    /// Cron.
    Cron,
}

impl Scheduler {
    fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Systemd => "systemd",
            Self::Cron => "cron",
        }
    }
}

impl Default for EtcdBackupTimer {
    fn default() -> Self {
        Self {
            state: Presence::Present,
            on: Text("daily".to_owned()),
            at: None,
            delay: Count(0),
            on_failure: None,
            textfile: None,
            scheduler: Scheduler::Auto,
            dest: Text("/var/backups/krun-etcd".to_owned()),
            keep: Count(7),
            timeout: Count(300),
            manifest: Text(MANIFEST.to_owned()),
        }
    }
}

/// What has to be done.
#[derive(Debug)]
pub struct Plan {
    scheduler: String,
    /// Path, mode and content for each; no mode for those that go.
    files: Vec<[String; 3]>,
}

impl Module for EtcdBackupTimer {
    const NAME: &'static str = "etcd-backup-timer";
    const EXAMPLE: &'static str = "\
- name: Etcd is backed up each night, also while nobody runs krun
  etcd-backup-timer:
    on: daily
    at: \"02:00\"
    delay: 900
    dest: /var/backups/krun-etcd
    keep: 14
    textfile: /var/lib/node_exporter/krun_backup.prom
";

    type Plan = Plan;

    fn validate(&self) -> Result<(), ArgumentError> {
        if self.keep.0 == 0 {
            return Err(ArgumentError::option(
                "keep",
                "at least 1: the snapshot just taken is never removed",
            ));
        }
        if !self.dest.starts_with('/') {
            return Err(ArgumentError::option(
                "dest",
                "a full path on the node, beginning with /",
            ));
        }
        if let Some(file) = self.textfile.as_deref().filter(|file| !file.is_empty())
            && !(file.starts_with('/') && file.ends_with(".prom"))
        {
            return Err(ArgumentError::option(
                "textfile",
                "a full path on the node that ends with .prom",
            ));
        }
        if let Err(error) = When::parse(&self.on, self.at.as_deref()) {
            let option = if error.to_string().starts_with("--on") {
                "on"
            } else {
                "at"
            };
            let message = format!(
                "{}: {}",
                error.to_string().replace("--", ""),
                error.help().replace("--", "")
            );
            return Err(ArgumentError::option(option, message));
        }
        if self.scheduler == Scheduler::Cron
            && let Ok(Some(reason)) = self.not_in_cron()
        {
            return Err(ArgumentError::option("on", reason));
        }
        Ok(())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Plan>, Failure> {
        let files = self.files()?;
        let mut words = vec![self.scheduler.name().to_owned(), TIMER.to_owned()];
        for file in &files {
            words.extend([
                file.whose.to_owned(),
                file.path.clone(),
                file.mode.to_owned(),
                file.sum(),
            ]);
        }
        let limit = context.remaining()?;
        let output = context.request(Request::new(LOOK, words).with_timeout(limit))?;
        if !output.success() {
            return Err(Failure::of_program(
                "looking at the files of the backup's timer",
                &output,
            ));
        }
        let mut scheduler = String::new();
        let (mut changes, mut wanted) = (Vec::new(), Vec::new());
        for line in output.stdout_text().lines() {
            let (what, which) = line.split_once('=').unwrap_or_default();
            match what {
                "scheduler" => which.clone_into(&mut scheduler),
                "foreign" => {
                    return Err(
                        Failure::new(format!("{which} was not written by krun: it is left alone"))
                            .help("move that file away, and run this again"),
                    );
                }
                "off" => changes.push(format!("{which} on")),
                "new" | "changed" | "gone" => {
                    changes.push(format!("{which} {what}"));
                    let Some(file) = files.iter().find(|file| file.path == which) else {
                        continue;
                    };
                    let content = file.content.clone().filter(|_| what != "gone");
                    let mode = if content.is_some() { file.mode } else { "" };
                    wanted.push([file.path.clone(), mode.to_owned(), content.unwrap_or_default()]);
                }
                _ => {}
            }
        }
        if self.state == Presence::Present
            && scheduler == "cron"
            && let Some(reason) = self.not_in_cron()?
        {
            return Err(Failure::new(reason)
                .help("this node has no systemd: say it with daily, weekly, monthly, hourly or weekdays"));
        }
        if changes.is_empty() {
            return Ok(State::Satisfied(Outcome::ok().with("scheduler", scheduler)));
        }
        let plan = Plan {
            scheduler,
            files: wanted,
        };
        Ok(Pending::new(plan, changes).into())
    }

    fn apply(&self, context: &mut Context<'_>, plan: Plan) -> Result<Outcome, Failure> {
        let is_wanted = self.state == Presence::Present && plan.scheduler == "systemd";
        let mut words = vec![
            plan.scheduler.clone(),
            TIMER.to_owned(),
            if is_wanted { "yes" } else { "no" }.to_owned(),
        ];
        words.extend(plan.files.into_iter().flatten());
        let limit = context.remaining()?;
        let output = context.request(Request::new(PUT, words).with_timeout(limit))?;
        if !output.success() {
            return Err(Failure::of_program("setting up the timer of the backup", &output));
        }
        Ok(Outcome::changed(Vec::<String>::new()).with("scheduler", plan.scheduler))
    }
}

impl EtcdBackupTimer {
    /// The backup that the timer takes.
    fn backup(&self) -> EtcdBackup {
        EtcdBackup::on_node(&self.dest, self.keep, self.timeout, &self.manifest)
    }
}
