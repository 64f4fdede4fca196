use super::edit::{Place, Sought, Wanted};
use crate::modules::ArgumentError;
use crate::modules::args::{Flag, Presence, Text};
use crate::modules::remote_file::edits_file;
use crate::regexp::{Pattern, Reading, Replacement};

edits_file! {
    /// Sees to it that one line is in a file on the node, or that lines are not. For several lines see `blockinfile`, for
    /// text within lines `replace`.
    ///
    /// Regular expressions are Python's, without looking ahead or behind. A new content is put in place in one step; owner,
    /// group and mode stay. Without changes it costs one exchange.
    pub struct LineInFile {
        /// The file. A symbolic link stands for what it points to.
        pub(super) path: Text,
        /// Tells the line to be replaced (the last one that matches), or with `state: absent` all lines to be removed. It
        /// should match before and after, or the line is added again.
        regexp: Option<Text>,
        /// As `regexp`, but a text that the line holds somewhere.
        search_string: Option<Text>,
        /// The line that is to be there, or that is not to be there where neither `regexp` nor `search_string` is given.
        line: Option<Text>,
        /// Whether the line is to be there.
        #[serde(default)]
        pub(super) state: Presence,
        /// Where a line goes that is neither there nor replaces another: behind the last line that matches this regular
        /// expression, or `EOF` or `BOF`. Default: `EOF`, which is also taken where nothing matches.
        insertafter: Option<Text>,
        /// As `insertafter`, but before the last line that matches, or `BOF`.
        insertbefore: Option<Text>,
        /// Fills groups of `regexp` into `line` (`\1`, `\g<name>`); where `regexp` matches no line the file stays as it is.
        #[serde(default)]
        backrefs: Flag,
        /// Takes the first line that `regexp`, `search_string`, `insertafter` or `insertbefore` matches, not the last.
        #[serde(default)]
        firstmatch: Flag,
        /// Makes the file, and its directory, where it is missing. Default: false, which is an error then.
        #[serde(default)]
        pub(super) create: Flag,
    }
}

impl LineInFile {
    /// Finds options that do not go together.
    pub(super) fn check_together(&self) -> Result<(), ArgumentError> {
        let refused = |option: &str, why: &str| Err(ArgumentError::option(option, why));
        if self.regexp.is_some() && self.search_string.is_some() {
            return refused("search_string", "give either `regexp` or `search_string`, not both");
        }
        if self.insertafter.is_some() && self.insertbefore.is_some() {
            return refused("insertbefore", "give either `insertafter` or `insertbefore`, not both");
        }
        if self.state == Presence::Present && self.line.is_none() {
            return refused("line", "say with `line` what is to be in the file");
        }
        if self.state == Presence::Absent
            && self.line.is_none()
            && self.regexp.is_none()
            && self.search_string.is_none()
        {
            return refused(
                "line",
                "say with `line`, `regexp` or `search_string` what is not to be in the file",
            );
        }
        if *self.backrefs && self.state == Presence::Present && self.regexp.is_none() {
            return refused("backrefs", "`backrefs` needs `regexp`, whose groups it is about");
        }
        for (name, text) in [("regexp", &self.regexp), ("search_string", &self.search_string)] {
            if text.as_ref().is_some_and(|text| text.is_empty()) {
                return refused(name, "an empty text matches every line; leave the option out");
            }
        }
        self.check_installation()?;
        match self.state {
            Presence::Present => self.wanted().map(drop),
            Presence::Absent => self.sought().map(drop),
        }
    }

    /// The line; the line break that YAML's `|` leaves at its end is no part of it.
    pub(super) fn line(&self) -> &str {
        let line = self.line.as_deref().unwrap_or_default();
        line.strip_suffix('\n').unwrap_or(line)
    }

    pub(super) fn sought(&self) -> Result<Sought, ArgumentError> {
        match (&self.regexp, &self.search_string) {
            (Some(regexp), _) => pattern("regexp", regexp).map(Sought::Matching),
            (_, Some(text)) => Ok(Sought::Holding(text.as_bytes().to_vec())),
            _ => Ok(Sought::Line),
        }
    }

    pub(super) fn wanted(&self) -> Result<Wanted, ArgumentError> {
        let sought = self.sought()?;
        let backrefs = match &sought {
            Sought::Matching(pattern) if *self.backrefs => {
                let replacement = Replacement::new(self.line(), pattern);
                Some(replacement.map_err(|error| ArgumentError::option("line", error.to_string()))?)
            }
            _ => None,
        };
        Ok(Wanted {
            line: self.line().as_bytes().to_vec(),
            sought,
            place: self.place()?,
            backrefs,
            first_match: *self.firstmatch,
        })
    }

    fn place(&self) -> Result<Place, ArgumentError> {
        Ok(match (self.insertafter.as_deref(), self.insertbefore.as_deref()) {
            (Some("BOF"), _) | (_, Some("BOF")) => Place::Beginning,
            (Some("EOF"), _) | (None, None) => Place::End,
            (Some(text), _) => Place::After(pattern("insertafter", text)?),
            (_, Some(text)) => Place::Before(pattern("insertbefore", text)?),
        })
    }
}

/// Checks an option on its own, for tasks whose other options are not known before the run.
pub(super) fn check_pattern(name: &str, value: &str) -> Result<(), ArgumentError> {
    match name {
        "regexp" | "insertafter" | "insertbefore" => pattern(name, value).map(drop),
        _ => Ok(()),
    }
}

fn pattern(option: &str, text: &str) -> Result<Pattern, ArgumentError> {
    Pattern::new(text, Reading::Line).map_err(|error| ArgumentError::option(option, error.to_string()))
}
