use std::sync::Arc;

use serde_json::Value;

use super::collections::check_collections;
use super::loader::Loader;
use super::module_defaults::{self, ModuleDefaults};
use super::setting::{Expression, Setting};
use crate::syntax::{Diagnostic, Diagnostics, Fields, Kind, Node};
use crate::vars::VarMap;

/// What plays, roles, blocks and tasks have in common and hand down: an inner setting beats an outer one, conditions,
/// tags, variables and environments add up.
#[derive(Clone, Debug, Default)]
pub struct Keywords {
    /// Conditions, outermost first; all must hold.
    pub when: Vec<Expression>,
    /// Tags, those of the outer ones included.
    pub tags: Vec<String>,
    /// Variables of blocks and of the task, outermost first.
    pub vars: Vec<Arc<VarMap>>,
    /// Options that modules have unless a task says otherwise.
    pub module_defaults: Arc<ModuleDefaults>,
    /// Handlers that a block notifies for its tasks.
    pub notify: Vec<Setting>,
    /// Variables of the includes that brought the task here, outermost first; they win over those that were set.
    pub params: Vec<Arc<VarMap>>,
    /// How many of the conditions and tags were handed down by what stands around.
    pub(crate) inherited: (usize, usize),
    /// Environments, outermost first.
    pub environment: Vec<Setting>,
    /// `become`
    pub become_user_enabled: Option<Setting>,
    /// `become_user`
    pub become_user: Option<Setting>,
    /// `become_method`
    pub become_method: Option<Setting>,
    /// `become_flags`
    pub become_flags: Option<Setting>,
    /// `become_exe`
    pub become_exe: Option<Setting>,
    /// `remote_user`
    pub remote_user: Option<Setting>,
    /// `port`
    pub port: Option<Setting>,
    /// `connection`
    pub connection: Option<Setting>,
    /// `check_mode`
    pub check_mode: Option<Setting>,
    /// `diff`
    pub diff: Option<Setting>,
    /// `ignore_errors`
    pub ignore_errors: Option<Setting>,
    /// `ignore_unreachable`
    pub ignore_unreachable: Option<Setting>,
    /// `any_errors_fatal`
    pub any_errors_fatal: Option<Setting>,
    /// `no_log`
    pub no_log: Option<Setting>,
    /// `run_once`
    pub run_once: Option<Setting>,
    /// `delegate_to`
    pub delegate_to: Option<Setting>,
    /// `delegate_facts`
    pub delegate_facts: Option<Setting>,
    /// `throttle`
    pub throttle: Option<Setting>,
    /// `timeout`, in seconds.
    pub timeout: Option<Setting>,
}

impl Keywords {
    /// Takes the keywords out of a mapping, on top of those that are handed down.
    pub(super) fn read(
        outer: &Keywords,
        fields: &mut Fields<'_>,
        loader: &Loader<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut own = outer.clone();
        own.inherited = (outer.when.len(), outer.tags.len());
        if let Some(node) = fields.take("when") {
            own.when.extend(Expression::list(node, diagnostics));
        }
        if let Some(node) = fields.take("tags") {
            own.tags.extend(text_list(node, "tags", diagnostics));
        }
        if let Some(node) = fields.take("vars")
            && let Some(vars) = loader.vars(node, diagnostics)
        {
            own.vars.push(Arc::new(vars));
        }
        if let Some(node) = fields.take("environment") {
            for node in node.items().map_or_else(|| vec![node], |items| items.iter().collect()) {
                if node
                    .text()
                    .is_some_and(|text| !text.is_empty() && !crate::template::holds_template(text))
                {
                    diagnostics.push(
                        Diagnostic::error(format!("`environment` must be a mapping, this is {}", node.describe()))
                            .at(&node.place)
                            .help("write `NAME: value`, one variable a line")
                            .without_gap(),
                    );
                    continue;
                }
                own.environment.push(Setting::of(node, diagnostics));
            }
        }
        if let Some(node) = fields.take("module_defaults") {
            own.module_defaults = Arc::new(module_defaults::read(node, &own.module_defaults, diagnostics));
        }
        if let Some(node) = fields.take("collections") {
            check_collections(node, diagnostics);
        }
        for (name, slot) in own.settings() {
            if let Some(node) = fields.take(name) {
                let setting = Setting::of(node, diagnostics);
                super::literal::check(name, &setting, diagnostics);
                *slot = Some(setting);
            }
        }
        own
    }

    /// The keywords that have one value, where they are set.
    pub(super) fn all_settings(&self) -> [Option<&Setting>; 19] {
        [
            &self.become_user_enabled,
            &self.become_user,
            &self.become_method,
            &self.become_flags,
            &self.become_exe,
            &self.remote_user,
            &self.port,
            &self.connection,
            &self.check_mode,
            &self.diff,
            &self.ignore_errors,
            &self.ignore_unreachable,
            &self.any_errors_fatal,
            &self.no_log,
            &self.run_once,
            &self.delegate_to,
            &self.delegate_facts,
            &self.throttle,
            &self.timeout,
        ]
        .map(Option::as_ref)
    }

    fn settings(&mut self) -> [(&'static str, &mut Option<Setting>); 19] {
        [
            ("become", &mut self.become_user_enabled),
            ("become_user", &mut self.become_user),
            ("become_method", &mut self.become_method),
            ("become_flags", &mut self.become_flags),
            ("become_exe", &mut self.become_exe),
            ("remote_user", &mut self.remote_user),
            ("port", &mut self.port),
            ("connection", &mut self.connection),
            ("check_mode", &mut self.check_mode),
            ("diff", &mut self.diff),
            ("ignore_errors", &mut self.ignore_errors),
            ("ignore_unreachable", &mut self.ignore_unreachable),
            ("any_errors_fatal", &mut self.any_errors_fatal),
            ("no_log", &mut self.no_log),
            ("run_once", &mut self.run_once),
            ("delegate_to", &mut self.delegate_to),
            ("delegate_facts", &mut self.delegate_facts),
            ("throttle", &mut self.throttle),
            ("timeout", &mut self.timeout),
        ]
    }
}

/// A list of texts; a text alone is split at commas, as Ansible's tags and notifications are.
pub(super) fn text_list(node: &Node, what: &str, diagnostics: &mut Diagnostics) -> Vec<String> {
    let mut list = Vec::new();
    let mut add = |node: &Node| match node.to_value() {
        Value::String(text) => list.extend(text.split(',').map(|part| part.trim().to_owned())),
        Value::Number(number) => list.push(number.to_string()),
        Value::Bool(value) => list.push(value.to_string()),
        _ => diagnostics.push(
            Diagnostic::error(format!(
                "{what} must be text or a list of texts, this is {}",
                node.describe()
            ))
            .at(&node.place),
        ),
    };
    match &node.kind {
        Kind::Sequence(items) => items.iter().for_each(&mut add),
        _ => add(node),
    }
    list.retain(|text| !text.is_empty());
    list
}

impl Keywords {
    /// What an include's tasks get: the include's surroundings with `apply` on top. The include's own condition and
    /// tags decide about the include alone, those of the blocks, the role and the play around it hold for its tasks too.
    #[must_use]
    pub fn on_top_of(&self, inherited: &Keywords) -> Keywords {
        let mut merged = inherited.clone();
        let (conditions, tags) = inherited.inherited;
        merged.when.truncate(conditions);
        merged.tags.truncate(tags);
        merged.when.extend(self.when.iter().cloned());
        merged.tags.extend(self.tags.iter().cloned());
        merged.vars.extend(self.vars.iter().cloned());
        merged.environment.extend(self.environment.iter().cloned());
        if !self.module_defaults.is_empty() {
            let mut defaults = (*inherited.module_defaults).clone();
            defaults.extend(
                self.module_defaults
                    .iter()
                    .map(|(name, options)| (*name, Arc::clone(options))),
            );
            merged.module_defaults = Arc::new(defaults);
        }
        merged.notify.extend(self.notify.iter().cloned());
        let mut own = self.clone();
        for ((_, slot), (_, applied)) in merged.settings().into_iter().zip(own.settings()) {
            if applied.is_some() {
                *slot = applied.take();
            }
        }
        merged
    }
}
