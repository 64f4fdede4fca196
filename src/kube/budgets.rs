use serde_json::Value;

use super::Pod;

/// A `PodDisruptionBudget` as far as a drain cares about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// How many pods have to be healthy.
    pub needed: i64,
    /// How many are.
    pub healthy: i64,
    /// How many may be evicted now.
    pub allowed: i64,
    selector: Value,
}

impl Budget {
    /// The budgets of a list as the API gives it.
    pub fn list(list: &Value) -> Vec<Self> {
        list["items"]
            .as_array()
            .map(|items| items.iter().filter_map(Self::read).collect())
            .unwrap_or_default()
    }

    fn read(budget: &Value) -> Option<Self> {
        let number = |name: &str| budget["status"][name].as_i64().unwrap_or(0);
        Some(Self {
            namespace: budget["metadata"]["namespace"].as_str()?.to_owned(),
            name: budget["metadata"]["name"].as_str()?.to_owned(),
            needed: number("desiredHealthy"),
            healthy: number("currentHealthy"),
            allowed: number("disruptionsAllowed"),
            selector: budget["spec"]["selector"].clone(),
        })
    }

    /// The budget counts this pod.
    pub fn covers(&self, pod: &Pod) -> bool {
        if self.namespace != pod.namespace || self.selector.is_null() {
            return false;
        }
        let labels = self.selector["matchLabels"].as_object();
        let expressions = self.selector["matchExpressions"].as_array();
        labels.is_none_or(|labels| labels.iter().all(|(name, value)| pod.label(name) == value.as_str()))
            && expressions.is_none_or(|expressions| expressions.iter().all(|expression| holds(expression, pod)))
    }

    /// Why the pod cannot leave, when this budget is the reason.
    pub fn blocks(&self, pod: &Pod) -> Option<String> {
        (self.allowed <= 0 && self.covers(pod)).then(|| {
            format!(
                "PodDisruptionBudget {}/{} needs {} healthy, has {}",
                self.namespace, self.name, self.needed, self.healthy
            )
        })
    }
}

fn holds(expression: &Value, pod: &Pod) -> bool {
    let label = expression["key"].as_str().and_then(|key| pod.label(key));
    let is_listed = || {
        expression["values"]
            .as_array()
            .is_some_and(|values| values.iter().any(|value| value.as_str() == label))
    };
    match expression["operator"].as_str() {
        Some("In") => label.is_some() && is_listed(),
        Some("NotIn") => label.is_none() || !is_listed(),
        Some("Exists") => label.is_some(),
        Some("DoesNotExist") => label.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn pod() -> Pod {
        let list = json!({"items": [{"metadata": {"name": "web-1", "namespace": "shop", "labels": {"app": "web"}}}]});
        Pod::list(&list).remove(0)
    }

    fn budget(namespace: &str, selector: &Value) -> Budget {
        let list = json!({"items": [{
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {"selector": selector},
            "status": {"desiredHealthy": 2, "currentHealthy": 2, "disruptionsAllowed": 0},
        }]});
        Budget::list(&list).remove(0)
    }

    #[rstest]
    #[case("shop", json!({"matchLabels": {"app": "web"}}), true)]
    #[case("shop", json!({"matchLabels": {"app": "other"}}), false)]
    #[case("other", json!({"matchLabels": {"app": "web"}}), false)]
    #[case("shop", json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}), true)]
    #[case("shop", json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}), false)]
    #[case("shop", json!({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}), true)]
    #[case("shop", json!({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}), false)]
    #[case("shop", json!({}), true)]
    #[case("shop", json!(null), false)]
    fn which_pods_a_budget_covers(#[case] namespace: &str, #[case] selector: Value, #[case] covered: bool) {
        assert_eq!(budget(namespace, &selector).covers(&pod()), covered);
    }

    #[test]
    fn a_spent_budget_blocks_and_says_why() {
        let mut budget = budget("shop", &json!({"matchLabels": {"app": "web"}}));
        assert_eq!(
            budget.blocks(&pod()).as_deref(),
            Some("PodDisruptionBudget shop/web needs 2 healthy, has 2")
        );
        budget.allowed = 1;
        assert_eq!(budget.blocks(&pod()), None);
    }
}
