//! Which hosts a play is for, in which order, and the variables that it brings.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexSet;
use serde_json::{Value, json};

use super::endpoint::diagnostic;
use super::loops::label_of;
use super::run::Run;
use super::world::PlayVars;
use crate::inventory::Pattern;
use crate::modules::Failure;
use crate::playbook::{ORDERS, Play, Setting};
use crate::syntax::{Diagnostics, Place};
use crate::template::holds_template;
use crate::vars::{Scope, VarMap, Variable, files};

fn parsed<'t>(texts: impl IntoIterator<Item = &'t str>, place: &Place) -> Result<Pattern, Failure> {
    Pattern::parse_all(texts).map_err(|error| Failure::new(error.to_string()).at(place))
}

impl Run<'_> {
    /// What a play's variables are before it has hosts.
    fn scope_before_hosts(&self, vars: &Arc<VarMap>) -> Result<Scope, Failure> {
        let base = Arc::new(PlayVars {
            vars: Arc::clone(vars),
            ..PlayVars::default()
        });
        let scope = self.world.scope("localhost", &base, None);
        scope.map_err(|errors| Failure::new(errors.to_string()))
    }

    /// A play's variables with the answers to its questions, which beat them; `None` when the run is to end instead.
    pub(super) fn vars_with_answers(&self, play: &Play) -> Result<Option<Arc<VarMap>>, Failure> {
        let own = self.vars_in_pass(play);
        if play.prompts.is_empty() {
            return Ok(Some(own));
        }
        let scope = self.scope_before_hosts(&own)?;
        Ok(self.ask_prompts(play, &scope)?.map(|answers| {
            let mut vars = VarMap::clone(&own);
            vars.extend(answers);
            Arc::new(vars)
        }))
    }

    /// The hosts of a play in the inventory's order: its pattern and the limit.
    pub(super) fn hosts_of(&self, play: &Play, vars: &Arc<VarMap>) -> Result<Vec<String>, Failure> {
        let scope = self.scope_before_hosts(vars)?;
        let texts = match play.hosts.rendered(&scope).map_err(|error| diagnostic(&error))? {
            Value::String(text) => vec![text],
            Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            other => {
                return Err(Failure::new(format!("`hosts` must be a pattern, it is `{other}`")).at(&play.hosts.place));
            }
        };
        let at = &play.hosts.place;
        let mut hosts = self.select(&parsed(texts.iter().map(String::as_str), at)?, at)?;
        if let Some(limit) = &self.options.limit {
            let limited = self.select(limit, at)?;
            hosts.retain(|host| limited.contains(host));
        }
        Ok(hosts)
    }

    /// The hosts that the run is about, whatever its plays say.
    pub(super) fn limited_hosts(&self) -> Result<Vec<String>, Failure> {
        let ground = self.world.ground();
        match &self.options.limit {
            None => Ok(ground.inventory.hosts().map(str::to_owned).collect()),
            Some(limit) => {
                let hosts = limit.select(&ground.inventory);
                hosts.map_err(|error| Failure::new(error.to_string()))
            }
        }
    }

    fn select(&self, pattern: &Pattern, place: &Place) -> Result<Vec<String>, Failure> {
        pattern.select(&self.world.ground().inventory).map_err(|error| {
            let help = error.help();
            let failure = Failure::new(error.to_string()).at(place);
            match help {
                Some(help) => failure.help(help),
                None => failure,
            }
        })
    }

    /// The hosts in the order that the play wants; `scope` is that of the first of them.
    pub(super) fn ordered(&self, play: &Play, mut hosts: Vec<String>, scope: &Scope) -> Result<Vec<String>, Failure> {
        let Some(order) = &play.order else {
            return Ok(hosts);
        };
        let wanted = order.rendered(scope).map_err(|error| diagnostic(&error))?;
        if let Value::Array(patterns) = &wanted {
            return self.named_first(patterns, hosts, &order.place);
        }
        match wanted.as_str().unwrap_or_default() {
            "inventory" => {}
            "reverse_inventory" => hosts.reverse(),
            "sorted" => hosts.sort(),
            "reverse_sorted" => hosts.sort_by(|a, b| b.cmp(a)),
            "shuffle" => {
                let layer = VarMap::from([("krun_hosts".to_owned(), Variable::data(json!(hosts)))]);
                let shuffled = scope.with_layer(layer).evaluate("krun_hosts | shuffle");
                let shuffled = shuffled.map_err(|error| Failure::new(error.to_string()))?;
                hosts = serde_json::from_value(shuffled).map_err(|error| Failure::new(error.to_string()))?;
            }
            _ => {
                return Err(Failure::new(format!("there is no order `{}`", label_of(&wanted)))
                    .at(&order.place)
                    .help(format!("use {}, or a list of hosts and groups", ORDERS.join(", "))));
            }
        }
        Ok(hosts)
    }

    /// Hosts that these patterns name, in their order, then the others.
    fn named_first(&self, patterns: &[Value], hosts: Vec<String>, place: &Place) -> Result<Vec<String>, Failure> {
        let mut left: IndexSet<String> = hosts.into_iter().collect();
        let mut ordered = Vec::new();
        for pattern in patterns {
            let Some(text) = pattern.as_str() else {
                let message = format!("`order` names hosts and groups, and `{pattern}` is neither");
                return Err(Failure::new(message).at(place));
            };
            for host in self.select(&parsed([text], place)?, place)? {
                ordered.extend(left.shift_take(&host));
            }
        }
        ordered.extend(left);
        Ok(ordered)
    }

    pub(super) fn play_vars(
        &self,
        play: &Play,
        vars: &Arc<VarMap>,
        hosts: &[String],
        batch: &[String],
    ) -> Result<Arc<PlayVars>, Failure> {
        let mut vars = PlayVars {
            vars: Arc::clone(vars),
            roles: play.all_roles.clone(),
            magic: Arc::new(self.world.play_magic(play, hosts, batch)),
            ..PlayVars::default()
        };
        if !self.gone.is_empty() {
            vars = vars.with_hosts(&|host| !self.gone.contains_key(host));
        }
        if !play.vars_files.is_empty() {
            let mut read: HashMap<Vec<PathBuf>, Arc<VarMap>> = HashMap::new();
            let mut of_hosts = HashMap::new();
            let bare = Arc::new(vars.clone());
            let is_template = |setting: &Setting| setting.value.as_str().is_some_and(holds_template);
            let depends = play.vars_files.iter().flatten().any(is_template);
            for host in if depends { batch } else { &hosts[..1] } {
                let scope = self
                    .world
                    .scope(host, &bare, None)
                    .map_err(|errors| Failure::new(errors.to_string()))?;
                let files = play.vars_files.iter();
                let paths: Vec<PathBuf> = files
                    .map(|alternatives| Self::vars_file(play, alternatives, &scope))
                    .collect::<Result<_, _>>()?;
                let all = match read.get(&paths) {
                    Some(all) => Arc::clone(all),
                    None => Arc::new(self.read_vars_files(&paths)?),
                };
                read.insert(paths, Arc::clone(&all));
                of_hosts.insert(host.clone(), all);
            }
            let first = if depends { &batch[0] } else { &hosts[0] };
            vars.vars_files = of_hosts.get(first).cloned().unwrap_or_default();
            if depends {
                vars.vars_files_of = Arc::new(of_hosts);
            }
        }
        Ok(Arc::new(vars))
    }

    /// The first of the alternatives that is there.
    fn vars_file(play: &Play, alternatives: &[Setting], scope: &Scope) -> Result<PathBuf, Failure> {
        let mut looked = Vec::new();
        for setting in alternatives {
            let path = play
                .folder
                .join(setting.text(scope).map_err(|error| diagnostic(&error))?);
            if path.is_file() {
                return Ok(path);
            }
            looked.push(path.display().to_string());
        }
        Err(Failure::new(format!(
            "the variables file is not there: looked for {}",
            looked.join(", ")
        )))
    }

    fn read_vars_files(&self, paths: &[PathBuf]) -> Result<VarMap, Failure> {
        let mut all = VarMap::new();
        for path in paths {
            let mut diagnostics = Diagnostics::default();
            let written = files::read_file(path, self.passwords, &mut diagnostics);
            match written {
                Some(written) if !diagnostics.has_errors() => all.extend(written.vars),
                _ => return Err(Failure::new(diagnostics.to_string())),
            }
        }
        Ok(all)
    }
}
