//! The `setup` module: facts about a node.

mod answer;

use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::connection::Script;

use super::args::List;
use super::{Again, ArgumentError, Context, Failure, Fuses, Module, Outcome, State};

const FACTS: Script = Script {
    name: "setup/facts",
    text: include_str!("facts.sh"),
};

/// Finds out what a node is: distribution, addresses, memory, disks and so on, under Ansible's names.
///
/// The values are variables afterwards (`ansible_distribution`) and stand in `ansible_facts` (`ansible_facts.distribution`).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Setup {
    /// Only facts whose names fit one of these patterns (`*` and `?` stand for anything), with or without `ansible_`.
    filter: List,
    /// Groups of facts: `all` (the default), `min` (`platform` and `env`), `platform`, `env`, `hardware`, `network`,
    /// `virtual`, `mounts`; with a `!` in front that group is left out.
    gather_subset: List,
}

/// The groups of facts.sh.
const GROUPS: [&str; 6] = ["platform", "hardware", "network", "virtual", "mounts", "env"];

/// Groups that are always gathered unless `!min` is said.
const MINIMUM: [&str; 2] = ["platform", "env"];

impl Setup {
    /// The groups of facts.sh that are wanted.
    fn groups(&self) -> Result<Vec<&'static str>, ArgumentError> {
        let mut wanted: Vec<&str> = MINIMUM.to_vec();
        let mut refused: Vec<&str> = Vec::new();
        let mut is_one_named = false;
        for (index, word) in self.gather_subset.iter().enumerate() {
            let (is_refused, name) = match word.strip_prefix('!') {
                Some(name) => (true, name),
                None => (false, word.as_str()),
            };
            let groups = groups_of(name).ok_or_else(|| {
                let path = format!("gather_subset[{index}]");
                ArgumentError::option(
                    path,
                    format!(
                        "there is no group of facts `{name}`; there are all, min, {}",
                        GROUPS.join(", ")
                    ),
                )
            })?;
            if is_refused {
                // As in Ansible `!all` leaves the minimum.
                let keeps_minimum = |group: &&&str| name != "all" || !MINIMUM.contains(group);
                refused.extend(groups.iter().filter(keeps_minimum));
            } else {
                is_one_named = true;
                wanted.extend(groups);
            }
        }
        if !is_one_named {
            wanted.extend(GROUPS);
        }
        let is_wanted = |group: &&str| wanted.contains(group) && !refused.contains(group);
        Ok(GROUPS.into_iter().filter(is_wanted).collect())
    }

    fn patterns(&self) -> Result<Vec<Regex>, ArgumentError> {
        let pattern = |(index, text): (usize, &String)| {
            let text = text.strip_prefix("ansible_").unwrap_or(text);
            let glob = regex::escape(text).replace(r"\*", ".*").replace(r"\?", ".");
            Regex::new(&format!("^{glob}$"))
                .map_err(|error| ArgumentError::option(format!("filter[{index}]"), error.to_string()))
        };
        self.filter.iter().enumerate().map(pattern).collect()
    }
}

/// A group's own name, or one of Ansible's smaller ones, which facts.sh does not tell apart.
fn groups_of(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "all" => &GROUPS,
        "min" => &MINIMUM,
        "platform" | "date_time" | "distribution" | "pkg_mgr" | "service_mgr" | "user" | "selinux" | "fips" => {
            &["platform"]
        }
        "env" => &["env"],
        "hardware" => &["hardware", "mounts"],
        "network" | "interfaces" | "dns" => &["network"],
        "virtual" => &["virtual"],
        "mounts" => &["mounts"],
        _ => return None,
    })
}

impl Module for Setup {
    const NAME: &'static str = "setup";
    const ALIASES: &'static [&'static str] = &["gather-facts"];
    const FUSES: Fuses = Fuses::Looks;
    const AGAIN: Again = Again::Once;
    const EXAMPLE: &'static str = "\
- name: The node's addresses and its distribution, and nothing else
  setup:
    gather_subset: [network]
    filter: [default_ipv4, distribution*]
";

    type Plan = std::convert::Infallible;

    fn validate(&self) -> Result<(), ArgumentError> {
        self.groups()?;
        self.patterns().map(drop)
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let refused = |error: ArgumentError| Failure::new(error.to_string());
        let groups = self.groups().map_err(refused)?;
        let patterns = self.patterns().map_err(refused)?;
        let output = context.run(FACTS, groups.iter().copied())?;
        if !output.success() {
            return Err(Failure::of_program("gathering facts", &output));
        }
        let mut facts = answer::read(&output.stdout);
        if facts.is_empty() && !groups.is_empty() {
            return Err(Failure::of_program("gathering facts", &output));
        }
        if !patterns.is_empty() {
            facts.retain(|name, _| patterns.iter().any(|pattern| pattern.is_match(name)));
        }
        let named: Map<String, Value> = facts
            .iter()
            .map(|(name, value)| (format!("ansible_{name}"), value.clone()))
            .collect();
        let mut outcome = Outcome::ok().with("ansible_facts", Value::Object(named));
        outcome.facts = facts;
        Ok(State::Satisfied(outcome))
    }

    fn apply(&self, _: &mut Context<'_>, plan: Self::Plan) -> Result<Outcome, Failure> {
        match plan {}
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::connection::scripted::Answer;
    use crate::modules::testing::{asked, local_shell, run_module, scripted};

    #[test]
    fn this_machine_has_facts() {
        let mut shell = local_shell();
        let facts = run_module("gather-facts", json!({}), &mut *shell).unwrap().facts;
        assert_eq!(shell.exchanges(), 1);
        for name in [
            "distribution",
            "distribution_major_version",
            "os_family",
            "hostname",
            "nodename",
            "fqdn",
            "env",
            "date_time",
            "architecture",
            "kernel",
            "machine",
            "processor_vcpus",
            "memtotal_mb",
            "pkg_mgr",
            "service_mgr",
            "virtualization_type",
            "user_id",
            "selinux",
            "all_ipv4_addresses",
        ] {
            assert!(facts.contains_key(name), "{name}");
        }
        assert_eq!(facts["env"]["LC_ALL"], "C");
        assert!(facts["memtotal_mb"].as_u64().unwrap() > 0);
    }

    #[rstest]
    #[case(json!({}), "platform hardware network virtual mounts env")]
    #[case(json!({"gather_subset": "min"}), "platform env")]
    #[case(json!({"gather_subset": ["!all"]}), "platform env")]
    #[case(json!({"gather_subset": ["!hardware"]}), "platform network virtual env")]
    #[case(json!({"gather_subset": ["network", "!min"]}), "network")]
    fn groups(#[case] options: Value, #[case] expected: &str) {
        let (mut connection, log) = scripted([Answer::stdout("hostname=m1\n")]);
        run_module("setup", options, &mut connection).unwrap();
        assert_eq!(asked(&log), [format!("setup/facts {expected}")]);
    }

    #[test]
    fn a_filter_leaves_the_rest_out() {
        let (mut connection, _) = scripted([Answer::stdout("hostname=m1\nkernel=6.1\ndistribution=Debian\n")]);
        let options = json!({"filter": ["ansible_host*", "distribution"]});
        let facts = run_module("setup", options, &mut connection).unwrap().facts;
        assert_eq!(
            Value::Object(facts),
            json!({"hostname": "m1", "distribution": "Debian"})
        );
    }

    #[test]
    fn unknown_groups_are_found_before_the_run() {
        let module = crate::modules::find("setup").unwrap();
        assert!(module.validate(json!({"gather_subset": ["hardwear"]})).is_err());
    }

    #[rstest]
    #[case(&["dash"])]
    #[case(&["bash", "--posix"])]
    #[case(&["busybox", "sh"])]
    fn every_shell_finds_the_same(#[case] shell: &[&str]) {
        let Ok(output) = Command::new(shell[0])
            .args(&shell[1..])
            .args(["-c", super::FACTS.text, "sh", "platform"])
            .output()
        else {
            return; // This shell is not installed here.
        };
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert!(super::answer::read(&output.stdout).contains_key("distribution"));
    }
}
