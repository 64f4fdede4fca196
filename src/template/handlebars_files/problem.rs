use handlebars::{RenderError, RenderErrorReason};

use crate::template::TemplateError;

/// From the engine's error while a file is rendered.
pub(super) fn of_rendering(name: &str, text: &str, error: &RenderError) -> TemplateError {
    let mut undefined = false;
    let cause = match error.reason() {
        RenderErrorReason::MissingVariable(path) => {
            undefined = true;
            match path {
                Some(path) => format!("`{path}` is undefined"),
                None => "a value is undefined".to_owned(),
            }
        }
        RenderErrorReason::NestedError(inner) => match inner.downcast_ref::<TemplateError>() {
            Some(own) => {
                undefined = own.undefined;
                own.message.clone()
            }
            None => "a helper failed".to_owned(),
        },
        RenderErrorReason::ParamNotFoundForIndex(helper, _) => format!("`{helper}` needs an argument"),
        RenderErrorReason::BlockContentRequired => "the block is empty".to_owned(),
        RenderErrorReason::InvalidParamType(kind) => format!("an argument must be of the type {kind}"),
        // The texts of the others may hold values.
        _ => "it cannot be rendered".to_owned(),
    };
    let place = error.line_no.zip(error.column_no);
    let mut problem = located(name, text, place, &cause);
    problem.undefined = undefined;
    problem
}

/// From the engine's error while a file is parsed, whose words are those of its grammar.
pub(super) fn of_syntax(name: &str, text: &str, error: &handlebars::TemplateError) -> TemplateError {
    let cause = match error.reason() {
        handlebars::TemplateErrorReason::MismatchingClosedHelper(open, close) => {
            format!("`{{{{#{open}}}}}` is closed by `{{{{/{close}}}}}`")
        }
        _ => "the syntax is wrong here: an expression or a block is not finished, or a sign is out of place".to_owned(),
    };
    let line = error
        .pos()
        .and_then(|(line, _)| text.lines().nth(line.saturating_sub(1)));
    let jinja = [" | ", " == ", " != ", "['", " and ", " is "];
    let hint = match line {
        Some(line) if jinja.iter().any(|mark| line.contains(mark)) => {
            "; it looks like Jinja: name the file `.j2`, or write {{upper x}} for {{ x | upper }}"
        }
        _ => "",
    };
    located(name, text, error.pos(), &format!("{cause}{hint}"))
}

pub(super) fn looks_like_jinja(name: &str) -> TemplateError {
    TemplateError::new(format!(
        "{name}: `{{%` is Jinja, and files that end in `.hbs` are Handlebars: name the file `.j2`, or write \
         {{{{#if x}}}}…{{{{/if}}}}"
    ))
}

/// What is wrong somewhere on a line; the first name in the message shows where, if the line holds it.
pub(super) fn on_line(name: &str, text: &str, line: usize, message: &str) -> TemplateError {
    let mut problem = TemplateError::new(format!("{name}, line {line}: {message}"));
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let whole = text
        .get(start..)
        .and_then(|rest| rest.lines().next())
        .unwrap_or_default();
    let named = message
        .split('`')
        .nth(1)
        .and_then(|word| Some((whole.find(word)?, word.len())));
    let (at, length) = named.unwrap_or((whole.len() - whole.trim_start().len(), whole.trim().len()));
    problem.range = Some(start + at..start + at + length);
    problem
}

fn located(name: &str, text: &str, place: Option<(usize, usize)>, cause: &str) -> TemplateError {
    let Some((line, column)) = place else {
        return TemplateError::new(format!("{name}: {cause}"));
    };
    let mut problem = TemplateError::new(format!("{name}, line {line}, column {column}: {cause}"));
    let before = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum::<usize>();
    let start = before + column.saturating_sub(1);
    problem.range = text
        .get(start..)
        .map(|rest| start..start + rest.find('\n').unwrap_or(rest.len()));
    problem
}
