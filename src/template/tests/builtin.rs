use minijinja::Value;
use minijinja::tests as jinja;

use crate::template::registry::Registry;

/// Jinja's own tests, as the engine brings them.
pub(super) fn register(registry: &mut Registry<'_>) {
    registry.lenient_test("defined", |value: &Value| !value.is_undefined());
    registry.lenient_test("undefined", |value: &Value| value.is_undefined());
    registry.test("none", jinja::is_none);
    registry.test("boolean", jinja::is_boolean);
    registry.test("divisibleby", jinja::is_divisibleby);
    registry.test("endingwith", jinja::is_endingwith);
    registry.test("escaped", jinja::is_safe);
    registry.test("even", jinja::is_even);
    registry.test("false", jinja::is_false);
    registry.test("filter", jinja::is_filter);
    registry.test("float", jinja::is_float);
    registry.test("in", jinja::is_in);
    registry.test("integer", jinja::is_integer);
    registry.test("int", jinja::is_integer);
    registry.test("iterable", jinja::is_iterable);
    registry.test("lower", jinja::is_lower);
    registry.test("mapping", jinja::is_mapping);
    registry.test("number", jinja::is_number);
    registry.test("odd", jinja::is_odd);
    registry.test("safe", jinja::is_safe);
    registry.test("sameas", jinja::is_sameas);
    registry.test("sequence", jinja::is_sequence);
    registry.test("startingwith", jinja::is_startingwith);
    registry.test("string", jinja::is_string);
    registry.test("test", jinja::is_test);
    registry.test("true", jinja::is_true);
    registry.test("upper", jinja::is_upper);
    for name in ["eq", "equalto", "=="] {
        registry.test(name, jinja::is_eq);
    }
    for name in ["ne", "!="] {
        registry.test(name, jinja::is_ne);
    }
    for name in ["lt", "lessthan", "<"] {
        registry.test(name, jinja::is_lt);
    }
    for name in ["le", "<="] {
        registry.test(name, jinja::is_le);
    }
    for name in ["gt", "greaterthan", ">"] {
        registry.test(name, jinja::is_gt);
    }
    for name in ["ge", ">="] {
        registry.test(name, jinja::is_ge);
    }
}
