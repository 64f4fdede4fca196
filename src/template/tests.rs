use minijinja::Environment;

/// Adds krun's tests (`is …`) to an engine.
pub(super) fn register(engine: &mut Environment<'static>) {
    let _ = engine;
}

/// Names of all tests.
pub(super) fn names() -> Vec<&'static str> {
    vec!["defined"]
}
