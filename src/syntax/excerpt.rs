use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::{Deserialize, Serialize};

use super::source::Place;

/// A place with the line that stands there: what can be shown of it without the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excerpt {
    /// The file, as errors name it.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// Number of characters that are meant.
    pub width: usize,
    /// The line.
    pub text: String,
}

impl Excerpt {
    /// What stands at a place.
    pub fn of(place: &Place) -> Self {
        let source = &place.source;
        let line = source.text().split('\n').nth(place.line.saturating_sub(1));
        Self {
            file: source.path().to_string_lossy().into_owned(),
            line: place.line,
            column: place.column,
            width: place.width,
            text: line.unwrap_or_default().trim_end_matches('\r').to_owned(),
        }
    }

    /// Place, line and caret, as errors before the run have them.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let at = |column: usize| {
            let found = self.text.char_indices().nth(column);
            found.map_or(self.text.len(), |(at, _)| at)
        };
        let start = at(self.column.saturating_sub(1));
        let end = at(self.column.saturating_sub(1) + self.width).max(start);
        let snippet = Snippet::source(self.text.as_str())
            .line_start(self.line)
            .path(self.file.as_str())
            .annotation(AnnotationKind::Primary.span(start..end));
        renderer.render(&[Group::with_level(Level::ERROR).element(snippet)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::{Diagnostic, SourceFile};

    #[test]
    fn it_looks_as_in_an_error_before_the_run() {
        let source = SourceFile::new("site.yml", "- hosts: all\n  tasks:\n    - fäil: x\n");
        let place = Place {
            source,
            line: 3,
            column: 7,
            width: 4,
        };
        let whole = Diagnostic::error("why").at(&place).render(false);
        let (_, shown) = whole.split_once('\n').unwrap();
        assert_eq!(Excerpt::of(&place).render(false), shown);
        assert!(shown.contains("site.yml:3:7") && shown.contains("^^^^"), "{shown}");
    }
}
