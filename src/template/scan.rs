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
