//! Reads what facts.sh prints.

use std::net::Ipv4Addr;

use serde_json::{Map, Value};

use super::rows::{Rows, around};

/// The facts, by their names without `ansible_`.
pub fn read(answer: &[u8]) -> Map<String, Value> {
    const ENVIRONMENT: &[u8] = b"\nenvironment\n";
    let mark = answer
        .windows(ENVIRONMENT.len())
        .position(|window| window == ENVIRONMENT);
    let (lines, environment) = match mark {
        Some(position) => (&answer[..position], Some(&answer[position + ENVIRONMENT.len()..])),
        None => match answer.strip_prefix(&ENVIRONMENT[1..]) {
            Some(environment) => (&answer[..0], Some(environment)),
            None => (answer, None),
        },
    };
    let mut facts = Map::new();
    let mut rows = Rows::default();
    for line in String::from_utf8_lossy(lines).lines() {
        if !rows.take(line)
            && let Some((name, value)) = fact(line)
        {
            insert(&mut facts, name, value);
        }
    }
    rows.add_to(&mut facts);
    if let Some(environment) = environment {
        facts.insert("env".to_owned(), Value::Object(variables(environment)));
    }
    add_network(&mut facts);
    facts
}

/// `NAME=TEXT`, `NAME#NUMBER`, `NAME?TRUTH` or `NAME+WORDS`.
fn fact(line: &str) -> Option<(&str, Value)> {
    let position = line.find(['=', '#', '?', '+'])?;
    let (name, value) = (&line[..position], &line[position + 1..]);
    let value = match line.as_bytes()[position] {
        b'#' => value.parse::<u64>().ok()?.into(),
        b'?' => (value == "true").into(),
        b'+' => value.split_whitespace().collect(),
        _ => value.into(),
    };
    Some((name, value))
}

/// A dot in a name leads into a mapping.
fn insert(facts: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => {
            facts.insert(name.to_owned(), value);
        }
        Some((outer, inner)) => {
            let entry = facts.entry(outer).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(map) = entry {
                insert(map, inner, value);
            }
        }
    }
}

fn variables(environment: &[u8]) -> Map<String, Value> {
    environment
        .split(|byte| *byte == 0)
        .filter_map(|variable| {
            let text = String::from_utf8_lossy(variable);
            let (name, value) = text.split_once('=')?;
            Some((name.to_owned(), Value::from(value)))
        })
        .collect()
}

/// The mask, network and broadcast address that follow from the default address and its prefix. Without a default route
/// the default addresses are empty mappings, as in Ansible.
fn add_network(facts: &mut Map<String, Value>) {
    if facts.contains_key("all_ipv4_addresses") {
        for name in ["default_ipv4", "default_ipv6"] {
            facts.entry(name).or_insert_with(|| Value::Object(Map::new()));
        }
    }
    let Some(Value::Object(default)) = facts.get_mut("default_ipv4") else {
        return;
    };
    let text = |name: &str| default.get(name).and_then(Value::as_str);
    let address = text("address").and_then(|address| address.parse::<Ipv4Addr>().ok());
    let prefix = text("prefix")
        .and_then(|prefix| prefix.parse::<u32>().ok())
        .filter(|prefix| *prefix <= 32);
    let (Some(address), Some(prefix)) = (address, prefix) else {
        return;
    };
    default.extend(around(address, prefix));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lines_become_values() {
        let facts = read(
            b"hostname=m1\nmemtotal_mb#2000\nfips?false\nall_ipv4_addresses+10.0.0.1 10.0.0.2 \nselinux.status=disabled\n\
              default_ipv4.address=10.77.0.11\ndefault_ipv4.prefix=24\nmount\t/\t/dev/vda\text4\trw\t1024 100 50 40 20 10\n\
              environment\nHOME=/root\0TWO=a\nb\0",
        );
        assert_eq!(
            Value::Object(facts),
            json!({
                "hostname": "m1", "memtotal_mb": 2000, "fips": false, "all_ipv4_addresses": ["10.0.0.1", "10.0.0.2"],
                "selinux": {"status": "disabled"},
                "default_ipv4": {"address": "10.77.0.11", "prefix": "24", "netmask": "255.255.255.0",
                    "network": "10.77.0.0", "broadcast": "10.77.0.255"},
                "default_ipv6": {},
                "mounts": [{"mount": "/", "device": "/dev/vda", "fstype": "ext4", "options": "rw",
                    "size_total": 102_400, "size_available": 40_960, "block_size": 1024, "block_total": 100,
                    "block_available": 40, "block_used": 60, "inode_total": 20, "inode_available": 10, "inode_used": 10}],
                "env": {"HOME": "/root", "TWO": "a\nb"},
            })
        );
    }

    #[test]
    fn an_answer_may_hold_the_environment_only() {
        assert_eq!(Value::Object(read(b"environment\nA=1\0")), json!({"env": {"A": "1"}}));
    }
}
