//! A batch on its way through a play: what is run on which hosts, blocks with rescue and always, who takes part.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::event::{Event, Status};
use super::handlers::Handlers;
use super::host_task::Machinery;
use super::stats::Recap;
use crate::modules::Failure;
use crate::playbook::{Block, Item, Loader, Setting, Task};
use crate::vars::{Scope, VarMap};

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
    pub(super) goes_on: &'a mut bool,
    /// How many includes deep the tasks stand that are being run.
    pub(super) include_depth: usize,
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
                Item::Task(task) => self.run_task(task, &active, false),
                Item::Block(block) => self.run_block(block, &active),
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

    /// A failure that no module reported.
    pub(super) fn fail(&mut self, task: &Arc<Task>, host: &str, failure: Failure) {
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
