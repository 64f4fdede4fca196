use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Sources;

/// What is known of a run when it begins.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    /// Name of the run: when it began, and some letters.
    pub id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// krun's version.
    pub version: String,
    /// Who ran it, and where.
    pub user: String,
    /// Name of that machine.
    pub machine: String,
    /// The directory that relative paths start from.
    pub directory: PathBuf,
    /// The command line behind krun's name, without what is secret.
    pub arguments: Vec<String>,
    /// Names of the variables on it whose values were left out.
    pub withheld: Vec<String>,
    /// The playbooks, as given.
    pub playbooks: Vec<String>,
    /// The inventory's sources, as given.
    pub inventory: Vec<String>,
    /// Nothing was to be changed.
    pub check_mode: bool,
    /// The run that it goes on from.
    pub continues: Option<String>,
    /// What it was made of.
    pub sources: Sources,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When.
    pub at: Timestamp,
    /// krun's exit code.
    pub exit_code: u8,
    /// Hosts that failed or could not be reached.
    pub lost: Vec<String>,
}
