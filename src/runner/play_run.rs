//! A play: its batches one after the other, until one of them is the last.

use std::sync::Arc;

use serde_json::Value;

use super::batches::{BatchError, plan_batches_by};
use super::endpoint::diagnostic;
use super::event::Event;
use super::play_batch::{BatchEnd, PlaySetting};
use super::run::{EXIT_FAILED, Run};
use super::verdict::{FailurePolicy, Verdict, verdict};
use super::world::PlayVars;
use crate::modules::Failure;
use crate::playbook::Play;
use crate::vars::Scope;

/// How a play ended.
pub(super) enum PlayEnd {
    /// The next one may begin.
    GoOn,
    /// Nothing further is begun.
    Stop(Stop),
}

/// Why a play was the last one, and how it stands.
pub(super) struct Stop {
    pub(super) reason: String,
    /// Hosts that are in the middle of it, those that failed aside.
    pub(super) unfinished: Vec<String>,
    /// Hosts that got no task of it.
    pub(super) untouched: Vec<String>,
}

/// The tag of plays that look at the cluster, and on which later plays rely.
const SURVEY_TAG: &str = "preflight";

/// True for a play that a plan is made from.
fn is_survey(play: &Play) -> bool {
    play.keywords.tags.iter().any(|tag| tag == SURVEY_TAG)
}

/// True where batches are of several values (`batch_by`).
fn is_mixed(batches: &[(Value, Vec<String>)]) -> bool {
    batches.iter().any(|(value, _)| *value != batches[0].0)
}

/// Why there are no batches.
struct BatchesFailure(Failure);

impl From<BatchError> for BatchesFailure {
    fn from(message: BatchError) -> Self {
        Self(Failure::new(message))
    }
}

impl Run<'_> {
    /// Runs a play on all its batches.
    pub(super) fn play(&mut self, play: &Arc<Play>) -> Result<PlayEnd, Failure> {
        let Some(vars) = self.vars_with_answers(play)? else {
            return Ok(PlayEnd::Stop(Stop {
                reason: "interrupted by the person who was asked".to_owned(),
                unfinished: Vec::new(),
                untouched: Vec::new(),
            }));
        };
        let all = self.hosts_of(play, &vars)?;
        let is_ansible = self.options.failure_policy == FailurePolicy::Ansible;
        // By Ansible's own rule hosts that were lost before keep their places in the batches.
        let keeps = |host: &&String| is_ansible || !self.gone.contains_key(*host);
        let mut hosts: Vec<String> = all.iter().filter(keeps).cloned().collect();
        let name = self.name_of(play);
        if hosts.is_empty() {
            let reason = if !all.is_empty() {
                "its hosts were lost before"
            } else if self.options.limit.is_some() {
                "the limit leaves no host"
            } else {
                "no hosts matched"
            };
            self.send(Event::PlaySkipped {
                name,
                reason: reason.to_owned(),
            });
            return Ok(PlayEnd::GoOn);
        }
        let mut base = self.play_vars(play, &vars, &hosts, &hosts)?;
        let mut scope = self.scope_in_play(&hosts[0], &base)?;
        if play.order.is_some() {
            hosts = self.ordered(play, hosts, &scope)?;
            base = self.play_vars(play, &vars, &hosts, &hosts)?;
            scope = self.scope_in_play(&hosts[0], &base)?;
        }
        let setting = self.play_setting(play, &scope)?;
        self.send(Event::PlayStarted {
            name,
            hosts: hosts.clone(),
            strategy: setting.strategy,
            passes: self.passes.iter().map(|open| open.pass.clone()).collect(),
        });
        if is_ansible && setting.strategy.is_at_own_pace() && setting.max_fail_percentage.is_some() {
            self.send(Event::Warning {
                message: "max_fail_percentage is not looked at with this strategy and --failure-policy ansible"
                    .to_owned(),
            });
        }
        let batches = self.batches(play, &hosts, &base)?;
        if self.options.planning && !is_survey(play) {
            self.tell(batches);
            return Ok(PlayEnd::GoOn);
        }
        let is_mixed = is_mixed(&batches);
        let of = batches.len();
        for (index, (value, batch)) in batches.iter().enumerate() {
            let is_left = |host: &&String| !self.gone.contains_key(*host);
            if of > 1 {
                self.send(Event::BatchStarted {
                    number: index + 1,
                    of,
                    hosts: batch.iter().filter(is_left).cloned().collect(),
                    by: is_mixed.then(|| value.clone()),
                });
            }
            let play_vars = self.play_vars(play, &vars, &hosts, batch)?;
            let BatchEnd {
                result,
                end_play,
                unfinished,
            } = self.batch(play, &play_vars, batch, &setting);
            let stop = |reason: String| {
                Ok(PlayEnd::Stop(Stop {
                    reason,
                    unfinished,
                    untouched: batches[index + 1..]
                        .iter()
                        .flat_map(|(_, batch)| batch.clone())
                        .collect(),
                }))
            };
            if self.interrupted() {
                let lost = self.options.standing.lost();
                let cause = lost.unwrap_or_else(|| "interrupted".to_owned());
                return stop(format!("{cause}; the tasks in flight were finished"));
            }
            let policy = self.options.failure_policy;
            if let Verdict::Stop(reason) = verdict(&result, setting.max_fail_percentage, policy) {
                if result.over_budget {
                    // Ansible's exit code then, whatever else has happened.
                    self.exit_code = Some(EXIT_FAILED);
                }
                return stop(reason.0);
            }
            if end_play {
                break;
            }
        }
        Ok(PlayEnd::GoOn)
    }

    fn scope_in_play(&self, host: &str, base: &Arc<PlayVars>) -> Result<Scope, Failure> {
        let scope = self.world.scope(host, base, None);
        scope.map_err(|errors| Failure::new(errors.to_string()))
    }

    /// Tells the batches of a play that is planned only.
    fn tell(&self, batches: Vec<(Value, Vec<String>)>) {
        let is_mixed = is_mixed(&batches);
        let of = batches.len();
        for (index, (value, hosts)) in batches.into_iter().enumerate() {
            self.send(Event::BatchStarted {
                number: index + 1,
                of,
                hosts,
                by: is_mixed.then_some(value),
            });
        }
    }

    /// The batches, each with what its hosts have in common; `serial` is what the first host of each value says.
    fn batches(
        &self,
        play: &Play,
        hosts: &[String],
        base: &Arc<PlayVars>,
    ) -> Result<Vec<(Value, Vec<String>)>, Failure> {
        let mut valued = Vec::with_capacity(hosts.len());
        for host in hosts {
            let value = match &play.batch_by {
                Some(by) => {
                    let scope = self.scope_in_play(host, base)?;
                    by.rendered(&scope).map_err(|error| {
                        let failure = diagnostic(&error);
                        Failure {
                            message: format!("`batch_by` has no value for {host}: {}", failure.message),
                            ..failure
                        }
                    })?
                }
                None => Value::Null,
            };
            valued.push((host.clone(), value));
        }
        plan_batches_by(&valued, |group| {
            let Some(serial) = &play.serial else { return Ok(None) };
            let scope = self.scope_in_play(&group[0], base).map_err(BatchesFailure)?;
            let serial = serial.rendered(&scope);
            serial.map(Some).map_err(|error| BatchesFailure(diagnostic(&error)))
        })
        .map_err(|failure: BatchesFailure| failure.0)
    }

    fn play_setting(&self, play: &Play, scope: &Scope) -> Result<PlaySetting, Failure> {
        let strategy = play.strategy.as_ref().map(|setting| setting.strategy(scope));
        let limit = play.max_fail_percentage.as_ref().map(|setting| setting.number(scope));
        let is_forced = play.force_handlers.as_ref().map(|setting| setting.flag(scope));
        let gathers = play.gather_facts.as_ref().map(|setting| setting.flag(scope));
        Ok(PlaySetting {
            gathers_facts: gathers.transpose().map_err(|error| diagnostic(&error))?,
            strategy: strategy
                .transpose()
                .map_err(|error| diagnostic(&error))?
                .unwrap_or_default(),
            max_fail_percentage: limit.transpose().map_err(|error| diagnostic(&error))?,
            force_handlers: self.options.force_handlers
                || is_forced
                    .transpose()
                    .map_err(|error| diagnostic(&error))?
                    .unwrap_or(false),
        })
    }
}
