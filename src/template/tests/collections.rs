use std::collections::HashSet;

use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

use crate::template::registry::Registry;

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.test("contains", contains);
    for name in ["subset", "issubset"] {
        registry.test(name, |one: &Value, other: &Value| within(one, other));
    }
    for name in ["superset", "issuperset"] {
        registry.test(name, |one: &Value, other: &Value| within(other, one));
    }
    registry.test("any", |value: &Value| {
        Ok::<_, Error>(value.try_iter()?.any(|item| item.is_true()))
    });
    registry.test("all", |value: &Value| {
        Ok::<_, Error>(value.try_iter()?.all(|item| item.is_true()))
    });
    registry.test("callable", |value: &Value| value.kind() == ValueKind::Plain);
    for name in ["nan", "isnan"] {
        registry.test(name, |value: &Value| {
            f64::try_from(value.clone()).is_ok_and(f64::is_nan)
        });
    }
}

/// `in` the other way round, for `selectattr`.
fn contains(state: &State<'_, '_>, value: &Value, item: &Value) -> Result<bool, Error> {
    minijinja::tests::is_in(state, item, value)
}

fn within(one: &Value, other: &Value) -> Result<bool, Error> {
    let other: HashSet<_> = other.try_iter()?.collect();
    Ok(one.try_iter()?.all(|item| other.contains(&item)))
}
