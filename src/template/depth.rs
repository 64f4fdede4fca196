//! Expressions that are nested too deep are refused before the engine reads them: it goes down one level of the stack for
//! each operator, and a stack that overflows ends the program.

use std::sync::LazyLock;

use minijinja::machinery::{self, ast};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Error, ErrorKind};
use regex::Regex;

use super::engine::pattern;

/// Operators of one expression between two commas; real ones have ten.
const MOST: usize = 300;

/// Refuses an expression that is nested too deep.
pub(super) fn check_expression(expression: &str) -> Result<(), Error> {
    static STRING: LazyLock<Regex> = LazyLock::new(|| pattern(r#"'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*""#));
    static OPERATOR: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"\b(?:and|else|if|in|is|not|or)\b|==|!=|<=|>=|//|\*\*|[-+*/%~|.(\[{<>]"));
    // Few characters cannot hold many operators.
    if expression.len() <= MOST {
        return Ok(());
    }
    let code = STRING.replace_all(expression, "''");
    if code.split(',').any(|part| OPERATOR.find_iter(part).nth(MOST).is_some()) {
        return Err(too_deep());
    }
    Ok(())
}

/// Refuses a template with an expression, or a chain of `elif`, that is nested too deep.
pub(super) fn check_text(text: &str) -> Result<(), Error> {
    static BLOCK: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?s)\{\{(.*?)(?:\}\}|\z)|\{%(.*?)(?:%\}|\z)"));
    let mut branches = 0;
    for block in BLOCK.captures_iter(text) {
        let inner = block.get(1).or(block.get(2)).map_or("", |inner| inner.as_str());
        branches += usize::from(inner.trim_start_matches(['-', '+', ' ']).starts_with("elif"));
        check_expression(inner)?;
    }
    if branches > MOST { Err(too_deep()) } else { Ok(()) }
}

/// The engine's own parser of templates, behind the check.
pub(super) fn parse<'source>(
    text: &'source str,
    name: &'source str,
    syntax: SyntaxConfig,
) -> Result<ast::Stmt<'source>, Error> {
    check_text(text)?;
    machinery::parse(text, name, syntax)
}

/// The engine's own parser of expressions, behind the check.
pub(super) fn parse_expr(expression: &str) -> Result<ast::Expr<'_>, Error> {
    check_expression(expression)?;
    machinery::parse_expr(expression)
}

fn too_deep() -> Error {
    Error::new(
        ErrorKind::SyntaxError,
        format!("more than {MOST} operators in one expression are too many"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::{check_expression, check_text};
    use rstest::rstest;

    #[rstest]
    #[case("-", "1")]
    #[case("not ", "a")]
    #[case("1 + ", "1")]
    #[case("a.", "b")]
    #[case("a | upper | ", "lower")]
    #[case("a if b else ", "c")]
    #[case("a ** ", "b")]
    #[case("[", "")]
    #[case("f(", "")]
    #[case("a is b and ", "c")]
    #[case("{'a': ", "")]
    fn deep_nesting_is_an_error_and_no_overflow(#[case] repeated: &str, #[case] end: &str) {
        let expression = format!("{}{end}", repeated.repeat(20_000));
        assert!(check_expression(&expression).is_err());
        assert!(check_text(&format!("x {{{{ {expression} }}}}")).is_err());
        assert!(check_text(&format!("x {{% if {expression}")).is_err());
        // As deep as is let through.
        let expression = format!("{}{end}", repeated.repeat(100));
        let _ = check_expression(&expression);
        let _ = check_text(&format!("x {{{{ {expression} }}}}"));
    }

    #[test]
    fn many_branches_are_an_error_and_long_lists_are_not() {
        let branches = "{% elif a %}x".repeat(20_000);
        assert!(check_text(&format!("{{% if a %}}x{branches}{{% endif %}}")).is_err());
        let list = vec!["a.b"; 5_000].join(", ");
        assert!(check_expression(&format!("[{list}]")).is_ok());
        assert!(check_text(&"{{ a.b }}, {{ c + 1 }}\n".repeat(2_000)).is_ok());
    }
}
