use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{ArgumentError, Context, Diff, Disturbs, Failure, Outcome, RunsOn};

/// A module: a struct of typed options (`#[serde(deny_unknown_fields)]`, doc comments that `krun doc` prints) with a
/// check that only looks and an apply that acts.
///
/// Check mode, diffs and "changed (mode, owner)" follow from what the two answer; no module has to think of them.
pub trait Module: DeserializeOwned + JsonSchema {
    /// Name in playbooks, with hyphens; underscores mean the same.
    const NAME: &'static str;
    /// Other names, for example Ansible's.
    const ALIASES: &'static [&'static str] = &[];
    /// Other names of options and the names they stand for, for example Ansible's `pkg` for `name`.
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[];
    /// Options that Ansible's module has and this one refuses, with the reason and the way out.
    const REFUSED_OPTIONS: &'static [(&'static str, &'static str)] = &[];
    /// The option that takes the text of the short form (`command: kubectl get nodes`).
    const FREE_FORM: Option<&'static str> = None;
    /// Options that hold bare expressions, which the module evaluates itself (`that` of `assert`).
    const RAW_OPTIONS: &'static [&'static str] = &[];
    /// Whether it needs a connection.
    const RUNS_ON: RunsOn = RunsOn::Node;
    /// Runs once for all hosts of a batch, as with `run_once` (`pause`).
    const RUNS_ONCE: bool = false;
    /// Takes any option name (`set-fact`).
    const FREE_OPTIONS: bool = false;
    /// Whether it may travel to the node together with the tasks around it.
    const FUSES: Fuses = Fuses::Never;
    /// What `krun resume` does with a task that had ended well.
    const AGAIN: Again = Again::Verify;
    /// A task list that shows its use, as YAML.
    const EXAMPLE: &'static str;

    /// What the check found and the apply needs.
    type Plan;

    /// Finds options that contradict or miss one another; called before the run where the options hold no templates.
    ///
    /// # Errors
    /// What is wrong, and with which option.
    fn validate(&self) -> Result<(), ArgumentError> {
        Ok(())
    }

    /// Finds what is wrong with one option, whatever the others are: called before the run for options that are written
    /// as plain text in tasks whose other options hold templates, so that [`Module::validate`] has to wait.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check_option(_name: &str, _value: &str) -> Result<(), ArgumentError> {
        Ok(())
    }

    /// Looks, and changes nothing: is everything as wanted, or what would change?
    ///
    /// # Errors
    /// The node cannot be asked, or what is asked for is impossible.
    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure>;

    /// What the apply would do to a node of a cluster beside its own work: looked at right before, and refused where the
    /// cluster does not bear it.
    fn disturbs(&self, _plan: &Self::Plan) -> Option<Disturbs> {
        None
    }

    /// Whether options as they are written may come to something that disturbs: such a task travels by itself.
    fn may_disturb(_options: &Map<String, Value>) -> bool {
        false
    }

    /// Makes it so. Called only after a check that was not satisfied, and never in check mode.
    ///
    /// # Errors
    /// The node cannot be asked, or what was tried failed there.
    fn apply(&self, context: &mut Context<'_>, plan: Self::Plan) -> Result<Outcome, Failure>;
}

/// What a run that goes on from an earlier one does with a task that had ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It looks whether all is as it was left, and acts where it is not. What only doing can tell is not done again.
    Verify,
    /// It is run as ever: it asks, waits or judges, and changes nothing.
    Run,
    /// It is not done again, whatever the node looks like.
    Once,
    /// It is not done again when the module of that name has undone it on purpose; else it is run as ever.
    UndoneBy(&'static str),
}

/// What an earlier run did with a task, from which this one goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Before {
    /// Nothing, or there is none.
    #[default]
    Nothing,
    /// It had begun it; whether it took effect is not known.
    Begun,
    /// It had ended it well.
    Done,
}

/// Whether a module may travel to the node together with the tasks around it, which rests on promises about its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fuses {
    /// It talks with the node, waits, follows something, or leaves something here.
    Never,
    /// It only looks, in one request, and fails exactly when that has a status other than 0.
    Looks,
    /// Its check only looks. Its apply makes requests and small uploads that do not depend on the answers
    /// of one another, and fails exactly when one has a status other than 0. Beyond that it does nothing but compute.
    Whole,
}

/// What a check found.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each task, which is used up at once"
)]
pub enum State<P> {
    /// Everything is as wanted; the task is done.
    Satisfied(Outcome),
    /// Something would change.
    Pending(Pending<P>),
    /// Only doing it can tell (`shell`); skipped in check mode.
    Unknown {
        /// What the apply needs.
        plan: P,
        /// Why it cannot be known, for check mode's output.
        reason: String,
    },
}

/// What would change, and what is needed to change it.
pub struct Pending<P> {
    /// What the apply needs.
    pub plan: P,
    /// Names of what differs, for people: `mode`, `owner`, `kubeadm 1.28.0 → 1.28.2`.
    pub changes: Vec<String>,
    /// Contents before and after.
    pub diff: Vec<Diff>,
    /// Values that the task's result holds in check mode.
    pub result: Map<String, Value>,
}

impl<P> Pending<P> {
    /// A pending state without a diff.
    pub fn new<S: Into<String>>(plan: P, changes: impl IntoIterator<Item = S>) -> Self {
        Self {
            plan,
            changes: changes.into_iter().map(Into::into).collect(),
            diff: Vec::new(),
            result: Map::new(),
        }
    }

    /// Adds contents before and after.
    #[must_use]
    pub fn with_diff(mut self, diff: Diff) -> Self {
        self.diff.push(diff);
        self
    }
}

impl<P> From<Pending<P>> for State<P> {
    fn from(pending: Pending<P>) -> Self {
        State::Pending(pending)
    }
}
