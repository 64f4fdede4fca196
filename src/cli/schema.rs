//! `krun schema`: the language as a JSON schema.

use clap::Args;

use super::print::print;
use crate::schema::{self, File};

/// Print the language as a JSON schema, for editors
#[derive(Args, Debug)]
pub(super) struct SchemaArgs {
    /// What the files hold
    #[arg(value_enum, default_value_t = File::Playbook)]
    file: File,
}

/// Runs the subcommand; gives its exit code.
pub(super) fn run(args: &SchemaArgs) -> i32 {
    print(&serde_json::to_string_pretty(&schema::of(args.file)).unwrap_or_default())
}
