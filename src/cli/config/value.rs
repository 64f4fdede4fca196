//! Values that were found, where they stand, and the forms that they may have.

use std::fmt;
use std::path::Path;

use super::setting::{Kind, Setting};
use crate::syntax::{Diagnostic, Place, parse_bool};

/// Where a value comes from.
#[derive(Clone, Debug)]
pub(in crate::cli) enum Origin {
    /// An environment variable.
    Environment(String),
    /// A place in a file.
    File(Place),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => f.write_str(name),
            Self::File(place) => place.fmt(f),
        }
    }
}

/// A value of a setting.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Found {
    pub(super) texts: Vec<String>,
    pub(super) origin: Origin,
}

impl Found {
    /// An error about the value: at its place, or with the variable's name.
    pub(super) fn error(&self, message: &str) -> Diagnostic {
        complaint(&self.origin, message)
    }
}

/// An error about what stands at the origin.
pub(super) fn complaint(origin: &Origin, message: &str) -> Diagnostic {
    match origin {
        Origin::Environment(name) => Diagnostic::error(format!("{name}: {message}")),
        Origin::File(place) => Diagnostic::error(message).at(place),
    }
}

/// The values that a text gives, as it stands in the environment or in ansible.cfg; the error says what is wrong.
pub(super) fn from_text(setting: &Setting, text: &str) -> Result<Vec<String>, String> {
    match setting.kind {
        Kind::Flag => match parse_bool(text.trim()) {
            Some(value) => Ok(vec![value.to_string()]),
            None => Err(format!("`{text}` is neither yes nor no")),
        },
        Kind::Count => match text.trim().parse::<u8>() {
            Ok(number) => Ok(vec![number.to_string()]),
            Err(_) => Err(format!("`{text}` is no whole number, 0 to 255")),
        },
        Kind::One => Ok(vec![text.to_owned()]),
        Kind::Many => Ok(match setting.delimiter {
            Some(delimiter) => text.split(delimiter).map(ToOwned::to_owned).collect(),
            None => vec![text.to_owned()],
        }),
    }
}

/// A value of a file: a path in it counts from the file's folder.
pub(super) fn seen_from(setting: &Setting, text: String, folder: &Path) -> String {
    let resolved = |path: &str| -> String {
        match (path.strip_prefix("~/"), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest).to_string_lossy().into_owned(),
            _ => folder.join(path).to_string_lossy().into_owned(),
        }
    };
    // `ID@FILE`, `@FILE`: behind the sign stands a path.
    let behind_sign = matches!(
        setting.name.as_str(),
        "vault_id" | "extra_vars" | "limit" | "vault_rekey_new_vault_id"
    );
    match text.split_once('@') {
        Some((id, path)) if behind_sign && !id.contains(['=', ':', '{', ' ']) => match path {
            "prompt" => text,
            path => format!("{id}@{}", resolved(path)),
        },
        None if setting.name == "vault_id" && text != "prompt" => resolved(&text),
        // A list of hosts is no path, and nothing is none either.
        _ if setting.is_path && !text.is_empty() && !(setting.name == "inventory" && text.contains(',')) => {
            resolved(&text)
        }
        _ => text,
    }
}
