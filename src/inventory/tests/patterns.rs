use std::collections::HashSet;

use proptest::prelude::*;
use rstest::rstest;

use super::super::{Inventory, Pattern, PatternError};
use super::ini;

/// Groups that overlap, with nothing in one of them.
const HOSTS: &str = include_str!("../../../tests/data/patterns/hosts");

fn select(inventory: &Inventory, pattern: &str) -> Result<Vec<String>, PatternError> {
    Pattern::parse(pattern)?.select(inventory)
}

/// The right column is what Ansible's inventory manager gives.
#[rstest]
#[case("all", "lonely m1 w1 w2 node.example.com 10.0.0.5 2001:db8::7 m2 m3 w3 w4 w5")]
#[case("*", "lonely m1 w1 w2 node.example.com 10.0.0.5 2001:db8::7 m2 m3 w3 w4 w5")]
#[case("masters", "m1 m2 m3")]
#[case("masters:workers", "m1 m2 m3 w1 w2 w3 w4 w5")]
#[case("masters,workers", "m1 m2 m3 w1 w2 w3 w4 w5")]
#[case("workers:masters", "w1 w2 w3 w4 w5 m1 m2 m3")]
#[case("masters:&etcd", "m1")]
#[case("etcd:!masters", "w1")]
#[case("!masters", "lonely w1 w2 node.example.com 10.0.0.5 2001:db8::7 w3 w4 w5")]
#[case("&etcd", "m1 w1")]
#[case("!w1:workers", "w2 w3 w4 w5")]
#[case("workers:!w1:!w2", "w3 w4 w5")]
#[case("k8s:&rack-a:!w2", "m1 w1")]
#[case("masters[0]", "m1")]
#[case("masters[-1]", "m3")]
#[case("masters[-3]", "m1")]
#[case("masters[1:]", "m2 m3")]
#[case("masters[0:1]", "m1 m2")]
#[case("masters[2:9]", "m3")]
#[case("masters[9:]", "")]
#[case("one[1:]", "")]
#[case("empty[0]", "")]
#[case("empty", "")]
#[case("ungrouped", "lonely")]
#[case("k8s[0]", "m1")]
#[case("m*", "m1 m2 m3")]
#[case("w?", "w1 w2 w3 w4 w5")]
#[case("w[!12]", "w3 w4 w5")]
#[case("~(m|w)1", "m1 w1")]
#[case("~w[1-3]$", "w1 w2 w3")]
#[case("mast*[0]", "m1")]
#[case("w*:m*", "w1 w2 w3 w4 w5 m1 m2 m3")]
#[case("m1", "m1")]
#[case("w3,m1,w3", "w3 m1")]
#[case("localhost", "localhost")]
#[case("localhost:m1", "localhost m1")]
#[case("node.example.com", "node.example.com")]
#[case("*.example.com", "node.example.com")]
#[case("10.0.0.5", "10.0.0.5")]
#[case("10.0.0.*", "10.0.0.5")]
#[case("2001:db8::7", "2001:db8::7")]
#[case("2001:db8::7,m1", "2001:db8::7 m1")]
#[case("all:!k8s", "lonely node.example.com 10.0.0.5 2001:db8::7")]
#[case("masters : workers", "m1 m2 m3 w1 w2 w3 w4 w5")]
#[case("rack-a:!m1", "w1 w2")]
#[case("k8s:!masters[0]", "m2 m3 w1 w2 w3 w4 w5")]
#[case("workers[1:2]:w5", "w2 w3 w5")]
#[case("!rack-a:&k8s", "m2 m3 w3 w4 w5")]
#[case("all[0]", "lonely")]
#[case("*ast*", "m1 m2 m3")]
#[case("~.*example", "node.example.com")]
#[case("~w:m1", "w1 w2 w3 w4 w5 m1")]
#[case("masters[0:0]", "m1")]
fn patterns_mean_what_they_mean_to_ansible(#[case] pattern: &str, #[case] expected: &str) {
    assert_eq!(select(&ini(HOSTS), pattern).unwrap().join(" "), expected);
}

#[rstest]
#[case("mastres", "did you mean `masters`?")]
#[case("masters:!w9", "did you mean")]
#[case("masters:&rakc-a", "did you mean `rack-a`?")]
#[case("nothing*", "--graph")]
#[case("w[12]", "did you mean")]
#[case("masters:workers,m1", "commas separate")]
#[case("masters[3]", "positions count from 0")]
#[case("masters[-4]", "positions count from 0")]
fn a_part_that_matches_nothing_is_an_error_with_a_way_out(#[case] pattern: &str, #[case] help: &str) {
    let error = select(&ini(HOSTS), pattern).unwrap_err();
    let shown = error.help().unwrap_or_default();
    assert!(shown.contains(help), "{error}: {shown}");
}

#[rstest]
#[case("", "empty")]
#[case(" , ", "empty")]
#[case("a:!", "a name must follow")]
#[case("a[0:b", "balanced")]
#[case("a]:b", "balanced")]
#[case("masters[0-2]", "`masters[0:2]`")]
#[case("masters[2:1]", "before it begins")]
#[case("masters[99999999999999999999]", "too large")]
#[case("~(", "not a host pattern")]
#[case("~(a{1000}){1000}", "too large")]
fn what_is_no_pattern_is_said(#[case] pattern: &str, #[case] part: &str) {
    let error = select(&ini(HOSTS), pattern).unwrap_err();
    assert!(error.to_string().contains(part), "{error}");
}

#[test]
fn localhost_of_the_inventory_is_preferred() {
    let inventory = ini("127.0.0.1 x=1\n");
    assert_eq!(select(&inventory, "localhost").unwrap(), ["127.0.0.1"]);
    assert_eq!(select(&ini("a\n"), "::1").unwrap(), ["::1"]);
}

#[test]
fn a_limit_reads_files_and_an_empty_one_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("upgrade.retry");
    let inventory = ini(HOSTS);
    let limit = format!("@{}", file.display());
    assert!(matches!(
        Pattern::parse_limit(&limit),
        Err(PatternError::LimitFile { .. })
    ));
    std::fs::write(&file, "# failed\nw2\n\n  w1\n").unwrap();
    let hosts = |limit: &str| Pattern::parse_limit(limit).unwrap().select(&inventory).unwrap();
    assert_eq!(hosts(&limit), ["w2", "w1"]);
    assert_eq!(hosts(&format!("{limit},!w1")), ["w2"]);
    std::fs::write(&file, "\n").unwrap();
    let error = Pattern::parse_limit(&limit).unwrap_err();
    assert!(error.to_string().contains("lists no host"), "{error}");
}

/// Parts that all match something.
fn part() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "masters",
        "workers",
        "etcd",
        "rack-a",
        "one",
        "k8s",
        "dotted",
        "ungrouped",
        "all",
        "m1",
        "w3",
        "m*",
        "~w",
        "w[!1]",
        "masters[1:]",
        "workers[0]",
        "workers[1:2]",
        "empty",
    ])
    .prop_map(str::to_owned)
}

fn signed_part() -> impl Strategy<Value = String> {
    (prop::sample::select(vec!["", "", "&", "!"]), part()).prop_map(|(sign, part)| format!("{sign}{part}"))
}

proptest! {
    #[test]
    fn hosts_come_once_and_signs_hold(parts in prop::collection::vec(signed_part(), 1..6)) {
        let inventory = ini(HOSTS);
        let hosts = select(&inventory, &parts.join(",")).unwrap();
        let distinct: HashSet<_> = hosts.iter().collect();
        prop_assert_eq!(distinct.len(), hosts.len());
        for part in &parts {
            if let Some(excluded) = part.strip_prefix('!') {
                let excluded = select(&inventory, excluded).unwrap();
                prop_assert!(hosts.iter().all(|host| !excluded.contains(host)));
            } else if let Some(required) = part.strip_prefix('&') {
                let required = select(&inventory, required).unwrap();
                prop_assert!(hosts.iter().all(|host| required.contains(host)));
            }
        }
    }

    #[test]
    fn the_place_of_signs_does_not_matter(parts in prop::collection::vec(signed_part(), 1..6)) {
        let inventory = ini(HOSTS);
        let mut sorted = parts.clone();
        sorted.sort_by_key(|part| part.starts_with(['&', '!']));
        prop_assert_eq!(select(&inventory, &parts.join(",")), select(&inventory, &sorted.join(",")));
    }

    #[test]
    fn one_part_keeps_the_order_of_the_inventory(part in part()) {
        let inventory = ini(HOSTS);
        let hosts = select(&inventory, &format!("all:&{part}")).unwrap();
        let order: Vec<&str> = inventory.hosts().collect();
        prop_assert!(hosts.is_sorted_by_key(|host| order.iter().position(|known| known == host)));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,30}") {
        let _ = Pattern::parse(&text).map(|pattern| pattern.select(&ini(HOSTS)));
    }

    #[test]
    fn no_soup_of_signs_panics(text in "[mw\\[\\]0-9:,!&~*?^()-]{0,20}") {
        let _ = Pattern::parse(&text).map(|pattern| pattern.select(&ini(HOSTS)));
    }
}
