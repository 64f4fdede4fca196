//! Follows the names that a text reads to what they are made of, as the run would.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use super::run::RunNames;
use super::scope::{Found, PlayScope, TaskView};
use super::spots::{Spot, strings};
use super::texts::{Language, Texts};
use crate::template::holds_template;
use crate::template::reads::{Condition, Read, Reads};

/// A name that a text needs and that nothing can define.
pub(super) struct Missing {
    /// The name.
    pub(super) name: String,
    /// It is called like a function.
    pub(super) called: bool,
    /// The variables that lead from the text to it.
    pub(super) through: Vec<String>,
    /// It is needed only when all of these are met.
    pub(super) conditions: Vec<Arc<Condition>>,
    /// What the text itself reads.
    pub(super) read: Read,
}

/// How the run comes to a text.
#[derive(Clone, Default)]
struct Trail {
    through: Vec<String>,
    conditions: Vec<Arc<Condition>>,
    /// Texts on the way that are prepared to miss names.
    careful: Vec<Rc<Reads>>,
}

/// Ways behind one text that are gone: the number doubles with each variable that chooses between two others.
const MOST_STEPS: usize = 300;

/// A name and the way to it; each way is gone once.
type Step = (String, Vec<*const Condition>, Vec<*const Reads>);

/// Looks for missing names in the texts of one task.
pub(super) struct Follower<'c, 'a> {
    scope: &'c PlayScope<'a>,
    view: &'c TaskView<'c>,
    run: &'c RunNames,
    texts: &'c Texts,
    guards: Vec<Rc<Reads>>,
}

impl<'c, 'a> Follower<'c, 'a> {
    pub(super) fn new(scope: &'c PlayScope<'a>, view: &'c TaskView<'c>, run: &'c RunNames, texts: &'c Texts) -> Self {
        Self {
            scope,
            view,
            run,
            texts,
            guards: Vec::new(),
        }
    }

    /// Takes in a condition of the task, which may ask whether a name is defined.
    pub(super) fn guard(&mut self, condition: &str) {
        self.guards.push(self.texts.reads(Language::Expression, condition));
    }

    /// The names that a text needs and nothing can define.
    pub(super) fn missing(&self, spot: &Spot<'_>) -> Vec<Missing> {
        let reads = self.texts.reads(spot.language, &spot.text);
        let mut found = Vec::new();
        self.text(&reads, &Trail::default(), None, &mut HashSet::new(), &mut found);
        found
    }

    fn text(
        &self,
        reads: &Rc<Reads>,
        trail: &Trail,
        first: Option<&Read>,
        gone: &mut HashSet<Step>,
        found: &mut Vec<Missing>,
    ) {
        let mut trail = trail.clone();
        if !reads.guarded.is_empty() && !trail.careful.iter().any(|known| Rc::ptr_eq(known, reads)) {
            trail.careful.push(Rc::clone(reads));
        }
        for read in &reads.reads {
            if !self.may_be_missing(&read.name, &trail) && self.is_needed(read) {
                self.read(read, &trail, first.unwrap_or(read), gone, found);
            }
        }
    }

    fn read(&self, read: &Read, trail: &Trail, first: &Read, gone: &mut HashSet<Step>, found: &mut Vec<Missing>) {
        let mut conditions = trail.conditions.clone();
        for condition in &read.under {
            if !conditions.contains(condition) {
                conditions.push(Arc::clone(condition));
            }
        }
        let variables = match self.scope.find(&read.name, self.view, self.run) {
            Found::Opaque => return,
            Found::Nothing => {
                return found.push(Missing {
                    name: read.name.clone(),
                    called: read.called,
                    through: trail.through.clone(),
                    conditions,
                    read: first.clone(),
                });
            }
            Found::Written(variables) if variables.is_empty() => return,
            Found::Written(variables) => variables,
        };
        let step = (
            read.name.clone(),
            conditions.iter().map(Arc::as_ptr).collect(),
            trail.careful.iter().map(Rc::as_ptr).collect(),
        );
        if gone.len() >= MOST_STEPS || !gone.insert(step) {
            return;
        }
        let mut deeper = trail.clone();
        deeper.through.push(read.name.clone());
        deeper.conditions = conditions;
        for variable in variables {
            for text in strings(variable.raw()).into_iter().filter(|text| holds_template(text)) {
                let reads = self.texts.reads(Language::Text, text);
                self.text(&reads, &deeper, Some(first), gone, found);
            }
        }
    }

    /// Somebody on the way to the name asks whether it is defined, or has a default for it.
    fn may_be_missing(&self, name: &str, trail: &Trail) -> bool {
        let mut careful = self.guards.iter().chain(&trail.careful);
        careful.any(|reads| reads.guarded.contains(name)) || self.run.questions(name)
    }

    /// A default is needed only when nothing can define what it stands for.
    fn is_needed(&self, read: &Read) -> bool {
        read.under.iter().all(|condition| match &**condition {
            Condition::Missing(name) => matches!(self.scope.find(name, self.view, self.run), Found::Nothing),
            Condition::Truth { .. } => true,
        })
    }
}
