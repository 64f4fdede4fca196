//! `capacity`: a batch of nodes begins when the others can carry the load.

mod count;
#[cfg(test)]
mod tests;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::kube::{Capacity as Counted, Room, Version};

use super::args::{Count, Text};
use super::node::{self, wait_until};
use super::{Again, ArgumentError, Context, Failure, Module, Outcome, Pending, State};
use count::Batch;
pub(super) use count::{CountedNodes, Limit, check_limit};

/// Waits, before a batch begins, until no more nodes are unavailable with it than may be: through kubectl on the host
/// that the task runs on (`delegate_to` a control plane), once for the batch.
///
/// A node is unavailable that is not Ready or cordoned, by whomever; those of the batch count as such in any case. A batch
/// that is larger than the maximum is refused. While it waits it says which nodes are unavailable, and why.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// How many nodes may be unavailable: a number, or a share of them (`20%`, rounded down, one at least).
    max_unavailable: Text,
    /// Which nodes are counted: those of the play's hosts (`play`), or all of the cluster (`cluster`). Default: play.
    #[serde(default)]
    of: CountedNodes,
    /// Nodes of the batch whose kubelet is at this version are not counted to the batch, as nothing takes them away.
    #[serde(default)]
    version: Option<Text>,
    /// Seconds to wait at most. Default: 600.
    #[serde(default = "ten_minutes")]
    timeout: Count,
    /// Path of the kubeconfig on the host that the task runs on. Default: /etc/kubernetes/admin.conf.
    #[serde(default = "admin_conf")]
    kubeconfig: Text,
}

fn ten_minutes() -> Count {
    Count(600)
}

fn admin_conf() -> Text {
    Text(node::ADMIN_CONF.to_owned())
}

impl Module for Capacity {
    const NAME: &'static str = "capacity";
    const RUNS_ONCE: bool = true;
    const AGAIN: Again = Again::Run;
    const EXAMPLE: &'static str = "\
- name: No more than a fifth of the workers is away
  capacity:
    max_unavailable: 20%
  delegate_to: \"{{ groups.masters[0] }}\"
";

    type Plan = ();

    fn validate(&self) -> Result<(), ArgumentError> {
        check_limit(&self.max_unavailable)?;
        self.wanted()
            .map(drop)
            .map_err(|error| ArgumentError::option("version", error.to_string()))
    }

    fn check_option(name: &str, value: &str) -> Result<(), ArgumentError> {
        match name {
            "max_unavailable" => check_limit(value).map(drop),
            _ => Ok(()),
        }
    }

    /// Waits, as nothing is changed by it; in check mode it only looks once.
    fn check(&self, context: &mut Context<'_>) -> Result<State<()>, Failure> {
        let mut seen = self.look(context)?;
        let lacking = self.lacking(&seen)?;
        if !lacking.is_empty() && context.check_mode {
            return Ok(Pending::new((), lacking).into());
        }
        let mut first = Some(lacking);
        wait_until(context, Duration::from_secs(self.timeout.0), |context| {
            if let Some(lacking) = first.take() {
                return Ok(lacking);
            }
            match self.look(context) {
                Ok(now) => seen = now,
                Err(error) if node::is_final(&error) => return Err(error),
                Err(error) => return Ok(vec![error.message]),
            }
            self.lacking(&seen)
        })
        .map_err(|failure| match failure.help {
            None => failure.help(
                "the batch was not begun; bring these nodes back (`kubectl uncordon`, or mend their kubelets), or raise \
                 `max_unavailable`; `timeout` gives it more time",
            ),
            Some(_) => failure,
        })?;
        Ok(State::Satisfied(
            Outcome::ok()
                .with("most", json!(seen.most))
                .with("nodes", json!(seen.total))
                .with("batch", json!(seen.batch))
                .with("unavailable", count::list(&seen)),
        ))
    }

    fn apply(&self, _: &mut Context<'_>, (): ()) -> Result<Outcome, Failure> {
        Ok(Outcome::ok())
    }
}

impl Capacity {
    fn wanted(&self) -> Result<Option<Version>, crate::kube::VersionError> {
        self.version.as_ref().map(|text| text.parse()).transpose()
    }

    fn look(&self, context: &mut Context<'_>) -> Result<Counted, Failure> {
        let version = self.wanted().map_err(|error| Failure::new(error.to_string()))?;
        let limit = Limit {
            most: &self.max_unavailable,
            of: self.of,
            kubeconfig: &self.kubeconfig,
        };
        let there = version.map(|version| version.to_string());
        limit.count(
            context,
            &Batch::OfPlay {
                there: there.as_deref(),
            },
        )
    }

    /// What the batch waits for.
    ///
    /// # Errors
    /// It would wait for ever.
    fn lacking(&self, seen: &Counted) -> Result<Vec<String>, Failure> {
        let allowed = format!(
            "at most {} of {} nodes may be unavailable (max_unavailable: {})",
            seen.most, seen.total, self.max_unavailable
        );
        let batch = seen.batch.join(", ");
        match seen.room() {
            Room::Enough => Ok(Vec::new()),
            Room::NotYet => Ok(vec![format!(
                "{allowed}, this batch takes {} ({batch}), and these are unavailable already: {}",
                seen.batch.len(),
                seen.away_list()
            )]),
            Room::Never => Err(Failure::new(format!(
                "this batch is {} nodes ({batch}), and {allowed}",
                seen.batch.len()
            ))
            .help(format!(
                "nothing was changed; make the batches smaller (`serial: {}` or less), or raise `max_unavailable`",
                seen.most
            ))),
        }
    }
}
