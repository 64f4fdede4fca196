use crate::regexp::{Pattern, Replacement};

/// Replaces all matches in a text, or in a piece of it.
#[derive(Debug)]
pub struct Edit {
    pub pattern: Pattern,
    pub replacement: Replacement,
    /// Finds the piece, as the group [`PIECE`].
    pub piece: Option<Pattern>,
}

/// The group that is the piece of the text.
pub const PIECE: &str = "subsection";

/// What became of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Edited {
    /// It has no such piece.
    NoPiece,
    /// It is as it was.
    Same,
    /// It is another one, after so many replacements.
    Replaced(Vec<u8>, usize),
}

impl Edit {
    /// Works on a text.
    pub fn apply(&self, text: &[u8]) -> Edited {
        let range = match &self.piece {
            None => 0..text.len(),
            Some(piece) => match piece.captures(text).and_then(|found| Some(found.name(PIECE)?.range())) {
                Some(range) => range,
                None => return Edited::NoPiece,
            },
        };
        // The piece counts as a text of its own: `^` matches at its beginning.
        let piece = text.get(range.clone()).unwrap_or_default();
        let (new, count) = self.pattern.substitute(piece, &self.replacement);
        if new == piece {
            return Edited::Same;
        }
        let before = text.get(..range.start).unwrap_or_default();
        let after = text.get(range.end..).unwrap_or_default();
        Edited::Replaced([before, &new, after].concat(), count)
    }
}
