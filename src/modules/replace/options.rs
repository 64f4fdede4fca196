use super::edit::{Edit, PIECE};
use super::encoding::Encoding;
use crate::modules::ArgumentError;
use crate::modules::args::Text;
use crate::modules::remote_file::edits_file;
use crate::regexp::{Pattern, Reading, Replacement};

edits_file! {
    /// Replaces all that a regular expression matches in a file on the node. Choose one that does not match what it is
    /// replaced with, or every run replaces it again.
    ///
    /// Regular expressions are Python's, without looking ahead or behind. A new content is put in place in one step; owner,
    /// group and mode stay. Without changes it costs one exchange.
    pub struct Replace {
        /// The file. A symbolic link stands for what it points to.
        path: Text,
        /// What is replaced. `^` and `$` match at every line, `.` matches no line break.
        regexp: Text,
        /// What it is replaced with; `\1` and `\g<name>` stand for groups. Default: nothing, so that matches are removed.
        #[serde(default, rename = "replace")]
        replacement: Text,
        /// Works only on what is behind the first match of this regular expression, whose `.` matches line breaks too.
        after: Option<Text>,
        /// Works only on what is before the last match of this regular expression, with `after` the first one behind that.
        before: Option<Text>,
        /// How the file's characters are written: `utf-8`, `ascii` or `latin-1`. Default: `utf-8`.
        encoding: Option<Text>,
    }
}

impl Replace {
    /// Finds options that do not go together.
    pub(super) fn check_together(&self) -> Result<(), ArgumentError> {
        self.check_installation()?;
        self.encoding()?;
        self.edit().map(drop)
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn encoding(&self) -> Result<Encoding, ArgumentError> {
        self.encoding.as_deref().map_or(Ok(Encoding::Utf8), Encoding::named)
    }

    pub(super) fn edit(&self) -> Result<Edit, ArgumentError> {
        let pattern = pattern("regexp", &self.regexp, Reading::Lines)?;
        let replacement = Replacement::new(&self.replacement, &pattern)
            .map_err(|error| ArgumentError::option("replace", error.to_string()))?;
        let piece = match self.piece_text() {
            None => None,
            Some(text) => {
                // Each on its own first, so that the error names the option.
                for (name, text) in [("after", &self.after), ("before", &self.before)] {
                    if let Some(text) = text {
                        self::pattern(name, text, Reading::Piece)?;
                    }
                }
                Some(self::pattern("after", &text, Reading::Piece)?)
            }
        };
        Ok(Edit {
            pattern,
            replacement,
            piece,
        })
    }

    /// The regular expression that finds the piece of the file to work on.
    pub(super) fn piece_text(&self) -> Option<String> {
        let text = |text: &Option<Text>| text.as_deref().filter(|text| !text.is_empty()).map(ToOwned::to_owned);
        match (text(&self.after), text(&self.before)) {
            (Some(after), Some(before)) => Some(format!("{after}(?P<{PIECE}>.*?){before}")),
            (Some(after), None) => Some(format!("{after}(?P<{PIECE}>.*)")),
            (None, Some(before)) => Some(format!("(?P<{PIECE}>.*){before}")),
            (None, None) => None,
        }
    }
}

/// Checks an option on its own, for tasks whose other options are not known before the run.
pub(super) fn check_pattern(name: &str, value: &str) -> Result<(), ArgumentError> {
    match name {
        "regexp" => pattern(name, value, Reading::Lines).map(drop),
        "after" | "before" => pattern(name, value, Reading::Piece).map(drop),
        _ => Ok(()),
    }
}

fn pattern(option: &str, text: &str, reading: Reading) -> Result<Pattern, ArgumentError> {
    Pattern::new(text, reading).map_err(|error| ArgumentError::option(option, error.to_string()))
}
