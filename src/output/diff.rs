use console::style;
use similar::{ChangeTag, TextDiff};

use crate::modules::Diff;

/// Ansible's limit for contents in a diff, in bytes.
const MAX_BYTES: usize = 104_448;

/// A unified diff as text, coloured where the terminal is.
pub fn render(diff: &Diff) -> String {
    if diff.before.len() > MAX_BYTES || diff.after.len() > MAX_BYTES {
        return format!(
            "--- {}\n+++ {}\n(larger than {MAX_BYTES} bytes, not shown)\n",
            diff.before_header, diff.after_header
        );
    }
    let mut text = format!(
        "{}\n{}\n",
        style(format!("--- {}", diff.before_header)).bold(),
        style(format!("+++ {}", diff.after_header)).bold()
    );
    let lines = TextDiff::from_lines(&diff.before, &diff.after);
    for hunk in lines.unified_diff().context_radius(3).iter_hunks() {
        text.push_str(&format!("{}\n", style(hunk.header()).cyan()));
        for change in hunk.iter_changes() {
            let line = change.value().trim_end_matches('\n');
            let shown = match change.tag() {
                ChangeTag::Delete => style(format!("-{line}")).red(),
                ChangeTag::Insert => style(format!("+{line}")).green(),
                ChangeTag::Equal => style(format!(" {line}")),
            };
            text.push_str(&format!("{shown}\n"));
        }
    }
    text
}
