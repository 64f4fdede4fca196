#![no_main]
use krun::template;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|text: &str| {
    let values = json!({
        "item": "x", "n": 3, "f": 1.5, "yes": true, "none": null, "list": [3, 1, 2], "words": ["b", "a"],
        "dict": {"a": 1, "b": {"c": "d"}}, "version": "v1.28.2-0", "text": "key: [1, two]\n", "out": {"rc": 0, "stdout_lines": ["a b", "c"]},
    });
    let values = template::from_json(&values);
    let show = |found: Result<(), template::TemplateError>| drop(found.map_err(|error| error.to_string()));
    show(template::check_expression(text));
    show(template::check_text(text));
    show(
        template::evaluate(text, &values)
            .and_then(|value| template::to_json(&value))
            .map(drop),
    );
    show(template::render(text, &values).map(drop));
    show(template::check_handlebars("x.hbs", text));
    show(template::render_handlebars("x.hbs", text, &values).map(drop));
    let _ = (template::whole_expression(text), template::strip_braces(text));
});
