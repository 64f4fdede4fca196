//! Which names the inventory defines for the hosts of a play.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Known;
use crate::inventory::{HostVariables, Pattern};
use crate::playbook::Play;
use crate::template::holds_template;
use crate::vars::{VarMap, Variable};

/// More values of one name than these are not looked into.
const MOST_VALUES: usize = 32;

/// Conditions that stand above something missing are evaluated so often at most: with thousands of hosts, and many
/// mistakes under conditions that differ from host to host, some of the mistakes stay unseen rather than take minutes.
const MOST_EVALUATIONS: usize = 50_000;

/// The hosts of the inventory with their variables, looked up when they are needed and then kept.
pub(super) struct HostTable<'a> {
    pub(super) known: Known<'a>,
    variables: RefCell<HashMap<String, Option<HostVariables>>>,
    plays: RefCell<HashMap<String, Option<Rc<PlayHosts>>>>,
    groups: OnceCell<Arc<Variable>>,
    /// How many conditions may still be evaluated host by host.
    pub(super) evaluations_left: Cell<usize>,
}

/// The hosts of one host pattern.
pub(super) struct PlayHosts {
    /// Their names.
    pub(super) hosts: Vec<String>,
    names: OnceCell<HashMap<String, OnHosts>>,
}

/// What the inventory says of one name.
#[derive(Default)]
struct OnHosts {
    /// On how many of the hosts it is defined.
    hosts: usize,
    /// The values that have to be evaluated.
    templated: Vec<Arc<Variable>>,
    /// A value, and whether others are the same.
    first: Option<Arc<Variable>>,
    varies: bool,
}

impl OnHosts {
    fn note(&mut self, variable: &Arc<Variable>) {
        let known = |other: &Arc<Variable>| Arc::ptr_eq(other, variable) || other.raw() == variable.raw();
        let first = self.first.get_or_insert_with(|| Arc::clone(variable));
        self.varies = self.varies || !known(first);
        if variable.is_templated() && self.templated.len() < MOST_VALUES && !self.templated.iter().any(known) {
            self.templated.push(Arc::clone(variable));
        }
    }
}

impl<'a> HostTable<'a> {
    pub(super) fn new(known: Known<'a>) -> Self {
        Self {
            known,
            variables: RefCell::default(),
            plays: RefCell::default(),
            groups: OnceCell::new(),
            evaluations_left: Cell::new(MOST_EVALUATIONS),
        }
    }

    /// The hosts of a play; `None` when it has none, so that nothing of it is run. `--limit` does not make them fewer:
    /// a task may be for the hosts only that the limit leaves out.
    pub(super) fn hosts_of(&self, play: &Play) -> Option<Rc<PlayHosts>> {
        let key = play.hosts.value.to_string();
        if let Some(known) = self.plays.borrow().get(&key) {
            return known.clone();
        }
        let hosts = self.select(&play.hosts.value).filter(|hosts| self.within_limit(hosts));
        let hosts = hosts.map(|hosts| {
            Rc::new(PlayHosts {
                hosts,
                names: OnceCell::new(),
            })
        });
        self.plays.borrow_mut().insert(key, hosts.clone());
        hosts
    }

    /// This machine, as which a pattern that is a template is evaluated.
    pub(super) fn localhost() -> Rc<PlayHosts> {
        Rc::new(PlayHosts {
            hosts: vec!["localhost".to_owned()],
            names: OnceCell::new(),
        })
    }

    fn select(&self, pattern: &Value) -> Option<Vec<String>> {
        let texts: Vec<&str> = match pattern {
            Value::String(text) => vec![text],
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            _ => return None,
        };
        let inventory = self.known.inventory;
        let hosts = if texts.iter().any(|text| holds_template(text)) {
            let local = inventory.localhost("localhost").map(str::to_owned);
            let all = inventory.hosts().map(str::to_owned).chain(local);
            let mut seen = HashSet::new();
            all.filter(|host| seen.insert(host.clone())).collect()
        } else {
            let pattern = Pattern::parse_all(texts).ok()?;
            pattern.select(inventory).ok()?
        };
        (!hosts.is_empty()).then_some(hosts)
    }

    fn within_limit(&self, hosts: &[String]) -> bool {
        let limited = self
            .known
            .limit
            .and_then(|limit| limit.select(self.known.inventory).ok());
        limited.is_none_or(|limited| {
            let limited: HashSet<String> = limited.into_iter().collect();
            hosts.iter().any(|host| limited.contains(host))
        })
    }

    /// A host's variables; `None` when they cannot be read.
    pub(super) fn variables_of(&self, host: &str) -> Option<HostVariables> {
        if let Some(known) = self.variables.borrow().get(host) {
            return known.clone();
        }
        let found = self.known.variables.of(self.known.inventory, host).ok();
        self.variables.borrow_mut().insert(host.to_owned(), found.clone());
        found
    }

    /// The first host of the inventory that has a variable of this name.
    pub(super) fn host_with(&self, name: &str) -> Option<String> {
        let has = |vars: HostVariables| vars.host.contains_key(name) || vars.groups.contains_key(name);
        let mut hosts = self.known.inventory.hosts();
        hosts
            .find(|host| self.variables_of(host).is_some_and(has))
            .map(str::to_owned)
    }

    /// The magic variable `groups`.
    pub(super) fn groups(&self) -> Arc<Variable> {
        let groups = self.groups.get_or_init(|| {
            let inventory = self.known.inventory;
            let groups = inventory.groups().map(|group| {
                let hosts = json!(inventory.group_hosts(group).unwrap_or_default());
                (group.to_owned(), hosts)
            });
            Variable::data(Value::Object(groups.collect()))
        });
        Arc::clone(groups)
    }
}

impl PlayHosts {
    /// Values of a name that have to be evaluated, and whether all hosts have the name; `None` when none has it.
    pub(super) fn find(&self, name: &str, table: &HostTable<'_>) -> Option<(&[Arc<Variable>], bool)> {
        let found = self.names(table).get(name)?;
        Some((&found.templated, found.hosts == self.hosts.len()))
    }

    /// True when a name has the same value on all hosts, or none.
    pub(super) fn is_uniform(&self, name: &str, table: &HostTable<'_>) -> bool {
        let found = self.names(table).get(name);
        found.is_none_or(|found| !found.varies && found.hosts == self.hosts.len())
    }

    /// All names that some of the hosts have.
    pub(super) fn all_names(&self, table: &HostTable<'_>) -> impl Iterator<Item = &str> {
        self.names(table).keys().map(String::as_str)
    }

    /// The values of a name on all hosts; `None` when they are too many, or some host has none.
    pub(super) fn values(&self, name: &str, table: &HostTable<'_>) -> Option<Vec<Arc<Variable>>> {
        let mut values: Vec<Arc<Variable>> = Vec::new();
        for host in &self.hosts {
            let vars = table.variables_of(host)?;
            let Some(value) = vars.host.get(name).or(vars.groups.get(name)) else {
                continue;
            };
            if !values.iter().any(|known| known.raw() == value.raw()) {
                values.push(Arc::clone(value));
            }
            if values.len() > MOST_VALUES {
                return None;
            }
        }
        Some(values)
    }

    /// One pass over the hosts. Those of the same groups share the map of their groups' variables, which is gone
    /// through once.
    fn names(&self, table: &HostTable<'_>) -> &HashMap<String, OnHosts> {
        self.names.get_or_init(|| {
            let mut names: HashMap<String, OnHosts> = HashMap::new();
            let mut of = |name: &str, hosts: usize, variable: &Arc<Variable>| {
                // Only a new name is copied.
                if !names.contains_key(name) {
                    names.insert(name.to_owned(), OnHosts::default());
                }
                if let Some(found) = names.get_mut(name) {
                    found.hosts += hosts;
                    found.note(variable);
                }
            };
            let mut groups: HashMap<*const VarMap, SameGroups> = HashMap::new();
            for host in &self.hosts {
                let Some(vars) = table.variables_of(host) else { continue };
                let same = groups.entry(Arc::as_ptr(&vars.groups)).or_insert_with(|| SameGroups {
                    vars: Arc::clone(&vars.groups),
                    hosts: 0,
                    overridden: HashMap::new(),
                });
                same.hosts += 1;
                for (name, variable) in vars.host.iter() {
                    of(name, 1, variable);
                    if let Some(number) = same.vars.get_index_of(name) {
                        *same.overridden.entry(number).or_default() += 1;
                    }
                }
            }
            for same in groups.values() {
                for (number, (name, variable)) in same.vars.iter().enumerate() {
                    let left = same.hosts - same.overridden.get(&number).copied().unwrap_or_default();
                    if left > 0 {
                        of(name, left, variable);
                    }
                }
            }
            names
        })
    }
}

/// Hosts of the same groups.
struct SameGroups {
    vars: Arc<VarMap>,
    hosts: usize,
    /// For the number of a variable: how many of the hosts have a value of their own.
    overridden: HashMap<usize, usize>,
}
