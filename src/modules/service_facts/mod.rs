//! The `service-facts` module.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Again, Context, Failure, Module, Outcome, State};
use crate::connection::Script;

const QUERY: Script = Script {
    name: "service-facts/query",
    text: include_str!("query.sh"),
};

/// What systemd says where a service is not well; it outweighs whether it is enabled.
const BAD: [&str; 3] = ["not-found", "masked", "failed"];

/// Finds out which services a node has, which of them run, and which are enabled: `ansible_facts.services`, by names such
/// as `kubelet.service`. Changes nothing, so it also runs in check mode. The node needs systemd.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceFacts {}

impl Module for ServiceFacts {
    const NAME: &'static str = "service-facts";
    const AGAIN: Again = Again::Once;
    const EXAMPLE: &'static str = "\
- name: Which services are there?
  service-facts:

- name: The firewall does not stand in the way
  systemd:
    name: firewalld
    state: stopped
  when: \"'firewalld.service' in ansible_facts.services\"
";

    type Plan = std::convert::Infallible;

    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let output = context.run(QUERY, [""; 0])?;
        if !output.success() {
            return Err(
                Failure::of_program("listing the services", &output).help("the module needs a node that systemd runs")
            );
        }
        let mut facts = Map::new();
        facts.insert("services".to_owned(), services(&output.stdout_text()));
        Ok(State::Satisfied(Outcome { facts, ..Outcome::ok() }))
    }

    fn apply(&self, _: &mut Context<'_>, plan: Self::Plan) -> Result<Outcome, Failure> {
        match plan {}
    }
}

struct Service {
    state: String,
    status: String,
}

fn services(text: &str) -> Value {
    let (units, rest) = text.split_once("== files\n").unwrap_or((text, ""));
    let (files, states) = rest.split_once("== states\n").unwrap_or((rest, ""));
    let mut services: IndexMap<&str, Service> = IndexMap::new();
    for line in units.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [name, _, active, sub, ..] = fields.as_slice() else {
            continue;
        };
        if !name.ends_with(".service") {
            continue;
        }
        let known = fields.get(..fields.len() - 1).unwrap_or_default();
        let bad = BAD.into_iter().find(|bad| known.contains(bad));
        let state = if *sub == "running" { "running" } else { "stopped" };
        services.insert(
            name,
            Service {
                state: state.to_owned(),
                status: bad.unwrap_or(active).to_owned(),
            },
        );
    }
    let mut states = states.lines().filter_map(|line| line.strip_prefix("ActiveState="));
    for line in files.lines() {
        let mut fields = line.split_whitespace();
        let (Some(name), Some(status)) = (fields.next(), fields.next()) else {
            continue;
        };
        if !name.ends_with(".service") {
            continue;
        }
        if let Some(service) = services.get_mut(name) {
            if !BAD.contains(&service.status.as_str()) {
                status.clone_into(&mut service.status);
            }
            continue;
        }
        let state = if name.ends_with("@.service") {
            None
        } else {
            states.next()
        };
        services.insert(
            name,
            Service {
                state: state.unwrap_or("unknown").to_owned(),
                status: status.to_owned(),
            },
        );
    }
    services
        .into_iter()
        .map(|(name, service)| {
            let described =
                json!({"name": name, "state": service.state, "status": service.status, "source": "systemd"});
            (name.to_owned(), described)
        })
        .collect::<Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use crate::modules::testing::{FakeTools, check_module};

    #[rstest]
    fn under_real_shells(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
        let tools = FakeTools::new();
        tools.add(
            "systemctl",
            r"case $1 in
    list-units) echo 'kubelet.service loaded active running kubelet: The Node Agent'
        echo 'once.service loaded active exited Once'
        echo 'bad.service loaded failed failed It failed'
        echo 'gone.service not-found inactive dead gone.service' ;;
    list-unit-files) printf '%s\n' 'kubelet.service enabled enabled' 'bad.service enabled enabled' \
        'getty@.service enabled enabled' 'idle.service disabled enabled' 'alias.service alias -' ;;
    show) printf 'ActiveState=inactive\n\nActiveState=active\n' ;;
esac",
        );
        let mut node = tools.node(shell);
        let outcome = check_module("ansible.builtin.service_facts", json!({}), node.connection()).unwrap();
        assert!(!outcome.changed);
        let services = &outcome.facts["services"];
        for (name, state, status) in [
            ("kubelet.service", "running", "enabled"),
            ("once.service", "stopped", "active"),
            ("bad.service", "stopped", "failed"),
            ("gone.service", "stopped", "not-found"),
            ("getty@.service", "unknown", "enabled"),
            ("idle.service", "inactive", "disabled"),
            ("alias.service", "active", "alias"),
        ] {
            let wanted = json!({"name": name, "state": state, "status": status, "source": "systemd"});
            assert_eq!(services[name], wanted);
        }
        assert_eq!(
            tools.calls().last().unwrap(),
            "systemctl show --property=ActiveState -- idle.service alias.service"
        );
    }
}
