use rstest::rstest;

use super::{Pattern, Reading, Replacement};

fn substitute(reading: Reading, pattern: &str, replacement: &str, text: &str) -> (String, usize) {
    let pattern = Pattern::new(pattern, reading).unwrap();
    let replacement = Replacement::new(replacement, &pattern).unwrap();
    let (bytes, count) = pattern.substitute(text.as_bytes(), &replacement);
    (String::from_utf8(bytes).unwrap(), count)
}

// What Python 3.11 answers to `re.search(pattern, line)` for bytes, but that a written `é` is one character here.
#[rstest]
#[case::before_the_line_break("^a$", "a\n", Some("a"))]
#[case::the_line_break_itself(r"a\s", "a\n", Some("a\n"))]
#[case::the_very_end(r"a\Z", "a\n", None)]
#[case::carriage_return("a$", "a\r\n", None)]
#[case::bracket_in_a_class("[[]x[]]", "[x]", Some("[x]"))]
#[case::no_operations("[a&&b]+", "a&b", Some("a&b"))]
#[case::no_difference("[+--]+", "+,-", Some("+,-"))]
#[case::hyphen_at_the_end("[a-]+", "a-b", Some("a-"))]
#[case::caret_within("[a^]+", "^a", Some("^a"))]
#[case::kinds_in_a_class(r"[\d\-.]+", "1-2.3 ", Some("1-2.3"))]
#[case::backspace(r"[\b]", "\u{8}", Some("\u{8}"))]
#[case::braces("a{b}", "a{b}", Some("a{b}"))]
#[case::template_braces(r"\{\{ x }}", "{{ x }}", Some("{{ x }}"))]
#[case::up_to("^a{,2}", "aaa", Some("aa"))]
#[case::angles(r"\<a\>", "<a>", Some("<a>"))]
#[case::comment("a(?#note)b", "ab", Some("ab"))]
#[case::flags("(?i)ABC", "abc", Some("abc"))]
#[case::scoped_flags("(?i:A)b", "ab", Some("ab"))]
#[case::verbose("(?x) a \\ b # note (", "a b", Some("a b"))]
#[case::ascii_letters(r"^\w+", "caf\u{e9}", Some("caf"))]
#[case::beyond_ascii("caf\u{e9}+", "caf\u{e9}\u{e9}", Some("caf\u{e9}\u{e9}"))]
#[case::class_beyond_ascii("f[\u{e8}\u{e9}]$", "caf\u{e9}", Some("f\u{e9}"))]
#[case::octal(r"\101\0", "A\0", Some("A\0"))]
#[case::number(r"\x41[\x42]", "AB", Some("AB"))]
fn lines_are_searched_as_in_python(#[case] pattern: &str, #[case] line: &str, #[case] expected: Option<&str>) {
    let pattern = Pattern::new(pattern, Reading::Line).unwrap();
    let found = pattern.captures(line.as_bytes());
    let found = found.map(|found| String::from_utf8_lossy(&found[0]).into_owned());
    assert_eq!(found.as_deref(), expected);
}

#[test]
fn bytes_that_are_no_text_are_searched_too() {
    let pattern = Pattern::new(r"^name=.*[\xe9]$", Reading::Line).unwrap();
    assert!(pattern.is_match(b"name=caf\xe9\n"));
}

// What Python 3.11 answers to `re.subn(pattern, replacement, text, flags=re.MULTILINE)`.
#[rstest]
#[case::every_line("^", "# ", "a\nb\n", ("# a\n# b\n# ", 3))]
#[case::empty_behind_a_match("x*", "-", "abxd", ("-a-b--d-", 5))]
#[case::groups(r"(\w+)=(?P<value>\w+)", r"\g<value>=\1", "a=b", ("b=a", 1))]
#[case::number_then_digit(r"(a)", r"\g<1>0", "a", ("a0", 1))]
#[case::whole("a+", r"<\g<0>>", "aa b", ("<aa> b", 1))]
#[case::group_that_took_no_part("a(b)?", r"[\1]", "a", ("[]", 1))]
#[case::escapes("a", r"\t\\\.\n", "a", ("\t\\\\.\n", 1))]
#[case::characters_not_bytes("", "-", "\u{e9}", ("-\u{e9}-", 2))]
#[case::letters_of_all_languages(r"\w+", "x", "caf\u{e9}", ("x", 1))]
#[case::octal("a", r"\101\0", "a", ("A\0", 1))]
#[case::trailing_blanks(r"[ \t]+$", "", "a \nb\t", ("a\nb", 2))]
fn texts_are_substituted_as_in_python(
    #[case] pattern: &str,
    #[case] replacement: &str,
    #[case] text: &str,
    #[case] expected: (&str, usize),
) {
    let (text, count) = substitute(Reading::Lines, pattern, replacement, text);
    assert_eq!((text.as_str(), count), expected);
}

#[rstest]
#[case("a(?=b)", "looks ahead (`(?=`)")]
#[case("a(?!b)", "looks ahead (`(?!`)")]
#[case("(?<=a)b", "looks behind (`(?<=`)")]
#[case("(?<!a)b", "looks behind (`(?<!`)")]
#[case(r"(a)\1", r"refers back to a group (`\1`)")]
#[case("(?P<n>a)(?P=n)", "refers back to a group (`(?P=`)")]
#[case("(?>a)", "atomic")]
#[case("(a)?(?(1)b|c)", "condition")]
#[case("a++", "possessive")]
#[case("a(?i)b", "at its start")]
#[case("(?L)a", "flag `L`")]
#[case(r"\h", r"no escape `\h`")]
#[case("a\\", "backslash")]
#[case("[a", "not closed")]
#[case("(a", "unclosed group")]
#[case("*a", "missing expression")]
fn what_cannot_be_is_named(#[case] pattern: &str, #[case] expected: &str) {
    let message = Pattern::new(pattern, Reading::Lines).unwrap_err().to_string();
    assert!(message.contains(expected), "{message}");
}

#[rstest]
#[case(r"\2", "no group `2`")]
#[case(r"\g<x>", "no group `x`")]
#[case(r"\g", "in `<>`")]
#[case(r"\d", r"no escape `\d`")]
#[case("\\", "backslash")]
fn wrong_replacements_are_named(#[case] replacement: &str, #[case] expected: &str) {
    let pattern = Pattern::new("(a)", Reading::Lines).unwrap();
    let message = Replacement::new(replacement, &pattern).unwrap_err().to_string();
    assert!(message.contains(expected), "{message}");
}
