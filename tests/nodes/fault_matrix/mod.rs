//! The fault matrix: every step of the upgrade × every kind of fault.
//!
//! A step is a program that the upgrade runs on a node (steps.rs finds them in an undisturbed run), a fault strikes while that
//! program is called (kinds.rs). For each kind of fault there is a lab in which all steps are struck one after the other: a run
//! that a fault stopped is resumed, and the resumed run meets the fault of the next step (chain.rs). After each stop the
//! state of the nodes, the order of what was done, the exit code and the recap are judged, at the end the cluster is compared
//! with that of the undisturbed run. The table is docs/fault-matrix.md.
//!
//! `KRUN_TEST_EACH=1` strikes each step in a lab of its own instead, and takes an hour or two; `KRUN_TEST_RENEW=1` writes the page.

mod chain;
mod kinds;
mod page;
mod promises;
mod steps;

use std::sync::Mutex;

use crate::support::lab::Lab;
use chain::{Cell, Goal};
use kinds::Kind;

/// No fewer steps than these have to be found.
const FEWEST: usize = 25;

#[test]
fn whatever_happens_at_any_step_the_upgrade_stops_well_and_is_resumed_to_the_same_end() {
    if !Lab::is_long_wanted() {
        return;
    }
    let Some(first) = Lab::up("matrix", 1, 1, "1.28.0") else {
        return;
    };
    let (steps, goal) = chain::undisturbed(&first);
    assert!(steps.len() >= FEWEST, "{} steps only: {steps:#?}", steps.len());
    drop(first);

    let columns: Mutex<Vec<(Kind, Vec<Cell>)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for kind in chosen() {
            let (steps, goal, columns) = (&steps, &goal, &columns);
            scope.spawn(move || {
                let cells = strike(kind, steps, goal);
                columns.lock().unwrap().push((kind, cells));
            });
        }
    });
    let mut columns = columns.into_inner().unwrap();
    columns.sort_by_key(|(kind, _)| *kind);
    let table = page::table(&steps, &columns);
    println!("{table}");
    if columns.len() == Kind::ALL.len() {
        page::compare(&steps, &table);
    }
}

/// `KRUN_TEST_FAULTS=fails,hangs`: these kinds only, to try something.
fn chosen() -> Vec<Kind> {
    let names = std::env::var("KRUN_TEST_FAULTS").unwrap_or_default();
    let wanted = |kind: &Kind| names.is_empty() || names.split(',').any(|name| name == kind.name());
    Kind::ALL.into_iter().filter(wanted).collect()
}

fn strike(kind: Kind, steps: &[steps::Step], goal: &Goal) -> Vec<Cell> {
    let lab = Lab::up(&format!("matrix-{}", kind.name()), 1, 1, "1.28.0").unwrap();
    let all: Vec<usize> = (0..steps.len()).collect();
    let mut cells = vec![Cell::Missed; steps.len()];
    if std::env::var_os("KRUN_TEST_EACH").is_some() {
        for step in all {
            lab.reset();
            chain::run(&lab, kind, steps, &[step], goal, &mut cells);
        }
        return cells;
    }
    chain::run(&lab, kind, steps, &all, goal, &mut cells);
    // A step that the chain did not come by, since an earlier fault took it along: once more without the others.
    for _ in 0..2 {
        let missed: Vec<usize> = all
            .iter()
            .copied()
            .filter(|step| cells[*step] == Cell::Missed)
            .collect();
        if missed.is_empty() {
            break;
        }
        lab.reset();
        chain::run(&lab, kind, steps, &missed, goal, &mut cells);
    }
    let missed: Vec<_> = all
        .iter()
        .filter(|step| cells[**step] == Cell::Missed)
        .map(|step| &steps[*step])
        .collect();
    assert!(missed.is_empty(), "{}: never struck: {missed:#?}", kind.name());
    cells
}
