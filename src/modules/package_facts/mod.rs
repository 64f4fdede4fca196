//! The `package-facts` module.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::args::List;
use super::{Again, ArgumentError, Context, Failure, Module, Outcome, State};
use crate::connection::Script;

const QUERY: Script = Script {
    name: "package-facts/query",
    text: include_str!("query.sh"),
};

/// Finds out which packages are installed: `ansible_facts.packages`, by name; each is a list, since several versions may
/// be installed. Changes nothing, so it also runs in check mode.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackageFacts {
    /// Which managers of packages are asked: `apt`, `rpm` (also as `dnf`, `dnf5`, `yum`, `zypper`), or `auto` for the one
    /// that is there. Default: `auto`.
    #[serde(default = "auto")]
    manager: List,
    /// Whether only the first that has packages is asked, or all. Default: `first`.
    #[serde(default)]
    strategy: Strategy,
}

fn auto() -> List {
    List(vec!["auto".to_owned()])
}

/// How many managers of packages are asked.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Strategy {
    /// The first that has packages.
    #[default]
    First,
    /// All.
    All,
}

impl Module for PackageFacts {
    const NAME: &'static str = "package-facts";
    const AGAIN: Again = Again::Once;
    const EXAMPLE: &'static str = "\
- name: Which packages are installed?
  package-facts:

- name: The version of the kubelet
  debug:
    msg: \"{{ ansible_facts.packages.kubelet[0].version }}\"
  when: \"'kubelet' in ansible_facts.packages\"
";

    type Plan = std::convert::Infallible;

    fn validate(&self) -> Result<(), ArgumentError> {
        self.managers().map(drop)
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let strategy = match self.strategy {
            Strategy::First => "first",
            Strategy::All => "all",
        };
        let managers = self.managers().map_err(ArgumentError::into_failure)?;
        let output = context.run(QUERY, std::iter::once(strategy).chain(managers))?;
        if !output.success() {
            return Err(Failure::of_program("listing the packages", &output));
        }
        let packages = packages(&output.stdout_text());
        if packages.is_empty() {
            return Err(
                Failure::new("none of the managers of packages is there, or none has a package")
                    .help("the module knows dpkg and rpm"),
            );
        }
        let mut facts = Map::new();
        facts.insert("packages".to_owned(), Value::Object(packages));
        Ok(State::Satisfied(Outcome { facts, ..Outcome::ok() }))
    }

    fn apply(&self, _: &mut Context<'_>, plan: Self::Plan) -> Result<Outcome, Failure> {
        match plan {}
    }
}

impl PackageFacts {
    /// The programs that are asked, in order.
    fn managers(&self) -> Result<Vec<&'static str>, ArgumentError> {
        let mut managers = Vec::new();
        for manager in self.manager.iter() {
            let programs: &[&'static str] = match manager.to_lowercase().as_str() {
                "auto" => &["dpkg", "rpm"],
                "apt" => &["dpkg"],
                "rpm" | "dnf" | "dnf5" | "yum" | "zypper" => &["rpm"],
                _ => {
                    return Err(ArgumentError::option(
                        "manager",
                        format!("krun does not know `{manager}`: take `apt`, `rpm` or `auto`"),
                    ));
                }
            };
            for program in programs {
                if !managers.contains(program) {
                    managers.push(*program);
                }
            }
        }
        Ok(managers)
    }
}

fn packages(text: &str) -> Map<String, Value> {
    let mut packages: Map<String, Value> = Map::new();
    let mut source = "";
    for line in text.lines() {
        match line.strip_prefix("== ") {
            Some("dpkg") => source = "apt",
            Some(manager) => source = manager,
            None => {}
        }
        let fields: Vec<&str> = line.split('\t').collect();
        let (name, package) = match (source, fields.as_slice()) {
            ("apt", ["installed", name, version, arch, section]) => (
                *name,
                json!({"name": name, "version": version, "arch": arch, "category": section, "source": source}),
            ),
            ("rpm", ["installed", name, version, release, epoch, arch]) => {
                // What Ansible makes of an epoch that is not there.
                let epoch = if *epoch == "(none)" { "None" } else { epoch };
                (
                    *name,
                    json!({
                        "name": name, "version": version, "release": release, "epoch": epoch, "arch": arch,
                        "source": source,
                    }),
                )
            }
            _ => continue,
        };
        if let Some(list) = packages.entry(name).or_insert_with(|| json!([])).as_array_mut() {
            list.push(package);
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use crate::modules::testing::{FakeTools, asked, check_module, run_module, scripted};

    #[rstest]
    fn under_real_shells(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
        let tools = FakeTools::new();
        tools.add(
            "dpkg-query",
            r"printf 'installed\tkubelet\t1.28.2-1.1\tamd64\tadmin\nconfig-files\told\t1\tall\tmisc\n'",
        );
        tools.add(
            "rpm",
            r"printf 'installed\tkubelet\t1.28.2\t150500.1.1\t(none)\tx86_64\ninstalled\tkernel\t5\t1\t2\tx86_64\n'
printf 'installed\tkernel\t6\t1\t2\tx86_64\n'",
        );
        let mut node = tools.node(shell);
        let mut ask = |options| {
            let outcome = check_module("package_facts", options, node.connection()).unwrap();
            outcome.facts["packages"].clone()
        };
        let dpkg =
            json!({"name": "kubelet", "version": "1.28.2-1.1", "arch": "amd64", "category": "admin", "source": "apt"});
        assert_eq!(ask(json!({})), json!({"kubelet": [dpkg.clone()]}));
        let rpm = json!({
            "name": "kubelet", "version": "1.28.2", "release": "150500.1.1", "epoch": "None", "arch": "x86_64",
            "source": "rpm",
        });
        let by_rpm = ask(json!({"manager": "dnf"}));
        assert_eq!(by_rpm["kubelet"], json!([rpm.clone()]));
        assert_eq!(by_rpm["kernel"].as_array().unwrap().len(), 2);
        assert_eq!(ask(json!({"strategy": "all"}))["kubelet"], json!([dpkg, rpm]));
    }

    #[test]
    fn a_node_without_packages_is_a_failure() {
        let (mut node, log) = scripted([crate::connection::scripted::Answer::stdout("")]);
        let failure = run_module("package_facts", json!({"manager": ["yum", "apt"]}), &mut node).unwrap_err();
        assert!(failure.message.contains("none has a package"));
        assert_eq!(asked(&log), ["package-facts/query first rpm dpkg"]);
        let module = crate::modules::find("package-facts").unwrap();
        assert!(module.validate(json!({"manager": "pacman"})).is_err());
    }
}
