//! The text of a file of kernel settings.

/// The value that a file gives to a setting: the last one counts.
pub fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(assignment)
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .next_back()
}

/// The text with the setting at this value, or without it. Every setting stands once then, as `name=value`.
pub fn put(text: &str, name: &str, wanted: Option<&str>) -> String {
    let mut seen: Vec<&str> = Vec::new();
    let mut result = String::with_capacity(text.len() + 64);
    let mut push = |line: &str| {
        result.push_str(line);
        result.push('\n');
    };
    for line in text.lines() {
        let Some((key, value)) = assignment(line) else {
            push(line.trim());
            continue;
        };
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        match (key == name, wanted) {
            (false, _) => push(&format!("{key}={value}")),
            (true, Some(wanted)) => push(&format!("{key}={wanted}")),
            (true, None) => {}
        }
    }
    if let Some(wanted) = wanted
        && !seen.contains(&name)
    {
        push(&format!("{name}={wanted}"));
    }
    result
}

fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if line.starts_with(['#', ';']) {
        return None;
    }
    let (key, value) = line.split_once('=')?;
    Some((key.trim(), value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a comment = no\na = 1\n\n  b=2\na=3\n-x\n";

    #[test]
    fn the_last_value_counts() {
        assert_eq!(value(TEXT, "a"), Some("3"));
        assert_eq!(value(TEXT, "# a comment"), None);
    }

    #[test]
    fn a_setting_is_put_where_it_stood_first() {
        assert_eq!(put(TEXT, "a", Some("9")), "# a comment = no\na=9\n\nb=2\n-x\n");
        assert_eq!(put(TEXT, "a", None), "# a comment = no\n\nb=2\n-x\n");
        assert_eq!(put("b = 1", "a", Some("9")), "b=1\na=9\n");
    }
}
