use minijinja::Output;
use minijinja::{Environment, Error, State, Value};

/// Adds krun's filters to an engine.
pub(super) fn register(engine: &mut Environment<'static>) {
    let _ = engine;
}

/// Names of all filters.
pub(super) fn names() -> Vec<&'static str> {
    vec!["default"]
}

/// Writes a value as Python prints it, which is what Jinja's users expect: `True`, `None`, `['a', 1]`.
pub(super) fn write_as_python(output: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    minijinja::escape_formatter(output, state, value)
}
