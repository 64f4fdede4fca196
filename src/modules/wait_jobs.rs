//! `wait-jobs`: what an earlier run began on a node, and what outlived it, comes to its end first.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;

use super::args::{Count, Text};
use super::{Again, Context, Failure, Module, Outcome, Pending, State};

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Waits until the long commands have ended that an earlier run began on the node (kubeadm, packages, a drain, a restore):
/// they go on there when krun is killed or its machine dies.
///
/// A task that is repeated finds its own command by itself. This is for the tasks before it, which would look at a node
/// that is in the middle of a change.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WaitJobs {
    /// Only commands of these modules. Default: of all.
    modules: Vec<Text>,
    /// Seconds to wait at most. Default: 1800.
    timeout: Count,
}

impl Default for WaitJobs {
    fn default() -> Self {
        Self {
            modules: Vec::new(),
            timeout: Count(1800),
        }
    }
}

impl WaitJobs {
    /// The commands that are still at work, by the names that the modules gave them.
    fn running(&self, context: &mut Context<'_>) -> Result<Vec<String>, Failure> {
        let jobs = context.running_jobs()?;
        let is_meant = |job: &&String| {
            self.modules.is_empty()
                || self
                    .modules
                    .iter()
                    .any(|module| job.starts_with(&format!("{}-", &**module)))
        };
        Ok(jobs.iter().filter(is_meant).map(|job| name(job).to_owned()).collect())
    }
}

/// What the module called its command: the rest of `MODULE-DIGEST-NAME`.
fn name(job: &str) -> &str {
    let mut rest = job;
    while let Some((part, tail)) = rest.split_once('-') {
        if part.len() == 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return tail;
        }
        rest = tail;
    }
    job
}

impl Module for WaitJobs {
    const NAME: &'static str = "wait-jobs";
    const AGAIN: Again = Again::Run;
    const EXAMPLE: &'static str = "\
- name: No kubeadm of an earlier run is at work
  wait-jobs:
    modules: [kubeadm, package]
";

    type Plan = Vec<String>;

    /// Waits, as nothing is changed by it; in check mode it only looks once.
    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let limit = Duration::from_secs(self.timeout.0);
        let end = Instant::now() + limit;
        let mut reported = Vec::new();
        loop {
            let running = self.running(context)?;
            if running.is_empty() {
                return Ok(State::Satisfied(Outcome::ok().with("waited_for", reported)));
            }
            let names = running.join(", ");
            if context.check_mode {
                return Ok(Pending::new(running, [format!("wait for the end of {names}")]).into());
            }
            if Instant::now() >= end {
                return Err(Failure::new(format!(
                    "still at work on the node after {} s: {names}, begun by an earlier run",
                    limit.as_secs()
                ))
                .help("look on the node what it waits for; `timeout` gives it more time"));
            }
            if running != reported {
                context.report(&format!(
                    "{names} of an earlier run is still at work, waiting for its end"
                ));
                reported = running;
            }
            context.wait(PAUSE)?;
        }
    }

    fn apply(&self, _: &mut Context<'_>, running: Vec<String>) -> Result<Outcome, Failure> {
        Err(Failure::new(format!("still at work: {}", running.join(", "))))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::connection::scripted::Answer;
    use crate::modules::testing::{asked, check_module, run_module, scripted};

    const RUNNING: &str = "kubeadm-0123456789abcdef-kubeadm-apply\npackage-0123456789abcdef-package\n";

    #[test]
    fn it_looks_until_nothing_is_at_work() {
        let (mut node, log) = scripted([Answer::stdout(RUNNING), Answer::stdout("")]);
        let outcome = run_module("wait-jobs", json!({}), &mut node).unwrap();
        assert!(!outcome.changed);
        assert_eq!(outcome.result["waited_for"], json!(["kubeadm-apply", "package"]));
        assert_eq!(asked(&log).len(), 2);
    }

    #[test]
    fn other_modules_are_no_reason_to_wait() {
        let (mut node, _) = scripted([Answer::stdout(RUNNING)]);
        run_module("wait-jobs", json!({"modules": ["drain", "etcd-restore"]}), &mut node).unwrap();
        let (mut node, _) = scripted([Answer::stdout(RUNNING)]);
        let options = json!({"modules": ["kubeadm"], "timeout": 0});
        let failure = run_module("wait-jobs", options, &mut node).unwrap_err();
        assert!(
            failure.message.contains("after 0 s: kubeadm-apply, begun"),
            "{}",
            failure.message
        );
    }

    #[test]
    fn check_mode_looks_once() {
        let (mut node, _) = scripted([Answer::stdout(RUNNING)]);
        let outcome = check_module("wait-jobs", json!({}), &mut node).unwrap();
        assert_eq!(outcome.changes, ["wait for the end of kubeadm-apply, package"]);
    }
}
