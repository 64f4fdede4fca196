//! Types of module options. Values come from YAML or from templates, so that `"yes"`, `"10"` and `1.30` have to be read
//! as what the option's type says.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// True or false; also `yes`, `no`, `on`, `off`, `1`, `0` as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flag(pub bool);

impl Deref for Flag {
    type Target = bool;
    fn deref(&self) -> &bool {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FlagVisitor;
        impl Visitor<'_> for FlagVisitor {
            type Value = Flag;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a boolean (true or false)")
            }
            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Flag, E> {
                Ok(Flag(value))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Flag, E> {
                match value {
                    0 => Ok(Flag(false)),
                    1 => Ok(Flag(true)),
                    _ => Err(E::invalid_value(de::Unexpected::Unsigned(value), &self)),
                }
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Flag, E> {
                u64::try_from(value)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))
                    .and_then(|value| self.visit_u64(value))
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<Flag, E> {
                match value {
                    "1" => Ok(Flag(true)),
                    "0" => Ok(Flag(false)),
                    _ => crate::syntax::parse_bool(value)
                        .map(Flag)
                        .ok_or_else(|| E::invalid_value(de::Unexpected::Str(value), &self)),
                }
            }
        }
        deserializer.deserialize_any(FlagVisitor)
    }
}

impl JsonSchema for Flag {
    fn schema_name() -> Cow<'static, str> {
        "boolean".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "boolean"})
    }
}

/// Text; numbers and booleans become the text that stands for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Text(pub String);

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }
    fn visit_str<E: de::Error>(self, value: &str) -> Result<Text, E> {
        Ok(Text(value.to_owned()))
    }
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Text, E> {
        // As Python writes it, and so Ansible.
        Ok(Text(if value { "True" } else { "False" }.to_owned()))
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "text".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}

/// A whole number from 0 up; also as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CountVisitor;
        impl Visitor<'_> for CountVisitor {
            type Value = Count;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number from 0 up")
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Count, E> {
                Ok(Count(value))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Count, E> {
                u64::try_from(value)
                    .map(Count)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<Count, E> {
                value
                    .trim()
                    .parse()
                    .map(Count)
                    .map_err(|_| E::invalid_value(de::Unexpected::Str(value), &self))
            }
        }
        deserializer.deserialize_any(CountVisitor)
    }
}

impl JsonSchema for Count {
    fn schema_name() -> Cow<'static, str> {
        "count".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 0})
    }
}

/// A list of texts; a single text is split at commas, as Ansible's lists are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List(pub Vec<String>);

impl Deref for List {
    type Target = [String];
    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor;
        impl<'de> Visitor<'de> for ListVisitor {
            type Value = List;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of texts, or one text")
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<List, E> {
                let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
                Ok(List(items.map(ToOwned::to_owned).collect()))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<List, E> {
                Ok(List(vec![value.to_string()]))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<List, E> {
                Ok(List(vec![value.to_string()]))
            }
            fn visit_unit<E: de::Error>(self) -> Result<List, E> {
                Ok(List::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<List, A::Error> {
                let mut items = Vec::new();
                while let Some(Text(item)) = sequence.next_element()? {
                    items.push(item);
                }
                Ok(List(items))
            }
        }
        deserializer.deserialize_any(ListVisitor)
    }
}

impl JsonSchema for List {
    fn schema_name() -> Cow<'static, str> {
        "list".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]})
    }
}

/// A file mode as `chmod` takes it: octal digits (`0644`, `"644"`) or symbolic (`u=rw,g=r`).
///
/// A number is read as YAML 1.1 does: `0644` is octal 644; `644` without the zero is decimal, the mistake that
/// everybody makes once, and refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mode(pub String);

impl Deref for Mode {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ModeVisitor;
        impl<'de> Visitor<'de> for ModeVisitor {
            type Value = Mode;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a file mode such as \"0644\", u=rw,g=r or preserve")
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Mode, E> {
                if value > 0o7777 || [644, 755, 600, 640, 700, 750, 664, 775, 777, 400, 440].contains(&value) {
                    return Err(E::custom(format!(
                        "{value} is a decimal number here; write the mode in quotes: \"0{value}\""
                    )));
                }
                Ok(Mode(format!("{value:04o}")))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Mode, E> {
                u64::try_from(value)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))
                    .and_then(|value| self.visit_u64(value))
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<Mode, E> {
                let octal = (3..=5).contains(&value.len()) && value.bytes().all(|b| (b'0'..=b'7').contains(&b));
                let symbolic = value.contains(['=', '+', '-']) && value.chars().all(|c| "ugoa=+-rwxXst,".contains(c));
                if octal {
                    Ok(Mode(format!("{:0>4}", value.trim_start_matches('0'))))
                } else if symbolic || value == "preserve" {
                    Ok(Mode(value.to_owned()))
                } else {
                    Err(E::invalid_value(de::Unexpected::Str(value), &self))
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Mode, A::Error> {
                Err(de::Error::invalid_type(de::Unexpected::Map, &self))
            }
        }
        deserializer.deserialize_any(ModeVisitor)
    }
}

impl JsonSchema for Mode {
    fn schema_name() -> Cow<'static, str> {
        "mode".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}

/// Whether something is to be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It is to be there.
    #[default]
    Present,
    /// It is not to be there.
    Absent,
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, from_value, json};

    #[rstest]
    #[case(json!(true), Some(true))]
    #[case(json!("yes"), Some(true))]
    #[case(json!("0"), Some(false))]
    #[case(json!(1), Some(true))]
    #[case(json!("maybe"), None)]
    #[case(json!(2), None)]
    fn flags(#[case] value: Value, #[case] expected: Option<bool>) {
        assert_eq!(from_value::<Flag>(value).ok().map(|flag| flag.0), expected);
    }

    #[rstest]
    #[case(json!(0o644), Some("0644"))]
    #[case(json!("0644"), Some("0644"))]
    #[case(json!("644"), Some("0644"))]
    #[case(json!("0000"), Some("0000"))]
    #[case(json!("u=rw,g=r"), Some("u=rw,g=r"))]
    #[case(json!(644), None)]
    #[case(json!("rw"), None)]
    #[case(json!("0888"), None)]
    fn modes(#[case] value: Value, #[case] expected: Option<&str>) {
        assert_eq!(
            from_value::<Mode>(value).ok().map(|mode| mode.0),
            expected.map(str::to_owned)
        );
    }

    #[rstest]
    #[case(json!("a, b"), &["a", "b"])]
    #[case(json!(["a", 1]), &["a", "1"])]
    #[case(json!(null), &[])]
    fn lists(#[case] value: Value, #[case] expected: &[&str]) {
        assert_eq!(from_value::<List>(value).unwrap().0, expected);
    }
}
