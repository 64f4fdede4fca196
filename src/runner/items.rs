//! The linear strategy: each task on all hosts of the batch, then the next one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;
use serde_json::{Value, json};

use super::event::{Event, Status};
use super::handlers::Handlers;
use super::host_task::{Ended, Machinery, condition};
use super::loops::item_variables;
use super::roles::RolesOfHosts;
use super::stats::Recap;
use crate::modules::{Answer, Failure, Question};
use crate::playbook::{
    Action, Block, IncludeRole, IncludeTasks, Included, Item, Keywords, Loader, Meta, RoleNames, Scoping, Setting, Task,
};
use crate::syntax::Diagnostics;
use crate::vars::{Scope, VarMap, Variable};

/// How deep tasks may include one another; "try again" as an include of itself needs some.
const MAX_INCLUDE_DEPTH: usize = 100;

/// Why a host takes no further part.
#[derive(Clone, Debug)]
pub(super) enum Lost {
    /// A task failed; the variables that `rescue` sees.
    Failed(VarMap),
    /// It could not be reached.
    Unreachable,
}

/// The state of one batch.
pub(super) struct Batch<'a> {
    pub(super) machinery: Machinery<'a, 'a>,
    pub(super) loader: &'a Loader<'a>,
    pub(super) pool: &'a rayon::ThreadPool,
    pub(super) recap: &'a mut Recap,
    pub(super) handlers: Handlers,
    /// Hosts that take no further part, with the reason.
    pub(super) lost: HashMap<String, Lost>,
    /// Hosts that `meta: end_host` took out.
    pub(super) ended: HashSet<String>,
    /// `any_errors_fatal` struck.
    pub(super) fatal: bool,
    /// `meta: end_play` was met.
    pub(super) end_play: bool,
    /// The user ended the run while there was more to do.
    pub(super) is_cut_short: AtomicBool,
    /// The task of `--start-at-task` was met.
    pub(super) started: &'a mut bool,
    /// `--step` was answered with "continue".
    goes_on: &'a mut bool,
    /// How many includes deep the tasks stand that are being run.
    include_depth: usize,
    /// How far hosts are with roles.
    pub(super) roles: RolesOfHosts,
    /// What `rescue` tasks see.
    pub(super) rescue_vars: HashMap<String, VarMap>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        machinery: Machinery<'a, 'a>,
        loader: &'a Loader<'a>,
        pool: &'a rayon::ThreadPool,
        recap: &'a mut Recap,
        started: &'a mut bool,
        goes_on: &'a mut bool,
    ) -> Self {
        let handlers = Handlers::new(machinery.play.handlers.clone());
        Self {
            machinery,
            loader,
            pool,
            recap,
            handlers,
            lost: HashMap::new(),
            ended: HashSet::new(),
            fatal: false,
            end_play: false,
            is_cut_short: AtomicBool::new(false),
            started,
            goes_on,
            include_depth: 0,
            roles: RolesOfHosts::default(),
            rescue_vars: HashMap::new(),
        }
    }

    /// Runs items on those of the hosts that still take part.
    pub(super) fn run_items(&mut self, items: &[Item], hosts: &[String]) {
        let mut rest = items;
        while let Some((item, others)) = rest.split_first() {
            let active = self.active(hosts);
            if active.is_empty() {
                return;
            }
            let (together, behind) = self.window(rest);
            if together.len() > 1 {
                self.run_window(&together, &active);
                rest = behind;
                continue;
            }
            match item {
                Item::Task(task) => {
                    let active = self.roles.still_in(task, active);
                    if !active.is_empty() {
                        self.run_task(task, &active, false);
                    }
                }
                Item::Block(block) => self.run_block(block, &active),
                Item::Role(run) => {
                    let active = self.roles.begin(&run.role, active);
                    self.run_items(&run.items, &active);
                    self.roles.end(&run.role, &active);
                }
            }
            rest = others;
        }
    }

    pub(super) fn active(&self, hosts: &[String]) -> Vec<String> {
        if self.fatal || self.end_play {
            return Vec::new();
        }
        let takes_part = |host: &&String| !self.lost.contains_key(*host) && !self.ended.contains(*host);
        let active: Vec<String> = hosts.iter().filter(takes_part).cloned().collect();
        if !active.is_empty() && self.machinery.options.interrupted.load(Ordering::Relaxed) {
            self.is_cut_short.store(true, Ordering::Relaxed);
            return Vec::new();
        }
        active
    }

    fn run_block(&mut self, block: &Block, hosts: &[String]) {
        self.run_items(&block.items, hosts);
        // `any_errors_fatal` ends the play for all hosts, but a rescue of the block it struck in can undo that.
        let fatal = std::mem::take(&mut self.fatal);
        let mut to_rescue = Vec::new();
        if !block.rescue.is_empty() {
            for host in hosts {
                if let Some(Lost::Failed(vars)) = self.lost.get(host) {
                    self.rescue_vars.insert(host.clone(), vars.clone());
                    self.lost.remove(host);
                    to_rescue.push(host.clone());
                }
            }
            self.run_items(&block.rescue, &to_rescue);
            for host in &to_rescue {
                self.rescue_vars.remove(host);
                if !self.lost.contains_key(host) {
                    let counts = self.recap.entry(host.clone()).or_default();
                    counts.rescued += 1;
                    counts.failed = counts.failed.saturating_sub(1);
                }
            }
        }
        if !block.always.is_empty() {
            // Also on hosts that failed: they come back for these tasks only.
            let mut failed: HashMap<String, Lost> = HashMap::new();
            for host in hosts {
                if let Some(Lost::Failed(_)) = self.lost.get(host)
                    && let Some(reason) = self.lost.remove(host)
                {
                    failed.insert(host.clone(), reason);
                }
            }
            self.run_items(&block.always, hosts);
            for (host, reason) in failed {
                self.lost.entry(host).or_insert(reason);
            }
        }
        self.fatal |= fatal && hosts.iter().any(|host| self.lost.contains_key(host));
    }

    fn run_task(&mut self, task: &Arc<Task>, hosts: &[String], handler: bool) {
        if !handler && !self.is_chosen(task) {
            return;
        }
        if matches!(task.action, Action::Module { .. }) && !self.is_agreed_to(task) {
            return;
        }
        match &task.action {
            Action::Meta(meta) => self.meta(*meta, task, hosts),
            Action::IncludeTasks(include) => self.include(task, hosts, &Include::Tasks(include)),
            Action::IncludeRole(include) => self.include(task, hosts, &Include::Role(include)),
            Action::Module { .. } => self.run_module(task, hosts, handler),
        }
    }

    fn is_chosen(&mut self, task: &Task) -> bool {
        let options = &self.machinery.options;
        if !*self.started {
            let wanted = options.start_at_task.as_deref();
            if wanted.is_some_and(|wanted| task.is_called(wanted)) {
                *self.started = true;
            } else {
                return false;
            }
        }
        options.tags.selects(&task.keywords.tags)
    }

    /// Asks whether a task is to run, when `--step` wants that.
    fn is_agreed_to(&mut self, task: &Task) -> bool {
        if !self.machinery.options.step || *self.goes_on {
            return true;
        }
        let answer = self.machinery.ask(&Question {
            text: format!("Perform task: {} (N)o/(y)es/(c)ontinue: ", task.title()),
            echo: true,
            terminal_only: false,
        });
        match answer {
            Answer::Text(answer) => match answer.trim().to_lowercase().as_str() {
                "y" | "yes" => true,
                "c" | "continue" => {
                    *self.goes_on = true;
                    true
                }
                _ => false,
            },
            Answer::Interrupted => false,
            Answer::Nobody(reason) => {
                self.machinery.send(Event::Warning {
                    message: format!("--step: {reason}; the run ends here"),
                });
                self.machinery.options.interrupted.store(true, Ordering::Relaxed);
                false
            }
        }
    }

    fn run_module(&mut self, task: &Arc<Task>, hosts: &[String], handler: bool) {
        let always_once = matches!(&task.action, Action::Module { definition, .. } if definition.runs_once);
        let once = always_once || self.flag(task.keywords.run_once.as_ref(), &hosts[0], task);
        let running = if once { &hosts[..1] } else { hosts };
        self.machinery.send(Event::TaskStarted {
            name: self.machinery.title(task, &hosts[0]),
            handler,
            place: task.place.to_string(),
            hosts: running.to_vec(),
        });
        let throttle = task.keywords.throttle.as_ref().and_then(|setting| {
            let number = setting.number(&self.scope(&hosts[0], task)?).ok()?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a number from 0 up"
            )]
            let hosts_at_once = number as usize;
            Some(hosts_at_once)
        });
        let results = self.on_hosts(task, running, throttle.unwrap_or(0));
        for (host, ended) in results {
            self.settle(
                task,
                &host,
                &ended,
                if once { hosts } else { std::slice::from_ref(&host) },
            );
        }
    }

    /// Runs a task on hosts in parallel; at most `throttle` at once when that is not 0.
    fn on_hosts(&self, task: &Task, hosts: &[String], throttle: usize) -> Vec<(String, Ended)> {
        let none = VarMap::new();
        let run = |host: &String| {
            let before = self.rescue_vars.get(host).unwrap_or(&none);
            (host.clone(), self.machinery.run_on_host(task, host, before))
        };
        if hosts.len() == 1 {
            return hosts.iter().map(run).collect();
        }
        if throttle == 0 {
            return self
                .pool
                .install(|| hosts.par_iter().with_max_len(1).map(run).collect());
        }
        // Each of `throttle` workers takes the next host until none is left.
        let next = AtomicUsize::new(0);
        let mut results: Vec<(usize, (String, Ended))> = self.pool.install(|| {
            (0..throttle.min(hosts.len()))
                .into_par_iter()
                .with_max_len(1)
                .flat_map_iter(|_| {
                    std::iter::from_fn(|| {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        hosts.get(index).map(|host| (index, run(host)))
                    })
                })
                .collect()
        });
        results.sort_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// Takes over what a task leaves behind on a host; `shared` are the hosts that its result holds for.
    fn settle(&mut self, task: &Arc<Task>, host: &str, ended: &Ended, shared: &[String]) {
        for other in shared {
            self.machinery.learn(task, other, ended);
        }
        if let Some(about) = &ended.facts_of {
            self.machinery.world.learn_facts(about, ended.facts.clone());
        }
        self.count(task, host, ended, shared);
    }

    /// Draws the consequences of how a task ended on a host.
    pub(super) fn count(&mut self, task: &Arc<Task>, host: &str, ended: &Ended, shared: &[String]) {
        self.recap
            .entry(host.to_owned())
            .or_default()
            .add(ended.status, ended.ignored);
        if ended.interrupted {
            self.is_cut_short.store(true, Ordering::Relaxed);
        }
        let has_changed = matches!(ended.status, Status::Changed | Status::Failed | Status::Unreachable);
        for touched in shared.iter().chain(&ended.delegated_to) {
            self.machinery.options.undos.task_ended(touched, has_changed);
        }
        if let (Some(role), Status::Ok | Status::Changed | Status::Failed) = (&task.role, ended.status) {
            for host in shared {
                self.roles.ran(role, host);
            }
        }
        if ended.lost() {
            let fatal = self.flag(task.keywords.any_errors_fatal.as_ref(), host, task);
            self.fatal |= fatal;
            for other in shared {
                self.lose(other, task, ended);
            }
        } else if ended.status == Status::Changed {
            self.notify(task, host);
        }
    }

    fn lose(&mut self, host: &str, task: &Task, ended: &Ended) {
        let lost = if ended.status == Status::Unreachable {
            Lost::Unreachable
        } else {
            let mut vars = VarMap::new();
            let about = json!({"name": task.title(), "action": task.action.name()});
            vars.insert("ansible_failed_task".to_owned(), Variable::data(about));
            vars.insert(
                "ansible_failed_result".to_owned(),
                Variable::data(Value::Object(ended.result.clone())),
            );
            Lost::Failed(vars)
        };
        self.lost.insert(host.to_owned(), lost);
    }

    fn notify(&mut self, task: &Arc<Task>, host: &str) {
        for notified in &task.notify {
            let names = match self.scope(host, task).map(|scope| notified.rendered(&scope)) {
                Some(Ok(Value::String(name))) => vec![name],
                Some(Ok(Value::Array(names))) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                _ => Vec::new(),
            };
            for name in names {
                if !self.handlers.notify(host, &name) {
                    self.fail(
                        task,
                        host,
                        Failure::new(format!("there is no handler `{name}` ({})", notified.place)),
                    );
                }
            }
        }
    }

    /// Runs the handlers that are pending on the hosts, in definition order; what they notify runs too.
    pub(super) fn flush_handlers(&mut self, hosts: &[String]) {
        loop {
            let active = self.active(hosts);
            let Some((handler, notified)) = self.handlers.next(&active) else {
                return;
            };
            self.run_task(&handler, &notified, true);
        }
    }

    fn meta(&mut self, meta: Meta, task: &Arc<Task>, hosts: &[String]) {
        let mut chosen = Vec::new();
        for host in hosts {
            match self
                .scope(host, task)
                .map(|scope| condition(&task.keywords.when, &scope))
            {
                Some(Ok(None)) => chosen.push(host.clone()),
                Some(Ok(Some(_))) | None => {}
                Some(Err(failure)) => self.fail(task, host, failure),
            }
        }
        if chosen.is_empty() {
            return;
        }
        match meta {
            Meta::FlushHandlers => self.flush_handlers(hosts),
            Meta::EndPlay => self.end_play = true,
            Meta::EndBatch => self.ended.extend(hosts.iter().cloned()),
            Meta::EndHost => self.ended.extend(chosen),
            Meta::ClearHostErrors => self.lost.clear(),
            Meta::ResetConnection => chosen.iter().for_each(|host| self.machinery.pool.forget(host)),
            Meta::EndRole => self.roles.leave(task, chosen),
            Meta::ClearFacts => chosen.iter().for_each(|host| self.machinery.world.clear_facts(host)),
            Meta::RefreshInventory => {
                if let Err(failure) = self.machinery.world.refresh_inventory() {
                    for host in &chosen {
                        self.fail(task, host, failure.clone());
                    }
                }
            }
            Meta::Noop => {}
        }
    }

    fn include(&mut self, task: &Arc<Task>, hosts: &[String], include: &Include<'_>) {
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
            let mut inherited = task.keywords.clone();
            if !vars.is_empty() {
                inherited.include_params.push(Arc::new(vars));
            }
            match self.load_include(task, include, &name, &inherited) {
                Ok(included) => {
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
                    self.roles.forget(&included.roles);
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

    /// A failure that no module reported.
    fn fail(&mut self, task: &Arc<Task>, host: &str, failure: Failure) {
        let report = super::event::HostReport {
            host: host.to_owned(),
            delegated_to: None,
            item: None,
            status: Status::Failed,
            changes: Vec::new(),
            message: Some(failure.message),
            help: failure.help,
            ignored: false,
            result: failure.result,
            diff: Vec::new(),
            warnings: Vec::new(),
            place: task.place.to_string(),
            module: task.action.name().to_owned(),
        };
        self.machinery.send(Event::HostFinished(report));
        self.recap
            .entry(host.to_owned())
            .or_default()
            .add(Status::Failed, false);
        self.lost.insert(host.to_owned(), Lost::Failed(VarMap::new()));
    }

    fn scope(&self, host: &str, task: &Task) -> Option<Scope> {
        self.machinery
            .world
            .scope(host, &self.machinery.play_vars, Some(task))
            .ok()
    }

    fn flag(&self, setting: Option<&Setting>, host: &str, task: &Task) -> bool {
        setting.is_some_and(|setting| {
            self.scope(host, task)
                .and_then(|scope| setting.flag(&scope).ok())
                .unwrap_or(false)
        })
    }
}

enum Include<'a> {
    Tasks(&'a IncludeTasks),
    Role(&'a IncludeRole),
}

impl Include<'_> {
    /// What is included, for the variables of a host.
    fn names(&self, scope: &Scope) -> Result<RoleNames, Failure> {
        let mut problem = None;
        let names = {
            let problem = std::cell::RefCell::new(&mut problem);
            let text = |setting: &Setting| match setting.text(scope) {
                Ok(text) => Some(text),
                Err(error) => {
                    **problem.borrow_mut() = Some(Failure::new(error.message()));
                    None
                }
            };
            match self {
                Include::Tasks(include) => text(&include.file).map(|role| RoleNames {
                    role,
                    ..RoleNames::default()
                }),
                Include::Role(include) => include.names(&text),
            }
        };
        names.ok_or_else(|| problem.unwrap_or_else(|| Failure::new("the include has no name")))
    }
}

fn same_values(a: &VarMap, b: &VarMap) -> bool {
    a.len() == b.len()
        && a.iter()
            .all(|(name, value)| b.get(name).is_some_and(|other| other.raw() == value.raw()))
}
