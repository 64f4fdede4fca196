//! The options of a run as they stand on the command line.

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, CommandFactory};

use crate::cli::Cli;

/// An option that was given.
#[derive(Clone, Debug)]
pub(super) struct Given {
    /// Its name in the program.
    pub(super) id: String,
    /// `--limit`
    pub(super) option: String,
    /// Its values; none for those that take none, which may stand several times.
    pub(super) values: Vec<String>,
    pub(super) times: u8,
}

/// They are about the schedule: what it would change is shown, or not.
const NOT_THE_RUNS: [&str; 2] = ["check", "diff"];

/// The options that `krun schedule add` has in common with a run.
pub(super) fn of(matches: &ArgMatches) -> Vec<Given> {
    let command = Cli::command();
    let mut given = Vec::new();
    for option in command.get_arguments() {
        let id = option.get_id().as_str();
        let Some(long) = option.get_long() else { continue };
        let is_known = matches.ids().any(|known| known.as_str() == id);
        if NOT_THE_RUNS.contains(&id) || !is_known || matches.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        let (values, times) = match option.get_action() {
            ArgAction::SetTrue => (Vec::new(), 1),
            ArgAction::Count => (Vec::new(), matches.get_count(id)),
            _ => {
                let raw = matches.get_raw(id).into_iter().flatten();
                (raw.map(|value| value.to_string_lossy().into_owned()).collect(), 0)
            }
        };
        given.push(Given {
            id: id.to_owned(),
            option: format!("--{long}"),
            values,
            times,
        });
    }
    given
}
