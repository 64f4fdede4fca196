use super::print::{complain, print_findings};
use crate::journal::JournalError;
use crate::modules::Failure;
use crate::syntax::{Diagnostic, Diagnostics};

/// Exit code for an error that is no host's.
pub(super) const EXIT_ERROR: i32 = 1;
/// Exit code for a playbook or inventory that does not load.
pub(super) const EXIT_NOT_LOADED: i32 = 4;
/// Exit code for options that cannot be used.
pub(super) const EXIT_BAD_OPTIONS: i32 = 5;

/// Why nothing was run, or the run was given up.
pub(super) enum Error {
    /// What the user wrote is wrong; with the exit code.
    Findings(Diagnostics, i32),
    /// Something else.
    Other(Failure),
}

impl Error {
    /// An option has a value that cannot be used.
    pub(super) fn options(findings: impl Into<Diagnostics>) -> Self {
        Self::Findings(findings.into(), EXIT_BAD_OPTIONS)
    }

    /// Shows it on standard error; gives the exit code.
    pub(super) fn print(&self) -> i32 {
        match self {
            Self::Findings(findings, code) => {
                print_findings(findings);
                *code
            }
            Self::Other(Failure {
                message,
                help,
                place: Some(place),
                ..
            }) => {
                let mut finding = Diagnostic::error(message).at(place);
                if let Some(help) = help {
                    finding = finding.help(help);
                }
                print_findings(&finding.into());
                EXIT_ERROR
            }
            Self::Other(failure) => {
                complain(&format!("error: {}", failure.message));
                if let Some(help) = &failure.help {
                    complain(&format!("  what to do: {help}"));
                }
                EXIT_ERROR
            }
        }
    }
}

impl From<Diagnostics> for Error {
    fn from(findings: Diagnostics) -> Self {
        Self::Findings(findings, EXIT_NOT_LOADED)
    }
}

impl From<Diagnostic> for Error {
    fn from(finding: Diagnostic) -> Self {
        Diagnostics::from(finding).into()
    }
}

impl From<JournalError> for Error {
    fn from(error: JournalError) -> Self {
        Self::Other(error.into())
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}
