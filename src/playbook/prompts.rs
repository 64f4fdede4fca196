//! `vars_prompt`: variables that the person at the terminal is asked for.

use std::collections::HashSet;

use super::loader::Loader;
use super::model::Playbook;
use super::setting::Setting;
use crate::syntax::{Diagnostic, Diagnostics, Fields, Node, Place};
use crate::vars::VarMap;
use crate::vars::names::check_name;

/// A variable that is asked for before a play begins.
#[derive(Debug)]
pub struct Prompt {
    /// The variable.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// The question; without it the variable is named.
    pub question: Option<Setting>,
    /// The answer when there is none.
    pub default: Option<Setting>,
    /// The answer is not shown while it is typed.
    pub is_private: bool,
    /// It is asked for twice.
    pub is_confirmed: bool,
}

impl Loader<'_> {
    /// Reads `vars_prompt`.
    #[expect(clippy::unused_self, reason = "as the other parts of a play")]
    pub(super) fn prompts(&self, node: Option<&Node>, diagnostics: &mut Diagnostics) -> Vec<Prompt> {
        let Some(node) = node.filter(|node| !node.is_null()) else {
            return Vec::new();
        };
        let Some(items) = node.items() else {
            diagnostics.push(
                Diagnostic::error(format!(
                    "`vars_prompt` is a list of questions, this is {}",
                    node.describe()
                ))
                .at(&node.place)
                .help("begin each with `- name: VARIABLE`"),
            );
            return Vec::new();
        };
        items.iter().filter_map(|item| prompt(item, diagnostics)).collect()
    }
}

fn prompt(node: &Node, diagnostics: &mut Diagnostics) -> Option<Prompt> {
    let mut fields = diagnostics.keep(Fields::of(node, "a question of vars_prompt"))?;
    let name = fields.take("name").and_then(Node::text).map(str::to_owned);
    let question = fields.take("prompt").map(|node| Setting::of(node, diagnostics));
    let default = fields.take("default").map(|node| Setting::of(node, diagnostics));
    let mut flag = |key: &'static str, default: bool, diagnostics: &mut Diagnostics| {
        let Some(node) = fields.take(key) else { return default };
        node.to_value().as_bool().unwrap_or_else(|| {
            let wrong = Diagnostic::error(format!("`{key}` is true or false")).at(&node.place);
            diagnostics.push(wrong.without_gap());
            default
        })
    };
    let is_private = flag("private", true, diagnostics);
    let is_confirmed = flag("confirm", false, diagnostics);
    // What is typed is never evaluated, whatever this says.
    flag("unsafe", true, diagnostics);
    for key in ["encrypt", "salt", "salt_size"] {
        if let Some(entry) = fields.entry(key) {
            diagnostics.push(
                Diagnostic::error(format!("`{key}` is not supported: krun does not make password hashes"))
                    .at(&entry.key_place)
                    .help("give the hash itself, or make one on the node")
                    .without_gap(),
            );
        }
    }
    fields.finish(std::iter::empty(), diagnostics);
    let Some(name) = name else {
        diagnostics.push(Diagnostic::error("a question of vars_prompt needs the variable's `name`").at(&node.place));
        return None;
    };
    check_name(&name, || node.place.clone(), diagnostics);
    Some(Prompt {
        name,
        place: node.place.clone(),
        question,
        default,
        is_private,
        is_confirmed,
    })
}

/// Where there is nobody to ask, each question needs a default or an answer on the command line.
pub fn check_prompts(playbooks: &[Playbook], extra_vars: &VarMap, diagnostics: &mut Diagnostics) {
    let mut told = HashSet::new();
    let plays = playbooks.iter().flat_map(|playbook| &playbook.plays);
    for prompt in plays.flat_map(|play| &play.prompts) {
        let is_answered = prompt.default.is_some() || extra_vars.contains_key(&prompt.name);
        if !is_answered && told.insert(prompt.place.to_string()) {
            diagnostics.push(
                Diagnostic::error(format!(
                    "`{}` is to be asked for, and there is no terminal to ask on",
                    prompt.name
                ))
                .at(&prompt.place)
                .help(format!("give it with -e {}=…, or write a `default`", prompt.name))
                .without_gap(),
            );
        }
    }
}
