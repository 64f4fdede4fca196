use minijinja::{Error, Value};

use crate::template::arguments::{Arguments, More, refusal};
use crate::template::filters::user_pattern;
use crate::template::registry::Registry;
use crate::template::versions::{Reading, compare};

pub(super) fn register(registry: &mut Registry<'_>) {
    for name in ["version", "version_compare"] {
        registry.test(name, version);
    }
    registry.test("match", |value: &Value, values: More| matches("match", value, values));
    registry.test("search", |value: &Value, values: More| matches("search", value, values));
    registry.test("regex", |value: &Value, values: More| matches("regex", value, values));
    registry.test("uri", |value: &Value, values: More| {
        let parts = address("uri", value, values)?;
        Ok::<_, Error>(parts.is_some_and(|(scheme, host, path)| match scheme.as_str() {
            "" => false,
            "urn" | "mailto" => !path.is_empty(),
            _ => !host.is_empty(),
        }))
    });
    registry.test("url", |value: &Value, values: More| {
        let parts = address("url", value, values)?;
        Ok::<_, Error>(parts.is_some_and(|(scheme, host, _)| !scheme.is_empty() && !host.is_empty() && scheme != "urn"))
    });
    registry.test("urn", |value: &Value, values: More| {
        let parts = address("urn", value, values)?;
        Ok::<_, Error>(
            parts.is_some_and(|(scheme, host, path)| scheme == "urn" && host.is_empty() && path.contains(':')),
        )
    });
    // What was encrypted has been decrypted before anybody can ask.
    registry.test("vault_encrypted", |_: &Value| false);
    registry.test("truthy", |value: &Value, values: More| truthy("truthy", value, values));
    registry.test("falsy", |value: &Value, values: More| {
        truthy("falsy", value, values).map(|truth| !truth)
    });
}

fn version(value: &Value, values: More) -> Result<bool, Error> {
    let names = ["version", "operator", "strict", "version_type"];
    let arguments = Arguments::read("version", &names, values)?;
    let kind = arguments.text("version_type");
    let strict = arguments.flag("strict", false);
    let reading = match kind.as_deref() {
        None | Some("loose") => {
            if strict {
                Reading::Strict
            } else {
                Reading::Loose
            }
        }
        Some(_) if arguments.get("strict").is_some() => {
            return Err(refusal("`version`: `strict` and `version_type` exclude each other"));
        }
        Some("strict") => Reading::Strict,
        Some("semver" | "semantic") => Reading::Semver,
        Some(other) => {
            return Err(refusal(format!(
                "`version`: there is no version_type `{other}`; there are loose, strict and semver"
            )));
        }
    };
    let operator = arguments.text("operator").unwrap_or_else(|| "eq".to_owned());
    compare(
        &value.to_string(),
        &operator,
        &arguments.required("version")?.to_string(),
        reading,
    )
}

fn matches(test: &'static str, value: &Value, values: More) -> Result<bool, Error> {
    let arguments = Arguments::read(test, &["pattern", "ignorecase", "multiline", "match_type"], values)?;
    let pattern = arguments.required("pattern")?.to_string();
    let pattern = user_pattern(
        &pattern,
        arguments.flag("ignorecase", false),
        arguments.flag("multiline", false),
    )?;
    let text = value
        .as_str()
        .ok_or_else(|| refusal(format!("`is {test}` works on text")))?;
    let kind = arguments.text("match_type");
    let kind = if test == "regex" {
        kind.as_deref().unwrap_or("search")
    } else {
        test
    };
    let found = pattern.find(text);
    match kind {
        "search" => Ok(found.is_some()),
        // The leftmost match is at the start when any is.
        "match" => Ok(found.is_some_and(|found| found.start() == 0)),
        "fullmatch" => {
            let whole = format!(r"\A(?:{})\z", pattern.as_str());
            Ok(user_pattern(&whole, arguments.flag("ignorecase", false), false)?.is_match(text))
        }
        other => Err(refusal(format!(
            "`regex`: there is no match_type `{other}`; there are search, match and fullmatch"
        ))),
    }
}

/// Scheme, host and path of an address, when its scheme is one of these.
fn address(test: &'static str, value: &Value, values: More) -> Result<Option<(String, String, String)>, Error> {
    let arguments = Arguments::read(test, &["schemes"], values)?;
    let schemes: Option<Vec<String>> = match arguments.get("schemes") {
        Some(schemes) => Some(schemes.try_iter()?.map(|scheme| scheme.to_string()).collect()),
        None => None,
    };
    let Some((scheme, rest)) = value.as_str().and_then(|text| text.split_once(':')) else {
        return Ok(None);
    };
    let scheme = scheme.to_lowercase();
    if !scheme
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
        || schemes.is_some_and(|schemes| !schemes.contains(&scheme))
    {
        return Ok(None);
    }
    Ok(Some(match rest.strip_prefix("//") {
        Some(rest) => {
            let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
            (scheme, host.to_owned(), path.to_owned())
        }
        None => (scheme, String::new(), rest.to_owned()),
    }))
}

fn truthy(test: &'static str, value: &Value, values: More) -> Result<bool, Error> {
    let arguments = Arguments::read(test, &["convert_bool"], values)?;
    match value.as_str() {
        Some(text) if arguments.flag("convert_bool", false) => {
            Ok(crate::syntax::parse_bool(text).unwrap_or(!text.is_empty()))
        }
        _ => Ok(value.is_true()),
    }
}
