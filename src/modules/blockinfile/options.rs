use super::edit::{Block, Place};
use crate::modules::ArgumentError;
use crate::modules::args::{Flag, Presence, Text};
use crate::modules::remote_file::edits_file;
use crate::regexp::{Pattern, Reading};

edits_file! {
    /// Sees to it that a block of lines is in a file on the node, between two marker lines that tell it from the rest, or
    /// that it is not. For one line see `lineinfile`.
    ///
    /// Regular expressions are Python's, without looking ahead or behind. A new content is put in place in one step; owner,
    /// group and mode stay. Without changes it costs one exchange.
    pub struct BlockInFile {
        /// The file. A symbolic link stands for what it points to.
        pub(super) path: Text,
        /// The lines. Without any the block is removed.
        #[serde(default)]
        block: Text,
        /// Whether the block is to be there.
        #[serde(default)]
        state: Presence,
        /// The marker lines; `{mark}` stands for `marker_begin` and `marker_end`. Default: `# {mark} ANSIBLE MANAGED BLOCK`,
        /// so that blocks that Ansible wrote are found. Two blocks in one file need two markers.
        marker: Option<Text>,
        /// What `{mark}` is in the line before the block. Default: `BEGIN`.
        marker_begin: Option<Text>,
        /// What `{mark}` is in the line behind the block. Default: `END`.
        marker_end: Option<Text>,
        /// Where a new block goes: behind the last line that matches this regular expression, or `EOF`. Default: `EOF`, which
        /// is also taken where nothing matches. With `(?m)` at its beginning it may match several lines.
        insertafter: Option<Text>,
        /// As `insertafter`, but before the last line that matches, or `BOF`.
        insertbefore: Option<Text>,
        /// Makes the file, and its directory, where it is missing. Default: false, which is an error then.
        #[serde(default)]
        pub(super) create: Flag,
        /// Adds an empty line behind the block where there is none. Default: false.
        #[serde(default)]
        append_newline: Flag,
        /// Adds an empty line before the block where there is none. Default: false.
        #[serde(default)]
        prepend_newline: Flag,
    }
}

const MARKER: &str = "# {mark} ANSIBLE MANAGED BLOCK";

impl BlockInFile {
    /// Finds options that do not go together.
    pub(super) fn check_together(&self) -> Result<(), ArgumentError> {
        if self.insertafter.is_some() && self.insertbefore.is_some() {
            return Err(ArgumentError::option(
                "insertbefore",
                "give either `insertafter` or `insertbefore`, not both",
            ));
        }
        if self.marker_line(true) == self.marker_line(false) {
            return Err(ArgumentError::option(
                "marker",
                "the lines before and behind the block have to differ, or it would be added again in every run: \
                 put `{mark}` into `marker`, and let `marker_begin` and `marker_end` differ",
            ));
        }
        if [true, false]
            .iter()
            .any(|begin| self.marker_line(*begin).contains(['\n', '\r']))
        {
            return Err(ArgumentError::option("marker", "a marker is one line"));
        }
        self.check_installation()?;
        self.place().map(drop)
    }

    pub(super) fn is_absent(&self) -> bool {
        self.state == Presence::Absent
    }

    fn marker_line(&self, begin: bool) -> String {
        let mark = if begin {
            self.marker_begin.as_deref().unwrap_or("BEGIN")
        } else {
            self.marker_end.as_deref().unwrap_or("END")
        };
        self.marker.as_deref().unwrap_or(MARKER).replace("{mark}", mark)
    }

    pub(super) fn block(&self) -> Result<Block, ArgumentError> {
        let mut text = if self.is_absent() {
            Vec::new()
        } else {
            self.block.as_bytes().to_vec()
        };
        if !text.is_empty() && !text.ends_with(b"\n") {
            text.push(b'\n');
        }
        Ok(Block {
            begin: format!("{}\n", self.marker_line(true)).into_bytes(),
            end: format!("{}\n", self.marker_line(false)).into_bytes(),
            text,
            place: self.place()?,
            prepend_newline: *self.prepend_newline,
            append_newline: *self.append_newline,
        })
    }

    fn place(&self) -> Result<Place, ArgumentError> {
        Ok(match (self.insertafter.as_deref(), self.insertbefore.as_deref()) {
            (Some("EOF"), _) | (None, None) => Place::End,
            (Some(text), _) => Place::After(pattern("insertafter", text)?),
            (_, Some("BOF")) => Place::Beginning,
            (_, Some(text)) => Place::Before(pattern("insertbefore", text)?),
        })
    }
}

/// Checks an option on its own, for tasks whose other options are not known before the run.
pub(super) fn check_pattern(name: &str, value: &str) -> Result<(), ArgumentError> {
    match name {
        "insertafter" | "insertbefore" => pattern(name, value).map(drop),
        _ => Ok(()),
    }
}

fn pattern(option: &str, text: &str) -> Result<Pattern, ArgumentError> {
    Pattern::new(text, Reading::Line).map_err(|error| ArgumentError::option(option, error.to_string()))
}
