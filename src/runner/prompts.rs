//! Asks for the variables of `vars_prompt`.

use serde_json::Value;

use super::endpoint::diagnostic;
use super::event::Event;
use super::run::Run;
use crate::modules::{Answer, Failure, Question};
use crate::playbook::{Play, Prompt};
use crate::vars::{Scope, VarMap, Variable};

/// Who has not typed the same twice by then is not going to.
const MOST_TRIES: usize = 5;

impl Run<'_> {
    /// What the person at the terminal says to a play's questions; `None` when they end the run instead.
    pub(super) fn ask_prompts(&self, play: &Play, scope: &Scope) -> Result<Option<VarMap>, Failure> {
        let mut answers = VarMap::new();
        for prompt in &play.prompts {
            if self.options.extra_vars.contains_key(&prompt.name) {
                continue;
            }
            let text = |setting: &crate::playbook::Setting| setting.text(scope).map_err(|error| diagnostic(&error));
            let question = prompt.question.as_ref().map(text).transpose()?;
            let default = match &prompt.default {
                Some(setting) => Some(setting.rendered(scope).map_err(|error| diagnostic(&error))?),
                None => None,
            };
            let words = match (&question, &default) {
                (Some(question), Some(default)) => format!("{question} [{}]: ", shown(default)),
                (Some(question), None) => format!("{question}: "),
                (None, _) => format!("input for {}: ", prompt.name),
            };
            let value = match self.answer_to(prompt, &words)? {
                Answer::Interrupted => return Ok(None),
                Answer::Text(text) if text.is_empty() => default.unwrap_or(Value::String(text)),
                Answer::Text(text) => Value::String(text),
                Answer::Nobody(reason) => default.ok_or_else(|| {
                    Failure::new(format!(
                        "`{}` is to be asked for, and {reason} ({})",
                        prompt.name, prompt.place
                    ))
                    .help(format!("give it with -e {}=…, or write a `default`", prompt.name))
                })?,
            };
            if let (true, Value::String(text)) = (prompt.is_private, &value) {
                self.passwords.remember(text);
            }
            answers.insert(prompt.name.clone(), Variable::data(value));
        }
        Ok(Some(answers))
    }

    fn answer_to(&self, prompt: &Prompt, words: &str) -> Result<Answer, Failure> {
        for _ in 0..MOST_TRIES {
            let first = self.ask(prompt, words);
            let Answer::Text(text) = &first else { return Ok(first) };
            if !prompt.is_confirmed {
                return Ok(first);
            }
            let second = self.ask(prompt, &format!("confirm {words}"));
            match &second {
                Answer::Text(again) if again == text => return Ok(first),
                Answer::Text(_) => self.send(Event::Warning {
                    message: "the two answers differ".to_owned(),
                }),
                _ => return Ok(second),
            }
        }
        Err(Failure::new(format!(
            "`{}` was not confirmed by the same answer in {MOST_TRIES} tries",
            prompt.name
        )))
    }

    fn ask(&self, prompt: &Prompt, words: &str) -> Answer {
        let Some(answers) = &self.options.answers else {
            return Answer::Nobody("there is nobody to ask".to_owned());
        };
        let question = Question {
            text: words.to_owned(),
            echo: !prompt.is_private,
            terminal_only: true,
        };
        // The output prints it, after everything that was printed before.
        self.send(Event::Asked {
            question: question.text.clone(),
        });
        answers(&question)
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
