//! The text of a repository file: sections are replaced or removed whole, everything else stays as it is.

/// One section's lines, without its heading.
pub fn section<'a>(text: &'a str, id: &str) -> Option<Vec<&'a str>> {
    let mut lines = text.lines().skip_while(|line| heading(line) != Some(id));
    lines.next()?;
    Some(lines.take_while(|line| heading(line).is_none()).collect())
}

/// The text with a section put in the place of the old one, or at the end.
pub fn with_section(text: &str, id: &str, body: &str) -> String {
    let section = format!("[{id}]\n{body}");
    let mut result = String::with_capacity(text.len() + section.len());
    let mut is_placed = false;
    let mut is_inside = false;
    for line in text.lines() {
        if let Some(name) = heading(line) {
            let follows_the_new_section = is_inside;
            is_inside = name == id;
            if is_inside && !is_placed {
                result.push_str(&section);
                is_placed = true;
            }
            if follows_the_new_section && !result.ends_with("\n\n") {
                result.push('\n');
            }
        }
        if !is_inside {
            result.push_str(line);
            result.push('\n');
        }
    }
    if !is_placed {
        if !result.is_empty() && !result.ends_with("\n\n") {
            result.push('\n');
        }
        result.push_str(&section);
    }
    result
}

/// The text without a section; empty when nothing but blank lines is left.
pub fn without_section(text: &str, id: &str) -> String {
    let mut is_inside = false;
    let mut result = String::new();
    for line in text.lines() {
        if let Some(name) = heading(line) {
            is_inside = name == id;
        }
        if !is_inside {
            result.push_str(line);
            result.push('\n');
        }
    }
    if result.trim().is_empty() {
        String::new()
    } else {
        result
    }
}

fn heading(line: &str) -> Option<&str> {
    line.trim_end().strip_prefix('[')?.strip_suffix(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "# by hand\n[a]\nname=A\n\n[b]\nname=B\n";

    #[test]
    fn sections_are_replaced_in_their_place() {
        assert_eq!(with_section(TWO, "a", "x=1\n"), "# by hand\n[a]\nx=1\n\n[b]\nname=B\n");
        assert_eq!(with_section(TWO, "c", "x=1\n"), format!("{TWO}\n[c]\nx=1\n"));
        assert_eq!(with_section("", "c", "x=1\n"), "[c]\nx=1\n");
    }

    #[test]
    fn the_same_section_again_changes_nothing() {
        let once = with_section(TWO, "a", "x=1\n");
        assert_eq!(with_section(&once, "a", "x=1\n"), once);
    }

    #[test]
    fn sections_are_removed() {
        assert_eq!(without_section(TWO, "a"), "# by hand\n[b]\nname=B\n");
        assert_eq!(without_section("[a]\nx=1\n", "a"), "");
    }

    #[test]
    fn sections_are_found() {
        assert_eq!(section(TWO, "b"), Some(vec!["name=B"]));
        assert_eq!(section(TWO, "c"), None);
    }
}
