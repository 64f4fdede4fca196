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

/// Whether a play gathers facts, as far as it does not depend on the host.
fn is_wanted(play: &Play, gathering: Gathering) -> bool {
    let said = play.gather_facts.as_ref().and_then(|setting| match &setting.value {
        Value::Bool(value) => Some(*value),
        _ => None,
    });
    said.unwrap_or(gathering != Gathering::Explicit)
}

/// The task that gathers facts before all others, unless the play does without.
pub(super) fn gather_facts(play: &Play, options: &RunOptions) -> Option<Task> {
    let definition = crate::modules::find("setup").filter(|_| is_wanted(play, options.gathering))?;
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
    Some(Task {
        name: Some("Gathering Facts".to_owned()),
        place: play.place.clone(),
        action: Action::Module {
            definition,
            options: serde_json::Map::new(),
            nodes: Arc::new(options_node),
        },
        keywords,
        register: None,
        loop_over: None,
        until: Vec::new(),
        retries: None,
        delay: None,
        changed_when: None,
        failed_when: None,
        notify: Vec::new(),
        listen: Vec::new(),
        role: None,
        folder: play.folder.clone(),
    })
}
