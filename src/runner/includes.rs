//! Includes: tasks and roles that are read while the play runs.

use std::cell::RefCell;
use std::sync::Arc;

use super::conditions::condition;
use super::event::Event;
use super::items::Batch;
use super::loops::item_variables;
use crate::modules::Failure;
use crate::playbook::{IncludeRole, IncludeTasks, Included, Keywords, RoleNames, Scoping, Setting, Task};
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
    /// What is included, for the variables of a host.
    fn names(&self, scope: &Scope) -> Result<RoleNames, Failure> {
        let problem = RefCell::new(None);
        let text = |setting: &Setting| match setting.text(scope) {
            Ok(text) => Some(text),
            Err(error) => {
                *problem.borrow_mut() = Some(Failure::new(error.message()));
                None
            }
        };
        let names = match self {
            Include::Tasks(include) => text(&include.file).map(|role| RoleNames {
                role,
                ..RoleNames::default()
            }),
            Include::Role(include) => include.names(&text),
        };
        names.ok_or_else(|| {
            problem
                .take()
                .unwrap_or_else(|| Failure::new("the include has no name"))
        })
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
        let mut groups: Vec<(RoleNames, VarMap, Vec<String>)> = Vec::new();
        for host in hosts {
            match self.wanted_includes(task, host, include) {
                Ok(wanted) => {
                    if wanted.is_empty() {
                        self.recap.entry(host.clone()).or_default().skipped += 1;
                    }
                    for (name, vars) in wanted {
                        let same = |group: &&mut (RoleNames, VarMap, Vec<String>)| {
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
            // One that failed in what was included for an item before takes no further part.
            let hosts = self.active(&hosts);
            if hosts.is_empty() {
                continue;
            }
            let mut inherited = task.keywords.clone();
            if !vars.is_empty() {
                inherited.params.push(Arc::new(vars));
            }
            match self.load_include(task, include, &name, &inherited) {
                Ok(included) => {
                    for host in &hosts {
                        self.recap.entry(host.clone()).or_default().ok += 1;
                    }
                    self.machinery.send(Event::Included {
                        what: name.role,
                        hosts: hosts.clone(),
                    });
                    self.handlers.extend(included.handlers);
                    if matches!(include, Include::Role(include) if include.is_public) {
                        let mut play_vars = (*self.machinery.play_vars).clone();
                        play_vars.roles.extend(included.roles.iter().map(Arc::clone));
                        self.machinery.play_vars = Arc::new(play_vars);
                    }
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
    ) -> Result<Vec<(RoleNames, VarMap)>, Failure> {
        let scope = self
            .scope(host, task)
            .ok_or_else(|| Failure::new("the host's variables cannot be read"))?;
        let one = |scope: &Scope, vars: VarMap| -> Result<Option<(RoleNames, VarMap)>, Failure> {
            if condition(&task.keywords.when, scope)?.is_some() {
                return Ok(None);
            }
            Ok(Some((include.names(scope)?, vars)))
        };
        let Some(over) = &task.loop_over else {
            return Ok(one(&scope, VarMap::new())?.into_iter().collect());
        };
        let items = match self.machinery.loop_items(task, over, &scope) {
            Ok(items) => items,
            Err(failure) => match condition(&task.keywords.when, &scope) {
                Ok(Some(_)) => return Ok(Vec::new()),
                _ => return Err(failure),
            },
        };
        let mut wanted = Vec::new();
        for index in 0..items.len() {
            let vars = item_variables(over, &items, index);
            let scope = scope.with_layer(vars.clone());
            wanted.extend(one(&scope, vars)?);
            if !over.break_when.is_empty() && condition(&over.break_when, &scope)?.is_none() {
                break;
            }
        }
        Ok(wanted)
    }

    fn load_include(
        &self,
        task: &Task,
        include: &Include<'_>,
        names: &RoleNames,
        inherited: &Keywords,
    ) -> Result<Included, Diagnostics> {
        let scoping = Scoping::of_task(task, &self.machinery.play.folder);
        match include {
            Include::Tasks(include) => self.loader.include_tasks(include, &names.role, inherited, &scoping),
            Include::Role(include) => self.loader.include_role(include, names, inherited, &scoping),
        }
    }
}

fn same_values(a: &VarMap, b: &VarMap) -> bool {
    a.len() == b.len()
        && a.iter()
            .all(|(name, value)| b.get(name).is_some_and(|other| other.raw() == value.raw()))
}
