use std::borrow::Cow;

/// True when a string holds Jinja syntax that has to be evaluated.
pub fn holds_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

/// The expression of a string that is one whole `{{ … }}`, whose value keeps its type.
pub fn whole_expression(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
    let inner = inner.strip_suffix('-').unwrap_or(inner);
    (!leaves_the_expression(inner)).then(|| inner.trim())
}

/// `when: "{{ x }}"` means `when: x`; Ansible warns and goes on, so do we.
pub fn strip_braces(condition: &str) -> &str {
    whole_expression(condition).unwrap_or(condition)
}

/// Doubles the backslashes in the string literals of a bare expression.
///
/// In YAML values, Ansible leaves escape sequences to YAML: `{{ x | regex_replace('v(\d+)', '\1') }}` means what it
/// says. Conditions and template files are read as Jinja reads them, with escape sequences.
pub fn keep_backslashes(expression: &str) -> Cow<'_, str> {
    if !expression.contains('\\') {
        return Cow::Borrowed(expression);
    }
    let mut output = String::with_capacity(expression.len() + 8);
    let mut quote = None;
    let mut characters = expression.chars().peekable();
    while let Some(character) = characters.next() {
        output.push(character);
        match (quote, character) {
            (Some(_), '\\') => match characters.peek() {
                // The end of the literal stays where Jinja sees it.
                Some('\'' | '"') => output.extend(characters.next()),
                Some('\\') => {
                    output.push_str(r"\\\");
                    characters.next();
                }
                _ => output.push('\\'),
            },
            (Some(open), close) if open == close => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            _ => {}
        }
    }
    Cow::Owned(output)
}

/// [`keep_backslashes`] for each `{{ … }}` of a text.
pub fn keep_backslashes_in_text(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') || !text.contains("{{") {
        return Cow::Borrowed(text);
    }
    let mut output = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        output.push_str(before);
        output.push_str("{{");
        let (inner, left) = match after.split_once("}}") {
            Some((inner, left)) => (inner, Some(left)),
            None => (after, None),
        };
        output.push_str(&keep_backslashes(inner));
        rest = left.unwrap_or_default();
        if left.is_some() {
            output.push_str("}}");
        }
    }
    output.push_str(rest);
    Cow::Owned(output)
}

/// True when `}}`, `{{` or `{%` stands outside of a string literal, so that there is more than one expression.
fn leaves_the_expression(text: &str) -> bool {
    let mut quote = None;
    let mut braces = 0_u32;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(_), '\\') => {
                characters.next();
            }
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '{') if characters.peek() == Some(&'%') => return true,
            (None, '{') => braces += 1,
            (None, '}') if braces == 0 => return true,
            (None, '}') => braces -= 1,
            (None, _) => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(r"a | f('\d', '\\1')", r"a | f('\\d', '\\\\1')")]
    #[case(r"'it\'s' ~ '\n'", r"'it\'s' ~ '\\n'")]
    #[case("plain", "plain")]
    fn backslashes_in_literals_are_kept(#[case] expression: &str, #[case] expected: &str) {
        assert_eq!(keep_backslashes(expression), expected);
        let braces = |inner: &str| format!(r"C:\{{{{{inner}}}}} \n");
        assert_eq!(keep_backslashes_in_text(&braces(expression)), braces(expected));
    }

    #[rstest]
    #[case("{{ a }}", Some("a"))]
    #[case("  {{ a | default({'k': '}}'}) }} ", Some("a | default({'k': '}}'})"))]
    #[case("{{ {'a': {'b': 1}} }}", Some("{'a': {'b': 1}}"))]
    #[case("{{ a }}{{ b }}", None)]
    #[case("{{ a }} {{ b }}", None)]
    #[case("x{{ a }}", None)]
    #[case("{{ a }}{% if b %}c{% endif %}{{ d }}", None)]
    #[case("plain", None)]
    fn one_expression_is_told_from_text(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(whole_expression(text), expected);
    }
}
