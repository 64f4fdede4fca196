//! Finds filters, tests and lookups that do not exist, without a value for any variable: the engine itself would look for
//! them only when they are reached.

use minijinja::machinery::ast::{Call, CallArg, Expr, Stmt};
use minijinja::machinery::{Span, parse, parse_expr};
use minijinja::syntax::SyntaxConfig;

use super::reads::{argument, literal, parts};
use super::{TemplateError, filters, lookups, registry, tests};

/// Finds the first name in an expression that does not exist.
pub(super) fn check_expression(expression: &str) -> Result<(), TemplateError> {
    let tree = parse_expr(expression).map_err(|error| TemplateError::from_engine(&error, expression))?;
    in_expression(&tree).map_err(|unknown| unknown.at(expression))
}

/// Finds the first name in a text that does not exist.
pub(super) fn check_text(text: &str, syntax: SyntaxConfig) -> Result<(), TemplateError> {
    let tree = parse(text, "", syntax).map_err(|error| TemplateError::from_engine(&error, text))?;
    in_statement(&tree).map_err(|unknown| unknown.at(text))
}

/// A name that does not exist.
struct Unknown {
    message: String,
    name: String,
    span: Span,
}

impl Unknown {
    fn at(self, text: &str) -> TemplateError {
        let mut error = TemplateError::new(self.message);
        let start = usize::try_from(self.span.start_offset).unwrap_or(usize::MAX);
        let end = usize::try_from(self.span.end_offset).unwrap_or(usize::MAX);
        // The span is that of the whole call; the name stands somewhere in it.
        let inner = text.get(start..end.min(text.len())).unwrap_or_default();
        error.range = inner
            .rfind(&self.name)
            .map(|at| start + at..start + at + self.name.len());
        error
    }
}

fn in_expression(expr: &Expr<'_>) -> Result<(), Unknown> {
    for part in parts(expr) {
        in_expression(part)?;
    }
    match expr {
        Expr::Filter(filter) => {
            filter_exists(filter.name, expr.span())?;
            let first = filter.args.iter().find_map(positional).and_then(literal);
            let second = filter.args.iter().filter_map(positional).nth(1).and_then(literal);
            match (plain(filter.name), first, second) {
                ("map", Some(name), _) => filter_exists(&name, expr.span()),
                ("select" | "reject", Some(name), _) | ("selectattr" | "rejectattr", _, Some(name)) => {
                    test_exists(&name, expr.span())
                }
                _ => Ok(()),
            }
        }
        Expr::Test(test) => test_exists(test.name, expr.span()),
        Expr::Call(call) => in_call(call, expr.span()),
        _ => Ok(()),
    }
}

fn in_call(call: &Call<'_>, span: Span) -> Result<(), Unknown> {
    let Expr::Var(function) = &call.expr else { return Ok(()) };
    if !["lookup", "query", "q"].contains(&function.id) {
        return Ok(());
    }
    let first = call.args.iter().find_map(positional).and_then(literal);
    match first.and_then(|name| Some((lookups::missing(&name)?, name))) {
        Some((message, name)) => Err(Unknown { message, name, span }),
        None => Ok(()),
    }
}

fn filter_exists(name: &str, span: Span) -> Result<(), Unknown> {
    find("filter", name, &filters::names(), &filters::REFUSED, span)
}

fn test_exists(name: &str, span: Span) -> Result<(), Unknown> {
    find("test", name, &tests::names(), &tests::REFUSED, span)
}

fn in_expressions<'e, 's: 'e>(all: impl IntoIterator<Item = &'e Expr<'s>>) -> Result<(), Unknown> {
    all.into_iter().try_for_each(|expr| in_expression(expr))
}

fn in_statements(statements: &[Stmt<'_>]) -> Result<(), Unknown> {
    statements.iter().try_for_each(|statement| in_statement(statement))
}

fn in_statement(statement: &Stmt<'_>) -> Result<(), Unknown> {
    match statement {
        Stmt::Template(template) => in_statements(&template.children),
        Stmt::EmitExpr(emitted) => in_expression(&emitted.expr),
        Stmt::ForLoop(each) => {
            in_expressions(std::iter::once(&each.iter).chain(&each.filter_expr))?;
            in_statements(&each.body)?;
            in_statements(&each.else_body)
        }
        Stmt::IfCond(choice) => {
            in_expression(&choice.expr)?;
            in_statements(&choice.true_body)?;
            in_statements(&choice.false_body)
        }
        Stmt::WithBlock(with) => {
            in_expressions(with.assignments.iter().map(|(_, value)| value))?;
            in_statements(&with.body)
        }
        Stmt::Set(set) => in_expression(&set.expr),
        Stmt::SetBlock(set) => {
            in_expressions(&set.filter)?;
            in_statements(&set.body)
        }
        Stmt::AutoEscape(escape) => in_statements(&escape.body),
        Stmt::FilterBlock(block) => {
            in_expression(&block.filter)?;
            in_statements(&block.body)
        }
        Stmt::Block(block) => in_statements(&block.body),
        Stmt::Macro(definition) => {
            in_expressions(&definition.defaults)?;
            in_statements(&definition.body)
        }
        Stmt::CallBlock(block) => {
            in_expressions(block.call.args.iter().map(argument))?;
            in_statements(&block.macro_decl.body)
        }
        Stmt::Do(action) => {
            in_expressions(action.call.args.iter().map(argument))?;
            in_call(&action.call, action.call.span())
        }
        Stmt::EmitRaw(_)
        | Stmt::Extends(_)
        | Stmt::Include(_)
        | Stmt::Import(_)
        | Stmt::FromImport(_)
        | Stmt::Continue(_)
        | Stmt::Break(_) => Ok(()),
    }
}

fn positional<'e, 's>(argument: &'e CallArg<'s>) -> Option<&'e Expr<'s>> {
    match argument {
        CallArg::Pos(value) => Some(value),
        _ => None,
    }
}

/// A name without the collection that it comes from.
fn plain(name: &str) -> &str {
    name.strip_prefix(registry::PREFIX).unwrap_or(name)
}

fn find(kind: &str, name: &str, known: &[&'static str], refused: &[(&str, &str)], span: Span) -> Result<(), Unknown> {
    let bare = plain(name);
    if known.contains(&bare) {
        return Ok(());
    }
    let last = name.rsplit('.').next().unwrap_or(name);
    let message = if let Some((_, reason)) = refused.iter().find(|(refused, _)| *refused == last) {
        format!("krun has no {kind} `{name}`: {reason}")
    } else {
        let near = crate::syntax::closest(bare, known.iter().copied());
        let hint = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
        format!("there is no {kind} `{name}`{hint}")
    };
    Err(Unknown {
        message,
        name: name.to_owned(),
        span,
    })
}

#[cfg(test)]
mod unit_tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a | uper", "filter `uper`, did you mean `upper`?", Some("uper"))]
    #[case("a is defnied", "test `defnied`, did you mean `defined`?", Some("defnied"))]
    #[case("[a] | map('uper') | list", "filter `uper`", Some("uper"))]
    #[case("a | selectattr('x', 'equl', 1)", "test `equl`", Some("equl"))]
    #[case("a | reject('matchh', 'x')", "test `matchh`", Some("matchh"))]
    #[case("x + lookup('fil', 'x')", "lookup `fil`, did you mean `file`?", Some("fil"))]
    #[case("q('url', 'x')", "uri", Some("url"))]
    #[case(
        "a | ansible.utils.ipaddr('address')",
        "krun has no filter",
        Some("ansible.utils.ipaddr")
    )]
    #[case("a | default(b | uper)", "filter `uper`", Some("uper"))]
    fn unknown_names_are_found(#[case] expression: &str, #[case] part: &str, #[case] at: Option<&str>) {
        let error = check_expression(expression).unwrap_err();
        assert!(error.message.contains(part), "{}", error.message);
        assert_eq!(error.range.map(|range| &expression[range]), at);
    }

    #[rstest]
    #[case("a | community.general.json_query('x') is ansible.builtin.defined")]
    #[case("'is wrong | no filter' ~ lookup(name, 'x') ~ query('ansible.builtin.fileglob', 'x')")]
    #[case("a | map(attribute='x') | map('regex_replace', 'a', 'b') | selectattr('x', 'in', b)")]
    #[case("a | map(name) | select | rejectattr('x')")]
    fn known_names_pass(#[case] expression: &str) {
        check_expression(expression).unwrap();
    }
}
