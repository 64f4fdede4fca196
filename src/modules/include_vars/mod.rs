//! The `include-vars` module: variables from files, while the play runs.

mod folder;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::folder::Folder;
use super::args::{Count, Flag, List, Text};
use super::{ArgumentError, Context, Failure, FileFinder, Module, Outcome, RunsOn, State};
use crate::syntax::Diagnostics;
use crate::vars::files::WrittenVars;
use crate::vars::names::is_identifier;
use crate::vars::{VarMap, Variable, files};

/// Reads variables from a file, or from all files of a folder; the host has them for the rest of the run.
///
/// They beat the variables of plays, roles, blocks and tasks; `set-fact` and registered results beat them. Files may be
/// encrypted with ansible-vault.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IncludeVars {
    /// The file; looked for in the `vars` folders of the role and beside the tasks, and in those folders themselves.
    file: Option<Text>,
    /// A folder whose files are read in the order of their names, those of its subfolders too. In a role it is a folder
    /// in `vars`.
    dir: Option<Text>,
    /// How many levels of folders are read [default: all]
    depth: Option<Count>,
    /// Regular expression: only files whose names it fits.
    files_matching: Option<Text>,
    /// Regular expressions: files are left out whose names end so.
    ignore_files: List,
    /// Endings that files of variables have [default: yaml, yml, json]
    extensions: List,
    /// Files with other endings are passed over, instead of being an error.
    ignore_unknown_extensions: Flag,
    /// Puts all variables into this one.
    name: Option<Text>,
    /// Only `replace`: a variable takes the place of another one as a whole.
    hash_behaviour: HashBehaviour,
}

/// What becomes of a mapping that was there.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum HashBehaviour {
    /// It is gone.
    #[default]
    Replace,
}

impl Module for IncludeVars {
    const NAME: &'static str = "include-vars";
    const FREE_FORM: Option<&'static str> = Some("file");
    const RUNS_ON: RunsOn = RunsOn::Controller;
    const EXAMPLE: &'static str = "\
- name: What differs from distribution to distribution
  include-vars: \"{{ item }}\"
  with_first_found:
    - \"{{ ansible_distribution | lower }}.yml\"
    - default.yml

- name: Everything in vars/sites, below one name
  include-vars:
    dir: sites
    name: sites
";

    type Plan = std::convert::Infallible;

    fn validate(&self) -> Result<(), ArgumentError> {
        let of_folders = [
            ("depth", self.depth.is_some()),
            ("files_matching", self.files_matching.is_some()),
            ("ignore_files", !self.ignore_files.is_empty()),
            ("extensions", !self.extensions.is_empty()),
            ("ignore_unknown_extensions", *self.ignore_unknown_extensions),
        ];
        match (&self.file, &self.dir) {
            (None, None) => return Err(ArgumentError::option("", "give a `file` or a `dir`")),
            (Some(_), Some(_)) => return Err(ArgumentError::option("dir", "give either `file` or `dir`")),
            (Some(_), None) => {
                if let Some((option, _)) = of_folders.iter().find(|(_, given)| *given) {
                    return Err(ArgumentError::option(*option, "this is for `dir` only"));
                }
            }
            (None, Some(_)) => drop(self.folder(&FileFinder::default())?),
        }
        match self.name.as_deref().filter(|name| !is_identifier(name)) {
            Some(name) => Err(ArgumentError::option(
                "name",
                format!("`{name}` cannot be a variable's name: letters, digits and `_` only"),
            )),
            None => Ok(()),
        }
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let paths = match (&self.file, &self.dir) {
            (Some(file), _) => vec![context.files.find("vars", file.trim_end_matches('\n'))?],
            _ => self
                .folder(context.files)
                .map_err(ArgumentError::into_failure)?
                .files()?,
        };
        let mut all = WrittenVars::default();
        for path in &paths {
            let read = read(path, context)?;
            all.vars.extend(read.vars);
            all.secret.extend(read.secret);
        }
        let shown: Map<String, Value> = all
            .vars
            .iter()
            .map(|(name, value)| {
                let value = if all.secret.contains(name) {
                    json!("(encrypted)")
                } else {
                    value.raw().clone()
                };
                (name.clone(), value)
            })
            .collect();
        let outcome = Outcome::ok().with("ansible_included_var_files", json!(paths));
        let mut outcome = match &self.name {
            None => outcome.with("ansible_facts", Value::Object(shown)),
            Some(name) => outcome.with("ansible_facts", json!({&**name: shown})),
        };
        outcome.included = Arc::new(match &self.name {
            None => all.vars,
            Some(name) => VarMap::from([(name.to_string(), below_one_name(&all.vars))]),
        });
        Ok(State::Satisfied(outcome))
    }

    fn apply(&self, _: &mut Context<'_>, plan: Self::Plan) -> Result<Outcome, Failure> {
        match plan {}
    }
}

impl IncludeVars {
    fn folder(&self, finder: &FileFinder) -> Result<Folder, ArgumentError> {
        let name = self.dir.as_deref().unwrap_or_default();
        Ok(Folder::new(place_of(name, finder), finder.role.as_deref())
            .depth(self.depth.map(|depth| depth.0))
            .matching(self.files_matching.as_deref())?
            .without(&self.ignore_files)?
            .endings(&self.extensions, *self.ignore_unknown_extensions))
    }
}

/// In a role a folder is one of `vars`, elsewhere it stands beside the file of the task.
fn place_of(name: &str, finder: &FileFinder) -> PathBuf {
    match &finder.role {
        Some(role) if Path::new(name).starts_with("vars") && role.join(name).is_dir() => role.join(name),
        Some(role) => role.join("vars").join(name),
        None => finder
            .task_folder
            .as_ref()
            .unwrap_or(&finder.playbook_folder)
            .join(name),
    }
}

fn read(path: &Path, context: &Context<'_>) -> Result<WrittenVars, Failure> {
    let mut diagnostics = Diagnostics::default();
    match files::read_file(path, context.passwords, &mut diagnostics) {
        Some(written) if !diagnostics.has_errors() => Ok(written),
        _ => Err(Failure::new(diagnostics.to_string())),
    }
}

/// One mapping of all variables. What must never be evaluated makes that true of the whole.
fn below_one_name(vars: &VarMap) -> Arc<Variable> {
    let is_safe = vars
        .values()
        .all(|variable| variable.is_templated() || !crate::template::holds_template(&variable.raw().to_string()));
    let mapping = vars
        .iter()
        .map(|(name, value)| (name.clone(), value.raw().clone()))
        .collect();
    if is_safe {
        Variable::written(Value::Object(mapping))
    } else {
        Variable::data(Value::Object(mapping))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::testing::Trial;

    fn included(options: Value, files: &[(&str, &str)]) -> Result<Vec<(String, Value)>, Failure> {
        let role = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = role.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let finder = FileFinder {
            role: Some(role.path().to_owned()),
            task_folder: Some(role.path().join("tasks")),
            playbook_folder: PathBuf::from("/nowhere"),
        };
        let outcome = Trial::new("include-vars", options).files(finder).run()?;
        let vars = outcome.included.iter();
        Ok(vars.map(|(name, value)| (name.clone(), value.raw().clone())).collect())
    }

    fn vars(list: &[(&str, Value)]) -> Vec<(String, Value)> {
        list.iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect()
    }

    #[test]
    fn a_file_is_found_in_the_roles_vars() {
        let read = included(
            json!({"file": "debian.yml"}),
            &[("vars/debian.yml", "a: 1\nb: '{{ a }}'\n")],
        );
        assert_eq!(read.unwrap(), vars(&[("a", json!(1)), ("b", json!("{{ a }}"))]));
    }

    #[test]
    fn a_folder_is_read_in_order_without_the_roles_main_file() {
        let files = [
            ("vars/main.yml", "main: 1\n"),
            ("vars/b.yml", "x: b\n"),
            ("vars/a.yaml", "x: a\n"),
            ("vars/sub/c.json", "{\"c\": 1}"),
        ];
        let all = included(json!({"dir": "vars"}), &files).unwrap();
        assert_eq!(all, vars(&[("x", json!("b")), ("c", json!(1))]));
        let flat = included(json!({"dir": "vars", "depth": 1, "name": "all"}), &files).unwrap();
        assert_eq!(flat, vars(&[("all", json!({"x": "b"}))]));
    }

    #[test]
    fn files_are_chosen_by_name_and_ending() {
        let files = [
            ("vars/d/a.yml", "a: 1\n"),
            ("vars/d/b.yml", "b: 1\n"),
            ("vars/d/x.txt", "?"),
        ];
        assert!(
            included(json!({"dir": "d"}), &files)
                .unwrap_err()
                .message
                .contains("x.txt")
        );
        let options = json!({"dir": "d", "ignore_unknown_extensions": true, "files_matching": "^a"});
        assert_eq!(included(options, &files).unwrap(), vars(&[("a", json!(1))]));
        let options = json!({"dir": "d", "ignore_files": ["x.txt", "a.yml"]});
        assert_eq!(included(options, &files).unwrap(), vars(&[("b", json!(1))]));
        let options = json!({"dir": "d", "ignore_unknown_extensions": true, "extensions": ["txt"]});
        assert!(included(options, &files).is_err(), "not YAML of variables");
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for options in [
            json!({}),
            json!({"file": "a", "dir": "b"}),
            json!({"file": "a", "depth": 1}),
            json!({"dir": "d", "files_matching": "("}),
            json!({"file": "a", "hash_behaviour": "merge"}),
            json!({"file": "a", "name": "a-b"}),
        ] {
            assert!(included(options.clone(), &[("vars/a", "")]).is_err(), "{options}");
        }
    }
}
