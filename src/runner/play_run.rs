//! A play: its hosts, its batches, and its sections on each batch.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::batches::plan_batches;
use super::endpoint::diagnostic;
use super::event::Event;
use super::host_task::Machinery;
use super::items::{Batch, Lost};
use super::run::Run;
use super::verdict::{BatchResult, Verdict, verdict};
use super::world::PlayVars;
use crate::inventory::Pattern;
use crate::modules::Failure;
use crate::playbook::{Action, Item, Keywords, ORDERS, Play, Setting, Task};
use crate::syntax::Diagnostics;
use crate::vars::{VarMap, Variable, files};

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

/// How a play ended on a batch.
struct BatchEnd {
    result: BatchResult,
    /// `meta: end_play` was met.
    end_play: bool,
    /// Hosts that the user's interruption met in the middle.
    unfinished: Vec<String>,
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
        let hosts = self.hosts_of(play, &vars)?;
        if hosts.is_empty() {
            let reason = if self.options.limit.is_some() {
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
        self.send(Event::PlayStarted {
            name: play.name.clone(),
            hosts: hosts.clone(),
        });
        let base = self.play_vars(play, &vars, &hosts, &hosts)?;
        let scope = self
            .world
            .scope(&hosts[0], &base, None)
            .map_err(|errors| Failure::new(errors.to_string()))?;
        let rendered = |setting: Option<&Setting>| {
            setting
                .map(|setting| setting.rendered(&scope).map_err(|error| diagnostic(&error)))
                .transpose()
        };
        let serial = rendered(play.serial.as_ref())?;
        let limit = play
            .max_fail_percentage
            .as_ref()
            .map(|setting| setting.number(&scope).map_err(|error| diagnostic(&error)))
            .transpose()?;
        let gathers = match &play.gather_facts {
            Some(setting) => setting.flag(&scope).map_err(|error| diagnostic(&error))?,
            None => true,
        };
        let batches = plan_batches(&hosts, serial.as_ref()).map_err(Failure::new)?;
        let of = batches.len();
        for (index, batch) in batches.iter().enumerate() {
            if of > 1 {
                self.send(Event::BatchStarted {
                    number: index + 1,
                    of,
                    hosts: batch.clone(),
                });
            }
            let play_vars = self.play_vars(play, &vars, &hosts, batch)?;
            let BatchEnd {
                result,
                end_play,
                unfinished,
            } = self.batch(play, &play_vars, batch, gathers);
            self.gone
                .extend(result.failed.iter().chain(&result.unreachable).cloned());
            self.any_failed |= !result.failed.is_empty();
            self.any_unreachable |= !result.unreachable.is_empty();
            if self.interrupted() {
                return Ok(PlayEnd::Stop(Stop {
                    reason: "interrupted; the tasks in flight were finished".to_owned(),
                    unfinished,
                    untouched: batches[index + 1..].concat(),
                }));
            }
            if let Verdict::Stop(reason) = verdict(&result, limit) {
                return Ok(PlayEnd::Stop(Stop {
                    reason: reason.0,
                    unfinished: Vec::new(),
                    untouched: batches[index + 1..].concat(),
                }));
            }
            if end_play {
                break;
            }
        }
        Ok(PlayEnd::GoOn)
    }

    /// Runs a play on one batch.
    fn batch(&mut self, play: &Arc<Play>, play_vars: &Arc<PlayVars>, hosts: &[String], gathers: bool) -> BatchEnd {
        for host in hosts {
            self.recap.entry(host.clone()).or_default();
        }
        let machinery = Machinery {
            world: Arc::clone(&self.world),
            pool: self.sessions,
            options: Arc::clone(&self.options),
            events: self.events.clone(),
            play: Arc::clone(play),
            play_vars: Arc::clone(play_vars),
            ahead: None,
            watch: None,
        };
        let mut batch = Batch::new(
            machinery,
            self.loader,
            self.workers,
            &mut self.recap,
            &mut self.started,
            &mut self.goes_on,
        );
        if gathers && let Some(task) = gather_facts(play, &self.options) {
            batch.run_items(&[Item::Task(Arc::new(task))], hosts);
        }
        // Ansible's flush points: after pre_tasks, after roles and tasks, after post_tasks.
        for (section, flush) in play.sections().into_iter().zip([true, false, true, true]) {
            batch.run_items(section, hosts);
            if flush {
                batch.flush_handlers(hosts);
            }
        }
        let scope = batch.machinery.world.scope(&hosts[0], play_vars, None).ok();
        let force = self.options.force_handlers
            || play
                .force_handlers
                .as_ref()
                .zip(scope.as_ref())
                .is_some_and(|(setting, scope)| setting.flag(scope).unwrap_or(false));
        let result = BatchResult {
            hosts: hosts.len(),
            failed: lost(&batch, hosts, |lost| matches!(lost, Lost::Failed(_))),
            unreachable: lost(&batch, hosts, |lost| matches!(lost, Lost::Unreachable)),
            fatal: batch.fatal,
        };
        if force {
            batch.fatal = false;
            batch.lost.retain(|_, lost| matches!(lost, Lost::Unreachable));
            batch.flush_handlers(hosts);
        }
        for host in hosts {
            let handlers = batch.handlers.pending_on(host);
            if !handlers.is_empty() {
                self.options.undos.is_unfinished(host);
                batch.machinery.send(Event::HandlersPending {
                    host: host.clone(),
                    handlers,
                });
            }
        }
        for host in result.failed.iter().chain(&result.unreachable) {
            self.options.undos.is_unfinished(host);
        }
        let is_cut_short = batch.is_cut_short.load(Ordering::Relaxed);
        let is_amid = |host: &&String| is_cut_short && !batch.lost.contains_key(*host) && !batch.ended.contains(*host);
        BatchEnd {
            end_play: batch.end_play,
            unfinished: hosts.iter().filter(is_amid).cloned().collect(),
            result,
        }
    }

    /// What a play's variables are before it has hosts.
    fn scope_before_hosts(&self, vars: &Arc<VarMap>) -> Result<crate::vars::Scope, Failure> {
        let base = Arc::new(PlayVars {
            vars: Arc::clone(vars),
            ..PlayVars::default()
        });
        let scope = self.world.scope("localhost", &base, None);
        scope.map_err(|errors| Failure::new(errors.to_string()))
    }

    /// A play's variables with the answers to its questions, which beat them; `None` when the run is to end instead.
    fn vars_with_answers(&self, play: &Play) -> Result<Option<Arc<VarMap>>, Failure> {
        if play.prompts.is_empty() {
            return Ok(Some(Arc::clone(&play.vars)));
        }
        let scope = self.scope_before_hosts(&play.vars)?;
        Ok(self.ask_prompts(play, &scope)?.map(|answers| {
            let mut vars = (*play.vars).clone();
            vars.extend(answers);
            Arc::new(vars)
        }))
    }

    /// The hosts of a play: its pattern, the limit, and without those that were lost before.
    fn hosts_of(&self, play: &Play, vars: &Arc<VarMap>) -> Result<Vec<String>, Failure> {
        let scope = self.scope_before_hosts(vars)?;
        let texts = match play.hosts.rendered(&scope).map_err(|error| diagnostic(&error))? {
            Value::String(text) => vec![text],
            Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            other => {
                return Err(Failure::new(format!(
                    "`hosts` must be a pattern, it is `{other}` ({})",
                    play.hosts.place
                )));
            }
        };
        let select = |pattern: &Pattern| {
            pattern.select(&self.world.ground().inventory).map_err(|error| {
                let help = error.help();
                let failure = Failure::new(format!("{error} ({})", play.hosts.place));
                match help {
                    Some(help) => failure.help(help),
                    None => failure,
                }
            })
        };
        let pattern = Pattern::parse_all(texts.iter().map(String::as_str))
            .map_err(|error| Failure::new(format!("{error} ({})", play.hosts.place)))?;
        let mut hosts = select(&pattern)?;
        if let Some(limit) = &self.options.limit {
            let limited = select(limit)?;
            hosts.retain(|host| limited.contains(host));
        }
        hosts.retain(|host| !self.gone.contains(host));
        Self::ordered(play, hosts, &scope)
    }

    fn ordered(play: &Play, mut hosts: Vec<String>, scope: &crate::vars::Scope) -> Result<Vec<String>, Failure> {
        let Some(order) = &play.order else {
            return Ok(hosts);
        };
        match order.text(scope).map_err(|error| diagnostic(&error))?.as_str() {
            "inventory" => {}
            "reverse_inventory" => hosts.reverse(),
            "sorted" => hosts.sort(),
            "reverse_sorted" => hosts.sort_by(|a, b| b.cmp(a)),
            "shuffle" => {
                let layer = VarMap::from([("krun_hosts".to_owned(), Variable::data(json!(hosts)))]);
                let shuffled = scope.with_layer(layer).evaluate("krun_hosts | shuffle");
                let shuffled = shuffled.map_err(|error| Failure::new(error.to_string()))?;
                hosts = serde_json::from_value(shuffled).map_err(|error| Failure::new(error.to_string()))?;
            }
            other => {
                return Err(Failure::new(format!("there is no order `{other}` ({})", order.place))
                    .help(format!("use {}", ORDERS.join(", "))));
            }
        }
        Ok(hosts)
    }

    fn play_vars(
        &self,
        play: &Play,
        vars: &Arc<VarMap>,
        hosts: &[String],
        batch: &[String],
    ) -> Result<Arc<PlayVars>, Failure> {
        let mut vars = PlayVars {
            vars: Arc::clone(vars),
            roles: play.all_roles.clone(),
            magic: Arc::new(self.world.play_magic(play, hosts, batch)),
            ..PlayVars::default()
        };
        if !play.vars_files.is_empty() {
            let scope = self
                .world
                .scope(&hosts[0], &Arc::new(vars.clone()), None)
                .map_err(|errors| Failure::new(errors.to_string()))?;
            let mut all = VarMap::new();
            for alternatives in &play.vars_files {
                all.extend(self.vars_file(play, alternatives, &scope)?);
            }
            vars.vars_files = Arc::new(all);
        }
        Ok(Arc::new(vars))
    }

    fn vars_file(&self, play: &Play, alternatives: &[Setting], scope: &crate::vars::Scope) -> Result<VarMap, Failure> {
        let mut looked = Vec::new();
        for setting in alternatives {
            let path = play
                .folder
                .join(setting.text(scope).map_err(|error| diagnostic(&error))?);
            if path.is_file() {
                let mut diagnostics = Diagnostics::default();
                let written = files::read_file(&path, self.passwords, &mut diagnostics);
                return match written {
                    Some(written) if !diagnostics.has_errors() => Ok(written.vars),
                    _ => Err(Failure::new(diagnostics.to_string())),
                };
            }
            looked.push(path.display().to_string());
        }
        Err(Failure::new(format!(
            "the variables file is not there: looked for {}",
            looked.join(", ")
        )))
    }
}

fn lost(batch: &Batch<'_>, hosts: &[String], which: impl Fn(&Lost) -> bool) -> Vec<String> {
    hosts
        .iter()
        .filter(|host| batch.lost.get(*host).is_some_and(&which))
        .cloned()
        .collect()
}

/// The task that gathers facts before all others.
fn gather_facts(play: &Play, options: &super::RunOptions) -> Option<Task> {
    let definition = crate::modules::find("setup")?;
    let mut keywords = Keywords {
        tags: if play.keywords.tags.is_empty() {
            vec!["always".to_owned()]
        } else {
            play.keywords.tags.clone()
        },
        check_mode: None,
        ..play.keywords.clone()
    };
    keywords.when.clear();
    if options.start_at_task.is_some() {
        keywords.tags = vec!["always".to_owned()];
    }
    let options_node = crate::syntax::Node {
        kind: crate::syntax::Kind::Mapping(Vec::new()),
        place: play.place.clone(),
        tag: None,
    };
    if let Some(limit) = &play.gather_timeout {
        keywords.timeout = Some(limit.clone());
    }
    let defaults = keywords.module_defaults.get(definition.name);
    let mut given: serde_json::Map<String, Value> = defaults
        .into_iter()
        .flat_map(|entries| entries.iter())
        .map(|entry| (entry.key.clone(), entry.value.to_value()))
        .collect();
    if let Some(subset) = &play.gather_subset {
        given.insert("gather_subset".to_owned(), subset.value.clone());
    }
    let action = Action::Module {
        definition,
        options: given,
        nodes: Arc::new(options_node),
    };
    let mut task = Task::new(play.place.clone(), action, play.folder.clone());
    task.name = Some("Gathering Facts".to_owned());
    task.keywords = keywords;
    Some(task)
}
