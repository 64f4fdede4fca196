//! The `setup` module: facts about a node.

mod answer;
mod rows;

use std::time::Duration;

use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::connection::{Request, Script};

use super::args::{Count, List, Text};
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
    /// `virtual`, `mounts`, `local`; with a `!` in front that group is left out. Ansible's smaller groups stand for those
    /// that they are in.
    gather_subset: List,
    /// Directory of the node's own facts: `NAME.fact` holds JSON or INI, or is a program that prints it; the result is
    /// `ansible_local.NAME`. Default: /etc/ansible/facts.d.
    fact_path: Option<Text>,
    /// Seconds after which the node is given up. Default: what is left of the task's time.
    gather_timeout: Option<Count>,
}

/// Where the node's own facts are.
const FACT_PATH: &str = "/etc/ansible/facts.d";

/// The groups of facts.sh.
const GROUPS: [&str; 7] = ["platform", "hardware", "network", "virtual", "mounts", "local", "env"];

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
            if groups.is_empty() && !is_refused {
                let path = format!("gather_subset[{index}]");
                return Err(ArgumentError::option(
                    path,
                    format!("krun does not ask `{name}`; leave it out"),
                ));
            }
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
        "platform" | "apparmor" | "architecture" | "chroot" | "cmdline" | "date_time" | "distribution" | "fips"
        | "is_chroot" | "kernel" | "lsb" | "machine" | "machine_id" | "os_family" | "pkg_mgr" | "proc_cmdline"
        | "selinux" | "service_mgr" | "ssh_pub_keys" | "user" | "user_id" => &["platform"],
        "env" => &["env"],
        "hardware" => &["hardware", "mounts"],
        "devices" | "loadavg" | "memory_mb" | "processor" => &["hardware"],
        "network" | "all_ipv4_addresses" | "default_ipv4" | "interfaces" | "dns" => &["network"],
        "virtual" | "virtualization_type" | "virtualization_role" => &["virtual"],
        "mounts" => &["mounts"],
        "local" => &["local"],
        // Programs of others, which krun does not ask: leaving them out is what always happens.
        "facter" | "ohai" => &[],
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
        let fact_path = self.fact_path.as_deref().unwrap_or(FACT_PATH);
        let words = std::iter::once(fact_path).chain(groups.iter().copied());
        let mut request = Request::new(FACTS, words);
        if let Some(Count(seconds)) = self.gather_timeout {
            request = request.with_timeout(Duration::from_secs(seconds.max(1)));
        }
        let output = context.request(request)?;
        if !output.success() {
            return Err(Failure::of_program("gathering facts", &output));
        }
        let mut facts = answer::read(&output.stdout);
        if facts.is_empty() && groups.iter().any(|group| *group != "local") {
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
    #[case(json!({}), "platform hardware network virtual mounts local env")]
    #[case(json!({"gather_subset": "min"}), "platform env")]
    #[case(json!({"gather_subset": ["!all"]}), "platform env")]
    #[case(json!({"gather_subset": ["!hardware"]}), "platform network virtual local env")]
    #[case(json!({"gather_subset": ["network", "!min"]}), "network")]
    fn groups(#[case] options: Value, #[case] expected: &str) {
        let (mut connection, log) = scripted([Answer::stdout("hostname=m1\n")]);
        run_module("setup", options, &mut connection).unwrap();
        assert_eq!(asked(&log), [format!("setup/facts /etc/ansible/facts.d {expected}")]);
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
        assert!(module.validate(json!({"gather_subset": ["facter"]})).is_err());
        assert!(module.validate(json!({"gather_subset": ["!facter", "!ohai"]})).is_ok());
    }

    /// Facts that Ansible finds on every machine, under its names.
    #[test]
    fn the_usual_facts_are_there() {
        let facts = run_module("setup", json!({"fact_path": "/none"}), &mut *local_shell())
            .unwrap()
            .facts;
        let names = "apparmor architecture bios_version cmdline date_time devices distribution_file_path distribution_release dns \
                     effective_group_id interfaces is_chroot lo loadavg machine_id memory_mb mounts os_family proc_cmdline \
                     processor processor_cores processor_count processor_threads_per_core product_name product_uuid \
                     real_group_id system_vendor uptime_seconds user_gecos userspace_bits virtualization_role";
        let missing: Vec<_> = names
            .split_whitespace()
            .filter(|name| !facts.contains_key(*name))
            .collect();
        // Containers have neither a mount of a disk, nor perhaps `ip`.
        let missing: Vec<_> = missing
            .into_iter()
            .filter(|name| !["mounts", "lo"].contains(name))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn the_nodes_own_facts_are_read_and_run() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("role.fact", "[node]\nkind = master\n");
        write("made.fact", "#!/bin/sh\necho '{\"a\": 1}'\n");
        write("other.txt", "no");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path().join("made.fact"), mode).unwrap();
        let options = json!({"fact_path": folder.path(), "gather_subset": ["local", "!min"]});
        let facts = run_module("setup", options, &mut *local_shell()).unwrap().facts;
        let expected = json!({"local": {"made": {"a": 1}, "role": {"node": {"kind": "master"}}}});
        assert_eq!(Value::Object(facts), expected);
    }

    #[rstest]
    #[case(&["dash"])]
    #[case(&["bash", "--posix"])]
    #[case(&["busybox", "sh"])]
    fn every_shell_finds_the_same(#[case] shell: &[&str]) {
        let Ok(output) = Command::new(shell[0])
            .args(&shell[1..])
            .args(["-c", super::FACTS.text, "sh", "/none", "platform"])
            .output()
        else {
            return; // This shell is not installed here.
        };
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert!(super::answer::read(&output.stdout).contains_key("distribution"));
    }
}
