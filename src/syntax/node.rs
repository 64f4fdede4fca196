use serde_json::{Map, Value};

use super::scalar::parse_plain_scalar;
use super::source::Place;

/// How a scalar was written; a quoted one is always a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: may be a number, a boolean or null.
    Plain,
    /// In single or double quotes.
    Quoted,
    /// A `|` or `>` block.
    Block,
}

/// One key and its value in a mapping.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key's text.
    pub key: String,
    /// Where the key stands.
    pub key_place: Place,
    /// What stands behind it.
    pub value: Node,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A scalar with its text as written (quotes and escapes resolved).
    Scalar {
        /// The text.
        text: String,
        /// How it was written.
        style: Style,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// A mapping, in the order written.
    Mapping(Vec<Entry>),
}

/// A YAML node that knows where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub place: Place,
    /// Its tag without the leading `!`, for example `vault`; core tags (`!!str`) are applied and dropped.
    pub tag: Option<String>,
}

impl Node {
    /// The scalar's text, whatever its type.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The entries of a mapping.
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.kind {
            Kind::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn items(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The value under a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    /// True for `null`, `~` and nothing at all.
    pub fn is_null(&self) -> bool {
        self.to_value().is_null()
    }

    /// The value with Ansible's (YAML 1.1) reading of plain scalars: `yes` and `on` are true.
    pub fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Scalar {
                text,
                style: Style::Plain,
            } => parse_plain_scalar(text),
            Kind::Scalar { text, .. } => Value::String(text.clone()),
            Kind::Sequence(items) => Value::Array(items.iter().map(Node::to_value).collect()),
            Kind::Mapping(entries) => Value::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_value()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// What the node is, in the words of an error message.
    pub fn describe(&self) -> &'static str {
        match &self.kind {
            Kind::Sequence(_) => "a list",
            Kind::Mapping(_) => "a mapping",
            Kind::Scalar { .. } => match self.to_value() {
                Value::Null => "nothing",
                Value::Bool(_) => "a boolean",
                Value::Number(_) => "a number",
                _ => "a string",
            },
        }
    }

    /// Follows a path as serde reports it (`gpgkey[1]`, `opts.name`) to the innermost node that exists.
    pub fn descend(&self, path: &serde_path_to_error::Path) -> &Node {
        use serde_path_to_error::Segment;
        let mut node = self;
        for segment in path {
            let next = match segment {
                Segment::Map { key } => node.get(key),
                Segment::Seq { index } => node.items().and_then(|items| items.get(*index)),
                Segment::Enum { variant } => node.get(variant),
                Segment::Unknown => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }
}
