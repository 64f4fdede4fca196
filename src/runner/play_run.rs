//! A play: its batches one after the other, until one of them is the last.

use std::sync::Arc;

use super::batches::plan_batches;
use super::endpoint::diagnostic;
use super::event::Event;
use super::play_batch::{BatchEnd, PlaySetting};
use super::run::{EXIT_FAILED, Run};
use super::verdict::{FailurePolicy, Verdict, verdict};
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
        let hosts: Vec<String> = all.iter().filter(keeps).cloned().collect();
        if hosts.is_empty() {
            let reason = if !all.is_empty() {
                "its hosts were lost before"
            } else if self.options.limit.is_some() {
                "the limit leaves no host"
            } else {
                "no hosts matched"
            };
            self.send(Event::PlaySkipped {
                name: play.name.clone(),
                reason: reason.to_owned(),
            });
            return Ok(PlayEnd::GoOn);
        }
        let base = self.play_vars(play, &vars, &hosts, &hosts)?;
        let scope = self
            .world
            .scope(&hosts[0], &base, None)
            .map_err(|errors| Failure::new(errors.to_string()))?;
        let setting = self.play_setting(play, &scope)?;
        self.send(Event::PlayStarted {
            name: play.name.clone(),
            hosts: hosts.clone(),
            strategy: setting.strategy,
        });
        if is_ansible && setting.strategy.is_at_own_pace() && setting.max_fail_percentage.is_some() {
            self.send(Event::Warning {
                message: "max_fail_percentage is not looked at with this strategy and --failure-policy ansible"
                    .to_owned(),
            });
        }
        let serial = play.serial.as_ref();
        let serial = serial
            .map(|serial| serial.rendered(&scope).map_err(|error| diagnostic(&error)))
            .transpose()?;
        let batches = plan_batches(&hosts, serial.as_ref()).map_err(Failure::new)?;
        let of = batches.len();
        if self.options.planning && !is_survey(play) {
            for (index, hosts) in batches.into_iter().enumerate() {
                let number = index + 1;
                self.send(Event::BatchStarted { number, of, hosts });
            }
            return Ok(PlayEnd::GoOn);
        }
        for (index, batch) in batches.iter().enumerate() {
            let is_left = |host: &&String| !self.gone.contains_key(*host);
            if of > 1 {
                self.send(Event::BatchStarted {
                    number: index + 1,
                    of,
                    hosts: batch.iter().filter(is_left).cloned().collect(),
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
                    untouched: batches[index + 1..].concat(),
                }))
            };
            if self.interrupted() {
                return stop("interrupted; the tasks in flight were finished".to_owned());
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
