//! Host ranges: `node[01:10:2]`, `db-[a:f]`, several of them in one name.

/// Most hosts that one pattern may stand for; a slip like `[1:1000000000]` must not eat the memory.
const MAX_HOSTS: usize = 100_000;

/// Why a host pattern cannot be expanded, in one sentence, and the way out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RangeError {
    pub(super) message: String,
    pub(super) help: &'static str,
}

impl RangeError {
    fn new(message: impl Into<String>, help: &'static str) -> Self {
        Self {
            message: message.into(),
            help,
        }
    }
}

/// All names that a pattern stands for, the last range counting fastest; a name without a range is itself.
pub(super) fn expand(pattern: &str) -> Result<Vec<String>, RangeError> {
    let mut names = vec![String::new()];
    let mut rest = pattern;
    while let Some(open) = rest.find('[') {
        let Some(length) = rest[open..].find(']') else {
            return Err(RangeError::new(
                format!("the range in `{pattern}` is not closed"),
                "a range is written `[1:3]`",
            ));
        };
        let items = items(&rest[open + 1..open + length])?;
        if names.len().saturating_mul(items.len()) > MAX_HOSTS {
            return Err(too_many(pattern));
        }
        let head = &rest[..open];
        names = names
            .iter()
            .flat_map(|name| items.iter().map(move |item| format!("{name}{head}{item}")))
            .collect();
        rest = &rest[open + length + 1..];
    }
    if !rest.is_empty() {
        for name in &mut names {
            name.push_str(rest);
        }
    }
    Ok(names)
}

fn too_many(pattern: &str) -> RangeError {
    RangeError::new(
        format!("`{pattern}` stands for more than {MAX_HOSTS} hosts"),
        "check the bounds of its ranges",
    )
}

/// The values between one pair of brackets.
fn items(range: &str) -> Result<Vec<String>, RangeError> {
    let bounds: Vec<&str> = range.split(':').collect();
    let (begin, end, step) = match bounds[..] {
        [begin, end] => (begin, end, 1),
        [begin, end, step] => (begin, end, parse_step(step)?),
        _ => {
            return Err(RangeError::new(
                format!("`[{range}]` is not a range"),
                "a range is written `[first:last]` or `[first:last:step]`",
            ));
        }
    };
    let begin = if begin.is_empty() { "0" } else { begin };
    if end.is_empty() {
        return Err(RangeError::new(
            format!("the range `[{range}]` has no end"),
            "write the last value after the colon; it is included",
        ));
    }
    match (letter(begin), letter(end)) {
        (Some(first), Some(last)) => letters(range, first, last, step),
        _ => numbers(range, begin, end, step),
    }
}

fn parse_step(step: &str) -> Result<usize, RangeError> {
    match step.parse() {
        Ok(step) if step > 0 => Ok(step),
        _ => Err(RangeError::new(
            format!("the step of a range must be a number from 1 on, this is `{step}`"),
            "`[1:9:2]` gives 1, 3, 5, 7, 9",
        )),
    }
}

/// Position in the row a…z, A…Z, which is how Ansible counts letters.
fn letter(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [byte @ b'a'..=b'z'] => Some(byte - b'a'),
        [byte @ b'A'..=b'Z'] => Some(byte - b'A' + 26),
        _ => None,
    }
}

fn letters(range: &str, first: u8, last: u8, step: usize) -> Result<Vec<String>, RangeError> {
    if first > last {
        return Err(backwards(range));
    }
    let name = |position: u8| {
        let byte = if position < 26 {
            b'a' + position
        } else {
            b'A' + position - 26
        };
        char::from(byte).to_string()
    };
    Ok((first..=last).step_by(step).map(name).collect())
}

fn numbers(range: &str, begin: &str, end: &str, step: usize) -> Result<Vec<String>, RangeError> {
    let (Some(first), Some(last)) = (number(begin), number(end)) else {
        return Err(RangeError::new(
            format!("`[{range}]` must go from number to number or from letter to letter"),
            "for example `[01:10]` or `[a:f]`",
        ));
    };
    let padded = begin.len() > 1 && begin.starts_with('0');
    if padded && begin.len() != end.len() {
        return Err(RangeError::new(
            format!("begin and end of the range `[{range}]` differ in length"),
            "a range that begins with a zero keeps its width: `[01:10]`, `[001:100]`",
        ));
    }
    if first > last {
        return Err(backwards(range));
    }
    let count = (last - first) / u64::try_from(step).unwrap_or(u64::MAX);
    if count >= MAX_HOSTS as u64 {
        return Err(too_many(&format!("[{range}]")));
    }
    let width = if padded { begin.len() } else { 0 };
    Ok((first..=last)
        .step_by(step)
        .map(|value| format!("{value:0width$}"))
        .collect())
}

fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

fn backwards(range: &str) -> RangeError {
    RangeError::new(
        format!("the range `[{range}]` ends before it begins"),
        "write the lower value first",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("web", &["web"])]
    #[case("n[1:3]", &["n1", "n2", "n3"])]
    #[case("n[08:10]", &["n08", "n09", "n10"])]
    #[case("n[0:4:2]x", &["n0x", "n2x", "n4x"])]
    #[case("n[:2]", &["n0", "n1", "n2"])]
    #[case("db-[a:c]", &["db-a", "db-b", "db-c"])]
    #[case("db-[y:B]", &["db-y", "db-z", "db-A", "db-B"])]
    #[case("r[1:2]n[1:2]", &["r1n1", "r1n2", "r2n1", "r2n2"])]
    #[case("[1:2].example.com", &["1.example.com", "2.example.com"])]
    #[case("n[9:10]", &["n9", "n10"])]
    fn ranges_expand(#[case] pattern: &str, #[case] expected: &[&str]) {
        assert_eq!(expand(pattern).unwrap(), expected);
    }

    #[rstest]
    #[case("n[1:3", "not closed")]
    #[case("n[1]", "not a range")]
    #[case("n[1:2:3:4]", "not a range")]
    #[case("n[1:]", "no end")]
    #[case("n[01:100]", "differ in length")]
    #[case("n[3:1]", "before it begins")]
    #[case("n[c:a]", "before it begins")]
    #[case("n[a:3]", "number to number")]
    #[case("n[1:3:0]", "step")]
    #[case("n[1:3:x]", "step")]
    #[case("n[1:99999999999]", "more than")]
    #[case("n[0:18446744073709551615:1]", "more than")]
    #[case("n[1:1000]-[1:1000]", "more than")]
    fn bad_ranges_say_why(#[case] pattern: &str, #[case] part: &str) {
        let error = expand(pattern).unwrap_err();
        assert!(error.message.contains(part), "{}", error.message);
    }

    proptest! {
        #[test]
        fn a_range_counts_every_step_once(first in 0u64..2000, length in 0u64..2000, step in 1u64..20, padded: bool) {
            let last = first + length;
            let width = if padded { 6 } else { 0 };
            let pattern = format!("n[{first:0width$}:{last:0width$}:{step}]");
            let names = expand(&pattern).unwrap();
            prop_assert_eq!(names.len() as u64, length / step + 1);
            for (index, name) in names.iter().enumerate() {
                let value = first + index as u64 * step;
                prop_assert_eq!(name, &format!("n{value:0width$}"));
            }
        }

        #[test]
        fn no_text_panics(text in "[a-z0-9:\\[\\]-]{0,20}") {
            let _ = expand(&text);
        }
    }
}
