//! The file behind `--limit @file`: one host or pattern a line.

use super::patterns::PatternError;

/// The patterns that a limit file lists; lines that begin with `#` are comments.
///
/// A file without any is an error: read as "no limit", an empty list of failed hosts would mean every host.
pub(super) fn read_file(file: &str) -> Result<Vec<String>, PatternError> {
    let failed = |reason: String| PatternError::LimitFile {
        file: file.to_owned(),
        reason,
    };
    let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let patterns: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    if patterns.is_empty() {
        return Err(failed("it lists no host".to_owned()));
    }
    Ok(patterns)
}
