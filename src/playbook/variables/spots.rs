//! The texts of plays and tasks that are evaluated, and where they stand.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::texts::{Language, Texts};
use crate::modules::TemplateSyntax;
use crate::playbook::{Action, Expression, Keywords, LoopKind, Play, Setting, Task, finder};
use crate::syntax::{Kind, Node, Place, SourceFile};
use crate::template::{Syntax, holds_template, strip_braces};

/// A text that is evaluated.
pub(super) struct Spot<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) language: Language,
    pub(super) origin: Origin<'a>,
}

/// Where a text stands.
pub(super) enum Origin<'a> {
    /// It is a scalar of a YAML file.
    Scalar(&'a Place),
    /// It is one of the strings of a value that begins there.
    Value(&'a Place, &'a Value),
    /// It is a file.
    File(Arc<SourceFile>),
}

impl<'a> Spot<'a> {
    /// What is evaluated before a play has hosts.
    pub(super) fn before_hosts(play: &'a Play) -> Vec<Self> {
        let mut spots = Vec::new();
        add_settings([Some(&play.hosts)], &mut spots);
        for prompt in &play.prompts {
            add_settings([prompt.question.as_ref(), prompt.default.as_ref()], &mut spots);
        }
        spots
    }

    /// What is evaluated once for a play.
    pub(super) fn of_play(play: &'a Play) -> Vec<Self> {
        let mut spots = Vec::new();
        add_settings(
            [
                play.gather_facts.as_ref(),
                play.gather_subset.as_ref(),
                play.gather_timeout.as_ref(),
                play.serial.as_ref(),
                play.strategy.as_ref(),
                play.max_fail_percentage.as_ref(),
                play.force_handlers.as_ref(),
            ],
            &mut spots,
        );
        add_settings(play.vars_files.iter().flatten().map(Some), &mut spots);
        add_settings([play.order.as_ref(), play.batch_by.as_ref()], &mut spots);
        for repeated in play.repeated.iter().filter(|repeated| repeated.is_first) {
            let over = &repeated.over;
            add_settings([Some(&over.list), over.label.as_ref()], &mut spots);
        }
        spots
    }

    /// What is evaluated for a task: around its loop (false), and for each item (true).
    pub(super) fn of_task(task: &'a Task, play: &Play, texts: &Texts) -> [(bool, Vec<Self>); 2] {
        let mut around = Vec::new();
        let mut inside = Vec::new();
        if let Some(over) = &task.loop_over {
            // Files that cannot be named are no candidates.
            let list = Some(&over.list).filter(|_| over.kind != LoopKind::FirstFound);
            add_settings([list], &mut around);
            add_settings([over.label.as_ref(), over.pause.as_ref()], &mut inside);
            inside.extend(over.break_when.iter().map(Self::expression));
        }
        if let Some(name) = task.name.as_deref().filter(|name| holds_template(name)) {
            inside.push(Self::text(name, Origin::Scalar(&task.place)));
        }
        add_keywords(&task.keywords, &mut inside);
        let verdicts = [&task.changed_when, &task.failed_when].into_iter().flatten().flatten();
        inside.extend(task.until.iter().chain(verdicts).map(Self::expression));
        add_settings([task.retries.as_ref(), task.delay.as_ref()], &mut inside);
        if let Some(background) = &task.in_background {
            add_settings([Some(&background.limit), background.poll.as_ref()], &mut inside);
        }
        add_settings(task.notify.iter().map(Some), &mut inside);
        match &task.action {
            Action::Module {
                definition,
                options,
                nodes,
            } => {
                for entry in nodes.entries().unwrap_or_default() {
                    match (definition.name, entry.key.as_str()) {
                        // A variable that is not defined is shown as such.
                        ("debug", "var") => {}
                        (_, option) if definition.raw_options.contains(&option) => {
                            add_conditions(&entry.value, &mut inside);
                        }
                        _ => add_nodes(&entry.value, &mut inside),
                    }
                }
                if definition.name == "template"
                    && let Some(Value::String(name)) = options.get("src")
                    && !holds_template(name)
                    && TemplateSyntax::of_options(options).is_some_and(|syntax| !syntax.has_own_delimiters())
                    && let Ok(path) = finder(task, play).find("templates", name)
                {
                    inside.extend(Self::file(&path, texts));
                }
            }
            Action::IncludeTasks(include) => add_settings([Some(&include.file)], &mut inside),
            Action::IncludeRole(include) => {
                add_settings(include.settings(), &mut inside);
            }
            Action::Meta(_) | Action::Unsupported(_) => {}
        }
        [(false, around), (true, inside)]
    }

    fn text(text: &'a str, origin: Origin<'a>) -> Self {
        Self {
            text: Cow::Borrowed(text),
            language: Language::Text,
            origin,
        }
    }

    fn expression(expression: &'a Expression) -> Self {
        Self {
            text: Cow::Borrowed(&expression.text),
            language: Language::Expression,
            origin: Origin::Scalar(&expression.place),
        }
    }

    fn file(path: &Path, texts: &Texts) -> Option<Self> {
        let source = texts.file(path)?;
        // What a file with delimiters of its own reads is not looked at.
        let (syntax, _) = Syntax::default().of_file(source.text()).ok()?;
        if syntax.has_own_delimiters() {
            return None;
        }
        let is_handlebars = path.extension().is_some_and(|extension| extension == "hbs");
        Some(Self {
            text: Cow::Owned(source.text().to_owned()),
            language: if is_handlebars {
                Language::Handlebars
            } else {
                Language::Text
            },
            origin: Origin::File(source),
        })
    }
}

/// True for a task whose failure its author does not mind.
pub(super) fn may_fail(task: &Task) -> bool {
    let ignored = task.keywords.ignore_errors.as_ref();
    ignored.is_some_and(|setting| setting.value != Value::Bool(false))
}

/// The conditions of a task, which may ask whether a name is defined that the task uses.
pub(super) fn conditions(task: &Task) -> Vec<&str> {
    let verdicts = [&task.changed_when, &task.failed_when].into_iter().flatten().flatten();
    let conditions = task.keywords.when.iter().chain(&task.until).chain(verdicts);
    let mut texts: Vec<&str> = conditions.map(|condition| condition.text.as_str()).collect();
    if let Action::Module { definition, nodes, .. } = &task.action {
        for option in definition.raw_options {
            let mut spots = Vec::new();
            if let Some(node) = nodes.get(option) {
                add_conditions(node, &mut spots);
            }
            texts.extend(spots.into_iter().filter_map(|spot| match spot.text {
                Cow::Borrowed(text) => Some(text),
                Cow::Owned(_) => None,
            }));
        }
    }
    texts
}

fn add_keywords<'a>(keywords: &'a Keywords, spots: &mut Vec<Spot<'a>>) {
    spots.extend(keywords.when.iter().map(Spot::expression));
    add_settings(keywords.environment.iter().map(Some), spots);
    add_settings(keywords.all_settings(), spots);
}

fn add_settings<'a>(settings: impl IntoIterator<Item = Option<&'a Setting>>, spots: &mut Vec<Spot<'a>>) {
    for setting in settings.into_iter().flatten() {
        for text in strings(&setting.value) {
            if holds_template(text) {
                spots.push(Spot::text(text, Origin::Value(&setting.place, &setting.value)));
            }
        }
    }
}

fn add_nodes<'a>(node: &'a Node, spots: &mut Vec<Spot<'a>>) {
    match &node.kind {
        Kind::Scalar { text, .. } if holds_template(text) => spots.push(Spot::text(text, Origin::Scalar(&node.place))),
        Kind::Scalar { .. } => {}
        Kind::Sequence(items) => items.iter().for_each(|item| add_nodes(item, spots)),
        Kind::Mapping(entries) => {
            for entry in entries {
                if holds_template(&entry.key) {
                    spots.push(Spot::text(&entry.key, Origin::Scalar(&entry.key_place)));
                }
                add_nodes(&entry.value, spots);
            }
        }
    }
}

/// Bare expressions in a module's options.
fn add_conditions<'a>(node: &'a Node, spots: &mut Vec<Spot<'a>>) {
    match &node.kind {
        Kind::Scalar { text, .. } => spots.push(Spot {
            text: Cow::Borrowed(strip_braces(text)),
            language: Language::Expression,
            origin: Origin::Scalar(&node.place),
        }),
        Kind::Sequence(items) => items.iter().for_each(|item| add_conditions(item, spots)),
        Kind::Mapping(_) => {}
    }
}

/// All strings of a value, keys of mappings too, in the order in which they stand.
pub(super) fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| std::iter::once(key.as_str()).chain(strings(value)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}
