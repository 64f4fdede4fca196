use std::ops::Range;

use minijinja::ErrorKind;

/// Why an expression or a template has no value. Never holds the values of variables, which may be secrets.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What is wrong, in one sentence.
    pub message: String,
    /// True when a variable, key or attribute has no value (as opposed to a mistake in the template).
    pub undefined: bool,
    /// Bytes of the text that the error is about, where known.
    pub range: Option<Range<usize>>,
}

impl TemplateError {
    /// An error with a text of krun's own.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            undefined: false,
            range: None,
        }
    }

    pub(super) fn undefined_name(expression: &str) -> Self {
        Self {
            message: format!("`{expression}` is undefined"),
            undefined: true,
            range: None,
        }
    }

    /// From the engine's error for this text; names the expression that failed.
    pub(super) fn from_engine(error: &minijinja::Error, text: &str) -> Self {
        let mut innermost = error;
        while let Some(next) = std::error::Error::source(innermost).and_then(|e| e.downcast_ref()) {
            innermost = next;
        }
        let line = || {
            let number = error.line()?.checked_sub(1)?;
            let start: usize = text.split_inclusive('\n').take(number).map(str::len).sum();
            let whole = text.get(start..)?.lines().next()?;
            let at = start + whole.len() - whole.trim_start().len();
            Some(at..at + whole.trim().len())
        };
        let exact = error.range().filter(|range| text.get(range.clone()).is_some());
        // In a text of one line, that line says nothing.
        let range = exact.or_else(|| line().filter(|_| text.trim_end().contains('\n')));
        let culprit = range.clone().and_then(|range| text.get(range)).map(str::trim);
        let detail = innermost.detail();
        let undefined = innermost.kind() == ErrorKind::UndefinedError;
        let message = match (undefined, detail, culprit) {
            (true, Some(detail), _) if detail.contains('`') => detail.to_owned(),
            (true, _, Some(culprit)) if !culprit.is_empty() => format!("`{culprit}` is undefined"),
            (true, detail, _) => format!("{} in `{}`", detail.unwrap_or("undefined value"), text.trim()),
            (false, Some(detail), _) => detail.to_owned(),
            (false, None, _) => innermost.kind().to_string(),
        };
        Self {
            message,
            undefined,
            range,
        }
    }
}
