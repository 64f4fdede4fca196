//! `krun inventory`: what the inventory says, in the form of `ansible-inventory`.

use std::collections::HashSet;
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::error::{EXIT_ERROR, Error};
use super::print::{print, print_findings};
use super::vault_options::VaultArgs;
use crate::inventory::{Inventory, InventoryVariables, Layer, Pattern};
use crate::syntax::{Diagnostic, Diagnostics};
use crate::vars::vault::VaultPasswords;

/// What is shown instead of a value that was encrypted.
const HIDDEN: &str = "********";

/// Show hosts, groups and variables
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("action").required(true).args(["list", "graph", "host"])))]
pub struct InventoryArgs {
    /// Inventory: a file, a directory, or hosts with a comma (may be repeated)
    #[arg(short, long, value_name = "SOURCE", value_hint = clap::ValueHint::AnyPath, required = true)]
    pub inventory: Vec<String>,
    /// All groups and all variables of all hosts
    #[arg(long)]
    pub list: bool,
    /// The tree of groups and hosts, from GROUP down
    #[arg(long)]
    pub graph: bool,
    /// The variables of one host
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// Group to begin the graph with
    #[arg(value_name = "GROUP", requires = "graph", default_value = "all")]
    pub group: String,
    /// YAML instead of JSON
    #[arg(short, long, conflicts_with = "graph")]
    pub yaml: bool,
    /// Add variables to the graph
    #[arg(long, requires = "graph")]
    pub vars: bool,
    /// Say for each variable of the host where it comes from
    #[arg(long, requires = "host", conflicts_with = "yaml")]
    pub vars_from: bool,
    /// Only the hosts that this pattern means, too
    #[arg(short, long, value_name = "PATTERN", conflicts_with_all = ["graph", "host"])]
    pub limit: Option<String>,
    /// Directory of the playbook, whose `group_vars` and `host_vars` count
    #[arg(long, value_name = "DIRECTORY")]
    pub playbook_dir: Option<PathBuf>,
    #[command(flatten)]
    pub vault: VaultArgs,
}

/// Runs the subcommand; gives its exit code.
pub fn run(args: &InventoryArgs) -> i32 {
    match prepare_and_report(args) {
        Ok(text) => print(&text),
        Err(error) => error.print(),
    }
}

fn prepare_and_report(args: &InventoryArgs) -> Result<String, Error> {
    let passwords = args.vault.passwords().map_err(Error::options)?;
    if let Some(folder) = args.playbook_dir.as_ref().filter(|folder| !folder.is_dir()) {
        let text = format!("--playbook-dir: there is no directory {}", folder.display());
        return Err(Error::options(Diagnostic::error(text)));
    }
    report(args, &passwords).map_err(|errors| Error::Findings(errors, EXIT_ERROR))
}

fn report(args: &InventoryArgs, passwords: &VaultPasswords) -> Result<String, Diagnostics> {
    let (inventory, warnings) = Inventory::load(&args.inventory, passwords)?;
    print_findings(&warnings);
    let (variables, warnings) = InventoryVariables::load(&inventory, args.playbook_dir.as_deref(), passwords)?;
    print_findings(&warnings);
    let view = View {
        inventory: &inventory,
        variables: &variables,
    };
    if let Some(host) = &args.host {
        return view.host(host, args);
    }
    if args.graph {
        return view.graph(&args.group, args.vars);
    }
    let shown: HashSet<String> = match &args.limit {
        None => inventory.hosts().map(str::to_owned).collect(),
        Some(limit) => {
            let select = Pattern::parse_limit(limit).and_then(|pattern| pattern.select(&inventory));
            select.map_err(Diagnostic::from)?.into_iter().collect()
        }
    };
    print_findings(&variables.check_hosts(shown.iter().map(String::as_str)));
    let tree = if args.yaml {
        view.nested(&shown)?
    } else {
        view.list(&shown)?
    };
    format(tree, args.yaml)
}

struct View<'a> {
    inventory: &'a Inventory,
    variables: &'a InventoryVariables,
}

impl View<'_> {
    /// The variables of a host without what was encrypted.
    fn host_variables(&self, host: &str) -> Result<Map<String, Value>, Diagnostics> {
        Ok(shown_values(&self.variables.layers(self.inventory, host)?))
    }

    fn host(&self, host: &str, args: &InventoryArgs) -> Result<String, Diagnostics> {
        let Some(host) = (if self.inventory.contains(host) {
            Some(host)
        } else {
            self.inventory.localhost(host)
        }) else {
            return Err(Diagnostic::error(format!("the inventory has no host `{host}`"))
                .did_you_mean(host, self.inventory.hosts())
                .into());
        };
        print_findings(&self.variables.check_hosts([host]));
        if !args.vars_from {
            return format(Value::Object(self.host_variables(host)?), args.yaml);
        }
        let layers = self.variables.layers(self.inventory, host)?;
        let mut values = shown_values(&layers);
        values.sort_keys();
        let lines = values.iter().map(|(name, value)| {
            let origin = layers.iter().rev().find(|layer| layer.vars.contains_key(name));
            let origin = origin.map(|layer| layer.origin.to_string()).unwrap_or_default();
            format!("{name} = {value}  # {origin}")
        });
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }

    fn graph(&self, group: &str, vars: bool) -> Result<String, Diagnostics> {
        if !self.inventory.groups().any(|known| known == group) {
            return Err(Diagnostic::error(format!("the inventory has no group `{group}`"))
                .did_you_mean(group, self.inventory.groups())
                .into());
        }
        let mut lines = Vec::new();
        self.graph_group(group, 0, vars, &mut lines)?;
        Ok(lines.join("\n"))
    }

    fn graph_group(&self, group: &str, depth: usize, vars: bool, lines: &mut Vec<String>) -> Result<(), Diagnostics> {
        lines.push(graph_line(&format!("@{group}:"), depth));
        for child in self.inventory.group_children(group) {
            self.graph_group(child, depth + 1, vars, lines)?;
        }
        if group != "all" {
            for host in self.inventory.group_own_hosts(group) {
                lines.push(graph_line(host, depth + 1));
                if vars {
                    graph_variables(self.host_variables(host)?, depth + 2, lines);
                }
            }
        }
        if vars {
            let mut values = shown_values(&self.variables.layers_of_group(self.inventory, group)?);
            let priority = self.inventory.group_priority(group);
            if priority != 1 {
                values.insert("ansible_group_priority".to_owned(), json!(priority));
            }
            graph_variables(values, depth + 1, lines);
        }
        Ok(())
    }

    /// What an inventory program prints: groups by name, and the variables of all hosts under `_meta`.
    fn list(&self, shown: &HashSet<String>) -> Result<Value, Diagnostics> {
        let mut result = Map::new();
        for group in self.inventory.groups() {
            let mut entry = Map::new();
            let children = self.inventory.group_children(group);
            if !children.is_empty() {
                entry.insert("children".to_owned(), json!(children));
            }
            if group != "all" {
                let mut hosts = self.inventory.group_own_hosts(group);
                hosts.retain(|host| shown.contains(*host));
                if !hosts.is_empty() {
                    entry.insert("hosts".to_owned(), json!(hosts));
                }
            }
            if !entry.is_empty() {
                result.insert(group.to_owned(), Value::Object(entry));
            }
        }
        let mut host_variables = Map::new();
        for host in self.inventory.hosts().filter(|host| shown.contains(*host)) {
            let variables = self.host_variables(host)?;
            if !variables.is_empty() {
                host_variables.insert(host.to_owned(), Value::Object(variables));
            }
        }
        let meta = Map::from_iter([("hostvars".to_owned(), Value::Object(host_variables))]);
        result.insert("_meta".to_owned(), Value::Object(meta));
        Ok(Value::Object(result))
    }

    /// A YAML inventory: groups inside of groups; variables stand with a host where it appears first.
    fn nested(&self, shown: &HashSet<String>) -> Result<Value, Diagnostics> {
        let mut seen = Seen::default();
        let all = self.nested_group("all", shown, &mut seen)?;
        Ok(json!({ "all": all.unwrap_or_default() }))
    }

    fn nested_group(
        &self,
        group: &str,
        shown: &HashSet<String>,
        seen: &mut Seen,
    ) -> Result<Option<Map<String, Value>>, Diagnostics> {
        let mut children = Map::new();
        for child in self.inventory.group_children(group) {
            if seen.groups.contains(child) {
                children.insert(child.to_owned(), json!({}));
            } else if let Some(entry) = self.nested_group(child, shown, seen)? {
                children.insert(child.to_owned(), Value::Object(entry));
            }
            seen.groups.insert(child.to_owned());
        }
        let mut hosts = Map::new();
        if group != "all" {
            for host in self.inventory.group_own_hosts(group) {
                if shown.contains(host) {
                    let variables = if seen.hosts.insert(host.to_owned()) {
                        self.host_variables(host)?
                    } else {
                        Map::new()
                    };
                    hosts.insert(host.to_owned(), Value::Object(variables));
                }
            }
        }
        let mut entry = Map::new();
        for (key, map) in [("children", children), ("hosts", hosts)] {
            if !map.is_empty() {
                entry.insert(key.to_owned(), Value::Object(map));
            }
        }
        Ok((!entry.is_empty()).then_some(entry))
    }
}

/// What stands in a nested listing already.
#[derive(Default)]
struct Seen {
    groups: HashSet<String>,
    hosts: HashSet<String>,
}

/// The values that win.
fn shown_values(layers: &[Layer]) -> Map<String, Value> {
    let mut values = Map::new();
    for layer in layers {
        for (name, variable) in layer.vars.iter() {
            let value = if layer.secret.contains(name) {
                Value::from(HIDDEN)
            } else {
                variable.raw().clone()
            };
            values.insert(name.clone(), value);
        }
    }
    values
}

fn graph_line(text: &str, depth: usize) -> String {
    match depth {
        0 => text.to_owned(),
        depth => format!("{}--{text}", "  |".repeat(depth)),
    }
}

fn graph_variables(mut values: Map<String, Value>, depth: usize, lines: &mut Vec<String>) {
    values.sort_keys();
    for (name, value) in values {
        let text = match value {
            Value::String(text) => text,
            other => python_text(&other),
        };
        lines.push(graph_line(&format!("{{{name} = {text}}}"), depth));
    }
}

/// A value as Python writes it, which is how Ansible's users know the graph.
fn python_text(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => {
            let quote = if text.contains('\'') && !text.contains('"') {
                '"'
            } else {
                '\''
            };
            let text = text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t");
            let text = if quote == '\'' { text.replace('\'', "\\'") } else { text };
            format!("{quote}{text}{quote}")
        }
        Value::Array(items) => format!("[{}]", items.iter().map(python_text).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entries = map
                .iter()
                .map(|(key, value)| format!("{}: {}", python_text(&Value::from(key.as_str())), python_text(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// The value as text, all keys sorted.
fn format(mut value: Value, yaml: bool) -> Result<String, Diagnostics> {
    value.sort_all_objects();
    let failed = |error: String| Diagnostic::error(format!("cannot write the inventory: {error}"));
    if yaml {
        let text = serde_yaml::to_string(&value).map_err(|error| failed(error.to_string()))?;
        return Ok(text.trim_end().to_owned());
    }
    let mut bytes = Vec::new();
    let indented = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    value
        .serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, indented))
        .map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use rstest::rstest;
    use std::fs;
    use std::path::Path;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: InventoryArgs,
    }

    /// The listing of a case directory, with the given options.
    fn listing(case: &Path, options: &[&str]) -> String {
        let in_case = |name: &str| case.join(name).to_string_lossy().into_owned();
        let mut words = vec!["inventory".to_owned()];
        match fs::read_to_string(case.join("sources")) {
            Ok(sources) => words.extend(sources.lines().flat_map(|source| {
                let source = if source.contains(',') {
                    source.to_owned()
                } else {
                    in_case(source)
                };
                ["-i".to_owned(), source]
            })),
            Err(_) => {
                let files = ["hosts", "hosts.yml", "hosts.yaml", "hosts.json"];
                let file = files.into_iter().find(|file| case.join(file).exists()).unwrap();
                words.extend(["-i".to_owned(), in_case(file)]);
            }
        }
        if case.join("playbook").exists() {
            words.extend(["--playbook-dir".to_owned(), in_case("playbook")]);
        }
        words.extend(options.iter().map(|&option| option.to_owned()));
        let args = Command::try_parse_from(words).unwrap().args;
        let passwords = args.vault.passwords().unwrap();
        report(&args, &passwords).unwrap()
    }

    /// What ansible-inventory said is kept beside each case; the script `renew` there writes it anew.
    #[rstest]
    fn the_listing_is_that_of_ansible(
        #[files("tests/data/inventory/*")]
        #[dirs]
        case: PathBuf,
    ) {
        if !case.is_dir() {
            return;
        }
        let expected = fs::read_to_string(case.join("expected.json")).unwrap();
        let expected: Value = serde_json::from_str(&expected).unwrap();
        let listed: Value = serde_json::from_str(&listing(&case, &["--list"])).unwrap();
        assert_eq!(listed, expected);
        let graph = fs::read_to_string(case.join("expected.graph")).unwrap();
        assert_eq!(listing(&case, &["--graph", "--vars"]), graph.trim_end());
    }

    #[test]
    fn limits_and_single_hosts_and_origins() {
        let case = Path::new("tests/data/inventory/vars-files");
        let limited: Value = serde_json::from_str(&listing(case, &["--list", "--limit", "workers:!w1"])).unwrap();
        assert_eq!(limited["workers"]["hosts"], json!(["w2"]));
        assert_eq!(limited["_meta"]["hostvars"].as_object().unwrap().len(), 1);
        let host: Value = serde_json::from_str(&listing(case, &["--host", "m1"])).unwrap();
        assert_eq!(host["from_host"], json!("file"));
        let origins = listing(case, &["--host", "m1", "--vars-from"]);
        assert!(
            origins.contains("from_host = \"file\"  # tests/data/inventory/vars-files/host_vars/m1.yml"),
            "{origins}"
        );
        assert!(
            origins.contains("c = \"inventory-all\"  # inventory, group all"),
            "{origins}"
        );
    }

    #[test]
    fn yaml_can_be_read_again() {
        let case = Path::new("tests/data/inventory/ini-children");
        let nested = listing(case, &["--list", "--yaml"]);
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("hosts.yml");
        fs::write(&file, &nested).unwrap();
        let again = listing(directory.path(), &["--list", "--yaml"]);
        assert_eq!(nested, again);
    }
}
