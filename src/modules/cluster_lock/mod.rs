//! `cluster-lock`: one krun at a time works on a cluster.

mod held;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::connection::{Output, Request, Script};
use crate::kube::lock::{self, Lease, LockState};

use super::args::{Count, Flag, Text};
use super::node;
use super::{Again, ArgumentError, Context, Failure, Module, Outcome, Pending, State};
use held::HeldLock;

/// A script behind what all of the lock's have in common.
macro_rules! script {
    ($name:literal) => {
        Script {
            name: concat!("cluster-lock/", $name),
            text: concat!(include_str!("common.sh"), include_str!(concat!($name, ".sh"))),
        }
    };
}

const LOOK: Script = script!("look");
const CHANGE: Script = script!("change");

/// Statuses of the scripts: this host cannot ask the cluster; the lock was not changed, and is shown.
const NO_WAY_TO_ASK: i32 = 4;
const NOT_CHANGED: i32 = 5;

/// Shortest time that a lock may last: it has to be renewed meanwhile.
const SHORTEST: u64 = 5;

/// Holds a lock on the cluster as long as the run lasts, so that no other krun works on it at the same time; through kubectl
/// on the host that the task runs on (`delegate_to` a control plane).
///
/// The lock is a Lease in the namespace kube-system that names user, machine and run. krun renews it in the background and
/// gives it back when the run ends. Where another krun holds it the task fails, and says which one, since when, and when it
/// last gave a sign of life. When that is too long ago the lock is stale: it can be taken over, but only by asking for
/// it (`take_over`). A run that is resumed takes its own lock again. In check mode nothing is locked.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterLock {
    /// Name of the Lease. Default: krun.
    name: Text,
    /// Take over a stale lock: that of a krun that was killed. One that gives signs of life keeps its lock. Default: false.
    take_over: Flag,
    /// Seconds without a sign of life after which the lock counts as stale; it is renewed six times as often. Default: 120.
    duration: Count,
    /// Seconds to wait for the API server to answer. Default: 60.
    timeout: Count,
    /// Fail when the API server does not answer. With `false` the lock is then taken as soon as it does; for
    /// playbooks that mend a cluster. Default: true.
    required: Flag,
    /// Path of the kubeconfig on the host that the task runs on. Default: /etc/kubernetes/admin.conf.
    kubeconfig: Text,
}

impl Default for ClusterLock {
    fn default() -> Self {
        Self {
            name: Text("krun".to_owned()),
            take_over: Flag(false),
            duration: Count(120),
            timeout: Count(60),
            required: Flag(true),
            kubeconfig: Text(node::ADMIN_CONF.to_owned()),
        }
    }
}

/// What a look has shown.
#[derive(Debug)]
pub struct View {
    now: Timestamp,
    lease: Option<Lease>,
}

impl Module for ClusterLock {
    const NAME: &'static str = "cluster-lock";
    const AGAIN: Again = Again::Run;
    const EXAMPLE: &'static str = "\
- name: No other krun is at work on this cluster
  cluster-lock:
  delegate_to: \"{{ groups.masters[0] }}\"
  run_once: true
";

    /// What was seen; nothing when the API server does not answer.
    type Plan = Option<View>;

    fn validate(&self) -> Result<(), ArgumentError> {
        if self.duration.0 < SHORTEST {
            let message = format!("a lock has to last {SHORTEST} seconds at least");
            return Err(ArgumentError::option("duration", message));
        }
        Ok(())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let Some(view) = self.look(context)? else {
            return Ok(Pending::new(None, ["locked when the API server answers"]).into());
        };
        let change = match Self::state(context, &view) {
            LockState::Own => {
                self.hold(context, Some(view.now));
                return Ok(State::Satisfied(Outcome::ok()));
            }
            LockState::Live | LockState::Stale if context.check_mode => {
                let about = view
                    .lease
                    .as_ref()
                    .map(|lease| lease.about(view.now))
                    .unwrap_or_default();
                let warning = format!("the cluster is locked by {about}: outside of check mode this would be refused");
                return Ok(State::Satisfied(Outcome::ok().with_warning(warning)));
            }
            LockState::Live => return Err(Self::is_locked(&view)),
            LockState::Stale if !*self.take_over => return Err(Self::is_stale(&view)),
            LockState::Free => "locked".to_owned(),
            LockState::Earlier | LockState::Stale => {
                let lease = view.lease.as_ref();
                let about = lease.map(|lease| lease.about(view.now)).unwrap_or_default();
                format!("lock taken over from {about}")
            }
        };
        Ok(Pending::new(Some(view), [change]).into())
    }

    fn apply(&self, context: &mut Context<'_>, view: Option<View>) -> Result<Outcome, Failure> {
        let Some(view) = view else {
            self.hold(context, None);
            return Ok(Outcome::ok().with_warning(
                "the API server does not answer, so nobody can tell whether another krun is at work; the lock is taken as \
                 soon as it answers",
            ));
        };
        let holder = Self::holder(context);
        let was_free = matches!(Self::state(context, &view), LockState::Free);
        if let Err(failure) = take(context, self, &holder, view.lease.as_ref())? {
            // Somebody was faster, or the answer to our own request was lost.
            match Self::state(context, &failure.view) {
                LockState::Own => {}
                LockState::Live => return Err(Self::is_locked(&failure.view)),
                _ => return Err(failure.failure),
            }
        }
        self.hold(context, Some(view.now));
        // A lock that nobody held changes nothing for anybody but another krun.
        let outcome = if was_free { Outcome::ok() } else { Outcome::changed::<String>([]) };
        Ok(outcome.with("holder", holder))
    }
}

impl ClusterLock {
    fn holder(context: &Context<'_>) -> String {
        lock::holder(&context.run.owner(), &context.run.id)
    }

    /// The holders that are gone for certain, since their journals are on this machine: the runs that this one goes on from,
    /// and one that has ended and could not give the lock back.
    fn gone(context: &Context<'_>, view: &View) -> Vec<String> {
        let owner = context.run.owner();
        let ended = view.lease.iter().filter(|lease| context.run.ended.has(lease.run()));
        context
            .run
            .continues
            .iter()
            .map(|run| lock::holder(&owner, run))
            .chain(ended.map(|lease| lease.holder.clone()))
            .collect()
    }

    fn state(context: &Context<'_>, view: &View) -> LockState {
        lock::lock_state(
            view.lease.as_ref(),
            &Self::holder(context),
            &Self::gone(context, view),
            view.now,
        )
    }

    /// Looks at the lock; `None` when the API server does not answer and that is no failure.
    fn look(&self, context: &mut Context<'_>) -> Result<Option<View>, Failure> {
        let mut seen = None;
        let mut look = |context: &mut Context<'_>| {
            let output = context.run(LOOK, [&*self.kubeconfig, &*self.name])?;
            if output.success() {
                seen = Some(view(&output)?);
                return Ok(Vec::new());
            }
            let failure = cannot_ask(&self.kubeconfig, "asking the cluster for its lock", &output);
            if output.status == NO_WAY_TO_ASK {
                return Err(failure);
            }
            Ok(vec![format!("the API server does not answer ({})", failure.message)])
        };
        if *self.required {
            let limit = Duration::from_secs(self.timeout.0);
            node::wait_until(context, limit, look)?;
        } else {
            look(context)?;
        }
        Ok(seen)
    }

    fn hold(&self, context: &Context<'_>, since: Option<Timestamp>) {
        if context.check_mode {
            return;
        }
        let held = HeldLock::new(self.clone(), Self::holder(context), since);
        context.hold(format!("lock {}", &*self.name), held);
    }

    fn is_locked(view: &View) -> Failure {
        let Some(lease) = &view.lease else {
            return Failure::new("the cluster is locked");
        };
        Failure::new(format!("another krun is at work on this cluster: {}", lease.about(view.now)))
            .help(format!(
                "wait for its end; if that krun is dead, go on with its run on its machine (`krun resume {}`), or wait {} s \
                 until the lock is stale and then ask for it with `take_over` (-e lock_take_over=true)",
                lease.run(),
                lease.seconds_left(view.now)
            ))
            .with("holder", lease.holder.clone())
    }

    fn is_stale(view: &View) -> Failure {
        let Some(lease) = &view.lease else {
            return Failure::new("the cluster is locked");
        };
        Failure::new(format!("the lock of another krun is left on this cluster, and stale: {}", lease.about(view.now)))
            .help(format!(
                "that krun was killed, or cannot reach the cluster. Go on with its run on its machine (`krun resume {}`), or \
                 make sure that it is dead and ask for the lock with `take_over` (-e lock_take_over=true)",
                lease.run()
            ))
            .with("holder", lease.holder.clone())
    }
}

/// The lock was not changed, and what it is now.
struct NotTaken {
    view: View,
    failure: Failure,
}

/// Takes the lock, if it is still as it was seen.
fn take(
    context: &mut Context<'_>,
    lock: &ClusterLock,
    holder: &str,
    seen: Option<&Lease>,
) -> Result<Result<(), NotTaken>, Failure> {
    let document = lock::taken(&lock.name, holder, lock.duration.0, seen);
    let how = if seen.is_some() { "replace" } else { "create" };
    change(context, lock, how, &document.to_string(), "locking the cluster")
}

fn change(
    context: &mut Context<'_>,
    lock: &ClusterLock,
    how: &str,
    document: &str,
    what: &str,
) -> Result<Result<(), NotTaken>, Failure> {
    let request = Request::new(CHANGE, [&*lock.kubeconfig, &*lock.name, how]).with_stdin(document.as_bytes().to_vec());
    let output = context.request(request)?;
    if output.success() {
        return Ok(Ok(()));
    }
    let failure = cannot_ask(&lock.kubeconfig, what, &output);
    if output.status != NOT_CHANGED {
        return Err(failure);
    }
    let view = view(&output)?;
    Ok(Err(NotTaken { view, failure }))
}

fn view(output: &Output) -> Result<View, Failure> {
    let sections = node::sections(output);
    let text = |name: &str| sections.get(name).map_or("", |text| text.trim());
    let seconds = text("now")
        .parse()
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    let now = seconds.ok_or_else(|| Failure::new("the node does not tell the time: `date -u +%s` gives no number"))?;
    let lease = if text("lease").is_empty() {
        None
    } else {
        Lease::read(&node::json(&sections, "lease")?)
    };
    Ok(View { now, lease })
}

fn cannot_ask(kubeconfig: &str, what: &str, output: &Output) -> Failure {
    let failure = Failure::of_program(what, output);
    if output.status == NO_WAY_TO_ASK {
        failure.help(format!(
            "this works on a host with kubectl and {kubeconfig}: delegate the task to a control plane (`delegate_to`), or \
             set `kubeconfig`"
        ))
    } else {
        failure
    }
}
