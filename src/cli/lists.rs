//! `--list-hosts`, `--list-tasks`, `--list-tags`, and the question of `--step`.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::inventory::{Inventory, Pattern};
use crate::playbook::{Play, Playbook, TagSelection};
use crate::runner::StepGate;

/// What is to be listed.
#[allow(clippy::struct_excessive_bools, reason = "three independent options")]
pub(super) struct Lists {
    pub(super) hosts: bool,
    pub(super) tasks: bool,
    pub(super) tags: bool,
}

impl Lists {
    /// Prints the lists in ansible-playbook's form.
    pub(super) fn print(
        &self,
        playbooks: &[Playbook],
        inventory: &Inventory,
        limit: Option<&Pattern>,
        tags: &TagSelection,
    ) {
        for playbook in playbooks {
            println!("\nplaybook: {}", playbook.path.display());
            for (index, play) in playbook.plays.iter().enumerate() {
                let pattern = match &play.hosts.value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                println!(
                    "\n  play #{} ({pattern}): {}\tTAGS: [{}]",
                    index + 1,
                    play.name,
                    play.keywords.tags.join(",")
                );
                if self.hosts {
                    Self::print_hosts(&pattern, inventory, limit);
                }
                if self.tasks {
                    println!("    tasks:");
                    for task in play.all_tasks().filter(|task| tags.selects(&task.keywords.tags)) {
                        println!("      {}\tTAGS: [{}]", task.title(), task.keywords.tags.join(", "));
                    }
                }
                if self.tags {
                    println!("      TASK TAGS: [{}]", Self::tags_of(play, tags).join(", "));
                }
            }
        }
    }

    fn print_hosts(pattern: &str, inventory: &Inventory, limit: Option<&Pattern>) {
        println!("    pattern: [{pattern}]");
        let selected = Pattern::parse(pattern).and_then(|pattern| pattern.select(inventory));
        let Ok(mut hosts) = selected else {
            println!("    hosts: known when the play runs");
            return;
        };
        if let Some(Ok(limited)) = limit.map(|limit| limit.select(inventory)) {
            hosts.retain(|host| limited.contains(host));
        }
        println!("    hosts ({}):", hosts.len());
        for host in hosts {
            println!("      {host}");
        }
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

/// Asks before each task: yes, no, or continue without asking.
pub(super) fn step_gate() -> StepGate {
    let asking = AtomicBool::new(true);
    Arc::new(move |task: &str| {
        if !asking.load(Ordering::Relaxed) {
            return true;
        }
        print!("Perform task: {task} (N)o/(y)es/(c)ontinue: ");
        let mut answer = String::new();
        // Without an answer the task is left out.
        let heard = std::io::stdout()
            .flush()
            .and_then(|()| std::io::stdin().lock().read_line(&mut answer));
        match (heard, answer.trim().to_lowercase().as_str()) {
            (Ok(_), "y" | "yes") => true,
            (Ok(_), "c" | "continue") => {
                asking.store(false, Ordering::Relaxed);
                true
            }
            _ => false,
        }
    })
}
