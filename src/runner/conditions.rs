//! Conditions and flags of tasks.

use super::endpoint::diagnostic;
use crate::modules::Failure;
use crate::playbook::{Expression, Setting};
use crate::vars::Scope;

/// A flag that is not set is false; `None` when it has no value.
pub(super) fn flag_or_false(setting: Option<&Setting>, scope: &Scope) -> Option<bool> {
    setting.map_or(Some(false), |setting| setting.flag(scope).ok())
}

/// `Some(reason)` when a condition does not hold.
pub(super) fn condition(conditions: &[Expression], scope: &Scope) -> Result<Option<String>, Failure> {
    for condition in conditions {
        if !condition.holds(scope).map_err(|error| diagnostic(&error))? {
            return Ok(Some(condition.text.clone()));
        }
    }
    Ok(None)
}

pub(super) fn all_hold(conditions: &[Expression], scope: &Scope) -> Result<bool, Failure> {
    condition(conditions, scope).map(|unmet| unmet.is_none())
}
