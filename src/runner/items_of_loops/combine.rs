//! Lists made of several lists.

use serde_json::{Map, Value, json};

use super::flat;
use crate::modules::Failure;

/// More combinations than these are a mistake.
const MOST: usize = 1_000_000;

/// Every item of the first list with every one of the second, and so on.
pub(super) fn nested(terms: Vec<Value>) -> Result<Vec<Value>, Failure> {
    if terms.is_empty() {
        return Err(Failure::new("with_nested needs at least one list"));
    }
    let lists: Vec<Vec<Value>> = terms.into_iter().map(as_list).collect();
    let total = lists
        .iter()
        .try_fold(1_usize, |total, list| total.checked_mul(list.len()));
    if total.is_none_or(|total| total > MOST) {
        return Err(Failure::new(format!("the lists have more than {MOST} combinations")));
    }
    let mut combined: Vec<Vec<Value>> = vec![Vec::new()];
    for list in lists {
        combined = combined
            .iter()
            .flat_map(|before| {
                list.iter().map(|item| {
                    let mut together = before.clone();
                    together.extend(as_list(item.clone()));
                    together
                })
            })
            .collect();
    }
    Ok(combined.into_iter().map(Value::Array).collect())
}

/// The first items of all lists, then the second ones; `null` where a list has ended.
pub(super) fn together(terms: Vec<Value>) -> Result<Vec<Value>, Failure> {
    if terms.is_empty() {
        return Err(Failure::new("with_together needs at least one list"));
    }
    let lists: Vec<Vec<Value>> = terms.into_iter().map(as_list).collect();
    let longest = lists.iter().map(Vec::len).max().unwrap_or_default();
    let row = |number: usize| {
        let items = lists.iter().map(|list| list.get(number).cloned().unwrap_or_default());
        Value::Array(flat(items.collect()))
    };
    Ok((0..longest).map(row).collect())
}

/// Each mapping of a list with each item of a list in it.
pub(super) fn subelements(terms: Vec<Value>) -> Result<Vec<Value>, Failure> {
    let wrong = || {
        Failure::new("with_subelements needs a list of mappings and the key of a list in them")
            .help("the key may have dots; {skip_missing: true} may follow")
    };
    let (first, key, flags) = match terms.as_slice() {
        [first, Value::String(key)] => (first, key, None),
        [first, Value::String(key), Value::Object(flags)] => (first, key, Some(flags)),
        _ => return Err(wrong()),
    };
    let skips_missing = match flags.and_then(|flags| flags.get("skip_missing")) {
        None => false,
        Some(Value::Bool(skips)) => *skips,
        Some(Value::String(text)) => crate::syntax::parse_bool(text).unwrap_or_default(),
        Some(_) => return Err(wrong()),
    };
    let was_skipped = |element: &Map<String, Value>| element.get("skipped").is_some_and(|value| value != false);
    let elements: Vec<Value> = match first {
        Value::Array(items) => items.clone(),
        // The registered result of a task that was skipped.
        Value::Object(map) if was_skipped(map) => Vec::new(),
        Value::Object(map) => map.values().cloned().collect(),
        _ => return Err(wrong()),
    };
    let mut all = Vec::new();
    for element in elements {
        let Value::Object(mut element) = element else {
            return Err(Failure::new(format!(
                "with_subelements needs mappings, and one is `{element}`"
            )));
        };
        if was_skipped(&element) {
            continue;
        }
        match take(&mut element, key) {
            Some(Value::Array(items)) => {
                let element = Value::Object(element);
                all.extend(items.into_iter().map(|item| json!([element, item])));
            }
            None if skips_missing => {}
            None => {
                return Err(
                    Failure::new(format!("`{key}` is missing in `{}`", Value::Object(element)))
                        .help("with {skip_missing: true} behind the key such elements are passed over"),
                );
            }
            Some(other) => return Err(Failure::new(format!("`{key}` must be a list, it is `{other}`"))),
        }
    }
    Ok(all)
}

/// Takes what stands under a key with dots.
fn take(element: &mut Map<String, Value>, key: &str) -> Option<Value> {
    let (above, last) = match key.rsplit_once('.') {
        Some((above, last)) => (Some(above), last),
        None => (None, key),
    };
    let mut inner = element;
    for part in above.into_iter().flat_map(|above| above.split('.')) {
        inner = inner.get_mut(part)?.as_object_mut()?;
    }
    inner.remove(last)
}

fn as_list(term: Value) -> Vec<Value> {
    match term {
        Value::Array(items) => items,
        other => vec![other],
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(json!([["a", "b"], [1, 2], "c"]), json!([["a", 1, "c"], ["a", 2, "c"], ["b", 1, "c"], ["b", 2, "c"]]))]
    #[case(json!([[["a", "b"]], [1, [2, 3]]]), json!([["a", "b", 1], ["a", "b", 2, 3]]))]
    #[case(json!([["a"], []]), json!([]))]
    fn combinations(#[case] terms: Value, #[case] expected: Value) {
        assert_eq!(Value::Array(nested(as_list(terms)).unwrap()), expected);
    }

    #[test]
    fn lists_side_by_side() {
        let terms = as_list(json!([["a", "b", "c"], [1, 2]]));
        assert_eq!(
            json!(together(terms).unwrap()),
            json!([["a", 1], ["b", 2], ["c", null]])
        );
    }

    #[rstest]
    #[case(json!([[{"n": 1, "k": ["x", "y"]}, {"n": 2, "k": []}], "k"]), Some(json!([[{"n": 1}, "x"], [{"n": 1}, "y"]])))]
    #[case(json!([[{"a": {"k": [1], "z": 1}}], "a.k"]), Some(json!([[{"a": {"z": 1}}, 1]])))]
    #[case(json!([[{"n": 1}], "k"]), None)]
    #[case(json!([[{"n": 1}], "k", {"skip_missing": "yes"}]), Some(json!([])))]
    #[case(json!([[{"k": 1}], "k"]), None)]
    #[case(json!([{"skipped": true}, "k"]), Some(json!([])))]
    #[case(json!([["text"], "k"]), None)]
    #[case(json!(["k"]), None)]
    fn elements_with_what_is_in_them(#[case] terms: Value, #[case] expected: Option<Value>) {
        assert_eq!(subelements(as_list(terms)).ok().map(Value::Array), expected);
    }

    #[test]
    fn too_many_combinations_are_refused() {
        let list = json!((0..1001).collect::<Vec<_>>());
        assert!(nested(vec![list.clone(), list]).is_err());
    }
}
