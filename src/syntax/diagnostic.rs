use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::source::Place;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something could be better.
    Hint,
    /// The run may go on.
    Warning,
    /// Nothing is run.
    Error,
}

/// One finding about what the user wrote: what is wrong, where, and the way out.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    severity: Severity,
    message: String,
    place: Option<Place>,
    file: Option<PathBuf>,
    help: Vec<String>,
    code: Option<&'static str>,
    leaves_gap: bool,
    is_unsupported: bool,
    hides_source: bool,
}

impl Diagnostic {
    /// A finding that stops the run.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message.into())
    }

    /// A finding that the user should know of.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message.into())
    }

    /// A finding about what could be better.
    pub fn hint(message: impl Into<String>) -> Self {
        Self::new(Severity::Hint, message.into())
    }

    fn new(severity: Severity, message: String) -> Self {
        Self {
            severity,
            message,
            place: None,
            file: None,
            help: Vec::new(),
            code: None,
            leaves_gap: severity == Severity::Error,
            is_unsupported: false,
            hides_source: false,
        }
    }

    /// Points at a place in a file.
    #[must_use]
    pub fn at(mut self, place: impl Into<Place>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// Names the file when there is no place in it to point at.
    #[must_use]
    pub fn in_file(mut self, path: impl AsRef<Path>) -> Self {
        self.file = Some(path.as_ref().to_owned());
        self
    }

    /// Adds a line that says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Adds "did you mean" when a known name is near.
    #[must_use]
    pub fn did_you_mean<'a>(self, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match super::closest(name, known) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None => self,
        }
    }

    /// Says that nothing is left out because of it that other parts depend on: they can be judged all the same.
    #[must_use]
    pub fn without_gap(mut self) -> Self {
        self.leaves_gap = false;
        self
    }

    /// Shows the place without the text that stands there, which is a secret.
    #[must_use]
    pub fn without_source(mut self) -> Self {
        self.hides_source = true;
        self
    }

    /// Names the rule that found it.
    #[must_use]
    pub fn called(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// The rule that found it, if a rule did.
    pub fn code(&self) -> Option<&'static str> {
        self.code
    }

    /// The file that it is about, if it is about one.
    pub fn path(&self) -> Option<&Path> {
        let place = self.place.as_ref().map(|place| place.source.path());
        place.or(self.file.as_deref())
    }

    /// The same as a warning, with the reason why it may be right all the same.
    #[must_use]
    pub fn as_warning(&self, unless: &str) -> Self {
        Self {
            severity: Severity::Warning,
            leaves_gap: false,
            ..self.clone().help(unless)
        }
    }

    /// Says that it is about something that may be right and that krun does not know: a module, an option, a key.
    #[must_use]
    pub fn unsupported(mut self) -> Self {
        self.is_unsupported = true;
        self
    }

    /// What to do, line by line.
    pub fn help_lines(&self) -> &[String] {
        &self.help
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// What is wrong, in one sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it stands, if it stands in a text.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// The finding as text: message, place, source line, caret, help.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Hint => Level::INFO.with_name("hint"),
        };
        let title = match (&self.place, &self.file) {
            (None, Some(file)) => format!("{}: {}", file.display(), self.message),
            _ => self.message.clone(),
        };
        let mut title = level.primary_title(title);
        if let Some(code) = self.code {
            title = title.id(code);
        }
        let mut group = Group::with_title(title);
        if let Some(place) = self.place.as_ref().filter(|_| self.hides_source) {
            let path = Origin::path(place.source.path().to_string_lossy());
            group = group.element(path.line(place.line).char_column(place.column));
        } else if let Some(place) = &self.place {
            group = group.element(
                Snippet::source(place.source.text())
                    .path(place.source.path().to_string_lossy())
                    .annotation(AnnotationKind::Primary.span(place.byte_range())),
            );
        }
        for help in &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostic {}

/// All findings of a load, so that the user sees them at once.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Takes the value, or keeps the error and gives nothing.
    pub fn keep<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|diagnostic| self.push(diagnostic)).ok()
    }

    /// Adds all findings of another load.
    pub fn extend(&mut self, other: Diagnostics) {
        self.0.extend(other.0);
    }

    /// True when a finding stops the run.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|d| d.severity == Severity::Error)
    }

    /// True when there are errors, and all of them are about what krun does not know.
    pub fn are_unsupported(&self) -> bool {
        let mut errors = self.0.iter().filter(|d| d.severity == Severity::Error);
        self.has_errors() && errors.all(|d| d.is_unsupported)
    }

    /// True when something was left out, so that what depends on it cannot be judged.
    pub fn has_gaps(&self) -> bool {
        self.0.iter().any(|d| d.leaves_gap)
    }

    /// True when there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The findings in the order in which a reader meets their places.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by(|a, b| {
            let order = |d: &Diagnostic| {
                d.place.as_ref().map(|p| {
                    let (path, line, column) = p.reading_order();
                    (path.to_owned(), line, column)
                })
            };
            order(a).cmp(&order(b))
        });
        all
    }

    /// The findings as [`Diagnostics::sorted`] gives them, each once: what several plays share is looked at in each.
    pub fn distinct(&self) -> Vec<&Diagnostic> {
        let mut seen = HashSet::new();
        let mut all = self.sorted();
        all.retain(|d| seen.insert(d.render(false)));
        all
    }

    /// All findings as one text, a blank line between them.
    pub fn render(&self, colour: bool) -> String {
        let texts: Vec<String> = self.distinct().iter().map(|d| d.render(colour)).collect();
        texts.join("\n\n")
    }

    /// `Ok(value)` when nothing stops the run.
    ///
    /// # Errors
    /// The findings themselves when one of them is an error.
    pub fn into_result<T>(self, value: T) -> Result<T, Diagnostics> {
        if self.has_errors() { Err(self) } else { Ok(value) }
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

impl From<&Place> for Place {
    fn from(place: &Place) -> Self {
        place.clone()
    }
}
