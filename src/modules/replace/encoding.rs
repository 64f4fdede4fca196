use crate::modules::{ArgumentError, Failure};

/// How the characters of a file are written in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, and ASCII, which is a part of it.
    Utf8,
    /// ISO 8859-1: one byte a character.
    Latin1,
}

impl Encoding {
    /// The encoding of one of Python's names for it.
    pub fn named(name: &str) -> Result<Self, ArgumentError> {
        match name.to_ascii_lowercase().replace(['-', '_', ' '], "").as_str() {
            "utf8" | "ascii" | "usascii" => Ok(Self::Utf8),
            "latin1" | "iso88591" => Ok(Self::Latin1),
            _ => Err(ArgumentError::option(
                "encoding",
                format!("`{name}` is not among the encodings that krun knows: utf-8, ascii and latin-1"),
            )),
        }
    }

    /// The text, as UTF-8.
    pub fn decode(self, bytes: &[u8], path: &str) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Utf8 if std::str::from_utf8(bytes).is_err() => Err(Failure::new(format!("{path} is no UTF-8 text"))
                .help("set `encoding: latin-1`, with which every file can be edited")),
            Self::Utf8 => Ok(bytes.to_vec()),
            Self::Latin1 => Ok(bytes.iter().copied().map(char::from).collect::<String>().into_bytes()),
        }
    }

    /// The bytes of a text that is UTF-8.
    pub fn encode(self, text: Vec<u8>, path: &str) -> Result<Vec<u8>, Failure> {
        if self == Self::Utf8 {
            return Ok(text);
        }
        String::from_utf8_lossy(&text)
            .chars()
            .map(|character| {
                u8::try_from(u32::from(character)).map_err(|_| {
                    Failure::new(format!("`{character}` cannot be written to {path} in latin-1"))
                        .help("leave it out of `replace`, or give the file's real `encoding`")
                })
            })
            .collect()
    }
}
