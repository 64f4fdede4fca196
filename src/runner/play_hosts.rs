//! Which hosts a play is for, in which order, and the variables that it brings.

use std::sync::Arc;

use serde_json::Value;

use super::endpoint::diagnostic;
use super::run::Run;
use super::world::PlayVars;
use crate::inventory::Pattern;
use crate::modules::Failure;
use crate::playbook::{Play, Setting};
use crate::syntax::Diagnostics;
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
                return Err(Failure::new(format!(
                    "`hosts` must be a pattern, it is `{other}` ({})",
                    play.hosts.place
                )));
            }
        };
        let select = |pattern: &Pattern| {
            pattern.select(&self.world.ground().inventory).map_err(|error| {
                let help = error.help();
                let failure = Failure::new(format!("{error} ({})", play.hosts.place));
                match help {
                    Some(help) => failure.help(help),
                    None => failure,
                }
            })
        };
        let pattern = Pattern::parse_all(texts.iter().map(String::as_str))
            .map_err(|error| Failure::new(format!("{error} ({})", play.hosts.place)))?;
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
            other => {
                return Err(Failure::new(format!("there is no order `{other}` ({})", order.place))
                    .help("use inventory, reverse_inventory, sorted or reverse_sorted"));
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
            let scope = self
                .world
                .scope(&hosts[0], &Arc::new(vars.clone()), None)
                .map_err(|errors| Failure::new(errors.to_string()))?;
            let mut all = VarMap::new();
            for alternatives in &play.vars_files {
                all.extend(self.vars_file(play, alternatives, &scope)?);
            }
            vars.vars_files = Arc::new(all);
        }
        Ok(Arc::new(vars))
    }

    fn vars_file(&self, play: &Play, alternatives: &[Setting], scope: &crate::vars::Scope) -> Result<VarMap, Failure> {
        let mut looked = Vec::new();
        for setting in alternatives {
            let path = play
                .folder
                .join(setting.text(scope).map_err(|error| diagnostic(&error))?);
            if path.is_file() {
                let mut diagnostics = Diagnostics::default();
                let written = files::read_file(&path, self.passwords, &mut diagnostics);
                return match written {
                    Some(written) if !diagnostics.has_errors() => Ok(written.vars),
                    _ => Err(Failure::new(diagnostics.to_string())),
                };
            }
            looked.push(path.display().to_string());
        }
        Err(Failure::new(format!(
            "the variables file is not there: looked for {}",
            looked.join(", ")
        )))
    }
}
