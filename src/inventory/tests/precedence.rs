//! Which value of a variable a host gets, whatever the groups look like.

use proptest::prelude::*;

use super::ini;
use crate::inventory::InventoryVariables;
use crate::vars::vault::VaultPasswords;

/// A group: the number of its parent, if it has one, and what it says.
#[derive(Clone, Debug)]
struct Group {
    parent: Option<usize>,
    has_host: bool,
    sets: bool,
    priority: Option<i64>,
}

fn groups() -> impl Strategy<Value = Vec<Group>> {
    let group = (
        any::<prop::sample::Index>(),
        any::<[bool; 3]>(),
        prop::option::of(1_i64..4),
    );
    prop::collection::vec(group, 1..7).prop_map(|drawn| {
        let group = |(number, (parent, [has_parent, has_host, sets], priority)): (
            usize,
            (prop::sample::Index, [bool; 3], Option<i64>),
        )| Group {
            parent: (has_parent && number > 0).then(|| parent.index(number)),
            has_host,
            sets,
            priority,
        };
        drawn.into_iter().enumerate().map(group).collect()
    })
}

/// Names whose order is not that of the numbers.
fn name(number: usize) -> String {
    format!("{}{number}", ["q", "b", "z", "a", "m", "c", "y"][number])
}

fn depth(groups: &[Group], number: usize) -> usize {
    groups[number].parent.map_or(1, |parent| depth(groups, parent) + 1)
}

fn text(groups: &[Group], order: &[usize], all: bool, host: bool) -> String {
    let mut text = format!("h{}\n", if host { " x=host" } else { "" });
    if all {
        text.push_str("[all:vars]\nx=all\n");
    }
    for &number in order {
        let (group, own) = (&groups[number], name(number));
        text.push_str(&format!("[{own}]\n{}", if group.has_host { "h\n" } else { "" }));
        text.push_str(&format!("[{own}:vars]\n"));
        if group.sets {
            text.push_str(&format!("x={own}\n"));
        }
        if let Some(priority) = group.priority {
            text.push_str(&format!("ansible_group_priority={priority}\n"));
        }
        let children = (0..groups.len()).filter(|child| groups[*child].parent == Some(number));
        text.push_str(&format!("[{own}:children]\n"));
        children.for_each(|child| text.push_str(&format!("{}\n", self::name(child))));
    }
    text
}

/// What Ansible's rule gives: all, then groups by depth, priority and name, then the host.
fn expected(groups: &[Group], all: bool, host: bool) -> Option<String> {
    let holds = |number: usize| {
        let mut below: Vec<usize> = vec![number];
        while let Some(current) = below.pop() {
            if groups[current].has_host {
                return true;
            }
            below.extend((0..groups.len()).filter(|child| groups[*child].parent == Some(current)));
        }
        false
    };
    let best = (0..groups.len())
        .filter(|number| groups[*number].sets && holds(*number))
        .max_by_key(|number| {
            (
                depth(groups, *number),
                groups[*number].priority.unwrap_or(1),
                name(*number),
            )
        });
    let of_group = best.map(name).or(all.then(|| "all".to_owned()));
    if host { Some("host".to_owned()) } else { of_group }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_nearest_group_wins_in_whatever_order_the_groups_are_written(
        groups in groups(),
        all: bool,
        host: bool,
        order in Just((0..7).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let order: Vec<usize> = order.into_iter().filter(|number| *number < groups.len()).collect();
        let written = text(&groups, &order, all, host);
        let inventory = ini(&written);
        let (variables, _) = InventoryVariables::load(&inventory, None, &VaultPasswords::default()).unwrap();
        let of_host = variables.of(&inventory, "h").unwrap();
        let value = of_host.host.get("x").or(of_host.groups.get("x"));
        let value = value.and_then(|value| value.raw().as_str()).map(str::to_owned);
        prop_assert_eq!(value, expected(&groups, all, host), "{}", written);
    }
}
