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
            Meta::EndPlay => self.end_play = true,
            Meta::EndBatch => self.ended.extend(hosts.iter().cloned()),
            Meta::EndHost => self.ended.extend(chosen),
            Meta::ClearHostErrors => self.lost.clear(),
            Meta::ResetConnection => chosen.iter().for_each(|host| self.machinery.pool.forget(host)),
            Meta::Noop => {}
        }
    }
}
