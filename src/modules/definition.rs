use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use serde_json::{Map, Value};

use super::module::{Again, Before, Fuses, Module, Pending, State};
use super::{Context, Failure, Outcome, guards};

/// Options of all Ansible modules that put files in place, which krun does not have.
const REFUSED_OF_FILES: &[(&str, &str)] = &[
    ("attributes", CHATTR),
    ("attr", CHATTR),
    ("selevel", SELINUX),
    ("serole", SELINUX),
    ("setype", SELINUX),
    ("seuser", SELINUX),
    (
        "unsafe_writes",
        "krun puts a new content in place in one step, always; where that cannot be, use the `command` module",
    ),
];
const CHATTR: &str = "use the `command` module with chattr";
const SELINUX: &str = "krun keeps a file's SELinux context, and gives a new one what the node's policy says for its place; for \
                       another use the `command` module with chcon or semanage";

/// Where a module works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunsOn {
    /// On the node (or on the host it is delegated to), through a connection.
    Node,
    /// In krun itself; no connection is opened.
    Controller,
}

/// What is wrong with a task's options.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ArgumentError {
    /// What is wrong, in one sentence.
    pub message: String,
    /// Path to the option that it is about, for example `gpgkey[1]`; empty for the options as a whole.
    pub path: String,
    /// The value is not what the option's type takes, whatever the other options are.
    pub is_type: bool,
}

impl ArgumentError {
    /// About one option.
    pub fn option(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            path: path.into(),
            is_type: false,
        }
    }

    /// As a task's failure.
    pub(super) fn into_failure(self) -> Failure {
        if self.path.is_empty() {
            Failure::new(self.message)
        } else {
            Failure::new(format!("{}: {}", self.path, self.message))
        }
    }
}

/// A module as the loader and the runner know it, whatever its options' types.
pub struct ModuleDefinition {
    /// Name in playbooks, with hyphens.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// Other names of options, and what they stand for.
    pub option_aliases: &'static [(&'static str, &'static str)],
    /// Options that are refused, and why.
    pub refused_options: &'static [(&'static str, &'static str)],
    /// The option that takes the short form's text.
    pub free_form: Option<&'static str>,
    /// Options that are not evaluated before the module gets them.
    pub raw_options: &'static [&'static str],
    /// Whether it needs a connection.
    pub runs_on: RunsOn,
    /// Runs once for all hosts of a batch.
    pub runs_once: bool,
    /// Takes any option name.
    pub free_options: bool,
    /// Whether it may travel together with the tasks around it.
    pub fuses: Fuses,
    /// What `krun resume` does with a task that had ended well.
    pub again: Again,
    /// A task list that shows its use.
    pub example: &'static str,
    schema: fn() -> schemars::Schema,
    validate: fn(Value) -> Result<(), ArgumentError>,
    check_option: fn(&str, &str) -> Result<(), ArgumentError>,
    may_disturb: fn(&Map<String, Value>) -> bool,
    run: fn(Value, &mut Context<'_>) -> Result<Outcome, Failure>,
}

impl ModuleDefinition {
    /// The definition of a module type.
    pub const fn of<M: Module>() -> Self {
        Self {
            name: M::NAME,
            aliases: M::ALIASES,
            option_aliases: M::OPTION_ALIASES,
            refused_options: M::REFUSED_OPTIONS,
            free_form: M::FREE_FORM,
            raw_options: M::RAW_OPTIONS,
            runs_on: M::RUNS_ON,
            runs_once: M::RUNS_ONCE,
            free_options: M::FREE_OPTIONS,
            fuses: M::FUSES,
            again: M::AGAIN,
            example: M::EXAMPLE,
            schema: schema_of::<M>,
            validate: validate::<M>,
            check_option: M::check_option,
            may_disturb: M::may_disturb,
            run: run::<M>,
        }
    }

    /// JSON schema of the options, made from the module's type and doc comments.
    pub fn schema(&self) -> schemars::Schema {
        (self.schema)()
    }

    /// Checks options that hold no templates.
    ///
    /// # Errors
    /// The first thing that is wrong with them.
    pub fn validate(&self, options: Value) -> Result<(), ArgumentError> {
        (self.validate)(options)
    }

    /// Checks one option that is plain text, for tasks whose other options hold templates.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_option(&self, name: &str, value: &str) -> Result<(), ArgumentError> {
        (self.check_option)(name, value)
    }

    /// Whether a task with these options may disturb a node of a cluster.
    pub fn may_disturb(&self, options: &Map<String, Value>) -> bool {
        (self.may_disturb)(options)
    }

    /// Checks and, outside of check mode, applies.
    ///
    /// # Errors
    /// Wrong options, or what the module reports.
    pub fn run(&self, options: Value, context: &mut Context<'_>) -> Result<Outcome, Failure> {
        (self.run)(options, context)
    }

    /// Names of all options, in the order of the documentation.
    pub fn options(&self) -> &'static [String] {
        // Every task asks for them, and a schema takes its time.
        static KNOWN: LazyLock<HashMap<&'static str, OnceLock<Vec<String>>>> = LazyLock::new(|| {
            super::all()
                .iter()
                .map(|module| (module.name, OnceLock::new()))
                .collect()
        });
        let names = || {
            self.schema()
                .get("properties")
                .and_then(Value::as_object)
                .map(|properties| properties.keys().cloned().collect())
                .unwrap_or_default()
        };
        KNOWN.get(self.name).map_or(&[], |known| known.get_or_init(names))
    }

    /// Why the module refuses an option that Ansible's has, and what to do instead.
    pub fn refusal(&self, option: &str) -> Option<&'static str> {
        let is_named = |(name, _): &&(&str, &str)| *name == option;
        let own = self.refused_options.iter().find(is_named);
        // Whatever sets a file's owner could set these, too.
        let common = || {
            let sets_owner = self.options().iter().any(|known| known == "owner");
            sets_owner.then(|| REFUSED_OF_FILES.iter().find(is_named)).flatten()
        };
        own.or_else(common).map(|(_, reason)| *reason)
    }

    /// The option's own name for an alias or itself.
    pub fn option_name<'a>(&self, name: &'a str) -> &'a str {
        self.option_aliases
            .iter()
            .find(|(alias, _)| *alias == name)
            .map_or(name, |(_, own)| own)
    }
}

fn schema_of<M: Module>() -> schemars::Schema {
    schemars::schema_for!(M)
}

fn parse<M: Module>(options: Value) -> Result<M, ArgumentError> {
    let module: M = serde_path_to_error::deserialize(options).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        ArgumentError {
            message: error.into_inner().to_string(),
            is_type: !path.is_empty(),
            path,
        }
    })?;
    module.validate()?;
    Ok(module)
}

fn validate<M: Module>(options: Value) -> Result<(), ArgumentError> {
    parse::<M>(options).map(drop)
}

fn run<M: Module>(options: Value, context: &mut Context<'_>) -> Result<Outcome, Failure> {
    let module: M = parse(options).map_err(|error| {
        let about = if error.path.is_empty() {
            String::new()
        } else {
            format!(".{}", error.path)
        };
        Failure::new(format!("{}{about}: {}", M::NAME, error.message))
    })?;
    context.only_looks = true;
    let mut state = module.check(context)?;
    if let State::Pending(pending) = &mut state
        && !context.diff
    {
        // Nobody wants to see it; modules need not think of that.
        pending.diff.clear();
    }
    match state {
        State::Satisfied(outcome) => Ok(outcome),
        State::Unknown { reason, .. } if context.check_mode => Ok(Outcome::skipped(reason)),
        State::Unknown { .. } if context.before == Before::Done => Ok(Outcome::ok()),
        State::Unknown { plan, .. } => {
            let outcome = act(&module, context, plan)?;
            Ok(match context.before {
                Before::Begun => outcome.with_warning(
                    "the earlier run was cut while it was at this; how far it got then is not known, and it was run again",
                ),
                _ => outcome,
            })
        }
        State::Pending(pending) if context.check_mode => Ok(Outcome {
            changed: true,
            changes: pending.changes,
            diff: pending.diff,
            result: pending.result,
            ..Outcome::default()
        }),
        State::Pending(Pending {
            plan, changes, diff, ..
        }) => {
            let mut outcome = act(&module, context, plan)?;
            if outcome.changed && outcome.changes.is_empty() {
                outcome.changes = changes;
            }
            if outcome.changed && outcome.diff.is_empty() {
                outcome.diff = diff;
            }
            Ok(outcome)
        }
    }
}

/// Acts, where the cluster bears that.
fn act<M: Module>(module: &M, context: &mut Context<'_>, plan: M::Plan) -> Result<Outcome, Failure> {
    let allowed = match (context.guards, module.disturbs(&plan)) {
        (Some(guards), Some(disturbs)) => Some(guards::allow(context, guards, &disturbs)?),
        _ => None,
    };
    context.only_looks = context.check_mode;
    context.begin_to_act();
    let mut outcome = module.apply(context, plan)?;
    if let Some((_claim, warnings)) = allowed {
        outcome.warnings.extend(warnings);
    }
    Ok(outcome)
}
