use std::collections::BTreeSet;

use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use handlebars::{Path, Template};

use super::helpers::PRINT;
use super::problem;
use crate::template::TemplateError;

/// A file's text, checked.
pub(super) struct Parsed {
    pub(super) template: Template,
    /// Names that may be variables.
    pub(super) variables: BTreeSet<String>,
}

impl Parsed {
    pub(super) fn new(name: &str, text: &str) -> Result<Self, TemplateError> {
        if text.contains("{%") {
            return Err(problem::looks_like_jinja(name));
        }
        let mut template = Template::compile(text).map_err(|error| problem::of_syntax(name, text, &error))?;
        print_values(&mut template);
        let mut reader = Reader::default();
        reader.template(&template);
        match reader.problem {
            Some((line, message)) => Err(problem::on_line(name, text, line, &message)),
            None => Ok(Self {
                template,
                variables: reader.variables,
            }),
        }
    }
}

/// The first part of a path, which is the variable when it is not something of the surrounding block.
pub(super) fn root_of(path: &str) -> &str {
    let mut path = path;
    while let Some(rest) = ["../", "./", "this.", "this/", "@root.", "@root/"]
        .iter()
        .find_map(|prefix| path.strip_prefix(prefix))
    {
        path = rest;
    }
    path.split(['.', '/', '[']).next().unwrap_or(path)
}

/// Turns each `{{value}}` into a call of the helper that prints: Handlebars itself would print lists as `[a, b]` and
/// mappings as `[object]`, and would call a helper of the same name instead.
fn print_values(template: &mut Template) {
    for element in &mut template.elements {
        match element {
            TemplateElement::Expression(helper) | TemplateElement::HtmlExpression(helper) => {
                if !helper.params.is_empty() || !helper.hash.is_empty() {
                    continue;
                }
                let value = match &helper.name {
                    Parameter::Name(name) => match Path::parse(name) {
                        Ok(path) => Parameter::Path(path),
                        Err(_) => continue,
                    },
                    other => other.clone(),
                };
                helper.params.push(value);
                helper.name = Parameter::Name(PRINT.to_owned());
            }
            TemplateElement::HelperBlock(helper) => {
                for inner in [&mut helper.template, &mut helper.inverse].into_iter().flatten() {
                    print_values(inner);
                }
            }
            _ => {}
        }
    }
}

#[derive(Default)]
struct Reader {
    variables: BTreeSet<String>,
    problem: Option<(usize, String)>,
    line: usize,
}

impl Reader {
    fn template(&mut self, template: &Template) {
        for (index, element) in template.elements.iter().enumerate() {
            self.line = template.mapping.get(index).map_or(self.line, |place| place.0);
            match element {
                TemplateElement::Expression(helper)
                | TemplateElement::HtmlExpression(helper)
                | TemplateElement::HelperBlock(helper) => self.helper(helper),
                TemplateElement::PartialExpression(_) | TemplateElement::PartialBlock(_) => {
                    self.complain("partials (`{{> …}}`) are not known here; put the text into this file");
                }
                TemplateElement::DecoratorExpression(_) | TemplateElement::DecoratorBlock(_) => {
                    self.complain("decorators (`{{* …}}`) are not known here");
                }
                _ => {}
            }
        }
    }

    fn helper(&mut self, helper: &HelperTemplate) {
        let name = match &helper.name {
            Parameter::Name(name) => name.as_str(),
            Parameter::Path(Path::Relative((_, raw)) | Path::Local((_, _, raw))) => raw.as_str(),
            _ => "",
        };
        if !super::helpers::exists(name) {
            let known = super::helpers::names();
            let near = crate::syntax::closest(name, known.iter().map(String::as_str));
            let hint = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
            self.complain(format!("there is no helper `{name}`{hint}"));
        }
        for parameter in helper.params.iter().chain(helper.hash.values()) {
            match parameter {
                Parameter::Path(Path::Relative((_, raw))) => {
                    self.variables.insert(root_of(raw).to_owned());
                }
                Parameter::Path(Path::Local((_, _, raw))) if raw.contains("@root") => {
                    self.variables.insert(root_of(raw).to_owned());
                }
                Parameter::Subexpression(inner) => {
                    if let TemplateElement::Expression(helper) = inner.as_element() {
                        self.helper(helper);
                    }
                }
                _ => {}
            }
        }
        for inner in [&helper.template, &helper.inverse].into_iter().flatten() {
            self.template(inner);
        }
    }

    fn complain(&mut self, message: impl Into<String>) {
        if self.problem.is_none() {
            self.problem = Some((self.line, message.into()));
        }
    }
}
