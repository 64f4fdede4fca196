use std::time::{Duration, Instant};

use crate::modules::{Context, Failure};

/// Pause between two looks at the cluster.
const ROUND: Duration = Duration::from_secs(1);

/// Asks again and again until nothing is lacking, and shows what is waited for whenever that changes.
///
/// # Errors
/// The time is up; the failure names what was still lacking. Or the node cannot be asked at all.
pub(in crate::modules) fn wait_until(
    context: &mut Context<'_>,
    limit: Duration,
    mut lacking: impl FnMut(&mut Context<'_>) -> Result<Vec<String>, Failure>,
) -> Result<(), Failure> {
    let deadline = Instant::now() + limit;
    let mut shown = Vec::new();
    loop {
        let missing = lacking(context)?;
        if missing.is_empty() {
            return Ok(());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failure::new(format!(
                "after {} s this is still lacking: {}",
                limit.as_secs(),
                missing.join("; ")
            ))
            .with("lacking", missing));
        }
        if missing != shown {
            context.report(&format!("waiting: {}", missing.join("; ")));
            shown = missing;
        }
        context.wait(ROUND.min(left)).map_err(|failure| Failure {
            message: format!("{}, this is still lacking: {}", failure.message, shown.join("; ")),
            ..failure
        })?;
    }
}
