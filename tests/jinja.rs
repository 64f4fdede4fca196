//! Expressions and what Ansible makes of them, one table: `tests/data/jinja.json`.

use krun::template::{check_expression, evaluate, from_json, keep_backslashes, to_json};
use serde_json::{Value, json};

fn variables() -> Value {
    json!({
        "text": "v1.28.2", "number": 3, "yes": true, "nothing": null, "empty": "", "float": 1.5,
        "list": [3, 1, 2, 3], "names": ["b", "a", "c"], "nested": [1, [2, [3, null]]],
        "map": {"b": 1, "a": {"c": [1, 2]}},
        "people": [{"name": "ann", "age": 30, "roles": ["x", "y"]}, {"name": "bob", "age": 25, "roles": ["x"]}],
        "result": {"changed": true, "rc": 0, "stdout": "a\nb", "stdout_lines": ["a", "b"]},
        "lost": {"failed": true, "changed": false}, "left": {"skipped": true, "changed": false},
    })
}

#[test]
fn expressions_yield_what_ansible_yields() {
    let table: Vec<Value> = serde_json::from_str(include_str!("data/jinja.json")).unwrap();
    let variables = from_json(&variables());
    let mut wrong = Vec::new();
    for row in &table {
        let expression = row["expression"].as_str().unwrap();
        // Where krun differs on purpose, `krun` holds its result and `why` the reason.
        let expected = row.get("krun").unwrap_or(&row["ansible"]);
        let actual = check_expression(expression)
            .and_then(|()| evaluate(&keep_backslashes(expression), &variables))
            .and_then(|value| to_json(&value));
        let actual = actual.unwrap_or_else(|error| json!({ "error": error.message }));
        let both_fail = expected == "error" && actual.get("error").is_some();
        if actual != *expected && !both_fail {
            wrong.push(format!("{expression}\n     is {actual}\n not {expected}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        table.len(),
        wrong.join("\n")
    );
}
