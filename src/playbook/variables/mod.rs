//! Variables that no source can define, found before the run.
//!
//! For every play the names that its expressions and templates read are compared with the names that its hosts, roles
//! and tasks can define. A name counts as defined when any source could define it for any host of the play, and
//! nothing is said where a source cannot be known before the run: what is reported is wrong for certain, unless it is
//! never evaluated. Values of variables are followed as the run would follow them: a default that nobody uses may
//! refer to anything.

mod content;
mod follow;
mod hosts;
mod place;
mod reach;
mod report;
mod run;
mod scope;
mod spots;
#[cfg(test)]
mod tests;
mod texts;

use std::sync::Arc;

use self::content::Content;
use self::follow::Follower;
use self::hosts::HostTable;
use self::reach::Reach;
use self::report::Report;
use self::run::RunNames;
use self::scope::{PlayScope, TaskView};
use self::spots::Spot;
use self::texts::Texts;
use super::loader::Loader;
use super::model::{Play, Playbook};
use super::tags::TagSelection;
use crate::inventory::{Inventory, InventoryVariables, Pattern};
use crate::syntax::Diagnostics;
use crate::vars::VarMap;

/// What is known before a run, beside the playbooks.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The inventory.
    pub inventory: &'a Inventory,
    /// The variables of its hosts.
    pub variables: &'a InventoryVariables,
    /// `-e`
    pub extra_vars: &'a Arc<VarMap>,
    /// `--limit`
    pub limit: Option<&'a Pattern>,
    /// `--tags` and `--skip-tags`
    pub tags: &'a TagSelection,
}

/// Reports the variables that the playbooks, run one after the other, use and that no source can define.
pub fn check_variables(playbooks: &[Playbook], known: Known<'_>, loader: &Loader<'_>, diagnostics: &mut Diagnostics) {
    let texts = Texts::default();
    let table = HostTable::new(known);
    let plays: Vec<&Arc<Play>> = playbooks.iter().flat_map(|playbook| &playbook.plays).collect();
    let scopes: Vec<Option<PlayScope<'_>>> = plays
        .iter()
        .map(|play| {
            let hosts = table.hosts_of(play)?;
            Some(PlayScope::new(play, hosts, &table, loader))
        })
        .collect();
    let (contents, run) = read_contents(&plays, &scopes, loader, &texts);
    let mut report = Report::default();
    for ((play, scope), content) in plays.iter().zip(&scopes).zip(&contents) {
        // What one include that is not known yet defines holds on its hosts for the rest of the run.
        if content.is_open {
            break;
        }
        let Some(scope) = scope.as_ref().filter(|scope| !scope.is_open()) else {
            continue;
        };
        check_play(
            &Parts {
                play,
                scope,
                content,
                run: &run,
                texts: &texts,
                table: &table,
                known,
            },
            &mut report,
        );
    }
    report.write(&scopes, &table, diagnostics);
}

/// The tasks of all plays with those of their includes, and the names that they leave behind.
fn read_contents(
    plays: &[&Arc<Play>],
    scopes: &[Option<PlayScope<'_>>],
    loader: &Loader<'_>,
    texts: &Texts,
) -> (Vec<Content>, RunNames) {
    let mut run = RunNames::default();
    for play in plays {
        run.learn(play.all_tasks().chain(&play.handlers), texts);
    }
    // Included tasks define names too, and a name that they define may be what another include is named by.
    loop {
        let contents: Vec<Content> = plays
            .iter()
            .zip(scopes)
            .map(|(play, scope)| Content::of(play, scope.as_ref(), &run, loader))
            .collect();
        let before = run.len();
        for content in &contents {
            run.learn(content.tasks.iter().chain(&content.handlers), texts);
            run.learn_names(&content.names);
        }
        if run.len() == before {
            return (contents, run);
        }
    }
}

/// What a check of one play needs.
struct Parts<'c, 'a> {
    play: &'a Arc<Play>,
    scope: &'c PlayScope<'a>,
    content: &'c Content,
    run: &'c RunNames,
    texts: &'c Texts,
    table: &'c HostTable<'a>,
    known: Known<'a>,
}

fn check_play(parts: &Parts<'_, '_>, report: &mut Report) {
    let reach = Reach::new(parts.scope, parts.run, parts.texts, parts.table);
    let mut check =
        |scope: &PlayScope<'_>, view: &TaskView<'_>, spots: &[Spot<'_>], conditions: &[&str], guards: &[&str]| {
            let mut follower = Follower::new(scope, view, parts.run, parts.texts);
            for guard in guards {
                follower.guard(guard);
            }
            for spot in spots {
                for missing in follower.missing(spot) {
                    if reach.can_be_reached(view, conditions, &missing.conditions) {
                        report.add(parts.play, spot, missing, scope, view, parts.run);
                    }
                }
            }
        };
    let play_view = TaskView::of_play();
    check(
        &parts.scope.before_hosts(),
        &play_view,
        &Spot::before_hosts(parts.play),
        &[],
        &[],
    );
    check(parts.scope, &play_view, &Spot::of_play(parts.play), &[], &[]);
    let selected = parts
        .content
        .tasks
        .iter()
        .filter(|task| parts.known.tags.selects(&task.keywords.tags));
    let selected: Vec<_> = selected.collect();
    let notified = parts.content.notified_handlers(&selected);
    for task in selected.into_iter().chain(notified) {
        if spots::may_fail(task) {
            continue;
        }
        let conditions: Vec<&str> = task.keywords.when.iter().map(|when| when.text.as_str()).collect();
        let guards = spots::conditions(task);
        for (looped, spots) in Spot::of_task(task, parts.play, parts.texts) {
            check(
                parts.scope,
                &TaskView::of_task(task, looped),
                &spots,
                &conditions,
                &guards,
            );
        }
    }
}
