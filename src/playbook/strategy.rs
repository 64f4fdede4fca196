use serde::Serialize;

use crate::syntax::Diagnostic;

/// How the hosts of a batch go through a play's tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Task by task: the next one begins when all hosts have ended this one.
    #[default]
    Linear,
    /// Each host at its own pace.
    Free,
    /// The same, but a host is begun only when another one is through with the play: no more than `forks` are under way.
    HostPinned,
}

impl Strategy {
    const ALL: [(&'static str, Strategy); 3] = [
        ("linear", Strategy::Linear),
        ("free", Strategy::Free),
        ("host_pinned", Strategy::HostPinned),
    ];

    /// The strategy of a name, `ansible.builtin.` in front or not.
    ///
    /// # Errors
    /// There is no such strategy, or krun has none like it.
    pub fn named(name: &str) -> Result<Self, Diagnostic> {
        let short = name.strip_prefix("ansible.builtin.").unwrap_or(name);
        if let Some((_, strategy)) = Self::ALL.iter().find(|(known, _)| *known == short) {
            return Ok(*strategy);
        }
        Err(if short == "debug" {
            Diagnostic::error("the strategy `debug` is not supported: krun has no interactive debugger")
                .help("--step asks before each task, and -v shows its result")
        } else {
            Diagnostic::error(format!("there is no strategy `{name}`"))
                .did_you_mean(short, Self::ALL.map(|(known, _)| known))
                .help("use linear, free or host_pinned")
        }
        .without_gap())
    }

    /// True when hosts do not wait for one another.
    pub fn is_at_own_pace(self) -> bool {
        self != Strategy::Linear
    }
}
