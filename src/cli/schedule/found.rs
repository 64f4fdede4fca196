//! The schedules that are there.

use std::path::Path;

use super::{Scope, cron, places, store};
use crate::modules::Failure;
use crate::schedule::{CronTime, is_ours, line_of};

/// A schedule that krun has made.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) scope: Scope,
    pub(super) by_cron: bool,
    /// When it runs, as it was said.
    pub(super) when: String,
    /// What it runs.
    pub(super) runs: String,
    /// Cron's fields.
    pub(super) time: Option<CronTime>,
}

impl Found {
    fn of(name: &str, scope: Scope, text: &str, line: Option<&str>) -> Self {
        let said = |key| line_of(text, key).unwrap_or_default().to_owned();
        Self {
            name: name.to_owned(),
            scope,
            by_cron: line.is_some(),
            when: said("When"),
            runs: said("Runs"),
            time: line.and_then(CronTime::read),
        }
    }

    pub(super) fn unit(&self) -> String {
        format!("krun-{}.service", self.name)
    }
}

/// All of them; those of one scope when it is said.
pub(super) fn all(scope: Option<Scope>) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    for wanted in [Scope::System, Scope::User] {
        if scope.is_none_or(|scope| scope == wanted) {
            found.extend(in_scope(wanted)?);
        }
    }
    Ok(found)
}

/// Those of the machine or of this user, by name.
pub(super) fn in_scope(scope: Scope) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    for (name, text) in files(&places::units(scope)?, ".timer") {
        found.push(Found::of(&name, scope, &text, None));
    }
    if scope == Scope::System {
        for (name, text) in files(&places::crontabs(), "") {
            let line = text.lines().find(|line| !line.is_empty() && !line.starts_with('#'));
            found.push(Found::of(&name, scope, &text, Some(line.unwrap_or_default())));
        }
    } else if let Ok(table) = cron::table() {
        for name in cron::names_in(&table) {
            let lines = cron::lines_of(&table, name).unwrap_or_default();
            let script = store::read(&places::script(scope, name)?).ok().flatten();
            found.push(Found::of(name, scope, &script.unwrap_or_default(), Some(lines)));
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// Names and texts of krun's files in a folder; none where it cannot be read.
fn files(folder: &Path, ending: &str) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let file = entry.file_name().into_string().ok()?;
            let name = file.strip_prefix("krun-")?.strip_suffix(ending)?.to_owned();
            let text = std::fs::read_to_string(entry.path()).ok()?;
            is_ours(&text).then_some((name, text))
        })
        .collect()
}

/// The one of this name.
pub(super) fn one(name: &str, scope: Option<Scope>) -> Result<Found, Failure> {
    let mut all = all(scope)?;
    let fits: Vec<usize> = (0..all.len()).filter(|index| all[*index].name == name).collect();
    match fits.as_slice() {
        [index] => Ok(all.swap_remove(*index)),
        [] => {
            let failure = Failure::new(format!("there is no schedule `{name}`"));
            let near = crate::syntax::closest(name, all.iter().map(|found| found.name.as_str()));
            Err(match near {
                Some(near) => failure.help(format!("did you mean `{near}`?")),
                None => failure.help("`krun schedule list` shows all"),
            })
        }
        _ => Err(Failure::new(format!("there are several schedules `{name}`"))
            .help("say which with --scope system or --scope user")),
    }
}
