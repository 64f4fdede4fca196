use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::vars::VarMap;

/// Contents before and after, for `--diff`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diff {
    /// What it was, usually a path.
    pub before_header: String,
    /// What it becomes, usually a path.
    pub after_header: String,
    /// Text before.
    pub before: String,
    /// Text after.
    pub after: String,
}

/// What a task adds to the inventory for the rest of the run.
#[derive(Clone, Debug)]
pub enum InventoryChange {
    /// A host with variables, in groups.
    AddHost {
        /// Its name.
        name: String,
        /// Its variables.
        vars: VarMap,
        /// Groups, which are made when they are new.
        groups: Vec<String>,
    },
    /// The task's host is put into a group.
    GroupHost {
        /// The group, which is made when it is new.
        group: String,
        /// The groups that it is put into.
        parents: Vec<String>,
    },
}

/// How a task ended on a host, when it did not fail.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Something was changed (or would be, in check mode).
    pub changed: bool,
    /// Names of what changed, for people.
    pub changes: Vec<String>,
    /// What `register` keeps, beside `changed` and `failed`.
    pub result: Map<String, Value>,
    /// Contents before and after.
    pub diff: Vec<Diff>,
    /// Facts about the host (`ansible_facts`).
    pub facts: Map<String, Value>,
    /// Variables set for the host (`set-fact`).
    pub variables: Map<String, Value>,
    /// Variables that were read from files for the host, as they are written there (`include-vars`).
    pub included: Arc<VarMap>,
    /// What the task adds to the inventory. The runner does it, and says whether that changed anything.
    pub inventory: Option<Box<InventoryChange>>,
    /// Set when nothing was done, with the reason.
    pub skipped: Option<String>,
    /// What the user should know although all went well.
    pub warnings: Vec<String>,
}

impl Outcome {
    /// Nothing had to be changed.
    pub fn ok() -> Self {
        Self::default()
    }

    /// Something was changed; `changes` names what, for people.
    pub fn changed<S: Into<String>>(changes: impl IntoIterator<Item = S>) -> Self {
        Self {
            changed: true,
            changes: changes.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// Nothing was done, for a reason.
    pub fn skipped(reason: impl Into<String>) -> Self {
        Self {
            skipped: Some(reason.into()),
            ..Self::default()
        }
    }

    /// Adds a value to the result.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.result.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a warning.
    #[must_use]
    pub fn with_warning(mut self, warning: impl Into<String>) -> Self {
        self.warnings.push(warning.into());
        self
    }
}
