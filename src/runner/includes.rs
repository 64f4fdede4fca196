//! Includes: tasks and roles that are read while the play runs.

use std::sync::Arc;

use super::conditions::condition;
use super::event::Event;
use super::items::Batch;
use super::loops::{item_variables, loop_items};
use crate::modules::Failure;
use crate::playbook::{IncludeRole, IncludeTasks, Included, Keywords, Scoping, Task};
use crate::syntax::Diagnostics;
use crate::vars::{Scope, VarMap};

/// How deep tasks may include one another; "try again" as an include of itself needs some.
const MAX_INCLUDE_DEPTH: usize = 100;

/// What is included.
pub(super) enum Include<'a> {
    Tasks(&'a IncludeTasks),
    Role(&'a IncludeRole),
}

impl Include<'_> {
    /// The variables that are given to what is included.
    fn params(&self) -> &Arc<VarMap> {
        match self {
            Self::Tasks(include) => &include.params,
            Self::Role(include) => &include.params,
        }
    }
}

impl Batch<'_> {
    pub(super) fn include(&mut self, task: &Arc<Task>, hosts: &[String], include: &Include<'_>) {
        if self.include_depth >= MAX_INCLUDE_DEPTH {
            for host in hosts {
                let message =
                    format!("includes are {MAX_INCLUDE_DEPTH} deep; does a file include itself without an end?");
                self.fail(task, host, Failure::new(message));
            }
            return;
        }
        // Hosts that include the same with the same variables do so together, in the order in which they come.
        let mut groups: Vec<(String, VarMap, Vec<String>)> = Vec::new();
        for host in hosts {
            match self.wanted_includes(task, host, include) {
                Ok(wanted) => {
                    if wanted.is_empty() {
                        self.recap.entry(host.clone()).or_default().skipped += 1;
                    }
                    for (name, vars) in wanted {
                        let same = |group: &&mut (String, VarMap, Vec<String>)| {
                            group.0 == name && same_values(&group.1, &vars) && !group.2.contains(host)
                        };
                        match groups.iter_mut().find(same) {
                            Some(group) => group.2.push(host.clone()),
                            None => groups.push((name, vars, vec![host.clone()])),
                        }
                    }
                }
                Err(failure) => self.fail(task, host, failure),
            }
        }
        for (name, vars, hosts) in groups {
            let mut inherited = task.keywords.clone();
            inherited.params.push(Arc::clone(include.params()));
            if !vars.is_empty() {
                inherited.vars.push(Arc::new(vars));
            }
            match self.load_include(task, include, &name, &inherited, &hosts[0]) {
                Ok(included) => {
                    for host in &hosts {
                        self.recap.entry(host.clone()).or_default().ok += 1;
                    }
                    self.machinery.send(Event::Included {
                        what: name,
                        hosts: hosts.clone(),
                    });
                    self.handlers.extend(included.handlers);
                    self.include_depth += 1;
                    self.run_items(&included.items, &hosts);
                    self.include_depth -= 1;
                }
                Err(errors) => {
                    for host in &hosts {
                        self.fail(task, host, Failure::new(errors.to_string()));
                    }
                }
            }
        }
    }

    /// What a host includes: name and loop variables, one entry for each item.
    fn wanted_includes(
        &self,
        task: &Task,
        host: &str,
        include: &Include<'_>,
    ) -> Result<Vec<(String, VarMap)>, Failure> {
        let scope = self
            .scope(host, task)
            .ok_or_else(|| Failure::new("the host's variables cannot be read"))?;
        let name = match include {
            Include::Tasks(include) => &include.file,
            Include::Role(include) => &include.name,
        };
        let one = |scope: &Scope, vars: VarMap| -> Result<Option<(String, VarMap)>, Failure> {
            if condition(&task.keywords.when, scope)?.is_some() {
                return Ok(None);
            }
            let name = name.text(scope).map_err(|error| Failure::new(error.message()))?;
            Ok(Some((name, vars)))
        };
        let Some(over) = &task.loop_over else {
            return Ok(one(&scope, VarMap::new())?.into_iter().collect());
        };
        let items = match loop_items(over, &scope) {
            Ok(items) => items,
            Err(failure) => match condition(&task.keywords.when, &scope) {
                Ok(Some(_)) => return Ok(Vec::new()),
                _ => return Err(failure),
            },
        };
        let mut wanted = Vec::new();
        for index in 0..items.len() {
            let vars = item_variables(over, &items, index);
            wanted.extend(one(&scope.with_layer(vars.clone()), vars)?);
        }
        Ok(wanted)
    }

    fn load_include(
        &self,
        task: &Task,
        include: &Include<'_>,
        name: &str,
        inherited: &Keywords,
        host: &str,
    ) -> Result<Included, Diagnostics> {
        let scoping = Scoping::of_task(task, &self.machinery.play.folder);
        match include {
            Include::Tasks(include) => self.loader.include_tasks(include, name, inherited, &scoping),
            Include::Role(include) => {
                let tasks_from = match (&include.tasks_from, self.scope(host, task)) {
                    (Some(setting), Some(scope)) => Some(setting.text(&scope)?),
                    _ => None,
                };
                self.loader
                    .include_role(include, name, tasks_from.as_deref(), inherited, &scoping)
            }
        }
    }
}

fn same_values(a: &VarMap, b: &VarMap) -> bool {
    a.len() == b.len()
        && a.iter()
            .all(|(name, value)| b.get(name).is_some_and(|other| other.raw() == value.raw()))
}
