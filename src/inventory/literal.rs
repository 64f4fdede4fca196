//! Values in INI inventories: Python literals as Ansible reads them; whatever is not one is text.

use serde_json::{Map, Number, Value};

/// Deepest nesting of brackets that is read as a literal.
const MAX_DEPTH: usize = 50;

/// Reads a value: `8080` is a number, `True` a boolean, `['a', 'b']` a list; `yes`, `0644` and `v1.28` are text.
pub(super) fn parse(text: &str) -> Value {
    let may_be_literal = text.trim_start_matches([' ', '\t']).starts_with(|c: char| {
        c.is_ascii_digit()
            || matches!(
                c,
                '+' | '-'
                    | '.'
                    | '\''
                    | '"'
                    | '['
                    | '('
                    | '{'
                    | 'T'
                    | 'F'
                    | 'N'
                    | 's'
                    | 'r'
                    | 'R'
                    | 'u'
                    | 'U'
                    | 'b'
                    | 'B'
            )
    });
    let literal = may_be_literal
        .then(|| Parser { rest: text, depth: 0 }.whole())
        .flatten();
    literal.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Reads from the front of `rest`; `None` everywhere means: this is no literal.
struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn whole(mut self) -> Option<Value> {
        self.skip_blanks();
        let first = self.value()?;
        // `80,443` is a tuple in Python, also without brackets.
        let value = if self.eat(',') {
            let mut items = vec![first];
            while !self.at_end() {
                items.push(self.value()?);
                if !self.eat(',') {
                    break;
                }
            }
            Value::Array(items)
        } else {
            first
        };
        self.at_end().then_some(value)
    }

    /// True when nothing but a comment is left.
    fn at_end(&self) -> bool {
        self.rest.is_empty() || self.rest.starts_with('#')
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\u{c}']);
    }

    fn eat(&mut self, token: char) -> bool {
        if let Some(rest) = self.rest.strip_prefix(token) {
            self.rest = rest;
            self.skip_blanks();
            return true;
        }
        false
    }

    fn value(&mut self) -> Option<Value> {
        if self.depth > MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let value = match self.rest.chars().next()? {
            '[' => self.list(),
            '(' => self.tuple(),
            '{' => self.dictionary_or_set(),
            '+' | '-' | '0'..='9' | '.' => self.signed_number(),
            _ => self.word_or_string(),
        };
        self.depth -= 1;
        self.skip_blanks();
        value
    }

    /// The items up to the closing bracket, and whether a comma stood behind the last one.
    fn items(&mut self, close: char) -> Option<(Vec<Value>, bool)> {
        let mut items = Vec::new();
        let mut comma = false;
        while !self.eat(close) {
            if !items.is_empty() && !comma {
                return None;
            }
            items.push(self.value()?);
            comma = self.eat(',');
        }
        Some((items, comma))
    }

    fn list(&mut self) -> Option<Value> {
        self.eat('[');
        self.items(']').map(|(items, _)| Value::Array(items))
    }

    fn tuple(&mut self) -> Option<Value> {
        self.eat('(');
        let (mut items, comma) = self.items(')')?;
        // Brackets around one value only group.
        if items.len() == 1 && !comma {
            return items.pop();
        }
        Some(Value::Array(items))
    }

    fn dictionary_or_set(&mut self) -> Option<Value> {
        self.eat('{');
        if self.eat('}') {
            return Some(Value::Object(Map::new()));
        }
        let first = self.value()?;
        if self.eat(':') {
            return self.dictionary(&first);
        }
        let mut items = vec![first];
        while self.eat(',') {
            if self.rest.starts_with('}') {
                break;
            }
            let item = self.value()?;
            if !items.contains(&item) {
                items.push(item);
            }
        }
        self.eat('}').then_some(Value::Array(items))
    }

    fn dictionary(&mut self, first: &Value) -> Option<Value> {
        let mut map = Map::new();
        map.insert(key(first)?, self.value()?);
        while self.eat(',') {
            if self.rest.starts_with('}') {
                break;
            }
            let name = key(&self.value()?)?;
            if !self.eat(':') {
                return None;
            }
            map.insert(name, self.value()?);
        }
        self.eat('}').then_some(Value::Object(map))
    }

    fn signed_number(&mut self) -> Option<Value> {
        let negative = self.rest.starts_with('-');
        if negative || self.rest.starts_with('+') {
            self.rest = &self.rest[1..];
            self.skip_blanks();
        }
        let length = number_length(self.rest);
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        number(digits, negative).map(Value::Number)
    }

    fn word_or_string(&mut self) -> Option<Value> {
        let end = self
            .rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if rest.starts_with(['\'', '"']) {
            return self.strings().map(Value::String);
        }
        self.rest = rest;
        match word {
            "True" => Some(Value::Bool(true)),
            "False" => Some(Value::Bool(false)),
            "None" => Some(Value::Null),
            "set" => {
                self.rest = self.rest.strip_prefix("()")?;
                Some(Value::Array(Vec::new()))
            }
            _ => None,
        }
    }

    /// One string, or several that Python joins because they stand side by side.
    fn strings(&mut self) -> Option<String> {
        let mut joined = String::new();
        loop {
            let quote = self.rest.find(['\'', '"'])?;
            let prefix = &self.rest[..quote];
            let raw = match prefix.to_ascii_lowercase().as_str() {
                "" | "u" | "b" => false,
                "r" | "br" | "rb" => true,
                _ => return if joined.is_empty() { None } else { Some(joined) },
            };
            self.rest = &self.rest[quote..];
            self.string(raw, &mut joined)?;
            self.skip_blanks();
            let more = self
                .rest
                .trim_start_matches(|c: char| c.is_ascii_alphabetic())
                .starts_with(['\'', '"']);
            if !more {
                return Some(joined);
            }
        }
    }

    fn string(&mut self, raw: bool, into: &mut String) -> Option<()> {
        let mut chars = self.rest.chars();
        let quote = chars.next()?;
        loop {
            match chars.next()? {
                c if c == quote => break,
                '\\' if raw => {
                    into.push('\\');
                    into.push(chars.next()?);
                }
                '\\' => escape(&mut chars, into)?,
                c => into.push(c),
            }
        }
        self.rest = chars.as_str();
        Some(())
    }
}

/// One escape of a Python string; one that Python does not know stays as it is.
fn escape(chars: &mut std::str::Chars<'_>, into: &mut String) -> Option<()> {
    let c = chars.next()?;
    let hex = |chars: &mut std::str::Chars<'_>, digits: usize| {
        let text = chars.as_str().get(..digits)?;
        let value = u32::from_str_radix(text, 16).ok()?;
        *chars = chars.as_str()[digits..].chars();
        char::from_u32(value)
    };
    let plain = match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '\\' | '\'' | '"' => c,
        'x' => hex(chars, 2)?,
        'u' => hex(chars, 4)?,
        'U' => hex(chars, 8)?,
        '0'..='7' => {
            let mut value = c.to_digit(8)?;
            for _ in 0..2 {
                let Some(digit) = chars.clone().next().and_then(|next| next.to_digit(8)) else {
                    break;
                };
                value = value * 8 + digit;
                chars.next();
            }
            char::from_u32(value)?
        }
        'N' => return None,
        other => {
            into.push('\\');
            other
        }
    };
    into.push(plain);
    Some(())
}

fn key(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null => Some("null".to_owned()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// How many bytes at the front belong to a number or to what looks like one.
fn number_length(text: &str) -> usize {
    let mut previous = ' ';
    text.find(|c: char| {
        let part = c.is_ascii_alphanumeric()
            || matches!(c, '.' | '_')
            || (matches!(c, '+' | '-') && matches!(previous, 'e' | 'E') && !text.starts_with("0x"));
        previous = c;
        !part
    })
    .unwrap_or(text.len())
}

fn number(text: &str, negative: bool) -> Option<Number> {
    let bytes = text.as_bytes();
    if text.ends_with('_') || text.contains("__") || !bytes.iter().any(u8::is_ascii_digit) {
        return None;
    }
    let clean = text.replace('_', "").to_ascii_lowercase();
    let radix = match clean.get(..2) {
        Some("0x") => 16,
        Some("0o") => 8,
        Some("0b") => 2,
        _ => 10,
    };
    let magnitude = if radix != 10 {
        let digits = &clean[2..];
        if !digits.starts_with(|c: char| c.is_digit(radix)) {
            return None;
        }
        u64::from_str_radix(digits, radix).ok()?
    } else if clean.bytes().all(|byte| byte.is_ascii_digit()) {
        // Python takes no number that begins with a zero, except zero itself: `0644` stays text.
        if clean.len() > 1 && clean.starts_with('0') && clean.bytes().any(|byte| byte != b'0') {
            return None;
        }
        clean.parse().ok()?
    } else {
        return float(text, &clean, negative);
    };
    if negative {
        i64::try_from(-i128::from(magnitude)).ok().map(Number::from)
    } else {
        Some(Number::from(magnitude))
    }
}

fn float(text: &str, clean: &str, negative: bool) -> Option<Number> {
    let digit_before = |at: usize| at > 0 && text.as_bytes()[at - 1].is_ascii_digit();
    let digit_after = |at: usize| text.as_bytes().get(at + 1).is_some_and(u8::is_ascii_digit);
    let underscores_between_digits = text
        .match_indices('_')
        .all(|(at, _)| digit_before(at) && digit_after(at));
    let only_float_characters = clean
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'+' | b'-'));
    if !underscores_between_digits || !only_float_characters {
        return None;
    }
    let value: f64 = clean.parse().ok()?;
    Number::from_f64(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("1", json!(1))]
    #[case("-5", json!(-5))]
    #[case("+5", json!(5))]
    #[case("1_000", json!(1000))]
    #[case("1_", json!("1_"))]
    #[case("0x1F", json!(31))]
    #[case("0o17", json!(15))]
    #[case("0644", json!("0644"))]
    #[case("00", json!(0))]
    #[case("1.30", json!(1.3))]
    #[case("1e3", json!(1000.0))]
    #[case(".5", json!(0.5))]
    #[case(".5_0", json!(0.5))]
    #[case("1_.5", json!("1_.5"))]
    #[case("1.28.2", json!("1.28.2"))]
    #[case("10.0.0.1", json!("10.0.0.1"))]
    #[case("5m", json!("5m"))]
    #[case("1 2", json!("1 2"))]
    #[case("--5", json!("--5"))]
    #[case("-", json!("-"))]
    #[case("-o StrictHostKeyChecking=no", json!("-o StrictHostKeyChecking=no"))]
    #[case("True", json!(true))]
    #[case("true", json!("true"))]
    #[case("yes", json!("yes"))]
    #[case("None", json!(null))]
    #[case("FALSE", json!("FALSE"))]
    #[case("Trueish", json!("Trueish"))]
    #[case("", json!(""))]
    #[case("'a'", json!("a"))]
    #[case("'a' \"b\"", json!("ab"))]
    #[case("r'\\d'", json!("\\d"))]
    #[case("'a\\n\\x41\\d'", json!("a\nA\\d"))]
    #[case("f'a'", json!("f'a'"))]
    #[case("[1, 'b', ]", json!([1, "b"]))]
    #[case("[1 2]", json!("[1 2]"))]
    #[case("[]", json!([]))]
    #[case("(1)", json!(1))]
    #[case("(1,)", json!([1]))]
    #[case("()", json!([]))]
    #[case("80,443", json!([80, 443]))]
    #[case("80,", json!([80]))]
    #[case("a,b", json!("a,b"))]
    #[case("{'a': 1, 2: [True]}", json!({"a": 1, "2": [true]}))]
    #[case("{1, 2, 1}", json!([1, 2]))]
    #[case("{}", json!({}))]
    #[case("{\"a\": true}", json!("{\"a\": true}"))]
    #[case("{{ x }}", json!("{{ x }}"))]
    #[case("1 # why", json!(1))]
    #[case("p # why", json!("p # why"))]
    #[case("123456789012345678901234567890", json!("123456789012345678901234567890"))]
    #[case("1+2", json!("1+2"))]
    fn values_read_as_in_python(#[case] text: &str, #[case] expected: Value) {
        assert_eq!(parse(text), expected);
    }

    #[test]
    fn deep_nesting_is_text() {
        let text = "[".repeat(10_000);
        assert_eq!(parse(&text), json!(text));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,30}") {
            parse(&text);
        }

        #[test]
        fn no_bracket_soup_panics(text in "[\\[\\](){},:'\"\\\\0-9aTrue. _+-]{0,30}") {
            parse(&text);
        }
    }
}
