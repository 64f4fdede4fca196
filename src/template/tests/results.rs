use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::template::arguments::refusal;
use crate::template::registry::Registry;

/// Tests of what a task registered.
pub(super) fn register(registry: &mut Registry<'_>) {
    for name in ["changed", "change"] {
        registry.test(name, move |result: &Value| any_flag(name, result, "changed"));
    }
    for name in ["failed", "failure"] {
        registry.test(name, move |result: &Value| any_flag(name, result, "failed"));
    }
    for name in ["succeeded", "success", "successful"] {
        registry.test(name, move |result: &Value| {
            any_flag(name, result, "failed").map(|failed| !failed)
        });
    }
    for name in ["skipped", "skip"] {
        registry.test(name, move |result: &Value| flag(name, result, "skipped"));
    }
    registry.test("unreachable", |result: &Value| {
        flag("unreachable", result, "unreachable")
    });
    registry.test("reachable", |result: &Value| {
        flag("reachable", result, "unreachable").map(|lost| !lost)
    });
    registry.test("finished", |result: &Value| flag("finished", result, "finished"));
    registry.test("started", |result: &Value| flag("started", result, "started"));
    registry.test("timedout", |result: &Value| flag("timedout", result, "timedout"));
}

fn flag(test: &str, result: &Value, key: &str) -> Result<bool, Error> {
    if result.kind() != ValueKind::Map {
        return Err(refusal(format!("`is {test}` works on what a task registered")));
    }
    Ok(result.get_attr(key)?.is_true())
}

/// Where the task itself says nothing, the items of its loop do.
fn any_flag(test: &str, result: &Value, key: &str) -> Result<bool, Error> {
    if flag(test, result, key)? {
        return Ok(true);
    }
    let items = result.get_attr("results")?;
    if !result.get_attr(key)?.is_undefined() || items.kind() != ValueKind::Seq {
        return Ok(false);
    }
    for item in items.try_iter()? {
        if item.kind() == ValueKind::Map && item.get_attr(key)?.is_true() {
            return Ok(true);
        }
    }
    Ok(false)
}
