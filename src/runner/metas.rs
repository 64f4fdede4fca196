//! `meta`: tasks that steer the run itself.

use std::sync::Arc;

use super::conditions::condition;
use super::items::Batch;
use crate::playbook::{Meta, Task};

impl Batch<'_> {
    pub(super) fn meta(&mut self, meta: Meta, task: &Arc<Task>, hosts: &[String]) {
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
            Meta::EndPlay => {
                self.end_play = true;
                if let Some(company) = self.company {
                    company.end_play();
                }
            }
            Meta::EndBatch => {
                self.ended.extend(hosts.iter().cloned());
                if let Some(company) = self.company {
                    company.end_batch();
                }
            }
            Meta::EndHost => self.ended.extend(chosen),
            Meta::ClearHostErrors => {
                self.cleared.extend(self.lost.drain().map(|(host, _)| host));
                self.forgives = true;
                if let Some(budget) = &mut self.budget {
                    budget.clear();
                }
            }
            Meta::ResetConnection => chosen.iter().for_each(|host| self.machinery.pool.forget(host)),
            Meta::Noop => {}
        }
        if matches!(meta, Meta::EndHost | Meta::EndBatch | Meta::ClearHostErrors) {
            self.others_have_changed();
        }
    }
}
