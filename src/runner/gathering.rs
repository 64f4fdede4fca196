//! Facts that are gathered before a play's tasks.

use std::str::FromStr;
use std::sync::Arc;

use serde_json::Value;

use super::options::RunOptions;
use crate::playbook::{Action, Keywords, Play, Task};

/// For which plays facts are gathered that do not say so themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gathering {
    /// For all, unless a play says `gather_facts: false`.
    #[default]
    Implicit,
    /// For none, unless a play says `gather_facts: true`.
    Explicit,
    /// As `Implicit`, and only on hosts whose facts are not known yet.
    Smart,
}

impl FromStr for Gathering {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "implicit" => Ok(Gathering::Implicit),
            "explicit" => Ok(Gathering::Explicit),
            "smart" => Ok(Gathering::Smart),
            other => Err(format!(
                "there is no such way to gather facts as `{other}`; use implicit, explicit or smart"
            )),
        }
    }
}

/// The task that gathers facts before all others, unless the play does without; `said` is what the play says.
pub(super) fn gather_facts(play: &Play, said: Option<bool>, options: &RunOptions) -> Option<Task> {
    let is_wanted = said.unwrap_or(options.gathering != Gathering::Explicit);
    let definition = crate::modules::find("setup").filter(|_| is_wanted)?;
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
