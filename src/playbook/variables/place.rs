//! Where exactly in its file a name stands that a text reads.

use std::borrow::Cow;

use super::spots::{Origin, Spot, strings};
use super::texts::Language;
use crate::syntax::Place;
use crate::template::keep_backslashes_in_text;
use crate::template::reads::Read;

/// The place of a read. A YAML scalar may be folded, indented and quoted, so that a byte of the text is not that byte
/// of the file; but the same words stand there in the same order.
pub(super) fn place_of(read: &Read, spot: &Spot<'_>) -> Place {
    let name = read.name.as_str();
    let in_code = spot.language != Language::Expression;
    let (start, earlier) = match &spot.origin {
        Origin::File(source) => (Place::start_of(source), 0),
        Origin::Scalar(place) => ((*place).clone(), 0),
        Origin::Value(place, value) => {
            let earlier = strings(value)
                .into_iter()
                .take_while(|text| text.as_ptr() != spot.text.as_ptr());
            let words = earlier.map(|text| words(text, name, in_code).count());
            ((*place).clone(), words.sum())
        }
    };
    // The text as it was parsed, in which the place of the read counts.
    let parsed = match spot.language {
        Language::Text => keep_backslashes_in_text(&spot.text),
        Language::Expression | Language::Handlebars => Cow::Borrowed(&*spot.text),
    };
    let before = words(&parsed, name, in_code).take_while(|at| *at < read.start);
    let number = earlier + before.count();
    let offset = start.byte_range().start;
    let rest = start.source.text().get(offset..).unwrap_or_default();
    let found = words(rest, name, in_code).nth(number);
    match found {
        Some(at) => Place::at_offset(&start.source, offset + at, name.chars().count()),
        None => start,
    }
}

/// Where a name stands as a word of its own; `in_code`: between braces only.
fn words<'t>(text: &'t str, name: &'t str, in_code: bool) -> impl Iterator<Item = usize> + 't {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    let is_code = move |at: usize| {
        let last = |marks: [&str; 2]| marks.iter().filter_map(|mark| text[..at].rfind(mark)).max();
        last(["{{", "{%"]) > last(["}}", "%}"])
    };
    text.match_indices(name)
        .map(|(at, _)| at)
        .filter(move |&at| !text[..at].ends_with(part_of_word) && !text[at + name.len()..].starts_with(part_of_word))
        .filter(move |&at| !in_code || is_code(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::{SourceFile, parse};
    use crate::template::reads::{of_expression, of_text};
    use rstest::rstest;

    #[rstest]
    #[case("a: \"{{ b }} and {{ x }}\"", "1:20")]
    #[case("a: x {{ y.x ~ x }}", "1:15")]
    #[case("a: >-\n  x {{ b }}\n  {{ c }}\n  {{ x }}", "4:6")]
    #[case("a: |\n  ä {{ x }}", "2:8")]
    #[case(r#"a: '{{ "it''s" ~ x }}'"#, "1:18")]
    #[case(r"a: '{{ c | regex_replace(''\d'', ''x\1'') ~ x }}'", "1:45")]
    fn names_in_templates(#[case] text: &str, #[case] expected: &str) {
        let node = parse(&SourceFile::new("f", text)).unwrap().unwrap();
        let node = node.get("a").unwrap();
        let spot = Spot {
            text: Cow::Borrowed(node.text().unwrap()),
            language: Language::Text,
            origin: Origin::Scalar(&node.place),
        };
        let reads = of_text(&spot.text).unwrap();
        let read = reads.reads.iter().find(|read| read.name == "x").unwrap();
        assert_eq!(place_of(read, &spot).to_string(), format!("f:{expected}"));
    }

    #[test]
    fn names_in_expressions() {
        let text = "when: y.x == 'x' and\n  x";
        let node = parse(&SourceFile::new("f", text)).unwrap().unwrap();
        let node = node.get("when").unwrap();
        let spot = Spot {
            text: Cow::Borrowed(node.text().unwrap()),
            language: Language::Expression,
            origin: Origin::Scalar(&node.place),
        };
        let reads = of_expression(&spot.text).unwrap();
        let read = reads.reads.iter().find(|read| read.name == "x").unwrap();
        assert_eq!(place_of(read, &spot).to_string(), "f:2:3");
    }

    #[test]
    fn names_in_one_of_several_values() {
        let node = parse(&SourceFile::new(
            "f",
            "x: {x: '{{ x.x }}', y: ['x {{ b }}', '{{ x }}']}",
        ));
        let node = node.unwrap().unwrap();
        let node = node.get("x").unwrap();
        let value = node.to_value();
        let text = strings(&value)[4];
        let spot = Spot {
            text: Cow::Borrowed(text),
            language: Language::Text,
            origin: Origin::Value(&node.place, &value),
        };
        let reads = of_text(text).unwrap();
        assert_eq!(place_of(&reads.reads[0], &spot).to_string(), "f:1:42");
    }
}
