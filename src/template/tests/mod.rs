//! Jinja's and Ansible's tests: what may stand behind `is`.

mod builtin;
mod collections;
mod files;
mod results;
mod strings;

use std::sync::LazyLock;

use minijinja::Environment;

use super::registry::Registry;

/// Tests of Ansible's that krun refuses, and why.
pub(super) const REFUSED: [(&str, &str); 1] = [("vaulted_file", "vault files are decrypted when they are read")];

/// Adds krun's tests to an engine.
pub(super) fn register(engine: &mut Environment<'static>) {
    fill(&mut Registry::new(engine));
}

/// Names of all tests, without Ansible's prefix.
pub(super) fn names() -> Vec<&'static str> {
    static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let mut engine = Environment::empty();
        let mut registry = Registry::new(&mut engine);
        fill(&mut registry);
        registry.into_names()
    });
    NAMES.clone()
}

fn fill(registry: &mut Registry<'_>) {
    builtin::register(registry);
    results::register(registry);
    strings::register(registry);
    collections::register(registry);
    files::register(registry);
}
