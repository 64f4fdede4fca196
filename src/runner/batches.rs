use serde_json::Value;

/// Why `serial` cannot be followed.
pub type BatchError = String;

/// Cuts hosts into batches by `serial`: a number, a share in percent (rounded down, at least one host), or a list of
/// them whose last entry repeats. `0` and absence mean one batch.
///
/// Every host is in exactly one batch, and the order is kept. Source of the rule: Ansible's playbook executor.
///
/// # Errors
/// `serial` is none of these.
pub fn plan_batches<T: Clone>(hosts: &[T], serial: Option<&Value>) -> Result<Vec<Vec<T>>, BatchError> {
    let sizes: Vec<usize> = match serial {
        None => vec![0],
        Some(Value::Array(items)) if items.is_empty() => vec![0],
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| size(item, hosts.len()))
            .collect::<Result<_, _>>()?,
        Some(one) => vec![size(one, hosts.len())?],
    };
    let mut batches = Vec::new();
    let mut rest = hosts;
    let mut sizes = sizes.into_iter();
    let mut current = 0;
    while !rest.is_empty() {
        current = sizes.next().unwrap_or(current);
        let take = if current == 0 {
            rest.len()
        } else {
            current.min(rest.len())
        };
        let (batch, remaining) = rest.split_at(take);
        batches.push(batch.to_vec());
        rest = remaining;
    }
    Ok(batches)
}

/// Cuts hosts into batches that never mix hosts of different values: the hosts of each value come together, the values in
/// the order in which they are first met, and `serial` (asked for with the hosts of a value) counts within each: shares are
/// of its hosts, and lists begin anew.
///
/// # Errors
/// `serial` has no value, or is none that [`plan_batches`] takes.
pub fn plan_batches_by<T: Clone, E: From<BatchError>>(
    hosts: &[(T, Value)],
    mut serial: impl FnMut(&[T]) -> Result<Option<Value>, E>,
) -> Result<Vec<(Value, Vec<T>)>, E> {
    let mut groups: Vec<(&Value, Vec<T>)> = Vec::new();
    for (host, value) in hosts {
        match groups.iter_mut().find(|(known, _)| *known == value) {
            Some((_, group)) => group.push(host.clone()),
            None => groups.push((value, vec![host.clone()])),
        }
    }
    let mut batches = Vec::new();
    for (value, group) in groups {
        let serial = serial(&group)?;
        let of_group = plan_batches(&group, serial.as_ref())?;
        batches.extend(of_group.into_iter().map(|batch| (value.clone(), batch)));
    }
    Ok(batches)
}

/// Finds what is wrong with a `serial` before the run; templates are left for later.
///
/// # Errors
/// It is neither a number, a percentage nor a list of them.
pub fn check_serial(serial: &Value) -> Result<(), BatchError> {
    match serial {
        Value::Array(items) => items.iter().try_for_each(check_serial),
        Value::String(text) if crate::template::holds_template(text) => Ok(()),
        other => size(other, 1).map(drop),
    }
}

fn size(value: &Value, hosts: usize) -> Result<usize, BatchError> {
    let wrong = || format!("`serial` is a number, a percentage such as \"20%\" or a list of them, this is `{value}`");
    match value {
        Value::Null => Ok(0),
        Value::Number(number) => number.as_u64().and_then(|n| usize::try_from(n).ok()).ok_or_else(wrong),
        Value::String(text) => match text.trim().strip_suffix('%') {
            Some(percent) => {
                let percent: f64 = percent.trim().parse().map_err(|_| wrong())?;
                if !(percent > 0.0 && percent <= 100.0) {
                    return Err(format!("`serial: {text}` is not between 1% and 100%"));
                }
                // Ansible's int(x / 100 * N), never less than one host.
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    clippy::cast_precision_loss,
                    reason = "a share of a host count that is far below 2^52, checked to be positive"
                )]
                let share = (percent / 100.0 * hosts as f64) as usize;
                Ok(share.max(1))
            }
            None => text.trim().parse().map_err(|_| wrong()),
        },
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(5, json!(null), &[5])]
    #[case(5, json!(0), &[5])]
    #[case(5, json!(1), &[1, 1, 1, 1, 1])]
    #[case(5, json!("2"), &[2, 2, 1])]
    #[case(10, json!("20%"), &[2, 2, 2, 2, 2])]
    #[case(9, json!("20%"), &[1, 1, 1, 1, 1, 1, 1, 1, 1])]
    #[case(4, json!("10%"), &[1, 1, 1, 1])]
    #[case(10, json!([1, "20%", "50%"]), &[1, 2, 5, 2])]
    #[case(7, json!([1, 5]), &[1, 5, 1])]
    #[case(3, json!(10), &[3])]
    #[case(0, json!(2), &[])]
    fn sizes(#[case] hosts: usize, #[case] serial: Value, #[case] expected: &[usize]) {
        let hosts: Vec<usize> = (0..hosts).collect();
        let batches = plan_batches(&hosts, Some(&serial)).unwrap();
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), expected);
    }

    #[rstest]
    #[case(json!("0%"))]
    #[case(json!("101%"))]
    #[case(json!("many"))]
    #[case(json!(-1))]
    #[case(json!({"a": 1}))]
    fn nonsense_is_refused(#[case] serial: Value) {
        assert!(plan_batches(&[1], Some(&serial)).is_err());
        assert!(check_serial(&serial).is_err());
    }

    /// Hosts are numbers; `a0 b1` is host 0 with the value a, host 1 with the value b.
    #[rstest]
    #[case("a0 a1 a2", &[("a", json!(2))], "a:0,1 a:2")]
    #[case("a0 b1 a2 b3", &[("a", json!(null)), ("b", json!(null))], "a:0,2 b:1,3")]
    #[case("b0 a1 b2 b3", &[("b", json!("34%")), ("a", json!(5))], "b:0 b:2 b:3 a:1")]
    #[case("a0 a1 a2 b3 b4 b5", &[("a", json!([1, 2])), ("b", json!([1, 2]))], "a:0 a:1,2 b:3 b:4,5")]
    #[case("a0 b1", &[("a", json!(1)), ("b", json!(1))], "a:0 b:1")]
    #[case("a0 a1 b2 b3", &[("a", json!("50%")), ("b", json!("100%"))], "a:0 a:1 b:2,3")]
    fn values_are_not_mixed(#[case] hosts: &str, #[case] serial: &[(&str, Value)], #[case] expected: &str) {
        let hosts: Vec<(usize, Value)> = hosts
            .split(' ')
            .map(|host| (host[1..].parse().unwrap(), json!(host[..1])))
            .collect();
        let value_of = |host: usize| {
            hosts
                .iter()
                .find(|(other, _)| *other == host)
                .map(|(_, value)| value.clone())
        };
        let batches = plan_batches_by::<_, BatchError>(&hosts, |group| {
            let value = value_of(group[0]).unwrap();
            Ok(serial
                .iter()
                .find(|(name, _)| value == *name)
                .map(|(_, serial)| serial.clone()))
        });
        let shown: Vec<String> = batches
            .unwrap()
            .iter()
            .map(|(value, batch)| {
                let batch: Vec<String> = batch.iter().map(ToString::to_string).collect();
                format!("{}:{}", value.as_str().unwrap(), batch.join(","))
            })
            .collect();
        assert_eq!(shown.join(" "), expected);
    }

    proptest! {
        #[test]
        fn with_values_every_host_is_in_one_batch_of_its_value(values in prop::collection::vec(0_u8..4, 0..60), serial in 0_u32..7) {
            let hosts: Vec<(usize, Value)> = values.iter().enumerate().map(|(host, value)| (host, json!(value))).collect();
            let batches = plan_batches_by::<_, BatchError>(&hosts, |_| Ok(Some(json!(serial)))).unwrap();
            let mut met: Vec<usize> = batches.iter().flat_map(|(_, batch)| batch.clone()).collect();
            met.sort_unstable();
            prop_assert_eq!(met, (0..values.len()).collect::<Vec<_>>());
            let mut order = Vec::new();
            for (value, batch) in &batches {
                prop_assert!(!batch.is_empty() && batch.is_sorted());
                prop_assert!(serial == 0 || batch.len() <= serial as usize);
                prop_assert!(batch.iter().all(|host| json!(values[*host]) == *value));
                if order.last() != Some(value) {
                    order.push(value.clone());
                }
            }
            // Each value comes once, in the order in which it is first met.
            let mut first: Vec<Value> = Vec::new();
            for (_, value) in &hosts {
                if !first.contains(value) {
                    first.push(value.clone());
                }
            }
            prop_assert_eq!(order, first);
        }

        #[test]
        fn every_host_once_and_in_order(hosts in 0_usize..200, sizes in prop::collection::vec(1_u32..120, 1..5), percent: bool) {
            let hosts: Vec<usize> = (0..hosts).collect();
            let serial: Vec<Value> = sizes.iter().map(|n| if percent { json!(format!("{}%", (n % 100) + 1)) } else { json!(n) }).collect();
            let batches = plan_batches(&hosts, Some(&Value::Array(serial))).unwrap();
            prop_assert_eq!(batches.concat(), hosts);
            prop_assert!(batches.iter().all(|batch| !batch.is_empty()));
        }
    }
}
