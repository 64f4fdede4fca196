//! `.hbs` files: Handlebars, strict everywhere, without escaping, with every Jinja filter and test as a helper.

mod helpers;
mod parse;
mod problem;
mod reads;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock};

use handlebars::{Context, Handlebars, RenderContext, RenderErrorReason, Renderable, StringOutput};
use minijinja::value::ValueKind;
use serde_json::Map;

use super::reads::Reads;
use super::{TemplateError, evaluate, to_json};
use parse::Parsed;

/// Renders a Handlebars file's text; `name` is the file's path for messages.
///
/// # Errors
/// Syntax, unknown helpers, undefined variables.
pub fn render(name: &str, text: &str, variables: &minijinja::Value) -> Result<String, TemplateError> {
    let parsed = parsed(name, text)?;
    let mut data = Map::new();
    let mut failed = HashMap::new();
    // Only what the file names: all variables of all hosts may be many, and some may have no value.
    for variable in &parsed.variables {
        let value = match variables.get_attr(variable) {
            Ok(value) if value.is_undefined() => continue,
            // Jinja tells why a variable has no value: it refers to something undefined or wrong.
            Ok(value) if value.kind() == ValueKind::Invalid => evaluate(variable, variables),
            Ok(value) => Ok(value),
            Err(error) => Err(TemplateError::from_engine(&error, variable)),
        };
        match value.and_then(|value| to_json(&value)) {
            Ok(value) => {
                data.insert(variable.clone(), value);
            }
            Err(error) => {
                failed.insert(variable.as_str(), error);
            }
        }
    }
    let context = Context::from(serde_json::Value::Object(data));
    let mut output = StringOutput::new();
    let rendered = parsed
        .template
        .render(engine(), &context, &mut RenderContext::new(None), &mut output);
    if let Err(error) = rendered {
        if let RenderErrorReason::MissingVariable(Some(path)) = error.reason()
            && let Some(cause) = failed.remove(parse::root_of(path))
        {
            return Err(cause);
        }
        return Err(problem::of_rendering(name, text, &error));
    }
    output
        .into_string()
        .map_err(|_| TemplateError::new(format!("{name}: the output is no text")))
}

/// Finds what is wrong with a Handlebars file without a value for any variable: its syntax and unknown helpers.
///
/// # Errors
/// The first mistake found.
pub fn check(name: &str, text: &str) -> Result<(), TemplateError> {
    parsed(name, text).map(|_| ())
}

/// What a Handlebars file reads; `name` is the file's path for messages.
///
/// # Errors
/// As [`check`].
pub fn reads_of(name: &str, text: &str) -> Result<Reads, TemplateError> {
    let parsed = parsed(name, text)?;
    Ok(reads::of(&parsed.template, text))
}

/// Every text is parsed once in the life of the process.
fn parsed(name: &str, text: &str) -> Result<Arc<Parsed>, TemplateError> {
    static CACHE: OnceLock<RwLock<HashMap<String, Arc<Parsed>>>> = OnceLock::new();
    let cache = CACHE.get_or_init(RwLock::default);
    if let Some(known) = cache.read().unwrap_or_else(PoisonError::into_inner).get(text) {
        return Ok(Arc::clone(known));
    }
    let parsed = Arc::new(Parsed::new(name, text)?);
    let mut kept = cache.write().unwrap_or_else(PoisonError::into_inner);
    kept.insert(text.to_owned(), Arc::clone(&parsed));
    Ok(parsed)
}

fn engine() -> &'static Handlebars<'static> {
    static ENGINE: LazyLock<Handlebars<'static>> = LazyLock::new(|| {
        let mut engine = Handlebars::new();
        engine.set_strict_mode(true);
        engine.register_escape_fn(handlebars::no_escape);
        helpers::register(&mut engine);
        engine
    });
    &ENGINE
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn variables() -> minijinja::Value {
        crate::template::from_json(&json!({
            "version": "v1.28.2", "k": "1.28.2", "list": ["a", "b"], "map": {"x": 1, "deep": {"y": "z"}},
            "off": false, "on": true, "zero": 0, "html": "<a & 'b'>", "people": [{"name": "ann"}, {"name": "bob"}],
            "nothing": null,
        }))
    }

    #[rstest]
    #[case("{{version}} {{map.deep.y}}", "v1.28.2 z")]
    #[case("{{html}} {{{html}}}", "<a & 'b'> <a & 'b'>")]
    #[case("{{regex_replace version '^v' ''}}", "1.28.2")]
    #[case("{{#if (version k '1.29' '>=')}}new{{else}}old{{/if}}", "old")]
    #[case("{{#if off}}a{{else if on}}b{{else}}c{{/if}}", "b")]
    #[case("{{#unless zero}}none{{/unless}}", "none")]
    #[case("{{#each people}}{{@index}}={{name}} {{/each}}", "0=ann 1=bob ")]
    #[case("{{#each map}}{{@key}} {{/each}}", "x deep ")]
    #[case("{{#with map.deep}}{{y}}{{/with}}", "z")]
    #[case("{{to_json map}}", r#"{"x": 1, "deep": {"y": "z"}}"#)]
    #[case("{{join list ','}} {{upper (first list)}} {{length list}}", "a,b A 2")]
    #[case("{{default missing 'x'}} {{#if (defined missing)}}a{{else}}b{{/if}}", "x b")]
    #[case("{{default map.missing 'x'}}", "x")]
    #[case("{{#if (and on (not off))}}yes{{/if}} {{or off 'else'}}", "yes else")]
    #[case("{{#if (eq k '1.28.2')}}same{{/if}} {{#if (gt 2 1)}}more{{/if}}", "same more")]
    #[case("{{lookup map 'x'}} {{lookup list 1}}", "1 b")]
    #[case("{{on}}", "true")]
    #[case(
        "{{to_nice_json map indent=1}}",
        "{\n \"deep\": {\n  \"y\": \"z\"\n },\n \"x\": 1\n}"
    )]
    #[case("a\n{{#if on}}\nb\n{{/if}}\nc\n", "a\nb\nc\n")]
    fn files_are_rendered(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(render("a.hbs", text, &variables()).unwrap(), expected);
    }

    #[rstest]
    #[case("a\n{{missing}}", "`missing` is undefined", "line 2")]
    #[case("{{map.missing}}", "`map.missing` is undefined", "line 1")]
    #[case("{{#if missing}}a{{/if}}", "`missing` is undefined", "a.hbs")]
    #[case("{{#unless missing}}a{{/unless}}", "`missing` is undefined", "a.hbs")]
    #[case("{{#if (and on missing)}}a{{/if}}", "`missing` is undefined", "a.hbs")]
    #[case("{{#if (or off map.missing)}}a{{/if}}", "`map.missing` is undefined", "a.hbs")]
    #[case("{{#if (eq missing 1)}}a{{/if}}", "`missing` is undefined", "a.hbs")]
    #[case("{{lookup map 'zz'}}", "no key", "a.hbs")]
    #[case("{{#each missing}}a{{/each}}", "`missing` is undefined", "a.hbs")]
    #[case("{{list}}", "to_json list", "a.hbs")]
    #[case("{{nothing}}", "has no value", "default")]
    #[case("{{upper missing}}", "`missing` is undefined", "a.hbs")]
    #[case("{{from_json k 1 2}}", "a.hbs", "line 1")]
    fn mistakes_in_values_are_errors(#[case] text: &str, #[case] part: &str, #[case] other: &str) {
        let error = render("a.hbs", text, &variables()).unwrap_err().message;
        assert!(error.contains(part) && error.contains(other), "{error}");
    }

    #[rstest]
    #[case("{{uper x}}", "did you mean `upper`")]
    #[case("\n{{#iff x}}a{{/iff}}", "did you mean `if`")]
    #[case("{{#if (verson x '1')}}a{{/if}}", "did you mean `version`")]
    #[case("{{#if x}}a", "line 1")]
    #[case("{{ x | upper }}", "Jinja")]
    #[case("{% if x %}a{% endif %}", "Jinja")]
    #[case("{{#if x == 1}}a{{/if}}", "Jinja")]
    #[case("{{> other}}", "partial")]
    fn mistakes_are_found_without_values(#[case] text: &str, #[case] part: &str) {
        let error = check("a.hbs", text).unwrap_err().message;
        assert!(error.contains(part), "{error}");
    }

    /// Every filter and test of Jinja is a helper that is really called: what it complains of is its argument.
    #[test]
    fn every_filter_and_test_is_a_helper() {
        use crate::template::{filters, tests};
        let is_word = |name: &&str| {
            name.chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        };
        // Handlebars and krun give these words a meaning of their own.
        let own = ["lookup", "with", "each", "if", "unless"];
        let names = filters::names().into_iter().chain(tests::names());
        let mut count = 0;
        for name in names.filter(is_word).filter(|name| !own.contains(name)) {
            let text = format!("{{{{to_json ({name} version)}}}}");
            check("a.hbs", &text).unwrap_or_else(|error| panic!("{name}: {error}"));
            if let Err(error) = render("a.hbs", &text, &variables()) {
                assert!(!error.message.contains("no helper"), "{name}: {error}");
                assert!(!error.message.contains("unknown"), "{name}: {error}");
            }
            count += 1;
        }
        for name in tests::names().into_iter().filter(is_word) {
            check("a.hbs", &format!("{{{{#if (is_{name} version)}}}}a{{{{/if}}}}")).unwrap();
        }
        assert!(count > 150, "{count}");
    }

    #[test]
    fn the_cause_of_a_variable_without_value_is_told() {
        let broken = minijinja::Value::from(minijinja::Error::new(
            minijinja::ErrorKind::InvalidOperation,
            "variable `b` has no value: why",
        ));
        let variables =
            minijinja::Value::from_object(indexmap::IndexMap::from([(minijinja::Value::from("b"), broken)]));
        let error = render("a.hbs", "{{b}}", &variables).unwrap_err().message;
        assert!(error.contains("why"), "{error}");
    }
}
