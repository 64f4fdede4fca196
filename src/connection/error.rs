use std::time::Duration;

/// Why a node could not be asked, or did not answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectionError {
    /// No session could be opened: name, network, host key, login.
    #[error("{message}")]
    Unreachable {
        /// What failed, with the cause.
        message: String,
        /// What the user can do about it.
        help: Option<String>,
    },
    /// The host shows a key that is not the known one, or none is known. Trying again does not mend that.
    #[error("{message}")]
    Distrusted {
        /// What is wrong with the key.
        message: String,
        /// What the user can do about it.
        help: Option<String>,
    },
    /// The connection broke while something ran; whether that finished on the node is unknown.
    #[error("the connection to {address} was lost while `{what}` ran: {cause}")]
    Lost {
        /// Address and port that were connected.
        address: String,
        /// The script or transfer that ran.
        what: String,
        /// The library's or system's reason.
        cause: String,
    },
    /// A detached command came to its end without leaving an exit status: the node was restarted, or somebody ended it.
    #[error("`{what}` did not come to its end on the node: {cause}")]
    CutShort {
        /// The script that ran.
        what: String,
        /// How that shows, and what is left of it.
        cause: String,
    },
    /// A request's time limit passed; what it started on the node was killed.
    #[error("`{what}` did not finish within {} s and was ended", limit.as_secs())]
    TimedOut {
        /// The script or transfer that ran.
        what: String,
        /// The limit that passed.
        limit: Duration,
    },
    /// Becoming another user was refused.
    #[error("cannot become {user} by {method}: {reason}")]
    EscalationRefused {
        /// User to become.
        user: String,
        /// sudo, su or doas.
        method: &'static str,
        /// What the program on the node said.
        reason: String,
        /// What the user can do about it.
        help: Option<String>,
    },
    /// A file could not be written or read on the node, or here.
    #[error("{what}: {reason}")]
    Transfer {
        /// What was to be moved.
        what: String,
        /// The node's or this machine's reason.
        reason: String,
    },
}

impl ConnectionError {
    /// True when the host counts as unreachable; otherwise the task counts as failed.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Distrusted { .. } | Self::Lost { .. }
        )
    }

    /// True for an error that another connection, now or later, may not have.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Lost { .. })
    }

    /// True when the node has surely not got what it was to do.
    pub fn was_before(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Distrusted { .. })
    }

    /// What the user can do about it, where there is something to say.
    pub fn help(&self) -> Option<&str> {
        match self {
            Self::Unreachable { help, .. } | Self::Distrusted { help, .. } | Self::EscalationRefused { help, .. } => {
                help.as_deref()
            }
            Self::TimedOut { .. } => Some("raise the task's `timeout`, or look on the node what it waits for"),
            Self::Lost { .. } | Self::CutShort { .. } | Self::Transfer { .. } => None,
        }
    }
}
