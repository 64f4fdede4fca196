//! Puts missing variables into words.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use super::follow::Missing;
use super::hosts::HostTable;
use super::place::place_of;
use super::run::RunNames;
use super::scope::{PlayScope, TaskView};
use super::spots::Spot;
use crate::playbook::Play;
use crate::syntax::{Diagnostic, Diagnostics, Place, closest};

/// At so many places at most the same name is shown.
const MOST_PLACES: usize = 3;

/// What was found, each place once: several plays may use the same task file.
#[derive(Default)]
pub(super) struct Report {
    found: BTreeMap<(PathBuf, usize, usize, String), Finding>,
    /// For each name the one that was most likely meant.
    near: HashMap<String, Option<String>>,
}

struct Finding {
    place: Place,
    missing: Missing,
    plays: Vec<String>,
}

impl Report {
    /// Notes a name that a text of a play needs.
    pub(super) fn add(
        &mut self,
        play: &Play,
        spot: &Spot<'_>,
        missing: Missing,
        scope: &PlayScope<'_>,
        view: &TaskView<'_>,
        run: &RunNames,
    ) {
        let place = place_of(&missing.read, spot);
        let (path, line, column) = place.reading_order();
        let key = (path.to_owned(), line, column, missing.name.clone());
        self.near
            .entry(missing.name.clone())
            .or_insert_with(|| closest(&missing.name, scope.names(view, run)).map(str::to_owned));
        let finding = self.found.entry(key).or_insert_with(|| Finding {
            place,
            missing,
            plays: Vec::new(),
        });
        if !finding.plays.contains(&play.name) {
            finding.plays.push(play.name.clone());
        }
    }

    /// Hands the findings over. A name that is missing in many places is most likely one mistake.
    pub(super) fn write(self, scopes: &[Option<PlayScope<'_>>], table: &HostTable<'_>, diagnostics: &mut Diagnostics) {
        let mut places: HashMap<String, usize> = HashMap::new();
        for finding in self.found.values() {
            *places.entry(finding.missing.name.clone()).or_default() += 1;
        }
        let mut shown: HashMap<String, usize> = HashMap::new();
        for finding in self.found.into_values() {
            let name = &finding.missing.name;
            let number = shown.entry(name.clone()).or_default();
            *number += 1;
            if *number > MOST_PLACES {
                continue;
            }
            let near = self.near.get(name).and_then(Option::as_deref);
            let mut diagnostic = finding.diagnostic(near, scopes, table);
            let more = places
                .get(name)
                .copied()
                .unwrap_or_default()
                .saturating_sub(MOST_PLACES);
            if *number == MOST_PLACES && more > 0 {
                diagnostic = diagnostic.help(format!("`{name}` is used in {more} more places"));
            }
            diagnostics.push(diagnostic);
        }
    }
}

impl Finding {
    fn diagnostic(&self, near: Option<&str>, scopes: &[Option<PlayScope<'_>>], table: &HostTable<'_>) -> Diagnostic {
        let name = &self.missing.name;
        let suggest = |diagnostic: Diagnostic| match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic,
        };
        if self.missing.called {
            let unknown = Diagnostic::error(format!("there is no function `{name}`")).at(&self.place);
            return suggest(unknown)
                .help("krun has Jinja's own functions, and of Ansible's `lookup`, `query`, `q`, `now` and `undef`");
        }
        let needed = match self.missing.through.last() {
            Some(variable) => format!("`{name}`, which the variable `{variable}` needs, is not defined"),
            None => format!("the variable `{name}` is not defined"),
        };
        let diagnostic = Diagnostic::error(format!("{needed} for any host of {}", self.plays())).at(&self.place);
        if name == "item" {
            return diagnostic.help("`item` is there in a task with `loop`, and in what such a task includes");
        }
        match elsewhere(name, scopes, table) {
            Some(hint) => diagnostic.help(hint),
            None => suggest(diagnostic).help(format!(
                "define it in the inventory, in `vars` or in a role's defaults, or give it with -e {name}=…; where it \
                 may be missing, write `{name} | default(…)`"
            )),
        }
    }

    fn plays(&self) -> String {
        match self.plays.as_slice() {
            [play] => format!("the play `{play}`"),
            [first, second] => format!("the plays `{first}` and `{second}`"),
            [first, rest @ ..] => format!("the play `{first}` and {} others", rest.len()),
            [] => "the play".to_owned(),
        }
    }
}

/// Where else the name is defined.
fn elsewhere(name: &str, scopes: &[Option<PlayScope<'_>>], table: &HostTable<'_>) -> Option<String> {
    let mut roles = scopes.iter().flatten().flat_map(|scope| scope.roles);
    let role = roles.find(|role| role.vars.defaults.contains_key(name) || role.vars.vars.contains_key(name));
    if let Some(role) = role {
        return Some(format!(
            "the role `{}` defines it, and this play does not use that role: add it to `roles`",
            role.name
        ));
    }
    let mut plays = scopes.iter().flatten().map(|scope| scope.play);
    if let Some(play) = plays.find(|play| play.vars.contains_key(name)) {
        return Some(format!("it is defined in `vars` of another play, `{}`", play.name));
    }
    let host = table.host_with(name)?;
    Some(format!("the inventory defines it for other hosts, such as `{host}`"))
}
