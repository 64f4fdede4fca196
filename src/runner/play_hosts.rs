//! Which hosts a play is for, in which order, and the variables that it brings.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::endpoint::diagnostic;
use super::run::Run;
use super::world::PlayVars;
use crate::inventory::Pattern;
use crate::modules::Failure;
use crate::playbook::{Play, Setting};
use crate::syntax::Diagnostics;
use crate::template::holds_template;
use crate::vars::{VarMap, files};

impl Run<'_> {
    /// The hosts of a play: its pattern and the limit.
    pub(super) fn hosts_of(&self, play: &Play) -> Result<Vec<String>, Failure> {
        let localhost = "localhost";
        let base = Arc::new(PlayVars {
            vars: Arc::clone(&play.vars),
            ..PlayVars::default()
        });
        let scope = self
            .world
            .scope(localhost, &base, None)
            .map_err(|errors| Failure::new(errors.to_string()))?;
        let texts = match play.hosts.rendered(&scope).map_err(|error| diagnostic(&error))? {
            Value::String(text) => vec![text],
            Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            other => {
                return Err(Failure::new(format!("`hosts` must be a pattern, it is `{other}`")).at(&play.hosts.place));
            }
        };
        let select = |pattern: &Pattern| {
            pattern.select(&self.world.ground().inventory).map_err(|error| {
                let help = error.help();
                let failure = Failure::new(error.to_string()).at(&play.hosts.place);
                match help {
                    Some(help) => failure.help(help),
                    None => failure,
                }
            })
        };
        let pattern = Pattern::parse_all(texts.iter().map(String::as_str))
            .map_err(|error| Failure::new(error.to_string()).at(&play.hosts.place))?;
        let mut hosts = select(&pattern)?;
        if let Some(limit) = &self.options.limit {
            let limited = select(limit)?;
            hosts.retain(|host| limited.contains(host));
        }
        Self::ordered(play, hosts, &scope)
    }

    fn ordered(play: &Play, mut hosts: Vec<String>, scope: &crate::vars::Scope) -> Result<Vec<String>, Failure> {
        let Some(order) = &play.order else {
            return Ok(hosts);
        };
        match order.text(scope).map_err(|error| diagnostic(&error))?.as_str() {
            "inventory" => {}
            "reverse_inventory" => hosts.reverse(),
            "sorted" => hosts.sort(),
            "reverse_sorted" => hosts.sort_by(|a, b| b.cmp(a)),
            "shuffle" => {
                // Its keys are others in each run.
                let chance = RandomState::new();
                hosts.sort_by_cached_key(|host| chance.hash_one(host));
            }
            other => {
                return Err(Failure::new(format!("there is no order `{other}`"))
                    .at(&order.place)
                    .help("use inventory, reverse_inventory, sorted, reverse_sorted or shuffle"));
            }
        }
        Ok(hosts)
    }

    pub(super) fn play_vars(&self, play: &Play, hosts: &[String], batch: &[String]) -> Result<Arc<PlayVars>, Failure> {
        let mut vars = PlayVars {
            vars: Arc::clone(&play.vars),
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
    fn vars_file(play: &Play, alternatives: &[Setting], scope: &crate::vars::Scope) -> Result<PathBuf, Failure> {
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
