//! Runs at set times: what systemd, cron and Kubernetes want to be told. Pure: texts of files, nothing is read or written.

mod cron;
mod cron_time;
mod job;
mod kubernetes;
mod mark;
mod quote;
mod systemd;
#[cfg(test)]
mod tests;
mod when;

pub use cron::{crontab_line, crontab_script};
pub use cron_time::{CronTime, NotInCron};
pub use job::{Credential, CredentialWay, Job, Word, is_name, name_of, span_text};
pub use kubernetes::{Cluster, ClusterFile, Secret, TooLarge, manifests, place_in_cluster};
pub use mark::{BEGIN, END, Header, is_ours, line_of};
pub use systemd::{UnitFile, units};
pub use when::{When, WhenError};
