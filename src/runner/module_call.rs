//! A module called for a task on a host: its options and limits worked out, its node found, its undo kept.

use std::cell::Cell;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::background::{background, settled};
use super::endpoint::{become_user, diagnostic, endpoint, reconnect_for};
use super::event::Event;
use super::host_task::{DEFAULT_TASK_TIMEOUT, Machinery};
use super::way::Way;
use super::world::OMIT;
use crate::modules::{
    Background, Context, Failure, FileFinder, ModuleDefinition, Outcome, RunsOn, UndoNote, random_word,
};
use crate::playbook::{Action, Keywords, Task};
use crate::vars::Scope;

/// How long a node is tried to be reached again whose connection was lost: a machine boots in less.
const DEFAULT_RECONNECT: Duration = Duration::from_secs(300);

impl Machinery<'_, '_> {
    /// Runs a task's module, on the host or on the one that it is delegated to.
    pub(super) fn module(
        &self,
        task: &Task,
        host: &str,
        delegate: Option<&str>,
        scope: &Scope,
        definition: &'static ModuleDefinition,
        options: &Map<String, Value>,
    ) -> Result<Outcome, Failure> {
        let keywords = &task.keywords;
        let options = render_options(task, definition, options, scope)?;
        let flag = |setting: Option<&crate::playbook::Setting>, default: bool| {
            setting.map_or(Ok(default), |setting| {
                setting.flag(scope).map_err(|error| diagnostic(&error))
            })
        };
        let background = background(task, definition, scope)?;
        let timeout = time_limit(keywords, background, scope)?;
        let environment = environment(keywords, scope)?;
        let files: FileFinder = crate::playbook::finder(task, &self.play);
        let events = &self.events;
        let hidden = flag(keywords.no_log.as_ref(), false)?;
        let report = |line: &str| {
            if !hidden {
                // The receiver is gone only when the run is over.
                let _ = events.clone().send(Event::Progress {
                    host: host.to_owned(),
                    line: line.to_owned(),
                });
            }
        };
        // Whoever is run ahead gets the same words each time.
        let unit = Cell::new(None);
        let words = Cell::new(0);
        let random_words = || match (self.ahead, unit.get()) {
            (Some(ahead), Some(unit)) => {
                words.set(words.get() + 1);
                ahead.random_word(unit, words.get() - 1)
            }
            _ => random_word(),
        };
        let mut context = Context {
            host,
            check_mode: flag(keywords.check_mode.as_ref(), self.options.check_mode)?,
            diff: flag(keywords.diff.as_ref(), self.options.diff)?,
            scope,
            files: &files,
            run: &self.options.run,
            passwords: &self.world.passwords,
            connection: None,
            become_user: None,
            environment: environment.clone(),
            deadline: Instant::now() + timeout,
            reporter: &report,
            asker: &|question| self.ask(question),
            interrupted: &self.options.interrupted,
            undos: &|_| {},
            services: &|_| {},
            reconnect_for: DEFAULT_RECONNECT,
            only_looks: false,
            before: self.before,
            background,
            job_prefix: job_prefix(task, host, &options),
            random_words: &random_words,
        };
        if definition.runs_on == RunsOn::Controller {
            return definition.run(options, &mut context);
        }
        let target = delegate.unwrap_or(host);
        let target_scope = self.target_scope(delegate, scope)?;
        let local = self.world.is_implicit_local(target);
        let endpoint = endpoint(target, local, &target_scope, scope, keywords, &self.options)?;
        let user = become_user(&target_scope, scope, keywords, &self.options)?;
        if let Some(limit) = reconnect_for(&target_scope)? {
            context.reconnect_for = limit;
        }
        let (mut lease, mut ahead);
        context.connection = Some(match self.ahead {
            None => {
                lease = self.pool.lease(&endpoint);
                lease.connection()
            }
            Some(connections) => {
                ahead = connections.connection(&endpoint, user.as_ref());
                unit.set(Some(ahead.unit()));
                &mut ahead
            }
        });
        context.become_user = user.as_ref();
        let way = || Way {
            host: host.to_owned(),
            endpoint: endpoint.clone(),
            become_user: user.clone(),
            environment: environment.clone(),
            scope: scope.clone(),
            files: files.clone(),
        };
        let note = |note: UndoNote| {
            self.tell_undo(host, &note);
            self.options.undos.note(note, way());
        };
        context.undos = &note;
        let take = |service| self.options.standing.note(service, way());
        context.services = &take;
        let ran = definition.run(options, &mut context);
        settled(ran, background, &mut context)
    }

    /// The variables of the host that a task runs on.
    fn target_scope(&self, delegate: Option<&str>, scope: &Scope) -> Result<Scope, Failure> {
        match delegate {
            None => Ok(scope.clone()),
            Some(delegate) => self
                .world
                .scope(delegate, &self.play_vars, None)
                .map_err(|errors| Failure::new(errors.to_string())),
        }
    }

    /// What the journal has to know of an undo.
    fn tell_undo(&self, host: &str, note: &UndoNote) {
        self.send(match &note {
            UndoNote::Keep(name, undo) | UndoNote::KeepFirst(name, undo) => Event::Undoable {
                host: host.to_owned(),
                name: name.clone(),
                what: undo.title(),
            },
            UndoNote::Withdraw(name) => Event::Undone {
                host: host.to_owned(),
                name: name.clone(),
            },
        });
    }
}

/// More seconds than anybody waits (ten years): a clock can still be set to their end.
const MOST_SECONDS: f64 = 315_360_000.0;

/// A keyword's number of seconds.
pub(super) fn seconds_of(seconds: f64, keyword: &str) -> Result<Duration, Failure> {
    if seconds > MOST_SECONDS {
        return Err(Failure::new(format!(
            "`{keyword}` is a number of seconds, and {seconds} is too large"
        ))
        .help("ten years is the most"));
    }
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| Failure::new(format!("`{keyword}` is a number of seconds, and {seconds} is none")))
}

/// The longest time that a task may take.
fn time_limit(keywords: &Keywords, background: Option<Background>, scope: &Scope) -> Result<Duration, Failure> {
    let others = match background {
        Some(Background::Followed(limit)) => limit,
        _ => DEFAULT_TASK_TIMEOUT,
    };
    let Some(setting) = &keywords.timeout else {
        return Ok(others);
    };
    let seconds = setting.number(scope).map_err(|error| diagnostic(&error))?;
    // 0 means no limit of the author's own.
    let own = seconds_of(seconds, "timeout")?;
    Ok(match background {
        _ if seconds == 0.0 => others,
        Some(Background::Followed(limit)) => limit.min(own),
        _ => own,
    })
}

fn environment(keywords: &Keywords, scope: &Scope) -> Result<Vec<(String, String)>, Failure> {
    let mut environment = Vec::new();
    for setting in &keywords.environment {
        let value = setting.rendered(scope).map_err(|error| diagnostic(&error))?;
        environment.extend(variables_of(&value)?);
    }
    Ok(environment)
}

fn render_options(
    task: &Task,
    definition: &ModuleDefinition,
    options: &Map<String, Value>,
    scope: &Scope,
) -> Result<Value, Failure> {
    let mut rendered = Map::with_capacity(options.len());
    for (name, value) in options {
        let value = if definition.raw_options.contains(&name.as_str()) {
            value.clone()
        } else {
            scope.render(value).map_err(|error| {
                let failure = Failure::new(format!("the option `{name}`: {error}"));
                let node = match &task.action {
                    Action::Module { nodes, .. } => nodes.get(name),
                    _ => None,
                };
                match node {
                    Some(node) => failure.at(&node.place),
                    None => failure,
                }
            })?
        };
        if value.as_str() != Some(OMIT) {
            rendered.insert(name.clone(), value);
        }
    }
    Ok(Value::Object(rendered))
}

fn variables_of(value: &Value) -> Result<Vec<(String, String)>, Failure> {
    let Value::Object(map) = value else {
        return Err(Failure::new("`environment` is a mapping of names and values"));
    };
    map.iter()
        .map(|(name, value)| match value {
            Value::String(text) => Ok((name.clone(), text.clone())),
            Value::Number(number) => Ok((name.clone(), number.to_string())),
            Value::Bool(value) => Ok((name.clone(), value.to_string())),
            Value::Null => Ok((name.clone(), String::new())),
            _ => Err(Failure::new(format!("the environment variable {name} must be text"))),
        })
        .collect()
}

/// The same task with the same options on the same host is the same job.
fn job_prefix(task: &Task, host: &str, options: &Value) -> String {
    use sha2::{Digest, Sha256};
    let text = format!("{}\n{host}\n{}\n{options}", task.action.name(), task.title());
    let digest = Sha256::digest(text.as_bytes());
    let start = digest
        .iter()
        .take(8)
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{}-{start:016x}", task.action.name())
}
