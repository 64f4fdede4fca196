/// How a batch ended.
#[derive(Clone, Debug, Default)]
pub struct BatchResult {
    /// Hosts of the batch.
    pub hosts: usize,
    /// Hosts on which a task failed, ignored and rescued failures aside.
    pub failed: Vec<String>,
    /// Hosts that could not be reached.
    pub unreachable: Vec<String>,
    /// `any_errors_fatal` stood on a task that failed.
    pub fatal: bool,
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

/// Design promise 1: a batch in which a host failed or could not be reached is the last one, unless
/// `max_fail_percentage` allows that share (in percent of the batch; the limit may be reached, not exceeded).
/// A host that could not be reached counts as failed.
pub fn verdict(result: &BatchResult, max_fail_percentage: Option<f64>) -> Verdict {
    let lost: Vec<&str> = result
        .failed
        .iter()
        .chain(&result.unreachable)
        .map(String::as_str)
        .collect();
    if lost.is_empty() {
        return Verdict::Continue;
    }
    let names = lost.join(", ");
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
        Some(limit) => {
            #[expect(clippy::cast_precision_loss, reason = "host counts are far below 2^52")]
            let share = lost.len() as f64 * 100.0 / result.hosts.max(1) as f64;
            if share > limit || lost.len() == result.hosts {
                Verdict::Stop(StopReason(format!(
                    "{names} {verb}: {share:.0} % of the batch, max_fail_percentage is {limit}"
                )))
            } else {
                Verdict::Continue
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

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
        #[case] goes_on: bool,
    ) {
        let names = |n: usize| (0..n).map(|i| format!("h{i}")).collect();
        let result = BatchResult {
            hosts,
            failed: names(failed),
            unreachable: names(unreachable),
            fatal,
        };
        assert_eq!(verdict(&result, limit) == Verdict::Continue, goes_on);
    }
}
