//! The files of a backup that runs by itself.

use sha2::{Digest, Sha256};

use super::EtcdBackupTimer;
use crate::modules::Failure;
use crate::modules::args::Presence;
use crate::modules::etcd_backup::SAVE;
use crate::schedule::{CredentialWay, CronTime, Header, Job, When, Word, crontab_line, crontab_script, units};

/// Name of the schedule: units and crontab are called `krun-etcd-backup`.
const NAME: &str = "etcd-backup";
pub(super) const TIMER: &str = "krun-etcd-backup.timer";
const SNAPSHOT: &str = "/usr/local/lib/krun/etcd-snapshot.sh";
const RECORDED: &str = "/usr/local/lib/krun/etcd-backup.sh";
const RESULT: &str = "/var/lib/krun/schedule/etcd-backup.json";
const CRON_SCRIPT: &str = "/etc/krun/schedule/etcd-backup.sh";
const CRON_STATE: &str = "/var/lib/krun/schedule/etcd-backup";

/// A file on the node.
pub(super) struct NodeFile {
    /// `systemd`, `cron` or `both`.
    pub(super) whose: &'static str,
    pub(super) path: String,
    /// As stat prints it.
    pub(super) mode: &'static str,
    /// Nothing, when it is to go.
    pub(super) content: Option<String>,
}

impl NodeFile {
    /// The SHA-256 of what it should have in it; `-` when it is to go.
    pub(super) fn sum(&self) -> String {
        let sum = |text: &String| format!("{:x}", Sha256::digest(text.as_bytes()));
        self.content.as_ref().map_or_else(|| "-".to_owned(), sum)
    }
}

impl EtcdBackupTimer {
    /// All files, those that are to go included.
    pub(super) fn files(&self) -> Result<Vec<NodeFile>, Failure> {
        let job = self.job()?;
        let file = |whose, path: String, mode, content| NodeFile {
            whose,
            path,
            mode,
            content: Some(content),
        };
        let script = |text: &str| format!("#!/bin/sh\n{}{text}", job.header.text());
        let mut files = vec![
            file("both", SNAPSHOT.to_owned(), "755", script(SAVE.text)),
            file("both", RECORDED.to_owned(), "755", script(include_str!("recorded.sh"))),
        ];
        let unit_path = |name: &str| format!("/etc/systemd/system/{name}");
        // Found in the environment of each: none of it is secret.
        for unit in units(&job, CredentialWay::InPlace) {
            files.push(file("systemd", unit_path(&unit.name), "644", unit.text));
        }
        if job.on_failure.is_none() {
            let path = unit_path("krun-etcd-backup-failed.service");
            files.push(NodeFile {
                whose: "systemd",
                path,
                mode: "644",
                content: None,
            });
        }
        // A calendar that cron cannot say is an error only where cron is to say it.
        let time = CronTime::of(&job.when.calendar).ok();
        let line = time
            .as_ref()
            .map(|time| job.crontab(&crontab_line(time, Some("root"), CRON_SCRIPT)));
        files.push(file(
            "cron",
            CRON_SCRIPT.to_owned(),
            "755",
            crontab_script(&job, CRON_STATE),
        ));
        files.push(NodeFile {
            whose: "cron",
            path: "/etc/cron.d/krun-etcd-backup".to_owned(),
            mode: "644",
            content: line,
        });
        if self.state == Presence::Absent {
            // What starts the scripts goes before them.
            files.reverse();
            for file in &mut files {
                file.content = None;
            }
        }
        Ok(files)
    }

    pub(super) fn when(&self) -> Result<When, Failure> {
        When::parse(&self.on, self.at.as_deref())
            .map_err(|error| Failure::new(error.to_string().replace("--", "")).help(error.help()))
    }

    /// Why cron cannot run it.
    pub(super) fn not_in_cron(&self) -> Result<Option<String>, Failure> {
        Ok(CronTime::of(&self.when()?.calendar)
            .err()
            .map(|error| error.to_string()))
    }

    fn job(&self) -> Result<Job, Failure> {
        let when = self.when()?;
        let text = |text: &str| Word::Text(text.to_owned());
        let textfile = self.textfile.as_deref().unwrap_or_default();
        let mut command: Vec<Word> = ["/bin/sh", RECORDED, SNAPSHOT, RESULT, textfile].map(text).to_vec();
        command.extend(self.backup().words().iter().map(|word| text(word)));
        let header = Header {
            by: "etcd-backup-timer".to_owned(),
            how: vec!["with playbooks/schedule-backup.yml, or another playbook that has this module".to_owned()],
            runs: format!("a verified snapshot of etcd to {}", self.dest.0),
            when: when.words.clone(),
            removed_by: "the same with `state: absent`".to_owned(),
        };
        const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        Ok(Job {
            name: NAME.to_owned(),
            about: "krun backup of etcd".to_owned(),
            header,
            when,
            delay: self.delay.0,
            // Beside the save itself its checks take some time.
            time_limit: self.timeout.0 + 300,
            folder: "/".to_owned(),
            environment: vec![("PATH".to_owned(), PATH.to_owned())],
            command,
            credentials: Vec::new(),
            on_failure: self
                .on_failure
                .as_deref()
                .filter(|command| !command.is_empty())
                .map(str::to_owned),
        })
    }
}
