use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock};

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, ErrorKind, Expression, UndefinedBehavior, Value};
use regex::Regex;

use super::scan::keep_backslashes_in_text;
use super::{TemplateError, depth, filters, python, registry, tests};

/// Steps an expression or template may take: bounds a runaway loop, and is far above real templates.
const FUEL: u64 = 50_000_000;

/// The value of an expression, whatever its type. An undefined result is an error.
///
/// # Errors
/// Syntax, unknown filters and tests, undefined variables, and what a filter refuses.
pub fn evaluate(expression: &str, variables: &Value) -> Result<Value, TemplateError> {
    let value = compiled(expression, strictness_for(expression, variables)?)?
        .eval(variables)
        .map_err(|error| TemplateError::from_engine(&error, expression))?;
    if value.is_undefined() {
        return Err(TemplateError::undefined_name(expression.trim()));
    }
    Ok(value)
}

/// The text of a template.
///
/// # Errors
/// As [`evaluate`].
pub fn render(text: &str, variables: &Value) -> Result<String, TemplateError> {
    engine(strictness_for(text, variables)?)
        .get_template(text)
        .and_then(|template| template.render(variables))
        .map_err(|error| TemplateError::from_engine(&error, text))
}

/// Finds what is wrong with an expression without a value for any variable: its syntax, filters, tests and functions.
///
/// # Errors
/// The first mistake found.
pub fn check_expression(expression: &str) -> Result<(), TemplateError> {
    compiled(expression, Strictness::Strict)?;
    check_names(expression, expression)
}

/// Finds what is wrong with a template's text, as [`check_expression`].
///
/// # Errors
/// The first mistake found.
pub fn check_text(text: &str) -> Result<(), TemplateError> {
    let kept = keep_backslashes_in_text(text);
    let text = kept.as_ref();
    engine(Strictness::Strict)
        .get_template(text)
        .map_err(|error| TemplateError::from_engine(&error, text))?;
    static BLOCKS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?s)\{\{(.*?)\}\}|\{%(.*?)%\}"));
    BLOCKS.captures_iter(text).try_for_each(|block| {
        let inner = block.get(1).or_else(|| block.get(2)).map_or("", |found| found.as_str());
        check_names(inner, text)
    })
}

/// Names of the variables that an expression reads.
///
/// # Errors
/// A mistake in its syntax.
pub fn names_in_expression(expression: &str) -> Result<HashSet<String>, TemplateError> {
    Ok(compiled(expression, Strictness::Strict)?.undeclared_variables(false))
}

/// Names of the variables that a template reads.
///
/// # Errors
/// A mistake in its syntax.
pub fn names_in_text(text: &str) -> Result<HashSet<String>, TemplateError> {
    Ok(engine(Strictness::Strict)
        .get_template(text)
        .map_err(|error| TemplateError::from_engine(&error, text))?
        .undeclared_variables(false))
}

/// Filters and tests are looked up by minijinja only when they are reached, which is too late for krun.
fn check_names(expression: &str, whole: &str) -> Result<(), TemplateError> {
    static FILTER: LazyLock<Regex> = LazyLock::new(|| pattern(r"\|\s*([A-Za-z_][\w.]*)"));
    static TEST: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bis\s+(?:not\s+)?([A-Za-z_][\w.]*)"));
    static STRING: LazyLock<Regex> = LazyLock::new(|| pattern(r#"'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*""#));
    let code = STRING.replace_all(expression, "''");
    for (finder, kind, known) in [
        (&FILTER, "filter", filters::names as fn() -> Vec<&'static str>),
        (&TEST, "test", tests::names),
    ] {
        for name in finder.captures_iter(&code).filter_map(|found| found.get(1)) {
            let name = name.as_str();
            let plain = name.strip_prefix(registry::PREFIX).unwrap_or(name);
            let known = known();
            if !known.contains(&plain) {
                let near = crate::syntax::closest(plain, known);
                let hint = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
                let mut error = TemplateError::new(format!("there is no {kind} `{name}`{hint}"));
                error.range = whole.find(name).map(|at| at..at + name.len());
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Every expression is compiled once in the life of the process.
fn compiled(expression: &str, strictness: Strictness) -> Result<Arc<Expression<'static, 'static>>, TemplateError> {
    type Cache = [RwLock<HashMap<String, Arc<Expression<'static, 'static>>>>; 2];
    static CACHE: OnceLock<Cache> = OnceLock::new();
    let cache = &CACHE.get_or_init(Cache::default)[usize::from(strictness == Strictness::Strict)];
    if let Some(known) = cache.read().unwrap_or_else(PoisonError::into_inner).get(expression) {
        return Ok(Arc::clone(known));
    }
    let new = depth::check_expression(expression)
        .and_then(|()| engine(strictness).compile_expression_owned(expression.to_owned()))
        .map_err(|error| TemplateError::from_engine(&error, expression))?;
    let new = Arc::new(new);
    cache
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(expression.to_owned(), Arc::clone(&new));
    Ok(new)
}

/// What happens to a missing value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strictness {
    /// Whatever touches it fails.
    Strict,
    /// It may be asked for attributes, so that `a.b is defined` is false when `a` is missing.
    Guarded,
}

/// Ansible lets `a.b is defined` and `a.b | default(x)` pass when `a` itself is missing, which minijinja's strict mode
/// refuses. Texts with such a guard are evaluated by the lenient engine, but only when every missing variable in them
/// is guarded: a typo beside a guard must not make a condition silently false.
fn strictness_for(text: &str, variables: &Value) -> Result<Strictness, TemplateError> {
    static GUARDED: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"([A-Za-z_]\w*)(?:\.\w+|\[[^\]]*\]|\([^)]*\))*\s*(?:\bis\s+(?:not\s+)?(?:un)?defined\b|\|\s*(?:default|d|mandatory)\b)",
        )
    });
    let guarded: HashSet<&str> = GUARDED
        .captures_iter(text)
        .filter_map(|found| Some(found.get(1)?.as_str()))
        .collect();
    if guarded.is_empty() && !text.contains("default") && !text.contains("defined") {
        return Ok(Strictness::Strict);
    }
    let names = if super::holds_template(text) {
        names_in_text(text)?
    } else {
        names_in_expression(text)?
    };
    let globals = engine(Strictness::Strict);
    let is_missing = |name: &str| {
        variables.get_attr(name).is_ok_and(|value| value.is_undefined())
            && !globals.globals().any(|(known, _)| known == name)
    };
    let unguarded = names
        .iter()
        .any(|name| !guarded.contains(name.as_str()) && is_missing(name));
    Ok(if unguarded {
        Strictness::Strict
    } else {
        Strictness::Guarded
    })
}

/// The engine for filters and tests that something else than Jinja calls.
pub(super) fn strict_engine() -> &'static Environment<'static> {
    engine(Strictness::Strict)
}

fn engine(strictness: Strictness) -> &'static Environment<'static> {
    static STRICT: LazyLock<Environment<'static>> = LazyLock::new(|| new_engine(UndefinedBehavior::Strict));
    static GUARDED: LazyLock<Environment<'static>> = LazyLock::new(|| new_engine(UndefinedBehavior::Chainable));
    match strictness {
        Strictness::Strict => &STRICT,
        Strictness::Guarded => &GUARDED,
    }
}

fn new_engine(undefined: UndefinedBehavior) -> Environment<'static> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(undefined);
    engine.set_auto_escape_callback(|_| AutoEscape::None);
    engine.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    engine.set_fuel(Some(FUEL));
    engine.set_syntax(syntax());
    // Texts are compiled once and kept: the loader's key is the text itself.
    engine.set_loader(|text| depth::check_text(text).map(|()| Some(text.to_owned())));
    engine.set_formatter(|output, _state, value| {
        if value.is_undefined() {
            return Err(minijinja::Error::from(ErrorKind::UndefinedError));
        }
        python::write(output, value)
    });
    // Errors name the undefined variable in this mode only; it is on by itself in debug builds alone.
    engine.set_debug(true);
    // It would print all variables, secrets included.
    engine.remove_global("debug");
    filters::register(&mut engine);
    tests::register(&mut engine);
    engine
}

/// Whitespace as Ansible's templar sets it.
pub(super) fn syntax() -> SyntaxConfig {
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).keep_trailing_newline(true);
    syntax.build().unwrap_or_default()
}

/// True for the names that the engine itself gives a value, such as `range`.
pub(super) fn is_global(name: &str) -> bool {
    static NAMES: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let globals = engine(Strictness::Strict).globals();
        globals.map(|(name, _)| name.to_owned()).collect()
    });
    NAMES.contains(name)
}

/// A pattern that stands in this source; a mistake in one is caught by the tests that use it.
pub(crate) fn pattern(text: &str) -> Regex {
    match Regex::new(text) {
        Ok(pattern) => pattern,
        Err(error) => unreachable!("the pattern {text} does not compile: {error}"),
    }
}
