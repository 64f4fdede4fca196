//! The plan for people.

use super::collect::{Phase, Plan};
use super::durations::Durations;
use crate::kube::preflight::{Finding, NodeReport, Report, Severity};

/// The plan as text: the cluster, the hops, the order, what was found, and the verdict.
pub(super) fn of(plan: &Plan, durations: &Durations, code: i32) -> String {
    let mut parts = Vec::new();
    if let Some(report) = &plan.report {
        parts.push(section("CLUSTER", &cluster(report)));
        parts.push(section(&hops_title(report), &hops(report)));
    }
    let has_order = !plan.phases.is_empty();
    if has_order {
        parts.push(section("ORDER", &order(&plan.phases, durations)));
    }
    if let Some(report) = &plan.report {
        let budgets = budgets(report);
        if !budgets.is_empty() {
            parts.push(section("BUDGETS THAT WOULD HOLD DRAINS UP", &budgets));
        }
        if !report.findings.is_empty() {
            parts.push(section("FINDINGS", &findings(&report.findings)));
        }
    }
    parts.push(verdict(plan, code));
    parts.join("\n\n")
}

fn section(title: &str, lines: &[String]) -> String {
    let mut text = title.to_owned();
    for line in lines {
        text.push_str("\n  ");
        text.push_str(line);
    }
    text
}

/// Lines with columns as wide as they need to be; empty columns are left out.
fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let cell = |row: &Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
    let is_used = |column: &usize| rows.iter().skip(1).any(|row| !cell(row, *column).is_empty());
    let used: Vec<usize> = (0..columns).filter(is_used).collect();
    let width = |column: usize| {
        let widths = rows.iter().map(|row| console::measure_text_width(&cell(row, column)));
        widths.max().unwrap_or_default()
    };
    let line = |row: &Vec<String>| {
        let cells = used.iter().map(|column| {
            let text = cell(row, *column);
            console::pad_str(&text, width(*column), console::Alignment::Left, None).into_owned()
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(ToOwned::to_owned).to_vec()
}

/// Columns that tell the nodes apart; of the others, what is the same on all nodes is said once.
const OWN_COLUMNS: usize = 4;

fn cluster(report: &Report) -> Vec<String> {
    let heads = words([
        "NODE",
        "HOST",
        "ROLE",
        "STATE",
        "KUBEADM",
        "KUBELET",
        "KUBECTL",
        "API SERVER",
        "ETCD",
        "RUNTIME",
        "OS",
        "REPOSITORY",
        "CERTIFICATES END",
    ]);
    let mut rows: Vec<Vec<String>> = report.nodes.iter().map(node).collect();
    let mut common = Vec::new();
    for (column, head) in heads.iter().enumerate().skip(OWN_COLUMNS) {
        let first = rows.first().map(|row| row[column].clone()).unwrap_or_default();
        if rows.len() > 1 && !first.is_empty() && rows.iter().all(|row| row[column] == first) {
            common.push(format!("{} {first}", head.to_lowercase()));
            for row in &mut rows {
                row[column].clear();
            }
        }
    }
    rows.insert(0, heads);
    let mut lines = table(&rows);
    if !common.is_empty() {
        lines.push(format!("on all nodes: {}", common.join(", ")));
    }
    lines
}

fn node(node: &NodeReport) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let mut state = vec![if node.ready { "Ready" } else { "NotReady" }.to_owned()];
    if node.cordoned {
        state.push(match &node.cordoned_by {
            Some(run) => format!("cordoned by krun ({run})"),
            None => "cordoned".to_owned(),
        });
    }
    let leader = if node.etcd_leader { " (leader)" } else { "" };
    let etcd = node.etcd.as_ref().map(|version| format!("{version}{leader}"));
    let repository = node.repository.as_ref().map(|repository| {
        let kind = serde_json::to_value(repository.kind).unwrap_or_default();
        let minor = repository
            .minor
            .as_ref()
            .map(|minor| format!(" {minor}"))
            .unwrap_or_default();
        format!("{}{minor}", kind.as_str().unwrap_or_default())
    });
    let ends = node
        .certificates
        .as_ref()
        .map(|end| format!("{} ({})", end.expires, end.name));
    let host = if node.host == node.name {
        String::new()
    } else {
        node.host.clone()
    };
    let host = if node.host.is_empty() {
        "not in the inventory".to_owned()
    } else {
        host
    };
    vec![
        node.name.clone(),
        host,
        node.role.clone(),
        state.join(", "),
        text(&node.kubeadm),
        text(&node.kubelet),
        text(&node.kubectl),
        text(&node.api_server),
        text(&etcd),
        node.runtime.clone(),
        node.os.clone(),
        text(&repository),
        text(&ends),
    ]
}

fn hops_title(report: &Report) -> String {
    match report.hops.as_slice() {
        [] => format!("HOPS to {}: none", report.target),
        [_] => format!("HOPS to {}: one", report.target),
        hops => format!("HOPS to {}: {}", report.target, hops.len()),
    }
}

fn hops(report: &Report) -> Vec<String> {
    if report.hops.is_empty() {
        return words(["every node is there already"]);
    }
    let mut rows = vec![words(["FROM", "TO", "PACKAGE", "WHERE IT COMES FROM", ""])];
    rows.extend(report.hops.iter().map(|hop| {
        let source = hop
            .source
            .clone()
            .unwrap_or_else(|| "no repository was found to serve it".to_owned());
        vec![
            hop.from.to_string(),
            hop.version.to_string(),
            hop.package.clone().unwrap_or_default(),
            source,
            if hop.pinned { "as asked for" } else { "newest patch" }.to_owned(),
        ]
    }));
    table(&rows)
}

fn order(phases: &[Phase], durations: &Durations) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, phase) in phases.iter().enumerate() {
        let batches: Vec<_> = phase.batches.iter().map(|batch| batch.join(", ")).collect();
        let time = durations.seconds(&phase.play).map(|seconds| {
            // The hosts of a batch are upgraded at the same time.
            let each = if batches.len() > 1 {
                format!(", {} each", written(seconds))
            } else {
                String::new()
            };
            #[expect(clippy::cast_precision_loss, reason = "a number of batches")]
            let all = seconds * batches.len() as f64;
            format!("   (took {} before{each})", written(all))
        });
        lines.push(format!("{:>2}. {}{}", index + 1, phase.play, time.unwrap_or_default()));
        lines.push(format!("      {}", batches.join(" | ")));
    }
    lines
}

/// A duration as people say it.
fn written(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "far below 2^63, and no part of a second is wanted"
    )]
    let seconds = seconds.round() as i64;
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{} s", seconds.max(1)),
        (minutes, seconds) if minutes < 10 => format!("{minutes} min {seconds} s"),
        (minutes, _) => format!("{minutes} min"),
    }
}

fn budgets(report: &Report) -> Vec<String> {
    let line = |budget: &crate::kube::BlockedBudget| {
        format!(
            "{}/{} needs {} healthy, has {}: {} on {}",
            budget.namespace,
            budget.name,
            budget.needs,
            budget.has,
            budget.pods.join(", "),
            budget.nodes.join(", ")
        )
    };
    report.budgets.iter().map(line).collect()
}

fn findings(findings: &[Finding]) -> Vec<String> {
    let mut lines = Vec::new();
    for finding in findings {
        let word = match finding.severity {
            Severity::Block if finding.waived => "waived  ",
            Severity::Block => "BLOCKING",
            Severity::Warn => "warning ",
            Severity::Note => "note    ",
        };
        let mut own = finding.lines().into_iter();
        lines.extend(own.next().map(|line| format!("{word}  {line}")));
        lines.extend(own.map(|line| format!("          {line}")));
    }
    lines
}

fn verdict(plan: &Plan, code: i32) -> String {
    let mut lines = Vec::new();
    for problem in &plan.problems {
        lines.push(format!("{}: {}", problem.host, problem.message));
        lines.extend(problem.what_to_do.iter().map(|text| format!("  what to do: {text}")));
    }
    let blocking = plan.report.iter().flat_map(|report| &report.findings);
    let mut names: Vec<&str> = blocking
        .filter(|finding| finding.is_in_the_way())
        .map(|finding| finding.name.as_str())
        .collect();
    names.dedup();
    lines.push(match (code, names.as_slice()) {
        (0, _) if plan.report.as_ref().is_some_and(|report| report.hops.is_empty()) => {
            "Nothing is left to be upgraded.".to_owned()
        }
        (0, _) => "Nothing stands in the way: the upgrade may start.".to_owned(),
        (_, []) => "The upgrade must not start: the cluster could not be looked at as it should.".to_owned(),
        (_, names) => format!(
            "The upgrade must not start: {}. Mend that, or waive it by name: -e '{{\"preflight_skip\": [\"{}\"]}}'",
            names.join(", "),
            names.join("\", \"")
        ),
    });
    lines.join("\n")
}
