//! Which variables a Handlebars file reads, and under which conditions.

use std::sync::Arc;

use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use handlebars::{Path, Template};

use super::helpers::{ALIASES, LENIENT, PRINT};
use super::parse::root_of;
use crate::template::filters;
use crate::template::reads::{Condition, Read, Reads, assumptions_of};
use crate::template::tests as jinja_tests;

/// What a checked file reads.
pub(super) fn of(template: &Template, text: &str) -> Reads {
    let mut walker = Walker {
        text,
        at: 0,
        depth: 0,
        under: Vec::new(),
        reads: Reads::default(),
    };
    walker.template(template);
    walker.reads
}

struct Walker<'t> {
    text: &'t str,
    /// Byte at which the current element begins.
    at: usize,
    /// How many blocks around the current place have put something else in the place of the variables.
    depth: usize,
    under: Vec<Arc<Condition>>,
    reads: Reads,
}

impl Walker<'_> {
    fn template(&mut self, template: &Template) {
        for (index, element) in template.elements.iter().enumerate() {
            if let Some(place) = template.mapping.get(index) {
                self.at = offset(self.text, place.0, place.1);
            }
            match element {
                TemplateElement::Expression(helper) | TemplateElement::HtmlExpression(helper) => self.call(helper),
                TemplateElement::HelperBlock(helper) => self.block(helper),
                _ => {}
            }
        }
    }

    fn block(&mut self, helper: &HelperTemplate) {
        self.call(helper);
        let name = name_of(helper);
        let inner = usize::from(matches!(name, "each" | "with"));
        let positive = name != "unless";
        let test = helper.params.first().filter(|_| self.depth == 0).and_then(jinja);
        for (branch, expected, deeper) in [(&helper.template, positive, inner), (&helper.inverse, !positive, 0)] {
            let Some(branch) = branch else { continue };
            let before = self.under.len();
            if let Some(test) = &test {
                self.under
                    .extend(assumptions_of(test, expected).into_iter().map(Arc::new));
            }
            self.depth += deeper;
            self.template(branch);
            self.depth -= deeper;
            self.under.truncate(before);
        }
    }

    fn call(&mut self, helper: &HelperTemplate) {
        let name = name_of(helper);
        let lenient = LENIENT.contains(&name.strip_prefix("is_").unwrap_or(name));
        for parameter in helper.params.iter().chain(helper.hash.values()) {
            match parameter {
                Parameter::Subexpression(inner) => {
                    if let TemplateElement::Expression(inner) = inner.as_element() {
                        self.call(inner);
                    }
                }
                other => {
                    let Some(name) = self.variable(other) else { continue };
                    if lenient {
                        self.reads.guarded.insert(name);
                    } else {
                        let start = self.at + find_word(&self.text[self.at..], &name).unwrap_or(0);
                        self.reads.reads.push(Read {
                            name,
                            start,
                            called: false,
                            under: self.under.clone(),
                        });
                    }
                }
            }
        }
    }

    /// The variable that a parameter reads, when it is one and nothing of a block around it.
    fn variable(&self, parameter: &Parameter) -> Option<String> {
        let raw = match parameter {
            Parameter::Path(Path::Relative((_, raw))) => raw,
            Parameter::Path(Path::Local((_, _, raw))) if raw.contains("@root") => raw,
            _ => return None,
        };
        let upward = raw.matches("../").count();
        let from_root = raw.contains("@root") || upward == self.depth;
        let name = root_of(raw);
        (from_root && is_name(name) && name != "this").then(|| name.to_owned())
    }
}

/// A parameter as Jinja's users would write it, for conditions; `None` where that is not possible.
fn jinja(parameter: &Parameter) -> Option<String> {
    match parameter {
        Parameter::Path(Path::Relative((_, raw))) => {
            let path = raw.replace('/', ".");
            path.split('.').all(is_name).then_some(path)
        }
        Parameter::Literal(value) if !value.is_null() => Some(value.to_string()),
        Parameter::Subexpression(inner) => match inner.as_element() {
            TemplateElement::Expression(helper) => jinja_call(helper),
            _ => None,
        },
        _ => None,
    }
}

fn jinja_call(helper: &HelperTemplate) -> Option<String> {
    let name = name_of(helper);
    let params: Vec<String> = helper.params.iter().map(jinja).collect::<Option<_>>()?;
    let (first, rest) = params.split_first()?;
    match name {
        "and" | "or" => return Some(format!("({})", params.join(&format!(" {name} ")))),
        "not" => return Some(format!("(not {first})")),
        PRINT => return Some(first.clone()),
        _ => {}
    }
    let own = ALIASES.iter().find(|(alias, _)| *alias == name);
    let name = own.map_or(name, |(_, own)| *own);
    let mut arguments = rest.to_vec();
    for (key, value) in &helper.hash {
        arguments.push(format!("{key}={}", jinja(value)?));
    }
    let arguments = arguments.join(", ");
    if filters::names().contains(&name) {
        return Some(format!("({first} | {name}({arguments}))"));
    }
    let test = name.strip_prefix("is_").unwrap_or(name);
    let arguments = if arguments.is_empty() {
        arguments
    } else {
        format!("({arguments})")
    };
    jinja_tests::names()
        .contains(&test)
        .then(|| format!("({first} is {test}{arguments})"))
}

fn name_of(helper: &HelperTemplate) -> &str {
    match &helper.name {
        Parameter::Name(name) => name,
        Parameter::Path(Path::Relative((_, raw)) | Path::Local((_, _, raw))) => raw,
        _ => "",
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Byte of a line and column, both from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let rest = &text[before..];
    let inside: usize = rest.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum();
    before + inside
}

/// Where a name stands as a word of its own.
fn find_word(text: &str, name: &str) -> Option<usize> {
    let part_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(name)
        .map(|(at, _)| at)
        .find(|&at| !text[..at].ends_with(part_of_word) && !text[at + name.len()..].starts_with(part_of_word))
}

#[cfg(test)]
mod tests {
    use super::super::reads_of;
    use crate::template::reads::Condition;
    use rstest::rstest;

    #[rstest]
    #[case("a\n{{b}} {{c.d}} {{upper e}}", "b@4; c@10; e@24")]
    #[case("{{#if a}}{{b}}{{else}}{{c}}{{/if}}", "a@6; b@11 if a; c@24 unless a")]
    #[case("{{#unless a}}{{b}}{{/unless}}", "a@10; b@15 unless a")]
    #[case("{{#if (eq a 'x')}}{{b}}{{/if}}", "a@10; b@20 if (a is eq(\"x\"))")]
    #[case(
        "{{#if (and a (version b '1.2' '>='))}}{{c}}{{/if}}",
        "a@11; b@22; c@40 if a if (b is version(\"1.2\", \">=\"))"
    )]
    #[case(
        "{{#each a}}{{b}} {{this}} {{@index}} {{../c}} {{@root.d}}{{else}}{{e}}{{/each}}",
        "a@8; c@42 if a; d@54 if a; e@67 unless a"
    )]
    #[case("{{#each a as |x|}}{{x.y}}{{/each}}", "a@8")]
    #[case("{{default a 'x'}}{{#if (is_defined b)}}{{b}}{{/if}}", "b@41 if (b is defined)")]
    #[case("{{join a sep=b}}", "a@7; b@13")]
    fn reads_of_files(#[case] text: &str, #[case] expected: &str) {
        let reads = reads_of("a.hbs", text).unwrap();
        let shown: Vec<String> = reads
            .reads
            .iter()
            .map(|read| {
                let under = read.under.iter().map(|condition| match &**condition {
                    Condition::Truth {
                        expression,
                        expected: true,
                    } => format!(" if {expression}"),
                    Condition::Truth {
                        expression,
                        expected: false,
                    } => format!(" unless {expression}"),
                    Condition::Missing(name) => format!(" without {name}"),
                });
                format!("{}@{}{}", read.name, read.start, under.collect::<String>())
            })
            .collect();
        assert_eq!(shown.join("; "), expected);
    }

    #[test]
    fn names_that_may_be_missing() {
        let reads = reads_of("a.hbs", "{{default a 'x'}}{{#if (defined b.c)}}{{b.c}}{{/if}}").unwrap();
        assert_eq!(reads.guarded.into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }
}
