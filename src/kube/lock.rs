//! The lock on a cluster: a Lease that names the krun at work, and since when it has given no sign of life.

use jiff::Timestamp;
use serde_json::{Value, json};

/// Namespace of the Lease.
pub const NAMESPACE: &str = "kube-system";
/// What stands in a document in the place of the time at which it is written, by the clock of the node that writes it.
pub const NOW: &str = "@NOW@";

/// A Lease as the cluster shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it (`USER@MACHINE RUN`); empty when nobody does.
    pub holder: String,
    /// Since when.
    pub acquired: Option<Timestamp>,
    /// Its last sign of life.
    pub renewed: Option<Timestamp>,
    /// For how many seconds that counts.
    pub duration: i64,
    /// The object's version.
    pub version: String,
}

/// What a Lease means for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockState {
    /// Nobody holds it.
    Free,
    /// This run holds it.
    Own,
    /// A dead run that this one goes on from holds it.
    Earlier,
    /// Another krun holds it and is alive.
    Live,
    /// Another krun holds it and has given no sign of life for longer than it said.
    Stale,
}

impl Lease {
    /// Reads `kubectl get lease -o json`; `None` for what is no Lease.
    pub fn read(value: &Value) -> Option<Self> {
        let spec = value.get("spec")?;
        let text = |name: &str| spec.get(name).and_then(Value::as_str).unwrap_or_default();
        Some(Self {
            holder: text("holderIdentity").to_owned(),
            acquired: text("acquireTime").parse().ok(),
            renewed: text("renewTime").parse().ok(),
            duration: spec
                .get("leaseDurationSeconds")
                .and_then(Value::as_i64)
                .unwrap_or_default(),
            version: value["metadata"]["resourceVersion"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        })
    }

    /// Whether the holder may act, at this time by the clock that the signs of life are given by.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        // A sign from the future is one of a clock that is ahead.
        self.renewed.is_none_or(|renewed| age(renewed, now) > self.duration)
    }

    /// The holder's run: the last word of its name.
    pub fn run(&self) -> &str {
        self.holder.rsplit(' ').next().unwrap_or_default()
    }

    /// Who holds it, for people.
    pub fn about(&self, now: Timestamp) -> String {
        let (owner, run) = self.holder.rsplit_once(' ').unwrap_or((&self.holder, "of no name"));
        let since = self
            .acquired
            .map(|at| format!(", since {}", at.strftime("%Y-%m-%d %H:%M:%S UTC")))
            .unwrap_or_default();
        let sign = self.renewed.map_or_else(
            || "without a sign of life".to_owned(),
            |at| format!("last sign of life {} ago", span(age(at, now))),
        );
        format!("{owner} (run {run}{since}, {sign})")
    }

    /// Seconds until it is stale; 0 when it is.
    pub fn seconds_left(&self, now: Timestamp) -> i64 {
        self.renewed
            .map_or(0, |renewed| (self.duration - age(renewed, now)).max(0))
    }
}

/// What a Lease means: for a holder of this name, which goes on from runs that held it under those.
pub fn lock_state(lease: Option<&Lease>, own: &str, earlier: &[String], now: Timestamp) -> LockState {
    match lease {
        None => LockState::Free,
        Some(lease) if lease.holder.is_empty() => LockState::Free,
        Some(lease) if lease.holder == own => LockState::Own,
        Some(lease) if earlier.contains(&lease.holder) => LockState::Earlier,
        Some(lease) if lease.is_stale(now) => LockState::Stale,
        Some(_) => LockState::Live,
    }
}

/// The name of a holder: no letter of it needs care in JSON or on a terminal.
pub fn holder(owner: &str, run: &str) -> String {
    let plain = |text: &str| -> String {
        let letters = text.chars();
        letters
            .map(|letter| {
                let is_plain = letter.is_ascii_alphanumeric() || "-_.:@".contains(letter);
                if is_plain { letter } else { '_' }
            })
            .collect()
    };
    format!("{} {}", plain(owner), plain(run))
}

/// The Lease of one that takes it now; in the place of `old` where there is one.
pub fn taken(name: &str, holder: &str, duration: u64, old: Option<&Lease>) -> Value {
    let mut lease = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": duration,
            "acquireTime": NOW,
            "renewTime": NOW,
        },
    });
    if let Some(old) = old {
        lease["metadata"]["resourceVersion"] = json!(old.version);
    }
    lease
}

/// The patch of a holder that is alive; refused by the cluster when it is not the holder any more.
pub fn renewal(holder: &str) -> Value {
    json!([
        {"op": "test", "path": "/spec/holderIdentity", "value": holder},
        {"op": "replace", "path": "/spec/renewTime", "value": NOW},
    ])
}

/// The patch of a holder that gives it back.
pub fn release(holder: &str) -> Value {
    json!([
        {"op": "test", "path": "/spec/holderIdentity", "value": holder},
        {"op": "remove", "path": "/spec/holderIdentity"},
    ])
}

fn age(at: Timestamp, now: Timestamp) -> i64 {
    now.as_second() - at.as_second()
}

fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn lease(holder: &str, renewed: &str) -> Lease {
        Lease::read(&json!({
            "metadata": {"resourceVersion": "7"},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 120, "renewTime": renewed,
                     "acquireTime": "2026-03-04T05:00:00.000000Z"},
        }))
        .unwrap()
    }

    fn now() -> Timestamp {
        "2026-03-04T05:06:00Z".parse().unwrap()
    }

    #[rstest]
    #[case::own("a@b 3", "2026-03-04T05:05:50.000000Z", LockState::Own)]
    #[case::own_and_late("a@b 3", "2026-03-04T04:00:00Z", LockState::Own)]
    #[case::earlier("a@b 2", "2026-03-04T05:05:50.000000Z", LockState::Earlier)]
    #[case::other_machine("a@c 2", "2026-03-04T05:05:50.000000Z", LockState::Live)]
    #[case::live("x@y 9", "2026-03-04T05:04:00.000000Z", LockState::Live)]
    #[case::stale("x@y 9", "2026-03-04T05:03:59.000000Z", LockState::Stale)]
    #[case::clock_ahead("x@y 9", "2026-03-04T06:00:00Z", LockState::Live)]
    #[case::no_sign("x@y 9", "", LockState::Stale)]
    #[case::given_back("", "2026-03-04T05:05:50Z", LockState::Free)]
    fn whose_it_is(#[case] holder: &str, #[case] renewed: &str, #[case] expected: LockState) {
        let earlier = ["a@b 2".to_owned(), "a@b 1".to_owned()];
        assert_eq!(
            lock_state(Some(&lease(holder, renewed)), "a@b 3", &earlier, now()),
            expected
        );
    }

    #[test]
    fn where_there_is_none_it_is_free() {
        assert_eq!(lock_state(None, "a@b 3", &[], now()), LockState::Free);
        assert_eq!(Lease::read(&json!({"kind": "List", "items": []})), None);
    }

    #[test]
    fn people_are_told_who_holds_it() {
        assert_eq!(
            lease("ops@ctl 20260304-050000-abcd", "2026-03-04T05:05:52.5Z").about(now()),
            "ops@ctl (run 20260304-050000-abcd, since 2026-03-04 05:00:00 UTC, last sign of life 8 s ago)"
        );
        assert_eq!(lease("ops@ctl r", "2026-03-04T05:05:52Z").seconds_left(now()), 112);
        assert_eq!(lease("ops@ctl r", "2026-03-04T05:00:00Z").seconds_left(now()), 0);
        assert_eq!(lease("ops@ctl r", "").run(), "r");
    }

    #[test]
    fn names_of_holders_are_plain() {
        assert_eq!(holder("o\"ps @ctl", "a/b"), "o_ps_@ctl a_b");
    }

    #[rstest]
    #[case(-5, "0 s")]
    #[case(119, "119 s")]
    #[case(180, "3 min")]
    #[case(7300, "2 h")]
    #[case(260_000, "3 days")]
    fn spans(#[case] seconds: i64, #[case] expected: &str) {
        assert_eq!(span(seconds), expected);
    }

    #[test]
    fn who_takes_it_from_somebody_names_the_version_that_was_seen() {
        let new = taken("krun", "a@b 1", 120, None);
        assert_eq!(new["metadata"].get("resourceVersion"), None);
        let old = lease("x@y 9", "");
        assert_eq!(
            taken("krun", "a@b 1", 120, Some(&old))["metadata"]["resourceVersion"],
            "7"
        );
    }
}
