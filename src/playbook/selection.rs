//! Whether what the command line chooses among tasks is there.

use std::collections::BTreeSet;

use super::action::Action;
use super::model::{Playbook, Task};
use super::tags::TagSelection;
use crate::syntax::{Diagnostic, Diagnostics};
use crate::template;

/// Tags with a meaning of their own.
const SPECIAL_TAGS: [&str; 5] = ["all", "tagged", "untagged", "always", "never"];

/// Tags and names that the command line gives must be those of some task: with a typo in `--tags` nothing would run, and
/// with one in `--skip-tags` what was to be left out.
///
/// Where a play includes files while it runs their tasks are not known yet; then it is a warning.
pub fn check_selection(playbooks: &[Playbook], tags: &TagSelection, start_at_task: Option<&str>) -> Diagnostics {
    let plays = || playbooks.iter().flat_map(|playbook| &playbook.plays);
    let tasks: Vec<_> = plays().flat_map(|play| play.all_tasks()).collect();
    let has_includes = tasks
        .iter()
        .any(|task| matches!(task.action, Action::IncludeTasks(_) | Action::IncludeRole(_)));
    let finding = |message: String| {
        if has_includes {
            Diagnostic::warning(message).help("unless a file that is included while the play runs has it")
        } else {
            Diagnostic::error(message)
        }
    };
    let mut findings = Diagnostics::default();
    let of_plays = plays().flat_map(|play| &play.keywords.tags);
    let of_tasks = tasks.iter().flat_map(|task| &task.keywords.tags);
    let known: BTreeSet<&str> = of_plays.chain(of_tasks).map(String::as_str).collect();
    for (option, wanted) in [("--tags", &tags.only), ("--skip-tags", &tags.skip)] {
        for tag in wanted {
            let tag = tag.as_str();
            if !known.contains(tag) && !SPECIAL_TAGS.contains(&tag) {
                findings.push(
                    finding(format!("{option}: no task has the tag `{tag}`"))
                        .did_you_mean(tag, known.iter().copied())
                        .help("`--list-tags` shows all tags"),
                );
            }
        }
    }
    if let Some(wanted) = start_at_task {
        let may_be = |task: &&std::sync::Arc<Task>| {
            task.is_called(wanted) || task.name.as_deref().is_some_and(template::holds_template)
        };
        if !tasks.iter().any(may_be) {
            let names: Vec<String> = tasks.iter().map(|task| task.title()).collect();
            findings.push(
                finding(format!("--start-at-task: no task is named `{wanted}`"))
                    .did_you_mean(wanted, names.iter().map(String::as_str))
                    .help("`--list-tasks` shows the names; `*` stands for any text"),
            );
        }
    }
    findings
}
