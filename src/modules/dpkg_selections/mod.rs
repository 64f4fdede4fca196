//! The `dpkg-selections` module.

use schemars::JsonSchema;
use serde::Deserialize;

use super::args::Text;
use super::{ArgumentError, Context, Failure, Fuses, Module, Outcome, Pending, State};
use crate::connection::Script;

const QUERY: Script = Script {
    name: "dpkg-selections/query",
    text: include_str!("query.sh"),
};

const APPLY: Script = Script {
    name: "dpkg-selections/apply",
    text: include_str!("apply.sh"),
};

/// Says what dpkg is to do with a package, for example to hold it at its version.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DpkgSelections {
    /// The package.
    name: Text,
    /// What is selected for it.
    selection: Selection,
}

/// What dpkg is to do with a package.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Selection {
    /// Install it and keep it up to date.
    Install,
    /// Keep it as it is.
    Hold,
    /// Remove it and leave its configuration.
    Deinstall,
    /// Remove all of it.
    Purge,
}

impl Selection {
    fn name(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Hold => "hold",
            Self::Deinstall => "deinstall",
            Self::Purge => "purge",
        }
    }
}

impl Module for DpkgSelections {
    const NAME: &'static str = "dpkg-selections";
    const FUSES: Fuses = Fuses::Whole;
    const EXAMPLE: &'static str = "\
- name: The kubelet is upgraded by the cluster's upgrade only
  dpkg-selections:
    name: kubelet
    selection: hold
";

    /// What was selected before.
    type Plan = String;

    fn validate(&self) -> Result<(), ArgumentError> {
        Self::check_option("name", &self.name)
    }

    fn check_option(name: &str, value: &str) -> Result<(), ArgumentError> {
        let is_odd = value.is_empty() || value.starts_with('-') || value.contains(char::is_whitespace);
        if name == "name" && is_odd {
            return Err(ArgumentError::option("name", "this is not the name of a package"));
        }
        Ok(())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<String>, Failure> {
        let output = context.run(QUERY, [&*self.name])?;
        if !output.success() {
            return Err(Failure::of_program(
                &format!("asking dpkg about {}", self.name),
                &output,
            ));
        }
        let Some(before) = output.pairs().get("selection").cloned() else {
            return Err(Failure::new(format!(
                "Failed to find package '{}' to perform selection '{}'.",
                self.name,
                self.selection.name()
            ))
            .help("dpkg knows no package of this name: install it first, or mend the name"));
        };
        let outcome = self.outcome(&before);
        if before == self.selection.name() {
            return Ok(State::Satisfied(outcome));
        }
        let change = format!("{before} → {}", self.selection.name());
        let mut pending = Pending::new(before, [change]);
        pending.result = outcome.result;
        Ok(pending.into())
    }

    fn apply(&self, context: &mut Context<'_>, before: String) -> Result<Outcome, Failure> {
        let output = context.run(APPLY, [&*self.name, self.selection.name()])?;
        if !output.success() {
            return Err(Failure::of_program("dpkg --set-selections", &output));
        }
        Ok(Outcome {
            changed: true,
            ..self.outcome(&before)
        })
    }
}

impl DpkgSelections {
    fn outcome(&self, before: &str) -> Outcome {
        Outcome::ok()
            .with("before", before)
            .with("after", self.selection.name())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use crate::modules::testing::{FakeTools, check_module, run_module};

    #[rstest]
    fn under_real_shells(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
        let tools = FakeTools::new();
        tools.add(
            "dpkg",
            r#"case $1 in
    --get-selections) [ "$2" = kubelet ] || { echo "dpkg: no packages found matching $2" >&2; exit 0; }
        cat "$HERE/selections" ;;
    --set-selections) read -r name selection; printf '%s\t\t%s\n' "$name" "$selection" >"$HERE/selections" ;;
esac"#,
        );
        std::fs::write(tools.path("selections"), "kubelet\t\t\tinstall\n").unwrap();
        let mut node = tools.node(shell);
        let options = json!({"name": "kubelet", "selection": "hold"});
        let outcome = check_module("dpkg_selections", options.clone(), node.connection()).unwrap();
        assert!(outcome.changed);
        let outcome = run_module("dpkg_selections", options.clone(), node.connection()).unwrap();
        assert_eq!(
            (&outcome.result["before"], &outcome.result["after"]),
            (&json!("install"), &json!("hold"))
        );
        assert_eq!(outcome.changes, ["install → hold"]);
        assert!(
            !run_module("dpkg_selections", options, node.connection())
                .unwrap()
                .changed
        );
        let options = json!({"name": "nowhere", "selection": "hold"});
        let failure = run_module("dpkg-selections", options, node.connection()).unwrap_err();
        assert_eq!(
            failure.message,
            "Failed to find package 'nowhere' to perform selection 'hold'."
        );
    }

    #[test]
    fn mistakes_are_found_before_the_run() {
        let module = crate::modules::find("dpkg-selections").unwrap();
        assert!(module.validate(json!({"name": "a b", "selection": "hold"})).is_err());
        assert!(module.validate(json!({"name": "a"})).is_err());
        assert!(module.validate(json!({"name": "a", "selection": "keep"})).is_err());
    }
}
