//! Windows: runs of tasks of a batch that may travel together, and the hosts on their way through one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rayon::prelude::*;

use super::company::Company;
use super::fused::{HostWindow, Stage, WindowEnd, may_fuse};
use super::host_task::Ended;
use super::items::Batch;
use crate::playbook::{Item, Task};
use crate::vars::VarMap;

impl Batch<'_> {
    /// The tasks at the beginning of some items that may travel together, and the items behind them.
    pub(super) fn window<'i>(&self, items: &'i [Item]) -> (Vec<Arc<Task>>, &'i [Item]) {
        let options = &self.machinery.options;
        // Tasks that are to be asked about, or that may not be met yet, are run one by one.
        let by_one = options.no_fuse || options.step || !self.started;
        let is_watched = self.machinery.play.max_fail_percentage.is_some() && self.company.is_none();
        if by_one || is_watched {
            return (Vec::new(), items);
        }
        let mut together = Vec::new();
        let mut rest = items;
        while let Some((Item::Task(task), others)) = rest.split_first() {
            if !may_fuse(task, self.company.is_some()) {
                break;
            }
            if options.tags.selects(&task.keywords.tags) {
                together.push(Arc::clone(task));
            }
            rest = others;
        }
        (together, rest)
    }

    /// Runs tasks whose requests may travel together; each host goes through them at its own pace.
    pub(super) fn run_window(&mut self, tasks: &[Arc<Task>], hosts: &[String]) {
        let none = VarMap::new();
        let _begun = self.company.map(Company::begin_task);
        let machinery = &self.machinery;
        let title = |task: &Task, host: &str| machinery.title(task, host);
        let stage = Stage::new(tasks, hosts, &title, machinery.events.clone());
        let mut windows: Vec<HostWindow<'_, '_>> = hosts
            .iter()
            .map(|host| {
                let before = self.rescue_vars.get(host).unwrap_or(&none);
                HostWindow::new(machinery, &stage, tasks, host, before)
            })
            .collect();
        let mut is_cut_short = false;
        loop {
            let ends: Vec<WindowEnd> = if let [only] = windows.as_mut_slice() {
                vec![only.run()]
            } else {
                let run = |window: &mut HostWindow<'_, '_>| window.run();
                self.pool
                    .install(|| windows.par_iter_mut().with_max_len(1).map(run).collect())
            };
            is_cut_short |= ends.contains(&WindowEnd::Interrupted);
            // Those that waited for others are let on, as all others have now come that far.
            if is_cut_short || !ends.contains(&WindowEnd::Waits) {
                break;
            }
        }
        stage.finish();
        let ended: Vec<(String, Vec<Ended>)> = windows
            .into_iter()
            .map(|window| (window.host().to_owned(), window.into_results()))
            .collect();
        self.is_cut_short.fetch_or(is_cut_short, Ordering::Relaxed);
        for (number, task) in tasks.iter().enumerate() {
            for (host, results) in &ended {
                if let Some(ended) = results.get(number) {
                    self.count(task, host, ended, std::slice::from_ref(host));
                }
            }
        }
    }
}
