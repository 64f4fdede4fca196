use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::args::{List, Text};
use super::{ArgumentError, Context, Failure, InventoryChange, Module, Outcome, RunsOn, State};

/// Puts the host into a group, which is made when it is new, for the rest of the run.
///
/// Plays that come later can name the group. Blanks in the names of groups become hyphens. Also done in check mode, as
/// it changes nothing but krun's own memory.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GroupBy {
    /// Name of the group, usually made of a variable.
    key: Text,
    /// Groups that the group is put into [default: all]
    parents: List,
}

impl Module for GroupBy {
    const NAME: &'static str = "group-by";
    const RUNS_ON: RunsOn = RunsOn::Controller;
    const EXAMPLE: &'static str = "\
- name: One group for each distribution
  group-by:
    key: \"os_{{ ansible_distribution | lower }}\"
";

    type Plan = std::convert::Infallible;

    fn validate(&self) -> Result<(), ArgumentError> {
        if self.key.trim().is_empty() {
            return Err(ArgumentError::option("key", "the group needs a name"));
        }
        Ok(())
    }

    fn check(&self, _: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let hyphens = |name: &str| name.replace(' ', "-");
        let group = hyphens(&self.key);
        let mut parents: Vec<String> = self.parents.iter().map(|name| hyphens(name)).collect();
        if parents.is_empty() {
            parents.push("all".to_owned());
        }
        let mut outcome = Outcome::ok()
            .with("add_group", group.clone())
            .with("parent_groups", json!(parents));
        outcome.inventory = Some(Box::new(InventoryChange::GroupHost { group, parents }));
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
    fn blanks_become_hyphens() {
        let outcome = run_on_controller("group-by", json!({"key": "red hat", "parents": ["os kinds"]})).unwrap();
        let Some(InventoryChange::GroupHost { group, parents }) = outcome.inventory.map(|change| *change) else {
            panic!("no group");
        };
        assert_eq!((group.as_str(), parents), ("red-hat", vec!["os-kinds".to_owned()]));
    }
}
