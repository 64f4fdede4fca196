//! Plays in their order, those of an import with a loop once for each of its items.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::endpoint::diagnostic;
use super::event::{Event, Pass, Status};
use super::journalled::InPasses;
use super::loops::label_of;
use super::play_run::{PlayEnd, Stop};
use super::record::{Known, Record, TaskKey, TaskRecord};
use super::run::Run;
use super::world::PlayVars;
use crate::modules::Failure;
use crate::playbook::{Loop, Play};
use crate::vars::{Scope, VarMap, Variable};

/// What the journal calls the evaluation of an import's loop.
const LOOP: &str = "import_playbook";

/// A pass that is under way, with the variables that its plays see.
#[derive(Clone)]
pub(super) struct OpenPass {
    pub(super) pass: Pass,
    vars: VarMap,
    /// What the journal calls its beginning.
    key: TaskKey,
    /// The run that this one goes on from had begun the next one.
    is_behind: bool,
}

/// Where a run stopped.
pub(super) struct Stopped {
    pub(super) stop: Stop,
    /// The play that it stopped in.
    pub(super) play: String,
    /// Those that would have come after it.
    pub(super) not_started: Vec<String>,
}

impl Run<'_> {
    /// Runs plays; `depth` loops around them are under way.
    pub(super) fn plays_in_order(&mut self, plays: &[Arc<Play>], depth: usize) -> Result<Option<Stopped>, Failure> {
        let mut rest = plays;
        while let Some(first) = rest.first() {
            let Some(over) = first.repeated.get(depth).map(|repeated| Arc::clone(&repeated.over)) else {
                rest = &rest[1..];
                let end = self.play(first)?;
                self.play_number += 1;
                if let PlayEnd::Stop(stop) = end {
                    return Ok(Some(Stopped {
                        stop,
                        play: self.name_of(first),
                        not_started: self.names_of(rest),
                    }));
                }
                continue;
            };
            let is_repeated_too = |play: &&Arc<Play>| {
                let repeated = play.repeated.get(depth);
                repeated.is_some_and(|repeated| Arc::ptr_eq(&repeated.over, &over))
            };
            let (group, behind) = rest.split_at(rest.iter().take_while(is_repeated_too).count());
            rest = behind;
            let passes = self.passes_over(&over, first)?;
            for (index, pass) in passes.iter().enumerate() {
                self.passes.push(pass.clone());
                self.write_down(pass.key.clone(), format!("{LOOP}: pass {}", index + 1), Map::new());
                let stopped = self.plays_in_order(group, depth + 1)?;
                self.passes.pop();
                let Some(mut stopped) = stopped else { continue };
                for later in &passes[index + 1..] {
                    self.passes.push(later.clone());
                    stopped.not_started.extend(self.names_of(group));
                    self.passes.pop();
                }
                stopped.not_started.extend(self.names_of(behind));
                return Ok(Some(stopped));
            }
        }
        Ok(None)
    }

    /// A play's name with the passes that it is part of.
    pub(super) fn name_of(&self, play: &Play) -> String {
        let labels = self.passes.iter().map(|open| open.pass.label.as_str());
        let labels: Vec<&str> = labels.filter(|label| !label.is_empty()).collect();
        if labels.is_empty() {
            return play.name.clone();
        }
        format!("{} ({})", play.name, labels.join(", "))
    }

    fn names_of(&self, plays: &[Arc<Play>]) -> Vec<String> {
        plays.iter().map(|play| self.name_of(play)).collect()
    }

    /// A play's variables with the items of the passes that it is part of.
    pub(super) fn vars_in_pass(&self, play: &Play) -> Arc<VarMap> {
        if self.passes.is_empty() {
            return Arc::clone(&play.vars);
        }
        let mut vars = VarMap::clone(&play.vars);
        for open in &self.passes {
            vars.extend(open.vars.clone());
        }
        Arc::new(vars)
    }

    pub(super) fn place_in_passes(&self) -> InPasses {
        if self.passes.is_empty() {
            InPasses::Outside
        } else if self.passes.iter().any(|open| open.is_behind) {
            InPasses::Behind
        } else {
            InPasses::Current
        }
    }

    /// The passes of a loop that the run has come to.
    fn passes_over(&mut self, over: &Loop, first: &Arc<Play>) -> Result<Vec<OpenPass>, Failure> {
        let scope = self.scope_of_loop(first)?;
        let loop_number = self.loops_met;
        let items = self.items_of_import(over, &scope)?;
        let of = items.len();
        let key_of = |index: usize| TaskKey {
            play: 0,
            host: "localhost".to_owned(),
            place: format!("{} pass {}", over.list.place, index + 1),
            occurrence: loop_number,
        };
        let earlier = self.options.earlier.clone();
        let was_begun = |index: usize| {
            earlier
                .as_ref()
                .is_some_and(|earlier| earlier.known(&key_of(index)).is_some())
        };
        items
            .into_iter()
            .enumerate()
            .map(|(index, item)| {
                let mut vars = VarMap::from([(over.variable.clone(), Variable::data(item.clone()))]);
                if let Some(name) = &over.index_variable {
                    vars.insert(name.clone(), Variable::data(json!(index)));
                }
                let label = match &over.label {
                    Some(label) => {
                        let scope = scope.with_layer(vars.clone());
                        label_of(&label.rendered(&scope).map_err(|error| diagnostic(&error))?)
                    }
                    None if item.is_object() || item.is_array() => format!("{} of {of}", index + 1),
                    None => label_of(&item),
                };
                let pass = Pass {
                    variable: over.variable.clone(),
                    item,
                    label,
                    number: index + 1,
                    of,
                };
                Ok(OpenPass {
                    pass,
                    vars,
                    key: key_of(index),
                    is_behind: was_begun(index + 1),
                })
            })
            .collect()
    }

    /// The items: those that the run had which this one goes on from, since what they were made of may be different now.
    fn items_of_import(&mut self, over: &Loop, scope: &Scope) -> Result<Vec<Value>, Failure> {
        let key = TaskKey {
            play: self.play_number,
            host: "localhost".to_owned(),
            place: over.list.place.to_string(),
            // Several may stand in front of one play, or have no pass at all.
            occurrence: self.loops_met,
        };
        self.loops_met += 1;
        let items = match self.items_before(&key) {
            Some(items) => items,
            None => match over.list.rendered(scope).map_err(|error| diagnostic(&error))? {
                Value::Array(items) => items,
                other => {
                    return Err(
                        Failure::new(format!("`loop` needs a list, it is `{}`", label_of(&other)))
                            .at(&over.list.place)
                            .help("the plays of the import are run once for each item of a list"),
                    );
                }
            },
        };
        let result = Map::from_iter([("items".to_owned(), Value::from(items.clone()))]);
        self.write_down(key, format!("{LOOP}: its loop"), result);
        Ok(items)
    }

    /// Writes into the journal what a run that goes on has to know.
    fn write_down(&self, key: TaskKey, title: String, result: Map<String, Value>) {
        if !self.options.journalled {
            return;
        }
        let record = TaskRecord {
            status: Status::Ok,
            ignored: false,
            result,
            facts: Map::new(),
            facts_of: None,
            variables: Map::new(),
            is_partial: false,
        };
        self.send(Event::Record(Record::Ended {
            key,
            title,
            module: LOOP.to_owned(),
            record: Box::new(record),
        }));
    }

    fn items_before(&self, key: &TaskKey) -> Option<Vec<Value>> {
        match self.options.earlier.as_ref()?.known(key)? {
            Known::Ended { record, .. } if !record.is_partial => record.result.get("items")?.as_array().cloned(),
            _ => None,
        }
    }

    /// What a loop sees: the variables of the first host of its first play that the run is about.
    fn scope_of_loop(&self, first: &Arc<Play>) -> Result<Scope, Failure> {
        let vars = self.vars_in_pass(first);
        // Which hosts they are may depend on the item; that a pattern is wrong is said when the play begins.
        let mut hosts = self.hosts_of(first, &vars).unwrap_or_default();
        if hosts.is_empty() {
            hosts = self.limited_hosts()?;
        }
        let is_left = |host: &&String| !self.gone.contains_key(*host);
        let host = hosts.iter().find(is_left).or(hosts.first());
        let base = Arc::new(PlayVars {
            vars,
            roles: first.all_roles.clone(),
            magic: Arc::new(self.world.play_magic(first, &hosts, &hosts)),
            ..PlayVars::default()
        });
        self.world
            .scope(host.map_or("localhost", String::as_str), &base, None)
            .map_err(|errors| Failure::new(errors.to_string()))
    }
}
