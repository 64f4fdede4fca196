use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use crate::syntax::SourceFile;
use crate::template::reads::{Reads, of_expression, of_handlebars, of_text};

/// In which language a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// A bare Jinja expression.
    Expression,
    /// Text with Jinja in it.
    Text,
    /// A Handlebars file.
    Handlebars,
}

/// What the texts of the playbooks read. Each text is looked at once, wherever and however often it stands.
#[derive(Default)]
pub(super) struct Texts {
    known: [RefCell<HashMap<String, Rc<Reads>>>; 3],
    files: RefCell<HashMap<String, Option<Arc<SourceFile>>>>,
}

impl Texts {
    /// What a text reads; nothing when there is a mistake in it, which is reported elsewhere.
    pub(super) fn reads(&self, language: Language, text: &str) -> Rc<Reads> {
        let cache = &self.known[language as usize];
        if let Some(known) = cache.borrow().get(text) {
            return Rc::clone(known);
        }
        let reads = match language {
            Language::Expression => of_expression(text),
            Language::Text => of_text(text),
            Language::Handlebars => of_handlebars("", text),
        };
        let reads = Rc::new(reads.unwrap_or_default());
        cache.borrow_mut().insert(text.to_owned(), Rc::clone(&reads));
        reads
    }

    /// A template file; `None` when it cannot be read.
    pub(super) fn file(&self, path: &Path) -> Option<Arc<SourceFile>> {
        // As other files beside the playbook are shown.
        let path = path.strip_prefix(".").unwrap_or(path);
        let name = path.to_string_lossy().into_owned();
        let mut files = self.files.borrow_mut();
        let file = files
            .entry(name)
            .or_insert_with(|| Some(SourceFile::new(path, fs_err::read_to_string(path).ok()?)));
        file.clone()
    }
}
