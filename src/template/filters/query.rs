use minijinja::{Error, Value};

use crate::template::arguments::refusal;
use crate::template::registry::Registry;
use crate::template::{from_json, to_json};

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("json_query", json_query);
}

/// What a `JMESPath` expression finds.
fn json_query(value: &Value, expression: String) -> Result<Value, Error> {
    let wrong = |error: jmespath::JmespathError| {
        // The rest is the expression once more, and may show values.
        let reason = error.to_string();
        let reason = reason.lines().next().unwrap_or_default();
        refusal(format!("`json_query`: `{expression}`: {reason}"))
    };
    let json = to_json(value).map_err(|error| refusal(format!("`json_query`: {error}")))?;
    let compiled = jmespath::compile(&expression).map_err(wrong)?;
    let data =
        jmespath::Variable::from_json(&json.to_string()).map_err(|_| refusal("`json_query` works on plain data"))?;
    let found = compiled.search(data).map_err(wrong)?;
    let found = serde_json::to_value(&*found).map_err(|_| refusal("`json_query`: the result is no data"))?;
    Ok(from_json(&found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value as Json, json};

    #[rstest]
    #[case("nodes[?ready].name", json!(["a"]))]
    #[case("nodes[].{n: name, f: tags[0]}", json!([{"n": "a", "f": 1}, {"n": "b", "f": null}]))]
    #[case("nodes[?age > `2`] | [0].name", json!("b"))]
    #[case("nothing", json!(null))]
    fn expressions_find(#[case] expression: &str, #[case] expected: Json) {
        let data = json!({"nodes": [
            {"name": "a", "ready": true, "age": 1, "tags": [1, 2]}, {"name": "b", "ready": false, "age": 3, "tags": []},
        ]});
        let found = json_query(&from_json(&data), expression.to_owned()).unwrap();
        assert_eq!(to_json(&found).unwrap(), expected);
    }

    #[test]
    fn a_mistake_is_told() {
        let error = json_query(&from_json(&json!({})), "a[".to_owned()).unwrap_err();
        assert!(error.to_string().contains("json_query"), "{error}");
    }
}
