//! A schedule for cron: a script that sees to what cron does not, and the line that starts it.

use super::cron_time::CronTime;
use super::job::{Job, Word};
use super::quote::shell_word;

/// The script. What it leaves behind for `krun schedule list` is `state`: when the last run began and ended, and how.
pub fn crontab_script(job: &Job, state: &str) -> String {
    let mut text = format!("#!/bin/sh\n{}\nset -u\n", job.header.text());
    for (name, value) in &job.environment {
        text.push_str(&format!("export {name}={}\n", shell_word(value)));
    }
    text.push_str(&format!(
        "tag={}\nstate={}\ndelay={}\nlimit={}\n",
        shell_word(&job.tag()),
        shell_word(state),
        job.delay,
        job.time_limit
    ));
    let command: Vec<String> = job
        .command
        .iter()
        .map(|word| match word {
            Word::Text(word) => shell_word(word),
            Word::File { before, id } => shell_word(&format!("{before}{}", job.place_of(id))),
        })
        .collect();
    text.push_str(&format!("\nrun() {{\n\tcd {} || return 1\n", shell_word(&job.folder)));
    text.push_str(&format!("\ttimeout -k 300 \"$limit\" {}\n}}\n", command.join(" ")));
    let hook = job.on_failure.as_deref().unwrap_or(":");
    text.push_str(&format!(
        "\nfailed() {{\n\tKRUN_SCHEDULE_NAME={} timeout -k 10 300 /bin/sh -c {} 9>&-\n}}\n\n",
        job.name,
        shell_word(hook)
    ));
    text.push_str(include_str!("cron.sh"));
    text
}

/// The line of a crontab, with the user where it is the system's.
pub fn crontab_line(time: &CronTime, user: Option<&str>, script: &str) -> String {
    let user = user.map(|user| format!("{user} ")).unwrap_or_default();
    // Cron takes a `%` for the end of the line.
    format!("{time} {user}/bin/sh {}\n", shell_word(script).replace('%', "\\%"))
}
