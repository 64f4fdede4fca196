use serde_json::{Number, Value};

/// Reads a boolean as Ansible does: YAML 1.1's words, in its three ways of writing them.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Reads a plain scalar as PyYAML (YAML 1.1) does, which is what Ansible's users know.
///
/// Kept as text, other than PyYAML: sexagesimal numbers (`12:30`) and dates, whose surprises nobody wants.
pub fn parse_plain_scalar(text: &str) -> Value {
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    if let Some(value) = parse_bool(text) {
        return Value::Bool(value);
    }
    parse_integer(text)
        .or_else(|| parse_float(text))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

fn parse_integer(text: &str) -> Option<Value> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) || digits.ends_with('_') {
        return None;
    }
    let clean = digits.replace('_', "");
    let magnitude = if let Some(hex) = clean.strip_prefix("0x") {
        u64::from_str_radix(hex, 16).ok()?
    } else if let Some(binary) = clean.strip_prefix("0b") {
        u64::from_str_radix(binary, 2).ok()?
    } else if let Some(octal) = clean.strip_prefix("0o") {
        u64::from_str_radix(octal, 8).ok()?
    } else if clean.len() > 1 && clean.starts_with('0') {
        // YAML 1.1: a leading zero means octal, so `mode: 0644` is 420 here as it is in Ansible.
        u64::from_str_radix(&clean[1..], 8).ok()?
    } else {
        clean.parse().ok()?
    };
    if negative {
        i64::try_from(magnitude).ok().map(|n| Value::from(-n))
    } else {
        Some(Value::from(magnitude))
    }
}

fn parse_float(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let looks_like_a_float = unsigned.contains('.')
        && unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.contains(|c: char| c.is_ascii_digit())
        && unsigned
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+' | '_'));
    if !looks_like_a_float {
        return None;
    }
    let number: f64 = text.replace('_', "").parse().ok()?;
    Number::from_f64(number).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("", json!(null))]
    #[case("~", json!(null))]
    #[case("yes", json!(true))]
    #[case("Off", json!(false))]
    #[case("y", json!("y"))]
    #[case("0644", json!(0o644))]
    #[case("0o644", json!(0o644))]
    #[case("0x1F", json!(31))]
    #[case("-12", json!(-12))]
    #[case("1_000", json!(1000))]
    #[case("1.30", json!(1.3))]
    #[case("1.30.2", json!("1.30.2"))]
    #[case("v1.28.2", json!("v1.28.2"))]
    #[case("08", json!("08"))]
    #[case("12:30", json!("12:30"))]
    #[case("20%", json!("20%"))]
    #[case("1e3", json!("1e3"))]
    fn plain_scalars_read_as_in_yaml_1_1(#[case] text: &str, #[case] expected: Value) {
        assert_eq!(parse_plain_scalar(text), expected);
    }
}
