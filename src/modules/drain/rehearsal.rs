//! A drain that is only tried: what the API server says before anything is changed.

use crate::connection::{Output, Request, Script};
use crate::modules::node::NodeView;
use crate::modules::{Context, Failure};

use super::Drain;

pub(super) const REHEARSE: Script = Script {
    name: "drain/rehearse",
    text: concat!(include_str!("arguments.sh"), include_str!("rehearse.sh")),
};

/// rehearse.sh's status for a kubectl that has no server-side dry run.
const TOO_OLD: i32 = 5;

/// Seconds that kubectl may take. A spent budget makes it ask again after five.
const LIMIT: u64 = 5;

/// What a rehearsal told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rehearsal {
    /// What the API server would refuse for good.
    pub(super) refusals: Vec<String>,
    /// Why it could not tell.
    pub(super) blind: Option<String>,
}

impl Drain {
    /// Tries the drain on the API server. One exchange; nothing is changed.
    ///
    /// # Errors
    /// The API server would refuse it.
    pub(super) fn rehearse(&self, context: &mut Context<'_>, view: &NodeView) -> Result<(), Failure> {
        let name = &view.node.name;
        let trial = Self {
            timeout: crate::modules::args::Count(LIMIT),
            ..self.clone()
        };
        let words = [self.kubeconfig.0.clone(), name.clone(), String::new()];
        let request = Request::new(REHEARSE, words.into_iter().chain(trial.arguments()));
        let rehearsal = Rehearsal::read(&context.request(request)?);
        if let Some(reason) = rehearsal.blind {
            context.report(&format!(
                "the drain was not tried before (kubectl drain --dry-run=server): {reason}"
            ));
        }
        if rehearsal.refusals.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!(
            "the API server would not let pods leave {name}: {}",
            rehearsal.refusals.join("; ")
        ))
        .help("nothing was changed: this was a dry run; mend what it names, then run this again")
        .with("node", name.as_str())
        .with("refusals", rehearsal.refusals))
    }
}

impl Rehearsal {
    fn read(output: &Output) -> Self {
        let said = output.stderr_text();
        if output.status == TOO_OLD {
            return Self {
                blind: Some(format!("{} has none", said.trim())),
                ..Self::default()
            };
        }
        let mut rehearsal = Self::default();
        if output.success() {
            return rehearsal;
        }
        let complaints = complaints(&said);
        for complaint in &complaints {
            match Kind::of(complaint) {
                Kind::Passing => {}
                Kind::Blind => rehearsal.blind = Some(complaint.clone()),
                Kind::Refusal => rehearsal.refusals.push(complaint.clone()),
            }
        }
        if complaints.is_empty() {
            let reason = said.lines().rev().find(|line| !line.trim().is_empty());
            rehearsal.refusals.push(reason.map_or_else(
                || format!("kubectl ended with exit status {}", output.status),
                |line| line.trim().to_owned(),
            ));
        }
        rehearsal
    }
}

/// What a complaint means for the drain itself.
enum Kind {
    /// A budget has nothing left right now, or kubectl ran out of the rehearsal's time: that says nothing about later.
    Passing,
    /// The API server, or something that it asks, cannot rehearse.
    Blind,
    Refusal,
}

impl Kind {
    fn of(complaint: &str) -> Self {
        let says = |words: &[&str]| words.iter().any(|words| complaint.contains(words));
        if says(&[
            "will retry after",
            "timeout reached",
            "did not complete within",
            "disruption budget.",
        ]) {
            Self::Passing
        } else if says(&["support dry-run", "support dry run", "dryRun"]) {
            Self::Blind
        } else {
            Self::Refusal
        }
    }
}

/// What kubectl complains of, each once: it says the same thing when it happens and at its end, there with all others in
/// one line.
fn complaints(said: &str) -> Vec<String> {
    let mut complaints: Vec<String> = Vec::new();
    for line in said.lines() {
        for piece in line.split("error when ").skip(1) {
            let piece = piece
                .trim_end_matches(", continuing command...")
                .trim_end_matches(&[',', ' ', ']'][..]);
            if !complaints.iter().any(|known| known == piece) {
                complaints.push(piece.to_owned());
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const SPENT: &str = "error when evicting pods/\"web-1\" -n \"default\" (will retry after 5s): Cannot evict pod as it would \
                         violate the pod's disruption budget.\n";
    const OUT_OF_TIME: &str = "error: unable to drain node \"w1\" due to error:error when evicting pods/\"web-1\" -n \
                               \"default\": global timeout reached: 5s, continuing command...\n";
    const TWO_BUDGETS: &str = "error: unable to drain node \"w1\" due to error:[error when evicting pods/\"a\" -n \"x\": This \
                               pod has more than one PodDisruptionBudget, which the eviction subresource does not support., \
                               error when evicting pods/\"web-1\" -n \"default\": global timeout reached: 5s], continuing \
                               command...\nThere are pending nodes to be drained:\n w1\nerror when evicting pods/\"a\" -n \
                               \"x\": This pod has more than one PodDisruptionBudget, which the eviction subresource does \
                               not support.\n";
    const WEBHOOK: &str = "error when evicting pods/\"a\" -n \"x\": admission webhook \"guard.example\" denied the request: \
                           not now\n";
    const NO_DRY_RUN: &str = "error: unable to drain node \"w1\", aborting command...\n\nerror when evicting pod \"a\": policy/v1beta1, \
         Kind=Eviction doesn't support dry-run\n";
    const BLIND_WEBHOOK: &str =
        "error when evicting pods/\"a\" -n \"x\": admission webhook \"guard.example\" does not support dry run\n";

    #[rstest]
    #[case::done(0, "Warning: ignoring DaemonSet-managed Pods: a/b\n", &[], false)]
    #[case::spent(1, &format!("{SPENT}{OUT_OF_TIME}"), &[], false)]
    #[case::two_budgets(1, &format!("{SPENT}{TWO_BUDGETS}"), &["more than one PodDisruptionBudget"], false)]
    #[case::webhook(1, WEBHOOK, &["denied the request: not now"], false)]
    #[case::old_api(1, NO_DRY_RUN, &[], true)]
    #[case::blind_webhook(1, BLIND_WEBHOOK, &[], true)]
    #[case::old_kubectl(5, "kubectl before 1.18\n", &[], true)]
    #[case::anything_else(1, "error: You must be logged in\n", &["You must be logged in"], false)]
    #[case::nothing_said(1, "", &["exit status 1"], false)]
    fn what_a_rehearsal_tells(
        #[case] status: i32,
        #[case] stderr: &str,
        #[case] refusals: &[&str],
        #[case] is_blind: bool,
    ) {
        let rehearsal = Rehearsal::read(&Output {
            status,
            stderr: stderr.into(),
            ..Output::default()
        });
        assert_eq!(rehearsal.refusals.len(), refusals.len(), "{rehearsal:?}");
        for (refusal, words) in rehearsal.refusals.iter().zip(refusals) {
            assert!(refusal.contains(words), "{rehearsal:?}");
        }
        assert_eq!(rehearsal.blind.is_some(), is_blind, "{rehearsal:?}");
    }
}
