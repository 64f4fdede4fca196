//! The `hostname` module.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::args::Text;
use super::{ArgumentError, Context, Diff, Failure, Module, Outcome, Pending, State};
use crate::connection::{Output, Script};

const QUERY: Script = Script {
    name: "hostname/query",
    text: include_str!("query.sh"),
};

const APPLY: Script = Script {
    name: "hostname/apply",
    text: include_str!("apply.sh"),
};

/// The longest name that Linux takes.
const LONGEST: usize = 64;

/// Names the machine, now and after a boot: with `hostnamectl` where systemd runs, with `/etc/hostname` and `hostname`
/// elsewhere. `/etc/hosts` stays as it is, and so does the name of a Kubernetes node.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hostname {
    /// The name.
    name: Text,
}

/// Which of the two names is set.
pub struct Plan {
    permanent: bool,
    current: bool,
}

impl Module for Hostname {
    const NAME: &'static str = "hostname";
    const REFUSED_OPTIONS: &'static [(&'static str, &'static str)] =
        &[("use", "krun finds out how a node keeps its name")];
    const EXAMPLE: &'static str = "\
- name: Each machine has its name of the inventory
  hostname:
    name: \"{{ inventory_hostname }}\"
";

    type Plan = Plan;

    fn validate(&self) -> Result<(), ArgumentError> {
        Self::check_option("name", &self.name)
    }

    fn check_option(name: &str, value: &str) -> Result<(), ArgumentError> {
        if name != "name" {
            return Ok(());
        }
        if value.is_empty() || value.starts_with('-') || value.contains(char::is_whitespace) {
            return Err(ArgumentError::option("name", "this is no name of a machine"));
        }
        if value.len() > LONGEST {
            return Err(ArgumentError::option(
                "name",
                format!("a name has {LONGEST} characters at most"),
            ));
        }
        Ok(())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Plan>, Failure> {
        let output = context.run(QUERY, [""; 0])?;
        if !output.success() {
            return Err(Failure::of_program("asking for the machine's name", &output));
        }
        let found = output.pairs();
        let text = |key: &str| found.get(key).map_or("", |value| value.trim());
        let plan = Plan {
            permanent: text("permanent") != &*self.name,
            current: text("current") != &*self.name,
        };
        let outcome = self.outcome(&output);
        if !plan.permanent && !plan.current {
            return Ok(State::Satisfied(outcome));
        }
        let before = if plan.current {
            text("current")
        } else {
            text("permanent")
        };
        let diff = Diff {
            before: format!("hostname = {before}\n"),
            after: format!("hostname = {}\n", self.name),
            ..Diff::default()
        };
        let mut pending = Pending::new(plan, [format!("hostname {before} → {}", self.name)]).with_diff(diff);
        pending.result = outcome.result;
        Ok(pending.into())
    }

    fn apply(&self, context: &mut Context<'_>, plan: Plan) -> Result<Outcome, Failure> {
        let word = |flag: bool| if flag { "yes" } else { "no" };
        let output = context.run(APPLY, [&*self.name, word(plan.permanent), word(plan.current)])?;
        if !output.success() {
            return Err(Failure::of_program(
                &format!("naming the machine {}", self.name),
                &output,
            ));
        }
        Ok(Outcome {
            changed: true,
            ..self.outcome(&output)
        })
    }
}

impl Hostname {
    fn outcome(&self, output: &Output) -> Outcome {
        let fqdn = output.pairs().get("fqdn").cloned().unwrap_or_default();
        let fqdn = if fqdn.is_empty() { self.name.0.clone() } else { fqdn };
        let domain = fqdn.split_once('.').map_or("", |(_, domain)| domain).to_owned();
        let short = self.name.split('.').next().unwrap_or_default();
        let mut facts = Map::new();
        let mut insert = |name: &str, value: &str| facts.insert(name.to_owned(), Value::from(value));
        insert("hostname", short);
        insert("nodename", &self.name);
        insert("fqdn", &fqdn);
        insert("domain", &domain);
        Outcome {
            facts,
            ..Outcome::ok().with("name", &*self.name)
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::connection::scripted::Answer;
    use crate::modules::testing::{FakeTools, Trial, asked, check_module, run_module, scripted, with_context};

    #[test]
    fn the_right_name_costs_one_exchange() {
        let (mut node, log) = scripted([Answer::stdout("current=cp1\npermanent=cp1\nfqdn=cp1.example.org\n")]);
        let outcome = run_module("ansible.builtin.hostname", json!({"name": "cp1"}), &mut node).unwrap();
        assert!(!outcome.changed);
        assert_eq!(outcome.facts["domain"], "example.org");
        assert_eq!(asked(&log).len(), 1);
    }

    #[rstest]
    #[case("old", "cp1", "yes no")]
    #[case("cp1", "old", "no yes")]
    #[case("old", "old", "yes yes")]
    fn the_wrong_one_is_set(#[case] permanent: &str, #[case] current: &str, #[case] words: &str) {
        let answer = format!("current={current}\npermanent={permanent}\nfqdn=\n");
        let (mut node, _) = scripted([Answer::stdout(answer.as_str())]);
        let outcome = check_module("hostname", json!({"name": "cp1"}), &mut node).unwrap();
        assert_eq!(outcome.diff[0].before, "hostname = old\n");
        let (mut node, log) = scripted([Answer::stdout(answer.as_str()), Answer::stdout("fqdn=cp1\n")]);
        assert!(
            run_module("hostname", json!({"name": "cp1"}), &mut node)
                .unwrap()
                .changed
        );
        assert_eq!(asked(&log)[1], format!("hostname/apply cp1 {words}"));
    }

    #[rstest]
    fn under_real_shells(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
        let tools = FakeTools::new();
        tools.add("hostname", "echo name");
        tools.add("hostnamectl", "echo name");
        let mut node = tools.node(shell);
        with_context(node.connection(), |context| {
            let output = context.run(QUERY, [""; 0]).unwrap();
            assert_eq!(output.pairs()["current"], "name");
            assert_eq!(output.pairs()["fqdn"], "name");
            let output = context.run(APPLY, ["x", "no", "yes"]).unwrap();
            assert!(output.success());
            assert_eq!(output.pairs()["fqdn"], "name");
        });
        assert!(
            tools.calls().iter().any(|call| call.ends_with(" x")),
            "{:?}",
            tools.calls()
        );
    }

    #[test]
    fn nothing_is_compared_unless_somebody_wants_to_see_it() {
        let answer = || Answer::stdout("current=x\npermanent=x\nfqdn=\n");
        for check_mode in [true, false] {
            let (mut node, _) = scripted([answer(), answer()]);
            let trial = Trial::new("hostname", json!({"name": "cp1"}))
                .on(&mut node)
                .without_diff();
            let trial = if check_mode { trial.check_mode() } else { trial };
            let outcome = trial.run().unwrap();
            assert!(outcome.changed && outcome.diff.is_empty());
        }
    }

    #[test]
    fn mistakes_are_found_before_the_run() {
        let module = crate::modules::find("hostname").unwrap();
        for name in ["", "-x", "a b", &"x".repeat(65)] {
            assert!(module.validate(json!({"name": name})).is_err(), "{name}");
        }
        assert!(module.validate(json!({"name": "x", "use": "systemd"})).is_err());
    }
}
