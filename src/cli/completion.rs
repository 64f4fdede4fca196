//! `krun completion SHELL`: what a shell needs to complete krun's options.

use clap::{Args, Command};
use clap_complete::Shell;

use super::print::print;

/// Print what a shell needs to complete krun's options
#[derive(Args, Debug)]
pub(super) struct CompletionArgs {
    /// bash, zsh, fish, elvish or powershell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

/// Runs the subcommand; gives its exit code.
pub(super) fn run(args: &CompletionArgs, mut command: Command) -> i32 {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "krun", &mut script);
    print(String::from_utf8_lossy(&script).trim_end())
}
