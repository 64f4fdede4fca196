use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock};

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, ErrorKind, Expression, UndefinedBehavior, Value};
use regex::Regex;

use super::jinja_file::Syntax;
use super::scan::keep_backslashes_in_text;
use super::{TemplateError, dates, depth, filters, functions, lookups, methods, names, python, tests};

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
    render_by(engine(strictness_for(text, variables)?), text, variables)
}

/// The text of a template with a syntax of its own.
///
/// # Errors
/// As [`evaluate`].
pub(super) fn render_with(text: &str, syntax: &Syntax, variables: &Value) -> Result<String, TemplateError> {
    if *syntax == Syntax::default() {
        return render(text, variables);
    }
    let config = syntax.config()?;
    let mut own = new_engine(UndefinedBehavior::Strict);
    own.set_syntax(config);
    let names = undeclared(&own, text)?;
    own.set_undefined_behavior(match strictness_of(text, variables, &names) {
        Strictness::Strict => UndefinedBehavior::Strict,
        Strictness::Guarded => UndefinedBehavior::Chainable,
    });
    render_by(&own, text, variables)
}

/// Finds what is wrong with a template that has a syntax of its own.
pub(super) fn check_with(text: &str, syntax: &Syntax) -> Result<(), TemplateError> {
    let config = syntax.config()?;
    let mut own = new_engine(UndefinedBehavior::Strict);
    own.set_syntax(config.clone());
    undeclared(&own, text)?;
    names::check_text(text, config)
}

fn render_by(engine: &Environment<'static>, text: &str, variables: &Value) -> Result<String, TemplateError> {
    engine
        .get_template(text)
        .and_then(|template| template.render(variables))
        .map_err(|error| TemplateError::from_engine(&error, text))
}

fn undeclared(engine: &Environment<'static>, text: &str) -> Result<HashSet<String>, TemplateError> {
    Ok(engine
        .get_template(text)
        .map_err(|error| TemplateError::from_engine(&error, text))?
        .undeclared_variables(false))
}

/// Finds what is wrong with an expression without a value for any variable: its syntax, filters, tests and functions.
///
/// # Errors
/// The first mistake found.
pub fn check_expression(expression: &str) -> Result<(), TemplateError> {
    compiled(expression, Strictness::Strict)?;
    names::check_expression(expression)
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
    names::check_text(text, syntax())
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
    undeclared(engine(Strictness::Strict), text)
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
    if guarded_names(text).is_empty() && !text.contains("default") && !text.contains("defined") {
        return Ok(Strictness::Strict);
    }
    let names = if super::holds_template(text) {
        names_in_text(text)?
    } else {
        names_in_expression(text)?
    };
    Ok(strictness_of(text, variables, &names))
}

fn strictness_of(text: &str, variables: &Value, names: &HashSet<String>) -> Strictness {
    let guarded = guarded_names(text);
    let is_missing = |name: &str| variables.get_attr(name).is_ok_and(|value| value.is_undefined()) && !is_global(name);
    let unguarded = names
        .iter()
        .any(|name| !guarded.contains(name.as_str()) && is_missing(name));
    if unguarded {
        Strictness::Strict
    } else {
        Strictness::Guarded
    }
}

/// Variables that are asked about, or have a default.
fn guarded_names(text: &str) -> HashSet<&str> {
    static GUARDED: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"([A-Za-z_]\w*)(?:\.\w+|\[[^\]]*\]|\([^)]*\))*\s*(?:\bis\s+(?:not\s+)?(?:un)?defined\b|\|\s*(?:default|d|mandatory)\b)",
        )
    });
    GUARDED
        .captures_iter(text)
        .filter_map(|found| Some(found.get(1)?.as_str()))
        .collect()
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
    engine.set_unknown_method_callback(methods::call);
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
    lookups::register(&mut engine);
    functions::register(&mut engine);
    dates::functions(&mut engine);
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
