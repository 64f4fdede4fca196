//! Facts that facts.sh prints as lines of words, which belong together.

use std::net::Ipv4Addr;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

/// Bytes of a sector, whatever the disk says.
const SECTOR: u64 = 512;

/// The lines that were taken so far.
#[derive(Default)]
pub(super) struct Rows {
    mounts: Vec<Value>,
    processors: Vec<Map<String, Value>>,
    links: IndexMap<String, Map<String, Value>>,
    own: IndexMap<String, String>,
    command_line: Option<Map<String, Value>>,
}

impl Rows {
    /// Takes a line that is one of these.
    pub(super) fn take(&mut self, line: &str) -> bool {
        let words: Vec<&str> = line.split('\t').collect();
        match words.as_slice() {
            ["mount", rest @ ..] => self.mounts.extend(mount(rest)),
            ["cpu", "processor", number] => {
                self.processors
                    .push(Map::from_iter([("processor".to_owned(), (*number).into())]));
            }
            ["cpu", key, value] => {
                if let Some(processor) = self.processors.last_mut() {
                    processor.insert((*key).to_owned(), (*value).into());
                }
            }
            ["link", name, flags, mtu, kind, address] => self.link(name, flags, mtu, kind, address),
            ["address", name, address, prefix] => self.address(name, address, prefix),
            ["cmdline", text] => self.command_line = Some(command_line(text)),
            ["local", name, ..] => {
                let text = line.splitn(3, '\t').nth(2).unwrap_or_default();
                let own = self.own.entry((*name).to_owned()).or_default();
                own.push_str(text);
                own.push('\n');
            }
            _ => return false,
        }
        true
    }

    fn link(&mut self, name: &str, flags: &str, mtu: &str, kind: &str, address: &str) {
        let flags: Vec<&str> = flags.split(',').collect();
        let kind = if kind == "loopback" { kind } else { "ether" };
        let link = self.links.entry(name.to_owned()).or_default();
        link.insert("device".to_owned(), name.into());
        link.insert("active".to_owned(), flags.contains(&"UP").into());
        link.insert("promisc".to_owned(), flags.contains(&"PROMISC").into());
        link.insert("mtu".to_owned(), mtu.parse::<u64>().unwrap_or_default().into());
        link.insert("type".to_owned(), kind.into());
        if kind == "ether" && !address.is_empty() {
            link.insert("macaddress".to_owned(), address.into());
        }
    }

    fn address(&mut self, name: &str, address: &str, prefix: &str) {
        let link = self.links.entry(name.to_owned()).or_default();
        if let Ok(four) = address.parse::<Ipv4Addr>() {
            let mut values = json!({"address": address, "prefix": prefix});
            if let (Some(values), Ok(prefix)) = (values.as_object_mut(), prefix.parse()) {
                values.extend(around(four, prefix));
            }
            if link.contains_key("ipv4") {
                let more = link.entry("ipv4_secondaries").or_insert_with(|| json!([]));
                if let Some(more) = more.as_array_mut() {
                    more.push(values);
                }
            } else {
                link.insert("ipv4".to_owned(), values);
            }
            return;
        }
        let scope = match address {
            "::1" => "host",
            _ if address.starts_with("fe80") => "link",
            _ => "global",
        };
        let all = link.entry("ipv6").or_insert_with(|| json!([]));
        let value = json!({"address": address, "prefix": prefix, "scope": scope});
        if let Some(all) = all.as_array_mut() {
            all.push(value);
        }
    }

    /// Adds what the lines come to.
    pub(super) fn add_to(self, facts: &mut Map<String, Value>) {
        if !self.mounts.is_empty() {
            facts.insert("mounts".to_owned(), self.mounts.into());
        }
        if !self.processors.is_empty() {
            add_processors(&self.processors, facts);
        }
        for (name, link) in self.links {
            let name = name.replace(['-', '.', ':'], "_");
            // A name such as `env` is taken already.
            facts.entry(name).or_insert(Value::Object(link));
        }
        if let Some(command_line) = self.command_line {
            facts.insert("cmdline".to_owned(), command_line.clone().into());
            facts.insert("proc_cmdline".to_owned(), command_line.into());
        }
        if !self.own.is_empty() {
            let own = self.own.into_iter().map(|(name, text)| (name, own_fact(&text)));
            facts.insert("local".to_owned(), own.collect::<Map<_, _>>().into());
        }
        if let Some(Value::Object(devices)) = facts.get_mut("devices") {
            devices.values_mut().for_each(add_sizes);
        }
        for value in facts
            .get_mut("loadavg")
            .and_then(Value::as_object_mut)
            .into_iter()
            .flatten()
        {
            if let Some(number) = value.1.as_str().and_then(|text| text.parse::<f64>().ok()) {
                *value.1 = number.into();
            }
        }
    }
}

fn mount(words: &[&str]) -> Option<Value> {
    let [point, device, kind, options, numbers] = words else {
        return None;
    };
    let numbers: Vec<u64> = numbers.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [size, blocks, _, available, inodes, free_inodes] = numbers.as_slice() else {
        return None;
    };
    Some(json!({
        "mount": point,
        "device": device,
        "fstype": kind,
        "options": options,
        "size_total": size.saturating_mul(*blocks),
        "size_available": size.saturating_mul(*available),
        "block_size": size,
        "block_total": blocks,
        "block_available": available,
        "block_used": blocks.saturating_sub(*available),
        "inode_total": inodes,
        "inode_available": free_inodes,
        "inode_used": inodes.saturating_sub(*free_inodes),
    }))
}

/// Mask, network and broadcast address that follow from an address and its prefix.
pub(super) fn around(address: Ipv4Addr, prefix: u32) -> Vec<(String, Value)> {
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix)).unwrap_or(0);
    let network = address.to_bits() & mask;
    [("netmask", mask), ("network", network), ("broadcast", network | !mask)]
        .into_iter()
        .map(|(name, bits)| (name.to_owned(), Ipv4Addr::from_bits(bits).to_string().into()))
        .collect()
}

/// The list of processors and how many sockets, cores and threads they are.
fn add_processors(processors: &[Map<String, Value>], facts: &mut Map<String, Value>) {
    let text = |processor: &Map<String, Value>, key: &str| {
        processor
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let list: Vec<String> = processors
        .iter()
        .flat_map(|processor| ["processor", "vendor_id", "model name"].map(|key| text(processor, key)))
        .filter(|word| !word.is_empty())
        .collect();
    facts.insert("processor".to_owned(), list.into());
    let mut sockets: Vec<String> = processors
        .iter()
        .map(|processor| text(processor, "physical id"))
        .collect();
    sockets.sort();
    sockets.dedup();
    let number = |key: &str| {
        processors
            .first()
            .and_then(|processor| text(processor, key).parse::<u64>().ok())
    };
    let all = u64::try_from(processors.len()).unwrap_or(u64::MAX);
    let (count, cores, threads) = match (number("cpu cores"), number("siblings")) {
        (Some(cores), Some(siblings)) if cores > 0 => (
            u64::try_from(sockets.len()).unwrap_or(1),
            cores,
            (siblings / cores).max(1),
        ),
        // ARM's and virtual machines' lists say nothing about it.
        _ => (all, 1, 1),
    };
    facts.insert("processor_count".to_owned(), count.into());
    facts.insert("processor_cores".to_owned(), cores.into());
    facts.insert("processor_threads_per_core".to_owned(), threads.into());
}

/// The kernel's words: `a=b` under its name, a word alone as true.
fn command_line(text: &str) -> Map<String, Value> {
    let words = shlex::split(text).unwrap_or_else(|| text.split_whitespace().map(str::to_owned).collect());
    let pair = |word: String| match word.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.into()),
        None => (word, true.into()),
    };
    words.into_iter().map(pair).collect()
}

/// A fact of the node's own: JSON, or INI, or the text as it is.
fn own_fact(text: &str) -> Value {
    if let Ok(json) = serde_json::from_str(text) {
        return json;
    }
    let mut sections: Map<String, Value> = Map::new();
    let mut current = String::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut current);
            sections.entry(name).or_insert_with(|| json!({}));
            continue;
        }
        let pair = line.split_once(['=', ':']);
        let section = sections.get_mut(&current).and_then(Value::as_object_mut);
        let (Some((key, value)), Some(section)) = (pair, section) else {
            return text.trim_end().into();
        };
        // Python's reader of INI files has small letters in names.
        section.insert(key.trim().to_lowercase(), value.trim().into());
    }
    sections.into()
}

/// A disk's sizes as people read them.
fn add_sizes(device: &mut Value) {
    let Some(map) = device.as_object_mut() else { return };
    map.entry("partitions").or_insert_with(|| json!({}));
    if let Some(partitions) = map.get_mut("partitions").and_then(Value::as_object_mut) {
        partitions.values_mut().for_each(add_size);
    }
    add_size(device);
}

fn add_size(value: &mut Value) {
    let Some(map) = value.as_object_mut() else { return };
    let sectors = map
        .get("sectors")
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<u64>().ok());
    if let Some(sectors) = sectors {
        map.insert("size".to_owned(), human(sectors.saturating_mul(SECTOR)).into());
        map.insert("sectors".to_owned(), sectors.into());
    }
}

/// Bytes as Ansible writes them: two digits, and the largest unit that leaves one in front.
fn human(bytes: u64) -> String {
    let units = [(40, "TB"), (30, "GB"), (20, "MB"), (10, "KB")];
    let unit = units.into_iter().find(|(shift, _)| bytes >> shift > 0);
    let Some((shift, name)) = unit else {
        return format!("{bytes:.2} Bytes");
    };
    let hundredths = (u128::from(bytes) * 100 + (1 << (shift - 1))) >> shift;
    format!("{}.{:02} {name}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(text: &str) -> Map<String, Value> {
        super::super::answer::read(text.as_bytes())
    }

    #[test]
    fn interfaces_have_facts_of_their_own() {
        let facts = facts(
            "link\tlo\tLOOPBACK,UP,LOWER_UP\t65536\tloopback\t00:00:00:00:00:00\n\
             link\tbr-0\tBROADCAST,UP\t1400\tether\t02:fc:00:00:00:01\n\
             address\tlo\t127.0.0.1\t8\naddress\tbr-0\t192.0.2.2\t24\naddress\tbr-0\t192.0.2.9\t32\n\
             address\tbr-0\tfd00::2\t64\naddress\tbr-0\tfe80::1\t64\n",
        );
        assert_eq!(facts["lo"]["ipv4"]["network"], "127.0.0.0");
        assert_eq!(
            facts["br_0"],
            json!({
                "device": "br-0", "active": true, "promisc": false, "mtu": 1400, "type": "ether",
                "macaddress": "02:fc:00:00:00:01",
                "ipv4": {"address": "192.0.2.2", "prefix": "24", "netmask": "255.255.255.0", "network": "192.0.2.0",
                    "broadcast": "192.0.2.255"},
                "ipv4_secondaries": [{"address": "192.0.2.9", "prefix": "32", "netmask": "255.255.255.255",
                    "network": "192.0.2.9", "broadcast": "192.0.2.9"}],
                "ipv6": [{"address": "fd00::2", "prefix": "64", "scope": "global"},
                    {"address": "fe80::1", "prefix": "64", "scope": "link"}],
            })
        );
    }

    #[test]
    fn processors_are_counted() {
        let one = |number: u32, socket: u32| {
            format!(
                "cpu\tprocessor\t{number}\ncpu\tvendor_id\tV\ncpu\tmodel name\tM\ncpu\tphysical id\t{socket}\n\
                 cpu\tsiblings\t4\ncpu\tcpu cores\t2\n"
            )
        };
        let facts = facts(&(0..8).map(|number| one(number, number / 4)).collect::<String>());
        assert_eq!(facts["processor"].as_array().unwrap().len(), 24);
        assert_eq!(
            [
                &facts["processor_count"],
                &facts["processor_cores"],
                &facts["processor_threads_per_core"]
            ],
            [&json!(2), &json!(2), &json!(2)]
        );
    }

    #[test]
    fn the_kernels_words_and_the_nodes_own_facts() {
        let facts = facts(
            "cmdline\tquiet root=UUID=1-2 a=\"b c\"\nlocal\tj\t{\"a\": [1]}\nlocal\ti\t[s]\nlocal\ti\tKey = v\tw\nlocal\tt\tjust text\n\
             devices.sda.sectors=4194304\ndevices.sda.partitions.sda1.sectors=2048\nloadavg.1m=0.25\n",
        );
        assert_eq!(facts["cmdline"], json!({"quiet": true, "root": "UUID=1-2", "a": "b c"}));
        assert_eq!(
            facts["local"],
            json!({"j": {"a": [1]}, "i": {"s": {"key": "v\tw"}}, "t": "just text"})
        );
        assert_eq!(facts["devices"]["sda"]["size"], "2.00 GB");
        assert_eq!(facts["devices"]["sda"]["partitions"]["sda1"]["size"], "1.00 MB");
        assert_eq!(facts["loadavg"]["1m"], 0.25);
    }
}
