//! The table of the fault matrix, as it is printed and kept in docs/fault-matrix.md.

use std::fmt::Write as _;

use super::chain::Cell;
use super::kinds::Kind;
use super::steps::Step;
use crate::support::repository;

const PAGE: &str = "docs/fault-matrix.md";
const HEAD: &str = "\
# The fault matrix

What happens when something goes wrong in the middle of an upgrade: each program that `playbooks/upgrade.yml` runs on the nodes (one
master, one worker, 1.28.0 to 1.28.2), struck by each kind of fault. `tests/nodes/fault_matrix` makes this page (`KRUN_TEST_RENEW=1`)
and holds krun to it in CI.

- **krun killed**: kill -9 while the program is at work, which goes on.
- **connection cut**: the node's cable is pulled while the program is at work, and krun gives it up.
- **command fails**: the program ends with exit code 1, once.
- **command hangs**: it never ends.
- **command lies**: it says that all is well and has done nothing; `kubeadm version` tells an older version than it is.
- **node reboots**: the node loses its power while the program is at work, and comes back.

*stops*: the run stopped, with what is promised for that: the exit code, a recap that names the host and the way on; no node but the
one at work was touched, at most one is cordoned, and krun says so; what was done is the beginning of what an undisturbed run does.
`krun resume` then went on, and nothing was done twice but what was in flight. *goes on*: the run itself got over it. Which
of the two may differ where it is a matter of moments. At the end of all of them the cluster was as an undisturbed run leaves it.
";

/// The table with its counts.
pub fn table(steps: &[Step], columns: &[(Kind, Vec<Cell>)]) -> String {
    let mut text = String::from("| task | nodes | program |");
    for (kind, _) in columns {
        let _ = write!(text, " {} |", kind.title());
    }
    let _ = write!(text, "\n| --- | --- | --- |{}\n", " --- |".repeat(columns.len()));
    for (number, step) in steps.iter().enumerate() {
        let _ = write!(text, "{}", row_head(step));
        for (_, cells) in columns {
            let _ = write!(
                text,
                " {} |",
                match cells[number] {
                    Cell::Stopped => "stops",
                    Cell::WentOn => "goes on",
                    Cell::Missed => "not struck",
                }
            );
        }
        text.push('\n');
    }
    let count = |cell: Cell| {
        columns
            .iter()
            .flat_map(|(_, cells)| cells)
            .filter(|other| **other == cell)
            .count()
    };
    let _ = write!(
        text,
        "\n{} steps × {} kinds of fault = {} cells: {} stopped and were resumed, {} went on, {} were not struck.\n",
        steps.len(),
        columns.len(),
        steps.len() * columns.len(),
        count(Cell::Stopped),
        count(Cell::WentOn),
        count(Cell::Missed),
    );
    text
}

fn row_head(step: &Step) -> String {
    format!("| {} | {} | `{}` |", step.task, step.nodes.join(", "), step.shown())
}

/// The page has these steps and kinds; how a cell came out may differ.
pub fn compare(steps: &[Step], table: &str) {
    let path = repository().join(PAGE);
    if std::env::var_os("KRUN_TEST_RENEW").is_some() {
        std::fs::write(&path, format!("{HEAD}\n{table}")).unwrap();
        return;
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    let renew = "KRUN_TEST_RENEW=1 cargo test --locked --test nodes fault_matrix writes it";
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
        .collect();
    let heads: Vec<String> = steps.iter().map(row_head).collect();
    let same = rows.len() == heads.len()
        && rows
            .iter()
            .zip(&heads)
            .all(|(row, head)| row.starts_with(head.as_str()));
    assert!(same, "{PAGE} does not have the steps of the upgrade: {renew}\n{table}");
    for kind in Kind::ALL {
        assert!(
            page.contains(kind.title()),
            "{PAGE} has no column for {}: {renew}",
            kind.title()
        );
    }
}
