//! What `rescue` sees of the task that failed: `ansible_failed_task` and `ansible_failed_result`.

use serde_json::{Map, Value, json};

use crate::playbook::{Action, Expression, Setting, Task};
use crate::vars::{VarMap, Variable};

/// The two variables.
pub(super) fn about_failure(task: &Task, result: Value) -> VarMap {
    let mut vars = VarMap::new();
    vars.insert("ansible_failed_task".to_owned(), Variable::data(described(task)));
    vars.insert("ansible_failed_result".to_owned(), Variable::data(result));
    vars
}

/// A task's keys as they are written, under Ansible's names.
fn described(task: &Task) -> Value {
    let keywords = &task.keywords;
    let action = task.action.shown().replace('-', "_");
    let args = match &task.action {
        // They may hold what is not to be shown.
        Action::Module { options, .. } if keywords.no_log.is_none() => options.clone(),
        _ => Map::new(),
    };
    let text = |conditions: &[Expression]| -> Value { conditions.iter().map(|one| one.text.clone()).collect() };
    let value = |setting: &Option<Setting>| setting.as_ref().map_or(Value::Null, |setting| setting.value.clone());
    let settings = |all: &[Setting]| -> Value { all.iter().map(|setting| setting.value.clone()).collect() };
    let list = |conditions: &Option<Vec<Expression>>| conditions.as_deref().map_or(json!([]), text);
    json!({
        "name": task.name.as_deref().unwrap_or(&action),
        "action": action,
        "args": args,
        "register": task.register,
        "tags": keywords.tags,
        "when": text(&keywords.when),
        "until": text(&task.until),
        "changed_when": list(&task.changed_when),
        "failed_when": list(&task.failed_when),
        "notify": settings(&task.notify),
        "environment": settings(&keywords.environment),
        "loop": task.loop_over.as_ref().map_or(Value::Null, |over| over.list.value.clone()),
        "retries": value(&task.retries),
        "delay": value(&task.delay),
        "become": value(&keywords.become_user_enabled),
        "become_user": value(&keywords.become_user),
        "become_method": value(&keywords.become_method),
        "check_mode": value(&keywords.check_mode),
        "connection": value(&keywords.connection),
        "delegate_to": value(&keywords.delegate_to),
        "delegate_facts": value(&keywords.delegate_facts),
        "ignore_errors": value(&keywords.ignore_errors),
        "ignore_unreachable": value(&keywords.ignore_unreachable),
        "any_errors_fatal": value(&keywords.any_errors_fatal),
        "no_log": value(&keywords.no_log),
        "remote_user": value(&keywords.remote_user),
        "run_once": value(&keywords.run_once),
        "throttle": value(&keywords.throttle),
        "timeout": value(&keywords.timeout),
        "role": task.role.as_ref().map(|role| role.name.clone()),
    })
}
