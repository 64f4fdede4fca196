//! `--list-hosts`, `--list-tasks`, `--list-tags`.

use serde_json::Value;

use crate::inventory::{Inventory, Pattern};
use crate::playbook::{Play, Playbook, TagSelection};

/// What is to be listed.
#[allow(clippy::struct_excessive_bools, reason = "three independent options")]
pub(super) struct Lists {
    pub(super) hosts: bool,
    pub(super) tasks: bool,
    pub(super) tags: bool,
}

impl Lists {
    /// The lists in ansible-playbook's form.
    pub(super) fn text(
        &self,
        playbooks: &[Playbook],
        inventory: &Inventory,
        limit: Option<&Pattern>,
        tags: &TagSelection,
    ) -> String {
        let mut lines = Vec::new();
        for playbook in playbooks {
            lines.push(format!("\nplaybook: {}", playbook.path.display()));
            for (index, play) in playbook.plays.iter().enumerate() {
                let pattern = match &play.hosts.value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                lines.push(format!(
                    "\n  play #{} ({pattern}): {}\tTAGS: [{}]",
                    index + 1,
                    play.name,
                    play.keywords.tags.join(",")
                ));
                for repeated in &play.repeated {
                    let over = &repeated.over;
                    let list = match &over.list.value {
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    };
                    lines.push(format!("    for each {} of {list}", over.variable));
                }
                if self.hosts {
                    Self::list_hosts(&pattern, inventory, limit, &mut lines);
                }
                if self.tasks {
                    lines.push("    tasks:".to_owned());
                    for task in play.all_tasks().filter(|task| tags.selects(&task.keywords.tags)) {
                        lines.push(format!(
                            "      {}\tTAGS: [{}]",
                            task.title(),
                            task.keywords.tags.join(", ")
                        ));
                    }
                }
                if self.tags {
                    lines.push(format!("      TASK TAGS: [{}]", Self::tags_of(play, tags).join(", ")));
                }
            }
        }
        lines.join("\n")
    }

    fn list_hosts(pattern: &str, inventory: &Inventory, limit: Option<&Pattern>, lines: &mut Vec<String>) {
        lines.push(format!("    pattern: [{pattern}]"));
        let selected = Pattern::parse(pattern).and_then(|pattern| pattern.select(inventory));
        let Ok(mut hosts) = selected else {
            lines.push("    hosts: known when the play runs".to_owned());
            return;
        };
        if let Some(Ok(limited)) = limit.map(|limit| limit.select(inventory)) {
            hosts.retain(|host| limited.contains(host));
        }
        lines.push(format!("    hosts ({}):", hosts.len()));
        lines.extend(hosts.iter().map(|host| format!("      {host}")));
    }

    fn tags_of(play: &Play, tags: &TagSelection) -> Vec<String> {
        let mut all: Vec<String> = play
            .all_tasks()
            .filter(|task| tags.selects(&task.keywords.tags))
            .flat_map(|task| task.keywords.tags.iter().cloned())
            .collect();
        all.sort();
        all.dedup();
        all
    }
}
