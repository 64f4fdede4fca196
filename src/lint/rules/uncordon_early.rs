use crate::lint::acts::{restarts, uncordons};
use crate::lint::{Found, Ground, Rule};
use crate::playbook::{Action, Meta};
use crate::syntax::Severity;

pub(super) const RULE: Rule = Rule {
    id: "uncordon-before-handler",
    severity: Severity::Warning,
    about: "a node gets pods again before the restart of its kubelet that is due",
    check,
};

fn check(ground: &Ground<'_>, found: &mut Found<'_>) {
    for play in &ground.plays {
        let mut pending: Option<(usize, String)> = None;
        for step in &play.steps {
            // Handlers are run at the end of each part.
            pending = pending.filter(|(part, _)| *part == step.part);
            if matches!(step.task.action, Action::Meta(Meta::FlushHandlers)) {
                pending = None;
            }
            if let (Some((_, handler)), Some(place)) = (&pending, uncordons(&step.task)) {
                found.add(
                    &place,
                    Some(&step.task.place),
                    format!("the node gets pods again before the handler `{handler}` has restarted its kubelet"),
                    "put `meta: flush_handlers` before this task: handlers are run at the end of the play otherwise",
                );
            }
            let restart = play
                .notified(&step.task)
                .into_iter()
                .find(|handler| restarts(handler).is_some_and(|(service, _)| service == "kubelet"));
            if let Some(handler) = restart {
                pending = Some((step.part, handler.name.clone().unwrap_or_else(|| handler.title())));
            }
        }
    }
}
