//! Whether the roll goes on after a batch: a pure function of what has become of its hosts.

use std::str::FromStr;

/// What a failed host means for the batches and plays that are still to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// They are not begun, unless `max_fail_percentage` allows for it.
    #[default]
    Stop,
    /// Ansible's own rule: they are begun with the hosts that are left, until a batch has lost all its hosts.
    Ansible,
}

impl FromStr for FailurePolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "stop" => Ok(FailurePolicy::Stop),
            "ansible" => Ok(FailurePolicy::Ansible),
            other => Err(format!("there is no failure policy `{other}`; use stop or ansible")),
        }
    }
}

/// How a batch ended.
#[derive(Clone, Debug, Default)]
pub struct BatchResult {
    /// Hosts of the batch; under Ansible's rule those too that were lost before it.
    pub hosts: usize,
    /// Hosts on which a task failed, ignored and rescued failures aside.
    pub failed: Vec<String>,
    /// Hosts that could not be reached.
    pub unreachable: Vec<String>,
    /// Hosts that go no further because of others (`any_errors_fatal`, `max_fail_percentage`).
    pub dragged: Vec<String>,
    /// `any_errors_fatal` stood on a task that failed.
    pub fatal: bool,
    /// Ansible's share of failed hosts was exceeded in the middle of the batch.
    pub over_budget: bool,
}

/// Whether the roll goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The next batch, or the next play, may begin.
    Continue,
    /// Nothing further is begun.
    Stop(StopReason),
}

/// Why the roll stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopReason(pub String);

/// Judges a batch. `max_fail_percentage` is the share of the batch that may fail: it may be reached, not exceeded.
pub fn verdict(result: &BatchResult, max_fail_percentage: Option<f64>, policy: FailurePolicy) -> Verdict {
    match policy {
        FailurePolicy::Stop => stop_rule(result, max_fail_percentage),
        FailurePolicy::Ansible => ansible_rule(result, max_fail_percentage),
    }
}

/// Design promise 1: a batch in which a host failed or could not be reached is the last one, unless
/// `max_fail_percentage` allows that share. A host that could not be reached counts as failed.
fn stop_rule(result: &BatchResult, max_fail_percentage: Option<f64>) -> Verdict {
    let lost = result.failed.len() + result.unreachable.len();
    if lost == 0 {
        return Verdict::Continue;
    }
    let names = names(result);
    if result.fatal {
        return Verdict::Stop(StopReason(format!("{names} failed, and any_errors_fatal is set")));
    }
    let verb = if result.failed.is_empty() {
        "could not be reached"
    } else {
        "failed"
    };
    match max_fail_percentage {
        None => Verdict::Stop(StopReason(format!("{names} {verb}"))),
        Some(limit) if exceeds(lost, result.hosts, limit) || lost == result.hosts => {
            let share = share(lost, result.hosts);
            Verdict::Stop(StopReason(format!(
                "{names} {verb}: {share:.0} % of the batch, max_fail_percentage is {limit}"
            )))
        }
        Some(_) => Verdict::Continue,
    }
}

/// Ansible's: the batch is the last one when it has lost every host that it had, those aside that were lost before, or when
/// the share was exceeded, which it looks at after each task.
fn ansible_rule(result: &BatchResult, max_fail_percentage: Option<f64>) -> Verdict {
    if result.over_budget {
        let limit = max_fail_percentage.unwrap_or_default();
        let names = result.failed.join(", ");
        return Verdict::Stop(StopReason(format!(
            "{names} failed, which is more than max_fail_percentage ({limit})"
        )));
    }
    let lost = result.failed.len() + result.unreachable.len() + result.dragged.len();
    if lost < result.hosts || lost == 0 {
        return Verdict::Continue;
    }
    let names = names(result);
    Verdict::Stop(StopReason(if result.fatal {
        format!("{names} failed, and any_errors_fatal is set")
    } else {
        format!("no host of the batch is left: {names} failed")
    }))
}

/// True when so many hosts are more than the share that may fail.
pub(super) fn exceeds(lost: usize, hosts: usize, limit: f64) -> bool {
    share(lost, hosts) > limit
}

#[expect(clippy::cast_precision_loss, reason = "host counts are far below 2^52")]
fn share(lost: usize, hosts: usize) -> f64 {
    lost as f64 * 100.0 / hosts.max(1) as f64
}

fn names(result: &BatchResult) -> String {
    let lost: Vec<&str> = result
        .failed
        .iter()
        .chain(&result.unreachable)
        .map(String::as_str)
        .collect();
    lost.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn of(hosts: usize, failed: usize, unreachable: usize) -> BatchResult {
        let names = |kind: &str, n: usize| (0..n).map(|i| format!("{kind}{i}")).collect();
        BatchResult {
            hosts,
            failed: names("f", failed),
            unreachable: names("u", unreachable),
            ..BatchResult::default()
        }
    }

    fn goes_on(result: &BatchResult, limit: Option<f64>, policy: FailurePolicy) -> bool {
        verdict(result, limit, policy) == Verdict::Continue
    }

    #[rstest]
    #[case(4, 0, 0, None, false, true)]
    #[case(4, 1, 0, None, false, false)]
    #[case(4, 0, 1, None, false, false)]
    #[case(4, 1, 0, Some(25.0), false, true)]
    #[case(4, 1, 0, Some(24.0), false, false)]
    #[case(4, 1, 1, Some(49.0), false, false)]
    #[case(4, 1, 1, Some(50.0), false, true)]
    #[case(4, 0, 1, Some(0.0), false, false)]
    #[case(1, 1, 0, Some(100.0), false, false)]
    #[case(200, 1, 0, Some(0.0), false, false)]
    #[case(4, 1, 0, Some(100.0), true, false)]
    fn who_stops_the_roll(
        #[case] hosts: usize,
        #[case] failed: usize,
        #[case] unreachable: usize,
        #[case] limit: Option<f64>,
        #[case] fatal: bool,
        #[case] expected: bool,
    ) {
        let mut result = of(hosts, failed, unreachable);
        result.fatal = fatal;
        assert_eq!(goes_on(&result, limit, FailurePolicy::Stop), expected);
    }

    #[rstest]
    #[case::one_of_four(4, 1, 0, 0, false, true)]
    #[case::unreachable_counts_for_the_whole_batch(2, 1, 1, 0, false, false)]
    #[case::serial_1(1, 1, 0, 0, false, false)]
    #[case::one_was_lost_before(4, 3, 0, 0, false, true)]
    #[case::any_errors_fatal(4, 1, 0, 3, false, false)]
    #[case::any_errors_fatal_after_one_was_lost(4, 1, 0, 2, false, true)]
    #[case::over_the_share(4, 1, 0, 0, true, false)]
    #[case::nobody_took_part(1, 0, 0, 0, false, true)]
    fn ansible_stops_it_when_nobody_is_left(
        #[case] hosts: usize,
        #[case] failed: usize,
        #[case] unreachable: usize,
        #[case] dragged: usize,
        #[case] over_budget: bool,
        #[case] expected: bool,
    ) {
        let mut result = of(hosts, failed, unreachable);
        result.dragged = (0..dragged).map(|i| format!("d{i}")).collect();
        result.fatal = dragged > 0;
        result.over_budget = over_budget;
        assert_eq!(goes_on(&result, Some(20.0), FailurePolicy::Ansible), expected);
    }

    proptest! {
        #[test]
        fn ansible_stops_nothing_that_the_stop_rule_lets_go_on(
            well in 0_usize..20,
            failed in 0_usize..20,
            unreachable in 0_usize..20,
            limit in proptest::option::of(0.0_f64..100.0),
            fatal: bool,
        ) {
            let hosts = well + failed + unreachable;
            let mut result = of(hosts, failed, unreachable);
            result.fatal = fatal && failed + unreachable > 0;
            if result.fatal {
                result.dragged = (failed + unreachable..hosts).map(|i| format!("d{i}")).collect();
            }
            result.over_budget = failed > 0 && limit.is_some_and(|limit| exceeds(failed, hosts, limit));
            if goes_on(&result, limit, FailurePolicy::Stop) {
                prop_assert!(goes_on(&result, limit, FailurePolicy::Ansible));
            }
        }

        #[test]
        fn one_more_failure_never_lets_a_roll_go_on(
            well in 1_usize..20,
            failed in 0_usize..20,
            unreachable in 0_usize..20,
            limit in proptest::option::of(0.0_f64..100.0),
        ) {
            let hosts = well + failed + unreachable;
            for policy in [FailurePolicy::Stop, FailurePolicy::Ansible] {
                if !goes_on(&of(hosts, failed, unreachable), limit, policy) {
                    prop_assert!(!goes_on(&of(hosts, failed + 1, unreachable), limit, policy));
                    prop_assert!(!goes_on(&of(hosts, failed, unreachable + 1), limit, policy));
                }
            }
        }
    }
}
