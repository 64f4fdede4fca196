//! Whether a task, or a part of an expression, is ever evaluated: a condition that is false on every host, and whose
//! value is known before the run, keeps what stands under it from being an error.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::hosts::HostTable;
use super::run::RunNames;
use super::scope::{Found, PlayScope, TaskView};
use super::spots::strings;
use super::texts::{Language, Texts};
use crate::syntax::parse_bool;
use crate::template::reads::Condition;
use crate::template::without_lookups;
use crate::template::{evaluate, holds_template};
use crate::vars::{Scope, ScopeBuilder, VarMap, Variable, magic};

/// Magic variables whose value is known before the run.
const KNOWN_MAGIC: [&str; 4] = [
    "inventory_hostname",
    "inventory_hostname_short",
    "group_names",
    "groups",
];

/// Names whose value differs from host to host.
const OF_HOST: [&str; 3] = ["inventory_hostname", "inventory_hostname_short", "group_names"];

/// Judges the conditions of one play.
pub(super) struct Reach<'c, 'a> {
    scope: &'c PlayScope<'a>,
    run: &'c RunNames,
    texts: &'c Texts,
    table: &'c HostTable<'a>,
    judged: RefCell<HashMap<Question, bool>>,
    /// For a condition: its verdict on each host that it was evaluated for.
    verdicts: RefCell<HashMap<Question, HashMap<usize, bool>>>,
}

/// Conditions, and the role and the variables with which they are evaluated.
type Question = (Vec<KnownCondition>, Vec<*const ()>);

/// A condition whose value is known before the run.
#[derive(Clone, PartialEq, Eq, Hash)]
struct KnownCondition {
    expression: String,
    expected: bool,
    /// The value is the same on all hosts.
    uniform: bool,
}

impl<'c, 'a> Reach<'c, 'a> {
    pub(super) fn new(scope: &'c PlayScope<'a>, run: &'c RunNames, texts: &'c Texts, table: &'c HostTable<'a>) -> Self {
        Self {
            scope,
            run,
            texts,
            table,
            judged: RefCell::default(),
            verdicts: RefCell::default(),
        }
    }

    /// False when on every host a condition of the task, or one of those inside, is surely not met.
    pub(super) fn can_be_reached(&self, view: &TaskView<'_>, when: &[&str], inside: &[Arc<Condition>]) -> bool {
        let mut conditions: Vec<KnownCondition> = Vec::new();
        let mut add = |condition: &Condition| {
            if let Condition::Truth { expression, expected } = condition
                && let Some(uniform) = self.is_known(expression, view)
            {
                let known = KnownCondition {
                    expression: expression.clone(),
                    expected: *expected,
                    uniform,
                };
                if !conditions.contains(&known) {
                    conditions.push(known);
                }
            }
        };
        for when in when {
            self.texts
                .reads(Language::Expression, when)
                .implies
                .iter()
                .for_each(&mut add);
        }
        for condition in inside {
            add(condition);
        }
        if conditions.is_empty() {
            return true;
        }
        // Those that are evaluated once come first.
        conditions.sort_by_key(|condition| !condition.uniform);
        let role = view.role.map(|role| Arc::as_ptr(role).cast());
        let around: Vec<*const ()> = role
            .into_iter()
            .chain(view.vars.iter().map(|vars| Arc::as_ptr(vars).cast()))
            .collect();
        let question = (conditions, around);
        if let Some(known) = self.judged.borrow().get(&question) {
            return *known;
        }
        let can = self.on_some_host(view, &question);
        self.judged.borrow_mut().insert(question, can);
        can
    }

    fn on_some_host(&self, view: &TaskView<'_>, (conditions, around): &Question) -> bool {
        let hosts = &self.scope.hosts.hosts;
        let uniform = conditions.iter().filter(|condition| condition.uniform);
        for condition in uniform {
            let scope = hosts.first().and_then(|host| self.scope_of(host, view));
            if scope.is_some_and(|scope| !may_be_met(condition, &scope)) {
                return false;
            }
        }
        let mut verdicts = self.verdicts.borrow_mut();
        (0..hosts.len()).any(|host| {
            let mut scope = None;
            conditions
                .iter()
                .filter(|condition| !condition.uniform)
                .all(|condition| {
                    let key = (vec![condition.clone()], around.clone());
                    let known = verdicts.entry(key).or_default();
                    *known.entry(host).or_insert_with(|| {
                        let left = self.table.evaluations_left.get();
                        self.table.evaluations_left.set(left.saturating_sub(1));
                        // Nothing is said where it would take too long to find out.
                        left > 0
                            && scope
                                .get_or_insert_with(|| self.scope_of(&hosts[host], view))
                                .as_ref()
                                .is_none_or(|scope| may_be_met(condition, scope))
                    })
                })
        })
    }

    /// Whether all that an expression depends on is known before the run, and if so, whether it is the same on all
    /// hosts.
    fn is_known(&self, expression: &str, view: &TaskView<'_>) -> Option<bool> {
        let mut uniform = true;
        let mut gone: HashSet<String> = HashSet::new();
        let mut texts = vec![(Language::Expression, expression.to_owned())];
        while let Some((language, text)) = texts.pop() {
            let reads = self.texts.reads(language, &text);
            let names = reads.reads.iter().map(|read| &read.name).chain(&reads.guarded);
            for name in names {
                if !gone.insert(name.clone()) {
                    continue;
                }
                if KNOWN_MAGIC.contains(&name.as_str()) {
                    uniform &= !OF_HOST.contains(&name.as_str());
                    continue;
                }
                uniform &= self.scope.hosts.is_uniform(name, self.table);
                match self.scope.find(name, view, self.run) {
                    Found::Nothing => {}
                    Found::Opaque => return None,
                    Found::Written(variables) => {
                        for variable in variables {
                            let inner = strings(variable.raw()).into_iter().filter(|text| holds_template(text));
                            texts.extend(inner.map(|text| (Language::Text, text.to_owned())));
                        }
                    }
                }
            }
        }
        Some(uniform)
    }

    /// The variables of a host as far as they are known, in the runner's order.
    fn scope_of(&self, host: &str, view: &TaskView<'_>) -> Option<Scope> {
        let own = self.table.variables_of(host)?;
        let scope = self.scope;
        let roles = || scope.roles.iter().chain(view.role);
        let mut builder = ScopeBuilder::default();
        for role in roles() {
            builder = builder.layer(Arc::clone(&role.vars.defaults));
        }
        builder = builder
            .layer(own.groups)
            .layer(own.host)
            .layer(Arc::clone(&scope.play.vars));
        for vars in &scope.files {
            builder = builder.layer(Arc::clone(vars));
        }
        for role in roles() {
            builder = builder.layer(Arc::clone(&role.vars.vars));
        }
        for vars in view.vars {
            builder = builder.layer(Arc::clone(vars));
        }
        if let Some(role) = view.role {
            builder = builder.layer(Arc::clone(&role.vars.params));
        }
        let builder = builder.layer(Arc::clone(scope.known.extra_vars));
        Some(builder.layer(Arc::new(self.magic(host))).build())
    }

    fn magic(&self, host: &str) -> VarMap {
        let data = |name: &str, value: Value| (name.to_owned(), Variable::data(value));
        VarMap::from([
            data("inventory_hostname", json!(host)),
            data("inventory_hostname_short", json!(magic::short_name(host))),
            data("group_names", json!(self.scope.known.inventory.groups_of(host))),
            ("groups".to_owned(), self.table.groups()),
        ])
    }
}

/// False when a condition surely is not met.
fn may_be_met(condition: &KnownCondition, scope: &Scope) -> bool {
    // No command is run, and no file is asked for, before the run.
    let Ok(value) = without_lookups(|| evaluate(&condition.expression, &scope.root())) else {
        return true;
    };
    let truth = match value.as_str() {
        // As conditions read texts: `-e use_proxy=no`.
        Some(text) => parse_bool(text).unwrap_or(!text.is_empty()),
        None => value.is_true(),
    };
    truth == condition.expected
}
