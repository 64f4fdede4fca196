//! Where hosts and variables come from.

use std::fmt;
use std::path::{Path, PathBuf};

/// An inventory source after directories were opened: one file, or one list on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file, by its absolute path.
    File(PathBuf),
    /// A list of hosts, as it was written.
    List(String),
}

impl Source {
    /// What the magic variable `inventory_file` holds.
    pub fn inventory_file(&self) -> String {
        match self {
            Self::File(path) => path.to_string_lossy().into_owned(),
            Self::List(list) => list.clone(),
        }
    }

    /// What the magic variable `inventory_dir` holds; a list has none.
    pub fn inventory_dir(&self) -> Option<&Path> {
        match self {
            Self::File(path) => path.parent(),
            Self::List(_) => None,
        }
    }
}

/// Where a variable of a host comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `[group:vars]` or `vars:` of a group in an inventory source.
    Group(String),
    /// The host's entry in an inventory source.
    Host(String),
    /// A file beside the inventory or the playbook.
    File(PathBuf),
    /// krun itself: what the implicit `localhost` has.
    Implicit,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(name) => write!(f, "inventory, group {name}"),
            Self::Host(name) => write!(f, "inventory, host {name}"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Implicit => f.write_str("implicit localhost"),
        }
    }
}
