//! A batch on its way through a play: what is run on which hosts, blocks with rescue and always, who takes part.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::budget::Budget;
use super::company::Company;
use super::event::{Event, Status};
use super::failed_task::about_failure;
use super::handlers::Handlers;
use super::host_task::Machinery;
use super::roles::RolesOfHosts;
use super::stats::Recap;
use super::world::PlayVars;
use crate::modules::Failure;
use crate::playbook::{Block, Item, Loader, Setting, Task};
use crate::syntax::Excerpt;
use crate::vars::{Scope, VarMap};
use serde_json::json;

/// Why a host takes no further part.
#[derive(Clone, Debug)]
pub(super) enum Lost {
    /// A task failed.
    Failed {
        /// What `rescue` sees.
        vars: VarMap,
        /// It failed on this very host, not on another one that it was run for, too.
        is_own: bool,
    },
    /// It could not be reached.
    Unreachable,
}

/// The state of one batch, or of one host of it where the hosts do not wait for one another.
#[expect(clippy::struct_excessive_bools, reason = "each is a state of its own")]
pub(super) struct Batch<'a> {
    pub(super) machinery: Machinery<'a, 'a>,
    pub(super) loader: &'a Loader<'a>,
    pub(super) pool: &'a rayon::ThreadPool,
    pub(super) recap: Recap,
    pub(super) handlers: Handlers,
    /// Hosts that take no further part, with the reason.
    pub(super) lost: HashMap<String, Lost>,
    /// Hosts whose failures `meta: clear_host_errors` has forgiven: they take part again from the next play on.
    pub(super) cleared: HashSet<String>,
    /// Whether that was met: it is for all hosts of the batch.
    pub(super) forgives: bool,
    /// Hosts that `meta: end_host` took out.
    pub(super) ended: HashSet<String>,
    /// `any_errors_fatal` struck.
    pub(super) fatal: bool,
    /// `meta: end_play` was met.
    pub(super) end_play: bool,
    /// The user ended the run while there was more to do.
    pub(super) is_cut_short: AtomicBool,
    /// The task of `--start-at-task` was met.
    pub(super) started: bool,
    /// `--step` was answered with "continue".
    pub(super) goes_on: &'a Mutex<bool>,
    /// How many includes deep the tasks stand that are being run.
    pub(super) include_depth: usize,
    /// How far hosts are with roles.
    pub(super) roles: RolesOfHosts,
    /// What `rescue` tasks see.
    pub(super) rescue_vars: HashMap<String, VarMap>,
    /// The play's variables as they were when all hosts of the batch took part.
    all_vars: Arc<PlayVars>,
    /// How many hosts may fail by Ansible's own rule.
    pub(super) budget: Option<Budget>,
    /// The other hosts of the batch, where none waits for them.
    pub(super) company: Option<&'a Company>,
}

/// What a batch is run with.
#[derive(Clone, Copy)]
pub(super) struct BatchSetting<'a> {
    pub(super) loader: &'a Loader<'a>,
    pub(super) pool: &'a rayon::ThreadPool,
    pub(super) started: bool,
    pub(super) goes_on: &'a Mutex<bool>,
    pub(super) company: Option<&'a Company>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(machinery: Machinery<'a, 'a>, setting: BatchSetting<'a>) -> Self {
        let handlers = Handlers::new(machinery.play.handlers.clone());
        Self {
            all_vars: Arc::clone(&machinery.play_vars),
            machinery,
            loader: setting.loader,
            pool: setting.pool,
            recap: Recap::new(),
            handlers,
            lost: HashMap::new(),
            cleared: HashSet::new(),
            forgives: false,
            ended: HashSet::new(),
            fatal: false,
            end_play: false,
            is_cut_short: AtomicBool::new(false),
            started: setting.started,
            goes_on: setting.goes_on,
            include_depth: 0,
            roles: RolesOfHosts::default(),
            rescue_vars: HashMap::new(),
            budget: None,
            company: setting.company,
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
            let (together, behind) = self.window(rest, &active);
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
                    let active = self.roles.yet_to_run(&run.role, active);
                    self.run_items(&run.items, &active);
                }
            }
            rest = others;
        }
    }

    pub(super) fn active(&self, hosts: &[String]) -> Vec<String> {
        if self.fatal || self.end_play || self.is_over_budget() {
            return Vec::new();
        }
        let active: Vec<String> = hosts.iter().filter(|host| self.takes_part(host)).cloned().collect();
        let is_struck = self.company.is_some_and(Company::is_struck);
        if !active.is_empty() && (is_struck || self.machinery.options.interrupted.load(Ordering::Relaxed)) {
            self.is_cut_short.store(true, Ordering::Relaxed);
            return Vec::new();
        }
        if self.company.is_some_and(Company::has_ended) {
            return Vec::new();
        }
        active
    }

    pub(super) fn takes_part(&self, host: &str) -> bool {
        !self.lost.contains_key(host) && !self.ended.contains(host) && !self.cleared.contains(host)
    }

    pub(super) fn is_over_budget(&self) -> bool {
        self.budget.as_ref().is_some_and(Budget::is_exceeded)
    }

    /// Tells the tasks that come who takes part (`ansible_play_hosts`).
    pub(super) fn others_have_changed(&mut self) {
        let is_there = |host: &str| self.takes_part(host);
        let vars = self.all_vars.with_hosts(&is_there);
        // A role that was included for all has brought more.
        let roles = self.machinery.play_vars.roles.clone();
        self.machinery.play_vars = Arc::new(PlayVars { roles, ..vars });
    }

    fn run_block(&mut self, block: &Block, hosts: &[String]) {
        // A rescue of which no task is chosen by its tags rescues nobody.
        let tags = &self.machinery.options.tags;
        let mut rescuers = block.rescue.iter().flat_map(Item::tasks);
        let has_rescue = rescuers.any(|task| tags.selects(&task.keywords.tags));
        let is_sheltered = has_rescue || !block.always.is_empty();
        self.in_shelter(is_sheltered, |batch| batch.run_items(&block.items, hosts));
        if self.is_over_budget() {
            return;
        }
        let mut fatal = std::mem::take(&mut self.fatal);
        if has_rescue {
            // `any_errors_fatal` takes all hosts out of the block, and its rescue is for all of them.
            let reason = hosts.iter().find_map(|host| match self.lost.get(host) {
                Some(Lost::Failed { vars, .. }) => Some(vars.clone()),
                _ => None,
            });
            let vars = reason.unwrap_or_default();
            for host in hosts.iter().filter(|_| fatal) {
                if self.takes_part(host) {
                    let vars = vars.clone();
                    self.lost.insert(host.clone(), Lost::Failed { vars, is_own: false });
                }
            }
            fatal = false;
            self.rescue(block, hosts);
        }
        if !block.always.is_empty() {
            // Also on hosts that failed: they come back for these tasks only.
            let struck = std::mem::take(&mut self.fatal);
            let mut failed: HashMap<String, Lost> = HashMap::new();
            for host in hosts {
                if let Some(Lost::Failed { .. }) = self.lost.get(host)
                    && let Some(reason) = self.lost.remove(host)
                {
                    failed.insert(host.clone(), reason);
                }
            }
            self.run_items(&block.always, hosts);
            for (host, reason) in failed {
                self.lost.entry(host).or_insert(reason);
            }
            self.fatal |= struck;
        }
        self.fatal |= fatal && hosts.iter().any(|host| self.lost.contains_key(host));
        self.others_have_changed();
    }

    fn rescue(&mut self, block: &Block, hosts: &[String]) {
        let mut to_rescue = Vec::new();
        for host in hosts {
            if let Some(Lost::Failed { vars, is_own }) = self.lost.get(host) {
                self.rescue_vars.insert(host.clone(), vars.clone());
                if *is_own {
                    let counts = self.recap.entry(host.clone()).or_default();
                    counts.rescued += 1;
                    counts.failed = counts.failed.saturating_sub(1);
                }
                self.lost.remove(host);
                to_rescue.push(host.clone());
            }
        }
        self.others_have_changed();
        self.in_shelter(!block.always.is_empty(), |batch| {
            batch.run_items(&block.rescue, &to_rescue);
        });
        for host in &to_rescue {
            self.rescue_vars.remove(host);
        }
    }

    /// Runs what a failure in does not end a host's part in the play, not at once at least.
    fn in_shelter(&mut self, is_sheltered: bool, run: impl FnOnce(&mut Self)) {
        if let Some(budget) = self.budget.as_mut().filter(|_| is_sheltered) {
            budget.shelter(true);
        }
        run(self);
        if let Some(budget) = self.budget.as_mut().filter(|_| is_sheltered) {
            budget.shelter(false);
        }
    }

    /// A failure that no module reported.
    pub(super) fn fail(&mut self, task: &Arc<Task>, host: &str, failure: Failure) {
        let result = json!({"failed": true, "changed": false, "msg": failure.message});
        let vars = about_failure(task, result);
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
            excerpt: Some(Excerpt::of(failure.place.as_ref().unwrap_or(&task.place))),
            module: task.action.shown().to_owned(),
            done_before: false,
        };
        self.machinery.send(Event::HostFinished(report));
        self.recap
            .entry(host.to_owned())
            .or_default()
            .add(Status::Failed, false);
        if let Some(budget) = &mut self.budget {
            budget.failed(host);
        }
        let lost = Lost::Failed { vars, is_own: true };
        self.lost.insert(host.to_owned(), lost);
        self.others_have_changed();
    }

    pub(super) fn scope(&self, host: &str, task: &Task) -> Option<Scope> {
        self.machinery
            .world
            .scope(host, &self.machinery.play_vars, Some(task))
            .ok()
    }

    pub(super) fn flag(&self, setting: Option<&Setting>, host: &str, task: &Task) -> bool {
        setting.is_some_and(|setting| {
            self.scope(host, task)
                .and_then(|scope| setting.flag(&scope).ok())
                .unwrap_or(false)
        })
    }
}
