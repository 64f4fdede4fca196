use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::{List, Text};
use super::{ArgumentError, Context, Failure, InventoryChange, Module, Outcome, RunsOn, State};
use crate::inventory::name_and_port;
use crate::vars::{VarMap, Variable};

/// Adds a host to the inventory for the rest of the run, and puts it into groups, which are made when they are new.
///
/// Plays that come later can name the host and its groups. Every option that is not listed here is a variable of the
/// host. Runs once for all hosts of a batch; also in check mode, as it changes nothing but krun's own memory.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AddHost {
    /// Name of the host; a port may follow (`node:2222`).
    name: Text,
    /// Groups that it is put into.
    groups: List,
    /// Variables of the host.
    #[serde(flatten)]
    variables: IndexMap<String, Value>,
}

impl Module for AddHost {
    const NAME: &'static str = "add-host";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[
        ("host", "name"),
        ("hostname", "name"),
        ("group", "groups"),
        ("groupname", "groups"),
    ];
    const RUNS_ON: RunsOn = RunsOn::Controller;
    const RUNS_ONCE: bool = true;
    const FREE_OPTIONS: bool = true;
    const EXAMPLE: &'static str = "\
- name: Nodes that are behind are upgraded by the next play
  add-host:
    name: \"{{ item }}\"
    groups: nodes_upgrade
    wanted_version: \"1.28.2\"
  loop: \"{{ behind }}\"
";

    type Plan = std::convert::Infallible;

    fn validate(&self) -> Result<(), ArgumentError> {
        if self.name.trim().is_empty() {
            return Err(ArgumentError::option("name", "the host needs a name"));
        }
        Ok(())
    }

    fn check(&self, _: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let (name, port) = name_and_port(&self.name);
        let mut vars: VarMap = self
            .variables
            .iter()
            .map(|(name, value)| (name.clone(), Variable::data(value.clone())))
            .collect();
        if let Some(port) = port {
            vars.insert("ansible_port".to_owned(), Variable::data(json!(port)));
        }
        let groups: Vec<String> = self.groups.iter().map(|group| group.trim().to_owned()).collect();
        let about = json!({"host_name": name, "groups": groups, "host_vars": self.variables});
        let mut outcome = Outcome::ok().with("add_host", about);
        outcome.inventory = Some(Box::new(InventoryChange::AddHost {
            name: name.to_owned(),
            vars,
            groups,
        }));
        Ok(State::Satisfied(outcome))
    }

    fn apply(&self, _: &mut Context<'_>, plan: Self::Plan) -> Result<Outcome, Failure> {
        match plan {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::testing::run_on_controller;

    #[test]
    fn options_that_are_not_its_own_are_variables_of_the_host() {
        let options = json!({"name": "n9:2222", "groups": "a, b", "rack": 3});
        let outcome = run_on_controller("add-host", options).unwrap();
        let Some(InventoryChange::AddHost { name, vars, groups }) = outcome.inventory.map(|change| *change) else {
            panic!("no host");
        };
        assert_eq!((name.as_str(), groups), ("n9", vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(
            (vars["rack"].raw(), vars["ansible_port"].raw()),
            (&json!(3), &json!(2222))
        );
    }

    #[test]
    fn a_host_needs_a_name() {
        assert!(run_on_controller("add-host", json!({"groups": "a"})).is_err());
    }
}
