//! The units of a schedule.

use super::job::{CredentialWay, Job, Word, span_text};
use super::quote::{command_word, unit_value, unit_word};

/// A file of systemd's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitFile {
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The service, the timer, and the service for when it fails.
pub fn units(job: &Job, way: CredentialWay) -> Vec<UnitFile> {
    let tag = job.tag();
    let mut units = vec![
        UnitFile {
            name: format!("{tag}.service"),
            text: service(job, way),
        },
        UnitFile {
            name: format!("{tag}.timer"),
            text: timer(job),
        },
    ];
    if let Some(command) = &job.on_failure {
        units.push(UnitFile {
            name: format!("{tag}-failed.service"),
            text: hook(job, command),
        });
    }
    units
}

fn service(job: &Job, way: CredentialWay) -> String {
    let tag = job.tag();
    let mut text = format!(
        "{}\n[Unit]\nDescription={}\nWants=network-online.target\nAfter=network-online.target\n",
        job.header.text(),
        unit_value(&job.about)
    );
    if job.on_failure.is_some() {
        text.push_str(&format!("OnFailure={tag}-failed.service\n"));
    }
    // Of a oneshot service there is never a second one beside the first: a timer that comes too early changes nothing.
    text.push_str("\n[Service]\nType=oneshot\n");
    text.push_str(&settings(job));
    if way == CredentialWay::Loaded {
        for credential in &job.credentials {
            text.push_str(&format!(
                "LoadCredential={}:{}\n",
                credential.id,
                unit_value(&credential.path)
            ));
        }
    }
    text.push_str(&format!("ExecStart={}\n", command(job, way)));
    text.push_str(&format!("TimeoutStartSec={}\n", span_text(job.time_limit)));
    // Krun ends in order at the first signal; what it has started is not struck before it.
    text.push_str("TimeoutStopSec=5min\nKillMode=mixed\n");
    text.push_str(&format!(
        "StandardOutput=journal\nStandardError=journal\nSyslogIdentifier={tag}\n"
    ));
    text
}

/// Where a service runs, and in which environment.
fn settings(job: &Job) -> String {
    let mut text = format!("WorkingDirectory={}\n", unit_value(&job.folder));
    for (name, value) in &job.environment {
        text.push_str(&format!("Environment={}\n", unit_word(&format!("{name}={value}"))));
    }
    text
}

/// The command, one option a line.
fn command(job: &Job, way: CredentialWay) -> String {
    let mut text = String::new();
    for (index, word) in job.command.iter().enumerate() {
        let (written, is_option) = match word {
            Word::Text(word) => (command_word(word), word.starts_with('-')),
            Word::File { before, id } if way == CredentialWay::Loaded => {
                (format!("{}%d/{id}", command_word(before)), true)
            }
            Word::File { before, id } => (command_word(&format!("{before}{}", job.place_of(id))), true),
        };
        if index > 0 {
            text.push_str(if is_option { " \\\n    " } else { " " });
        }
        text.push_str(&written);
    }
    text
}

fn timer(job: &Job) -> String {
    let mut text = format!(
        "{}\n[Unit]\nDescription={} ({})\n\n[Timer]\nOnCalendar={}\n",
        job.header.text(),
        unit_value(&job.about),
        unit_value(&job.when.words),
        unit_value(&job.when.calendar)
    );
    if job.delay > 0 {
        text.push_str(&format!("RandomizedDelaySec={}\n", span_text(job.delay)));
    }
    // Persistent: what was missed while the machine was off is made up for.
    text.push_str("AccuracySec=1s\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n");
    text
}

fn hook(job: &Job, command: &str) -> String {
    format!(
        "{}\n[Unit]\nDescription={} failed\n\n[Service]\nType=oneshot\n{}Environment=KRUN_SCHEDULE_NAME={}\n\
         ExecStart=/bin/sh -c {}\nTimeoutStartSec=5min\nStandardOutput=journal\nStandardError=journal\nSyslogIdentifier={}\n",
        job.header.text(),
        unit_value(&job.about),
        settings(job),
        job.name,
        command_word(command),
        job.tag()
    )
}
