//! `krun resume`: goes on from a run that failed, was interrupted or was cut.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;

use super::answers;
use super::arguments;
use super::error::Error;
use super::journal::{self, Continued, JournalFolder};
use super::print::complain;
use super::run::{RunArgs, prepare_and_run};
use crate::journal::{Folder, RunState, StoredRun};
use crate::modules::Failure;
use crate::runner::{Earlier, Known};

/// Go on from a run that failed, was interrupted or was cut
#[derive(Args, Debug)]
pub(super) struct ResumeArgs {
    /// The run, or the beginning of its name [default: the newest]
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// Variables that the journal may not keep, as for a run (may be repeated)
    #[arg(short, long, value_name = "VARS")]
    extra_vars: Vec<String>,
    /// Go on although playbooks, roles or the inventory have changed
    #[arg(long)]
    accept_changes: bool,
    #[command(flatten)]
    journal: JournalFolder,
}

/// Goes on from the run; gives the exit code.
pub(super) fn run(args: &ResumeArgs) -> i32 {
    match resume(args) {
        Ok(code) => code,
        Err(error) => error.print(),
    }
}

fn resume(args: &ResumeArgs) -> Result<i32, Error> {
    let folder = args.journal.folder()?;
    // Its own path may be relative, and the directory changes below.
    let folder = Folder::at(std::path::absolute(folder.path()).unwrap_or_else(|_| folder.path().to_owned()));
    let run = folder.open(&folder.find(args.run.as_deref())?)?;
    refuse(&run)?;
    let header = &run.header;
    std::env::set_current_dir(&header.directory).map_err(|error| {
        Failure::new(format!(
            "the directory of the run, {}, cannot be entered: {error}",
            header.directory.display()
        ))
    })?;
    let mut run_args = parse(&header.arguments)?;
    let given = names_of(&args.extra_vars);
    // What a file sets is not known yet; a variable that is missing then is found like any other.
    let reads_file = args.extra_vars.iter().any(|text| text.starts_with('@'));
    let missing: Vec<&str> = header
        .withheld
        .iter()
        .filter(|name| !reads_file && !given.contains(name))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        return Err(Failure::new(format!(
            "the run was given variables that the journal does not keep, as their names say that they are secret: {}",
            missing.join(", ")
        ))
        .help("give them again with -e")
        .into());
    }
    run_args.hosts.extra_vars.extend(args.extra_vars.iter().cloned());
    run_args.journal.journal = Some(folder.path().to_owned());
    let differences = header.sources.compared_with(&journal::sources(&run_args));
    agree_to(&differences, args.accept_changes)?;
    complain(&format!(
        "going on from run {} ({}): krun {}",
        header.id,
        super::history::result(&run),
        header.arguments.join(" ")
    ));
    let given = args.extra_vars.iter().flat_map(|text| ["-e".to_owned(), text.clone()]);
    let given = arguments::keep(&given.collect::<Vec<_>>());
    let mut withheld = header.withheld.clone();
    withheld.extend(
        given
            .withheld
            .into_iter()
            .filter(|name| !header.withheld.contains(name)),
    );
    let (earlier, before) = earlier(&folder, &run)?;
    let continued = Continued {
        id: header.id.clone(),
        before,
        earlier: Arc::new(earlier),
        arguments: [header.arguments.clone(), given.arguments].concat(),
        withheld,
    };
    prepare_and_run(&run_args, Some(&continued))
}

fn refuse(run: &StoredRun) -> Result<(), Failure> {
    let id = &run.header.id;
    match &run.state {
        RunState::AtWork => {
            Err(Failure::new(format!("the run {id} goes on")).help("wait for it, or end it with Ctrl-C"))
        }
        RunState::Ended(end) if end.exit_code == 0 => Err(Failure::new(format!(
            "the run {id} ended well: there is nothing to go on with"
        ))
        .help("`krun history` shows the runs; name another one")),
        _ if run.header.check_mode => {
            Err(Failure::new(format!("the run {id} was in check mode and did nothing")).help("run it without --check"))
        }
        _ => Ok(()),
    }
}

fn parse(arguments: &[String]) -> Result<RunArgs, Failure> {
    let words = std::iter::once("krun".to_owned()).chain(arguments.iter().cloned());
    // The configuration counts as it did when the run began, and its mistakes were shown already.
    let (_, parsed) = super::parse(&words.map(OsString::from).collect::<Vec<_>>());
    parsed.map(|cli| cli.run).map_err(|error| {
        Failure::new(format!(
            "this krun does not understand the command line of the run:\n{error}"
        ))
        .help("resume with the krun that began it, or run the playbook anew")
    })
}

fn names_of(extra_vars: &[String]) -> Vec<String> {
    extra_vars.iter().flat_map(|text| arguments::names_in(text)).collect()
}

/// Asks about sources that are not those of the run.
fn agree_to(differences: &[String], accepted: bool) -> Result<(), Failure> {
    const SHOWN: usize = 20;
    if differences.is_empty() {
        return Ok(());
    }
    complain("since the run began:");
    for difference in differences.iter().take(SHOWN) {
        complain(&format!("  {difference}"));
    }
    if differences.len() > SHOWN {
        complain(&format!("  … and {} more", differences.len() - SHOWN));
    }
    if accepted {
        return Ok(());
    }
    let refused = Failure::new("the playbooks or the inventory are not those of the run")
        .help("go on with --accept-changes: tasks that stand elsewhere now are run anew");
    if !std::io::stdin().is_terminal() {
        return Err(refused);
    }
    super::print::prompt("Go on with them as they are now? (y/N) ");
    let answer = answers::line(std::io::stdin(), &AtomicBool::new(false));
    match answer {
        Ok(Some(answer)) if ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) => Ok(()),
        _ => Err(refused),
    }
}

/// What the run and those that it went on from have done; and the names of those, the latest first.
fn earlier(folder: &Folder, run: &StoredRun) -> Result<(Earlier, Vec<String>), Failure> {
    let mut tasks = Vec::new();
    let mut before = run.header.continues.clone();
    let mut chain = vec![run.tasks()?];
    let mut names = Vec::new();
    while let Some(id) = before {
        names.push(id.clone());
        // An old run may have been removed: what it had done was taken over by those that came after it.
        let Ok(older) = folder.open(&id) else { break };
        chain.push(older.tasks()?);
        before = older.header.continues;
    }
    for (age, stored) in chain.into_iter().rev().enumerate() {
        let base = i64::try_from(age).unwrap_or_default() << 32;
        tasks.extend(stored.into_iter().map(|task| {
            let known = match task.known {
                Known::Ended { record, number } => Known::Ended {
                    record,
                    number: base + number,
                },
                Known::Begun => Known::Begun,
            };
            (task.key, task.module, known)
        }));
    }
    Ok((Earlier::new(run.header.id.clone(), tasks), names))
}
