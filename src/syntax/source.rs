use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A text that was read, with the name under which errors speak of it.
#[derive(Debug)]
pub struct SourceFile {
    path: PathBuf,
    text: String,
    /// Byte offset at which each line starts.
    line_starts: Vec<usize>,
}

impl SourceFile {
    /// Wraps a text; `path` is what errors show.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Arc<Self> {
        let text = text.into();
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        let path: PathBuf = path.into();
        // `./site.yml` and `site.yml` are one file, found from another one and named by the user.
        let path = path.strip_prefix(".").map(Path::to_owned).unwrap_or(path);
        Arc::new(Self {
            path,
            text,
            line_starts,
        })
    }

    /// The path as the user gave it, or as it was found from there.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Byte offset of a line (from 1) and a column (from 1, in characters), cut to the text's end.
    pub(crate) fn offset(&self, line: usize, column: usize) -> usize {
        let Some(&start) = self.line_starts.get(line.saturating_sub(1)) else {
            return self.text.len();
        };
        let rest = &self.text[start..];
        let line_text = rest.split('\n').next().unwrap_or_default();
        start
            + line_text
                .char_indices()
                .nth(column.saturating_sub(1))
                .map_or(line_text.len(), |(at, _)| at)
    }
}

/// Where something stands: a file, a line and a column (both from 1), and how many characters it spans.
#[derive(Clone)]
pub struct Place {
    /// The file; shared by all nodes that came from it.
    pub source: Arc<SourceFile>,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// Number of characters that the thing spans on its first line; at least 1.
    pub width: usize,
}

impl Place {
    /// The beginning of a file, for what is wrong with the file as a whole.
    pub fn start_of(source: &Arc<SourceFile>) -> Self {
        Self {
            source: Arc::clone(source),
            line: 1,
            column: 1,
            width: 1,
        }
    }

    /// The place of a byte of a file, and how many characters stand there.
    pub(crate) fn at_offset(source: &Arc<SourceFile>, offset: usize, width: usize) -> Self {
        let line = source.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = source.line_starts[line - 1];
        let before = source.text.get(start..offset).unwrap_or_default();
        Self {
            source: Arc::clone(source),
            line,
            column: before.chars().count() + 1,
            width: width.max(1),
        }
    }

    /// The same place, `characters` further on the same line and one character wide.
    #[must_use]
    pub fn shifted(&self, characters: usize, width: usize) -> Self {
        Self {
            source: Arc::clone(&self.source),
            line: self.line,
            column: self.column + characters,
            width: width.max(1),
        }
    }

    /// The place of a word of the scalar that stands here: `text` is what was read of it, `at` where the word begins in
    /// that. The words stand in the file in the same order, however the scalar is quoted, folded and indented.
    #[must_use]
    pub fn of_word(&self, text: &str, at: usize, word: &str) -> Self {
        let offset = self.byte_range().start;
        let rest = self.source.text.get(offset..).unwrap_or_default();
        let number = text.get(..at).map_or(0, |before| before.matches(word).count());
        match rest.match_indices(word).nth(number) {
            Some((found, _)) if !word.is_empty() => Self::at_offset(&self.source, offset + found, word.chars().count()),
            _ => self.clone(),
        }
    }

    /// Byte range in the source text.
    pub(crate) fn byte_range(&self) -> std::ops::Range<usize> {
        let start = self.source.offset(self.line, self.column);
        let end = self.source.offset(self.line, self.column + self.width);
        start..end.max(start)
    }

    /// Order in which a reader meets places: by file, then line, then column.
    pub(crate) fn reading_order(&self) -> (&Path, usize, usize) {
        (self.source.path(), self.line, self.column)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source.path().display(), self.line, self.column)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
