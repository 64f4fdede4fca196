//! A play on one batch: its sections on all hosts task by task, or on each host at its own pace.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::budget::Budget;
use super::company::{Company, MOST_UNDER_WAY};
use super::event::Event;
use super::gathering::{Gathering, gather_facts};
use super::host_task::Machinery;
use super::items::{Batch, BatchSetting, Lost};
use super::journalled::Met;
use super::run::{Gone, Run};
use super::stats::Recap;
use super::verdict::{BatchResult, FailurePolicy};
use super::world::PlayVars;
use crate::modules::Before;
use crate::playbook::{Item, Play, Strategy};

/// How a play is run on its batches.
pub(super) struct PlaySetting {
    pub(super) strategy: Strategy,
    pub(super) max_fail_percentage: Option<f64>,
    /// Run handlers also on hosts that failed.
    pub(super) force_handlers: bool,
    /// What the play says about gathering facts.
    pub(super) gathers_facts: Option<bool>,
}

/// How a play ended on a batch.
pub(super) struct BatchEnd {
    pub(super) result: BatchResult,
    /// `meta: end_play` was met.
    pub(super) end_play: bool,
    /// Hosts that the end of the run met in the middle.
    pub(super) unfinished: Vec<String>,
}

/// How a batch, or one host of it, went through a play.
#[expect(clippy::struct_excessive_bools, reason = "each is a state of its own")]
struct Through {
    lost: HashMap<String, Lost>,
    /// Handlers that did not run, by host.
    pending: Vec<(String, Vec<String>)>,
    unfinished: Vec<String>,
    recap: Recap,
    fatal: bool,
    over_budget: bool,
    end_play: bool,
    /// `meta: clear_host_errors` was met.
    forgives: bool,
    started: bool,
}

impl Run<'_> {
    /// Runs a play on one batch, of which some hosts may have been lost before.
    pub(super) fn batch(
        &mut self,
        play: &Arc<Play>,
        play_vars: &Arc<PlayVars>,
        whole: &[String],
        setting: &PlaySetting,
    ) -> BatchEnd {
        let hosts: Vec<String> = whole
            .iter()
            .filter(|host| !self.gone.contains_key(*host))
            .cloned()
            .collect();
        for host in &hosts {
            self.recap.entry(host.clone()).or_default();
        }
        let parts = if hosts.is_empty() {
            Vec::new()
        } else if setting.strategy.is_at_own_pace() {
            self.each_at_its_own_pace(play, play_vars, &hosts, setting)
        } else {
            let mut batch = self.new_batch(play, play_vars, None);
            batch.budget = setting
                .max_fail_percentage
                .filter(|_| self.options.failure_policy == FailurePolicy::Ansible)
                .map(|limit| Budget::new(limit, whole.len()));
            vec![batch.go_through(&hosts, setting)]
        };
        let mut end = BatchEnd {
            result: BatchResult {
                hosts: whole.len(),
                ..BatchResult::default()
            },
            end_play: false,
            unfinished: Vec::new(),
        };
        let mut lost = HashMap::new();
        for part in parts {
            end.result.fatal |= part.fatal;
            end.result.over_budget |= part.over_budget;
            end.end_play |= part.end_play;
            end.unfinished.extend(part.unfinished);
            self.started |= part.started;
            for (host, counts) in part.recap {
                self.recap.entry(host).or_default().merge(counts);
            }
            lost.extend(part.lost);
            self.tell_of_handlers(part.pending);
            if part.forgives {
                self.gone.retain(|host, _| !whole.contains(host));
            }
        }
        // Hosts that went at their own pace have ended in any order.
        end.unfinished
            .sort_by_key(|host| hosts.iter().position(|other| other == host));
        self.settle_batch(&hosts, &lost, &mut end.result);
        end
    }

    /// Notes who is lost.
    fn settle_batch(&mut self, hosts: &[String], lost: &HashMap<String, Lost>, result: &mut BatchResult) {
        let is_over = result.fatal || result.over_budget;
        for host in hosts {
            let (list, gone) = match lost.get(host) {
                Some(Lost::Failed { .. }) => (&mut result.failed, Gone::Failed),
                Some(Lost::Unreachable) => (&mut result.unreachable, Gone::Unreachable),
                None if is_over => {
                    result.dragged.push(host.clone());
                    self.gone.insert(host.clone(), Gone::Failed);
                    continue;
                }
                None => continue,
            };
            list.push(host.clone());
            self.gone.insert(host.clone(), gone);
            self.options.undos.is_unfinished(host);
        }
    }

    fn tell_of_handlers(&self, pending: Vec<(String, Vec<String>)>) {
        for (host, handlers) in pending {
            self.options.undos.is_unfinished(&host);
            self.send(Event::HandlersPending { host, handlers });
        }
    }

    fn new_batch<'b>(&'b self, play: &Arc<Play>, play_vars: &Arc<PlayVars>, company: Option<&'b Company>) -> Batch<'b> {
        let machinery = Machinery {
            world: Arc::clone(&self.world),
            pool: self.sessions,
            options: Arc::clone(&self.options),
            events: self.events.clone(),
            play: Arc::clone(play),
            play_vars: Arc::clone(play_vars),
            ahead: None,
            watch: None,
            met: Arc::new(Met::in_play(self.play_number, self.place_in_passes())),
            before: Before::Nothing,
        };
        let setting = BatchSetting {
            loader: self.loader,
            pool: self.workers,
            started: self.started,
            goes_on: &self.goes_on,
            company,
        };
        Batch::new(machinery, setting)
    }

    /// Each host in a thread of its own, as many as may be under way.
    fn each_at_its_own_pace(
        &self,
        play: &Arc<Play>,
        play_vars: &Arc<PlayVars>,
        hosts: &[String],
        setting: &PlaySetting,
    ) -> Vec<Through> {
        let forks = self.workers.current_num_threads();
        let most = match setting.strategy {
            Strategy::HostPinned => forks,
            _ => MOST_UNDER_WAY,
        };
        let company = Company::new(setting.strategy, forks);
        let next = AtomicUsize::new(0);
        let ended = Mutex::new(Vec::new());
        let work = || {
            while let Some(host) = hosts.get(next.fetch_add(1, Ordering::Relaxed)) {
                let batch = self.new_batch(play, play_vars, Some(&company));
                let through = batch.go_through(std::slice::from_ref(host), setting);
                ended.lock().unwrap_or_else(PoisonError::into_inner).push(through);
            }
        };
        std::thread::scope(|scope| {
            for index in 1..most.min(hosts.len()) {
                // Where no more threads can be had, those that there are take the hosts one after the other.
                let thread = std::thread::Builder::new().name(format!("pace-{index}"));
                if thread.spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
        ended.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch<'_> {
    /// Runs the whole play on hosts.
    fn go_through(mut self, hosts: &[String], setting: &PlaySetting) -> Through {
        let play = Arc::clone(&self.machinery.play);
        let options = Arc::clone(&self.machinery.options);
        if let Some(task) = gather_facts(&play, setting.gathers_facts, &options) {
            let world = &self.machinery.world;
            let is_wanted = |host: &&String| options.gathering != Gathering::Smart || !world.has_facts(host);
            let wanted: Vec<String> = hosts.iter().filter(is_wanted).cloned().collect();
            self.run_items(&[Item::Task(Arc::new(task))], &wanted);
        }
        // Ansible's flush points: after pre_tasks, after roles and tasks, after post_tasks.
        for (section, flush) in play.sections().into_iter().zip([true, false, true, true]) {
            self.run_items(section, hosts);
            if flush {
                self.flush_handlers(hosts);
            }
        }
        let is_struck = self.company.is_some_and(Company::is_struck);
        if let Some(company) = self.company.filter(|_| self.fatal) {
            company.strike();
        }
        let (lost, fatal) = (self.lost.clone(), self.fatal);
        let over_budget = self.is_over_budget();
        if setting.force_handlers && !over_budget {
            self.fatal = false;
            self.lost.retain(|_, lost| matches!(lost, Lost::Unreachable));
            self.flush_handlers(hosts);
        }
        let pending = hosts.iter().map(|host| (host.clone(), self.handlers.pending_on(host)));
        let pending = pending.filter(|(_, handlers)| !handlers.is_empty()).collect();
        let is_cut_short = self.is_cut_short.load(Ordering::Relaxed);
        let is_amid = |host: &&String| {
            let has_left = lost.contains_key(*host) || self.ended.contains(*host) || self.cleared.contains(*host);
            is_cut_short && !has_left
        };
        let unfinished = hosts.iter().filter(is_amid).cloned().collect();
        Through {
            pending,
            unfinished,
            lost,
            recap: self.recap,
            fatal: fatal || is_struck,
            over_budget,
            end_play: self.end_play || self.company.is_some_and(Company::has_play_ended),
            forgives: self.forgives,
            started: self.started,
        }
    }
}
