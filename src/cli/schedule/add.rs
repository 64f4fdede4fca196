//! `krun schedule add`: checks the run, and has it run at set times.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::SignedDuration;

use super::command::{self, Command, Ground};
use super::given::Given;
use super::store::Change;
use super::systemd::{Manager, check_calendar};
use super::{Scope, cron, found, places, print, unattended};
use crate::cli::error::Error;
use crate::cli::print::{complain, print as show, print_findings};
use crate::cli::run::{RunArgs, check};
use crate::lint::questions;
use crate::modules::Failure;
use crate::output::render_diff;
use crate::playbook::{Loader, Playbook, check_prompts};
use crate::runner::RunOptions;
use crate::schedule::{CredentialWay, CronTime, Header, Job, When, is_name, name_of, units};
use crate::syntax::{Diagnostic, Diagnostics};

/// Have playbooks run at set times; takes the options of a run, too
///
/// With --check nothing is written, with --diff it is shown what changes.
#[derive(Args, Debug)]
pub(super) struct AddArgs {
    /// When: daily, weekly, monthly, hourly, weekdays (mon,thu), or a calendar expression of systemd
    #[arg(long, value_name = "WHEN", help_heading = SCHEDULE)]
    on: String,
    /// At which time of day (02:00); for hourly at which minute (:15)
    #[arg(long, value_name = "TIME", help_heading = SCHEDULE)]
    at: Option<String>,
    /// Name of the schedule [default: the playbook's]
    #[arg(long, value_name = "NAME", help_heading = SCHEDULE)]
    name: Option<String>,
    /// Put each run off by a random time, at most so long (15min)
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = seconds, help_heading = SCHEDULE)]
    delay: u64,
    /// End a run that takes longer (6h)
    #[arg(long, value_name = "TIME", default_value = "12h", value_parser = at_least_one, help_heading = SCHEDULE)]
    time_limit: u64,
    /// Command for the shell when a run has failed; `KRUN_SCHEDULE_NAME` tells it which
    #[arg(long, value_name = "COMMAND", help_heading = SCHEDULE)]
    on_failure: Option<String>,
    /// A schedule of the machine or of this user [default: system for root, user for others]
    #[arg(long, value_name = "SCOPE", value_enum, help_heading = SCHEDULE)]
    scope: Option<Scope>,
    /// Use cron although there is systemd
    #[arg(long, help_heading = SCHEDULE)]
    cron: bool,
    /// The scheduled run only looks (its --check)
    #[arg(long, help_heading = SCHEDULE)]
    pub(super) run_check: bool,
    /// Print what would be written for systemd, cron or kubernetes, and write nothing
    #[arg(long, value_name = "FOR", value_enum, help_heading = SCHEDULE)]
    print: Option<Target>,
    /// Kubernetes: the image that has krun
    #[arg(long, value_name = "IMAGE", help_heading = SCHEDULE)]
    pub(super) image: Option<String>,
    /// Kubernetes: the time zone of the times, as in Europe/Berlin [default: the cluster's]
    #[arg(long, value_name = "ZONE", help_heading = SCHEDULE)]
    pub(super) time_zone: Option<String>,
    /// Kubernetes: file with the host keys of the nodes; left to be filled in without it
    #[arg(long, value_name = "FILE", help_heading = SCHEDULE)]
    pub(super) known_hosts: Option<PathBuf>,
    /// Kubernetes: put the secrets' contents into what is printed, instead of leaving them to be filled in
    #[arg(long, help_heading = SCHEDULE)]
    pub(super) with_secrets: bool,
    #[command(flatten)]
    pub(super) run: RunArgs,
    /// The options of the run that stand on the command line.
    #[arg(skip)]
    pub(super) given: Vec<Given>,
}

const SCHEDULE: &str = "Schedule";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    Systemd,
    Cron,
    Kubernetes,
}

/// Whom the schedule is given to.
enum Clock {
    Systemd(Manager),
    Cron,
}

/// `15min`, `1h 30m`, or seconds.
fn seconds(text: &str) -> Result<u64, String> {
    const WRONG: &str = "give a time such as 90s, 15min or 6h";
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let span: SignedDuration = text.parse().map_err(|_| WRONG.to_owned())?;
    u64::try_from(span.as_secs()).map_err(|_| WRONG.to_owned())
}

fn at_least_one(text: &str) -> Result<u64, String> {
    let seconds = seconds(text)?;
    if seconds == 0 {
        Err("a run needs some time".to_owned())
    } else {
        Ok(seconds)
    }
}

/// Runs the subcommand; gives its exit code.
pub(super) fn add(args: &AddArgs) -> Result<i32, Error> {
    refuse(args)?;
    let name = name(args)?;
    let when = When::parse(&args.on, args.at.as_deref())
        .map_err(|error| Error::options(Diagnostic::error(error.to_string()).help(error.help())))?;
    check_run(args)?;
    let scope = Scope::or_default(args.scope);
    let ground = match args.print {
        Some(Target::Kubernetes) => Ground::Cluster(here()?),
        _ => Ground::Here,
    };
    let command = command::build(args, &ground)?;
    let notes = command.notes.clone();
    let job = job(args, name, when, command, &ground)?;
    if let Some(target) = args.print {
        let text = match target {
            Target::Systemd => {
                check_calendar(&job.when.calendar).map_err(Error::options)?;
                print::units(&job, scope)
            }
            Target::Cron => print::crontab(&job, &cron_time(&job)?, scope)?,
            Target::Kubernetes => print::kubernetes(args, &job, &cron_time(&job)?)?,
        };
        tell_notes(&notes);
        return Ok(show(text.trim_end()));
    }
    let clock = clock(args, scope)?;
    refuse_second(args, &job, scope, matches!(clock, Clock::Cron))?;
    let code = match &clock {
        Clock::Systemd(manager) => add_units(args, &job, scope, manager)?,
        Clock::Cron => add_to_cron(args, &job, scope)?,
    };
    tell_notes(&notes);
    Ok(code)
}

fn tell_notes(notes: &[String]) {
    for note in notes {
        complain(note);
    }
}

/// What cannot be, whatever the playbooks say.
fn refuse(args: &AddArgs) -> Result<(), Error> {
    let mut found = unattended::refusals(&args.run);
    let mut refuse = |message: String, help: &str| found.push(Diagnostic::error(message).help(help));
    if args.run.playbooks.is_empty() {
        refuse(
            "no playbook was given".to_owned(),
            "krun schedule add PLAYBOOK -i INVENTORY --on daily --at 02:00",
        );
    }
    let for_cluster = [
        (args.image.is_some(), "--image"),
        (args.time_zone.is_some(), "--time-zone"),
        (args.known_hosts.is_some(), "--known-hosts"),
        (args.with_secrets, "--with-secrets"),
    ];
    if args.print == Some(Target::Kubernetes) {
        if args.image.is_none() {
            refuse(
                "--print kubernetes needs an image that has krun".to_owned(),
                "give --image IMAGE",
            );
        }
        if args.delay > 0 {
            refuse(
                "--delay: Kubernetes puts no run off by a random time".to_owned(),
                "leave it out",
            );
        }
        if args.on_failure.is_some() {
            refuse(
                "--on-failure: in a cluster nobody is there to run a command when a pod failed".to_owned(),
                "leave it out, and watch the failed jobs (kube_job_status_failed)",
            );
        }
    } else {
        for (_, option) in for_cluster.into_iter().filter(|(given, _)| *given) {
            refuse(format!("{option} goes with --print kubernetes"), "leave it out");
        }
    }
    if found.has_errors() {
        Err(Error::options(found))
    } else {
        Ok(())
    }
}

fn name(args: &AddArgs) -> Result<String, Error> {
    let stem = args.run.playbooks.first().and_then(|path| path.file_stem());
    let own = stem.map(|stem| name_of(&stem.to_string_lossy())).unwrap_or_default();
    let name = args.name.clone().unwrap_or(own);
    if is_name(&name) {
        return Ok(name);
    }
    Err(Error::options(
        Diagnostic::error(format!("--name: no schedule can be called `{name}`"))
            .help("small letters, digits and hyphens, at most 47, a letter or digit at both ends, and not with `-failed` behind"),
    ))
}

/// The same that a run does before it connects, and what a clock cannot answer.
fn check_run(args: &AddArgs) -> Result<(), Error> {
    let passwords = args.run.hosts.vault.passwords().map_err(Error::options)?;
    let loader_options = args.run.loader_options();
    let loader = Loader::new(&loader_options, &passwords);
    let further = |playbooks: &[Playbook], options: &RunOptions, problems: &mut Diagnostics| {
        check_prompts(playbooks, &options.extra_vars, problems);
        problems.extend(questions(playbooks, &loader, &args.run.selection()));
    };
    check(&args.run, &passwords, &loader, &further).map(|_| ())
}

pub(super) fn here() -> Result<PathBuf, Error> {
    let folder = std::env::current_dir().and_then(std::fs::canonicalize);
    folder.map_err(|error| Failure::new(format!("the current folder cannot be read: {error}")).into())
}

fn job(args: &AddArgs, name: String, when: When, command: Command, ground: &Ground) -> Result<Job, Error> {
    let folder = here()?.display().to_string();
    // How it is shown makes no difference to what is written.
    const SHOWN: [&str; 6] = ["-C", "-D", "-CD", "-DC", "--check", "--diff"];
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !SHOWN.contains(&word.as_str()))
        .collect();
    let line = shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default();
    let playbooks: Vec<String> = args.run.playbooks.iter().map(|path| full(path)).collect();
    let inventory: Vec<String> = args
        .run
        .hosts
        .inventory
        .iter()
        .map(|source| full(Path::new(source)))
        .collect();
    let runs = if inventory.is_empty() {
        playbooks.join(" ")
    } else {
        format!("{} on {}", playbooks.join(" "), inventory.join(" "))
    };
    let shown: Vec<String> = args
        .run
        .playbooks
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let header = Header {
        by: "schedule add".to_owned(),
        how: vec![format!("in {folder}:"), format!("krun {line}")],
        removed_by: match args.print {
            Some(Target::Kubernetes) => {
                format!("kubectl delete cronjob,configmap,secret -l app.kubernetes.io/instance={name}")
            }
            _ => format!("krun schedule remove {name}"),
        },
        runs,
        when: when.words.clone(),
    };
    Ok(Job {
        about: format!("krun {}", shown.join(" ")),
        header,
        when,
        delay: args.delay,
        time_limit: args.time_limit,
        folder: match ground {
            Ground::Here => folder,
            Ground::Cluster(_) => crate::schedule::place_in_cluster(""),
        },
        environment: command.environment,
        command: command.words,
        credentials: command.credentials,
        on_failure: args.on_failure.clone(),
        name,
    })
}

/// A path in full; a list of hosts as it is.
fn full(path: &Path) -> String {
    let full = if path.exists() {
        std::path::absolute(path).ok()
    } else {
        None
    };
    full.as_deref().unwrap_or(path).display().to_string()
}

fn cron_time(job: &Job) -> Result<CronTime, Error> {
    CronTime::of(&job.when.calendar).map_err(|error| {
        Error::options(
            Diagnostic::error(format!("--on: {error}"))
                .help("say it with daily, weekly, monthly, hourly or weekdays, or leave it to systemd"),
        )
    })
}

fn clock(args: &AddArgs, scope: Scope) -> Result<Clock, Error> {
    if args.cron {
        return Ok(Clock::Cron);
    }
    match Manager::find(scope) {
        Ok(manager) => Ok(Clock::Systemd(manager)),
        Err(reason) if Path::new("/run/systemd/system").is_dir() => {
            let failure = Failure::new(format!("systemd ({}) does not answer: {reason}", scope.name()));
            let help = match scope {
                Scope::System => "`--cron` does without it",
                Scope::User => {
                    "log in as this user (not with su or sudo), or `loginctl enable-linger`; `--cron` does without it"
                }
            };
            Err(failure.help(help).into())
        }
        Err(_) => {
            complain("note: there is no systemd here, so cron is told");
            Ok(Clock::Cron)
        }
    }
}

/// One name is one schedule: not a second clock for it, and not by accident another cluster's.
fn refuse_second(args: &AddArgs, job: &Job, scope: Scope, by_cron: bool) -> Result<(), Error> {
    let known = found::in_scope(scope)?;
    let Some(known) = known.iter().find(|known| known.name == job.name) else {
        return Ok(());
    };
    if known.by_cron != by_cron {
        let clock = if known.by_cron { "cron" } else { "systemd" };
        return Err(Failure::new(format!(
            "{clock} has a schedule `{}` already: it would run twice",
            job.name
        ))
        .help(format!("remove it first: krun schedule remove {}", job.name))
        .into());
    }
    if args.name.is_none() && known.runs != job.header.runs {
        return Err(Failure::new(format!(
            "there is a schedule `{}` already, which runs {}",
            job.name, known.runs
        ))
        .help(format!(
            "give this one a name of its own with --name, or --name {} to replace that one",
            job.name
        ))
        .into());
    }
    Ok(())
}

fn add_units(args: &AddArgs, job: &Job, scope: Scope, manager: &Manager) -> Result<i32, Error> {
    let next = check_calendar(&job.when.calendar).map_err(Error::options)?;
    let way = if manager.has_credentials() {
        CredentialWay::Loaded
    } else {
        CredentialWay::InPlace
    };
    let folder = places::units(scope)?;
    let mut changes = Vec::new();
    for unit in units(job, way) {
        changes.extend(Change::of(folder.join(unit.name), Some(unit.text), 0o644)?);
    }
    if job.on_failure.is_none() {
        changes.extend(Change::of(
            folder.join(format!("{}-failed.service", job.tag())),
            None,
            0,
        )?);
    }
    let timer = format!("{}.timer", job.tag());
    let standing = manager.show(&timer, "UnitFileState,ActiveState,NeedDaemonReload")?;
    let is = |name: &str, wanted: &str| standing.get(name).is_some_and(|value| value == wanted);
    let is_on = is("UnitFileState", "enabled") && is("ActiveState", "active");
    let is_stale = is("NeedDaemonReload", "yes");
    tell(args, &changes);
    if changes.is_empty() && is_on && !is_stale {
        return Ok(show(&format!(
            "nothing to change: {timer} is there and on ({})",
            job.when.words
        )));
    }
    let check_mode = args.run.hosts.check;
    if !is_on {
        show(&format!(
            "{} {timer} on",
            if check_mode { "would switch" } else { "switching" }
        ));
    }
    if check_mode {
        return Ok(0);
    }
    for change in &changes {
        change.apply()?;
    }
    manager.tell(&["daemon-reload"])?;
    manager.tell(&["enable", &timer])?;
    // A timer that is on takes other times only when it is started anew.
    manager.tell(&["restart", &timer])?;
    let next = next.map(|next| format!(", next: {next}")).unwrap_or_default();
    let code = show(&format!("{}: {}{next}", job.name, job.when.words));
    if scope == Scope::User {
        hint_at_lingering();
    }
    Ok(code)
}

fn add_to_cron(args: &AddArgs, job: &Job, scope: Scope) -> Result<i32, Error> {
    let time = cron_time(job)?;
    let files = cron::compare(job, &time, scope)?;
    if files.is_empty() {
        return Ok(show(&format!(
            "nothing to change: cron has {} ({})",
            job.name, job.when.words
        )));
    }
    tell(args, &files.files);
    if let Some(table) = &files.table {
        show(if args.run.hosts.check {
            "would change the crontab"
        } else {
            "changed the crontab"
        });
        if args.run.hosts.diff {
            let header = "crontab".to_owned();
            let diff = crate::modules::Diff {
                before_header: header.clone(),
                after_header: header,
                before: table.before.clone(),
                after: table.after.clone(),
            };
            show(render_diff(&diff).trim_end());
        }
    }
    if args.run.hosts.check {
        return Ok(0);
    }
    files.apply()?;
    let code = show(&format!("{}: {} ({time})", job.name, job.when.words));
    complain("note: cron does not make up for runs that were missed while the machine was off");
    Ok(code)
}

fn tell(args: &AddArgs, changes: &[Change]) {
    for change in changes {
        show(&change.words(args.run.hosts.check));
        if args.run.hosts.diff {
            show(render_diff(&change.diff()).trim_end());
        }
    }
}

/// Without lingering the user's systemd ends when the user logs out, and so do the timers.
fn hint_at_lingering() {
    let user = std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_default();
    if user.is_empty() || Path::new("/var/lib/systemd/linger").join(&user).exists() {
        return;
    }
    let warning = Diagnostic::warning(format!(
        "lingering is off for {user}: the schedule runs only while {user} is logged in"
    ));
    print_findings(&warning.help(format!("loginctl enable-linger {user}")).into());
}
