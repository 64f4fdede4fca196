use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::action::Action;
use super::keywords::Keywords;
use super::loader::{Loader, Scoping};
use super::model::{Item, Task};
use crate::syntax::{Diagnostic, Diagnostics, Fields, Node, Place, closest};
use crate::vars::{VarMap, files};

/// A role as one play uses it.
#[derive(Debug)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// The roles that brought it in, the nearest first.
    pub parents: Vec<String>,
    /// Its variables at their three levels.
    pub vars: RoleVars,
}

/// The three levels of a role's variables.
#[derive(Debug, Default)]
pub struct RoleVars {
    /// `defaults/main.yml`
    pub defaults: Arc<VarMap>,
    /// `vars/main.yml`
    pub vars: Arc<VarMap>,
    /// What the user of the role passes.
    pub params: Arc<VarMap>,
}

/// What loading a role gives.
#[derive(Default)]
pub(super) struct LoadedRole {
    pub(super) items: Vec<Item>,
    pub(super) handlers: Vec<Arc<Task>>,
    pub(super) roles: Vec<Arc<Role>>,
}

/// How a role is asked for.
pub(super) struct RoleRequest<'a> {
    pub(super) name: &'a str,
    pub(super) place: &'a Place,
    pub(super) tasks_from: Option<(&'a str, &'a Place)>,
    pub(super) params: VarMap,
    pub(super) keywords: &'a Keywords,
}

const MAIN: [&str; 3] = ["main.yml", "main.yaml", "main"];

impl Loader<'_> {
    /// Reads an entry of `roles:`.
    pub(super) fn role_entry(
        &self,
        node: &Node,
        outer: &Keywords,
        scoping: &Scoping,
        diagnostics: &mut Diagnostics,
    ) -> Option<LoadedRole> {
        if let Some(name) = node.text() {
            let request = RoleRequest {
                name,
                place: &node.place,
                tasks_from: None,
                params: VarMap::new(),
                keywords: outer,
            };
            return self.role_once(&request, false, scoping, diagnostics);
        }
        let mut fields = diagnostics.keep(Fields::of(node, "a role entry"))?;
        let name = fields.take("role").or(fields.take("name"));
        let keywords = Keywords::read(outer, &mut fields, self, diagnostics);
        let Some((name, place)) = name.and_then(|node| Some((node.text()?, &node.place))) else {
            diagnostics.push(Diagnostic::error("a role entry needs the role's name: `role: NAME`").at(&node.place));
            return None;
        };
        // Everything else is a parameter of the role.
        let rest: Vec<_> = fields.rest().cloned().collect();
        let params_node = Node {
            kind: crate::syntax::Kind::Mapping(rest),
            place: node.place.clone(),
            tag: None,
        };
        let params = self.vars(&params_node, diagnostics)?;
        let request = RoleRequest {
            name,
            place,
            tasks_from: None,
            params,
            keywords: &keywords,
        };
        self.role_once(&request, true, scoping, diagnostics)
    }

    /// Loads a role, unless the play has it already with the same parameters, conditions and tags.
    fn role_once(
        &self,
        request: &RoleRequest<'_>,
        has_own: bool,
        scoping: &Scoping,
        diagnostics: &mut Diagnostics,
    ) -> Option<LoadedRole> {
        let path = diagnostics.keep(self.find_role(request, scoping))?;
        let keywords = request.keywords;
        // Under another condition, or for other tags, it may be that only one of the two is run.
        let when: Vec<_> = keywords.when.iter().map(|condition| &condition.text).collect();
        let given = (
            when,
            &keywords.tags,
            has_own.then_some((keywords.vars.last(), &request.params)),
        );
        let is_first = scoping.is_first(format!("{} {given:?}", path.display()));
        if is_first || allows_duplicates(&path) {
            self.role(request, scoping, diagnostics)
        } else {
            Some(LoadedRole::default())
        }
    }

    /// Loads a role with those it depends on.
    pub(super) fn role(
        &self,
        request: &RoleRequest<'_>,
        scoping: &Scoping,
        diagnostics: &mut Diagnostics,
    ) -> Option<LoadedRole> {
        let Some(scoping) = scoping.deeper() else {
            diagnostics.push(
                Diagnostic::error("roles or includes are nested too deep; does one include itself?").at(request.place),
            );
            return None;
        };
        let path = diagnostics.keep(self.find_role(request, &scoping))?;
        let mut loaded = LoadedRole::default();
        self.dependencies(&path, request, &scoping, &mut loaded, diagnostics);
        let role = Arc::new(Role {
            name: request.name.to_owned(),
            parents: scoping
                .role
                .iter()
                .flat_map(|role| std::iter::once(&role.name).chain(&role.parents))
                .cloned()
                .collect(),
            vars: RoleVars {
                defaults: self.role_vars(&path, "defaults", diagnostics),
                vars: self.role_vars(&path, "vars", diagnostics),
                params: Arc::new(request.params.clone()),
            },
            path,
        });
        let scoping = scoping.in_role(&role);
        let tasks = match request.tasks_from {
            Some((file, place)) => {
                let found = candidates(&role.path.join("tasks"), file);
                if found.is_none() {
                    let names = names_in(&role.path.join("tasks"));
                    let names = names
                        .iter()
                        .map(|name| name.trim_end_matches(".yml").trim_end_matches(".yaml"));
                    diagnostics.push(
                        Diagnostic::error(format!("the role `{}` has no tasks file `{file}`", role.name))
                            .at(place)
                            .did_you_mean(file, names),
                    );
                }
                found
            }
            None => main_file(&role.path, "tasks"),
        };
        if let Some(file) = tasks {
            loaded.items.extend(self.task_file(
                &file,
                request.keywords,
                &scoping,
                &mut loaded.handlers,
                &mut loaded.roles,
                diagnostics,
            ));
        }
        if let Some(file) = main_file(&role.path, "handlers") {
            let (mut nested, mut roles) = (Vec::new(), Vec::new());
            let items = self.task_file(&file, request.keywords, &scoping, &mut nested, &mut roles, diagnostics);
            loaded.handlers.extend(as_handlers(&items, diagnostics));
        }
        loaded.roles.push(role);
        Some(loaded)
    }

    fn dependencies(
        &self,
        path: &Path,
        request: &RoleRequest<'_>,
        scoping: &Scoping,
        loaded: &mut LoadedRole,
        diagnostics: &mut Diagnostics,
    ) {
        let Some(node) = main_file(path, "meta")
            .and_then(|file| diagnostics.keep(crate::syntax::read(&file, "role's file")))
            .flatten()
        else {
            return;
        };
        for dependency in node.get("dependencies").and_then(Node::items).unwrap_or_default() {
            if let Some(role) = self.role_entry(dependency, request.keywords, scoping, diagnostics) {
                loaded.items.extend(role.items);
                loaded.handlers.extend(role.handlers);
                loaded.roles.extend(role.roles);
            }
        }
    }

    fn role_vars(&self, path: &Path, kind: &str, diagnostics: &mut Diagnostics) -> Arc<VarMap> {
        let vars = main_file(path, kind).and_then(|file| files::read_file(&file, self.passwords, diagnostics));
        Arc::new(vars.map(|written| written.vars).unwrap_or_default())
    }

    fn find_role(&self, request: &RoleRequest<'_>, scoping: &Scoping) -> Result<PathBuf, Diagnostic> {
        let mut parents = vec![scoping.playbook_folder.join("roles")];
        parents.extend(self.options.roles_path.iter().cloned());
        if let Some(parent) = scoping.playbook_folder.parent() {
            // `playbooks/upgrade.yml` beside `roles/`, as krun's own repository has it.
            parents.push(parent.join("roles"));
        }
        parents.push(scoping.playbook_folder.clone());
        if let Some(folder) = scoping.role.as_ref().and_then(|role| role.path.parent()) {
            parents.push(folder.to_owned());
        }
        if let Some(found) = parents
            .iter()
            .map(|parent| parent.join(request.name))
            .find(|path| path.is_dir())
        {
            return Ok(found);
        }
        let known: Vec<String> = parents.iter().flat_map(|parent| names_in(parent)).collect();
        let looked: Vec<_> = parents.iter().map(|path| path.display().to_string()).collect();
        let diagnostic = Diagnostic::error(format!("there is no role `{}`", request.name)).at(request.place);
        Err(match closest(request.name, known.iter().map(String::as_str)) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("looked in {}", looked.join(", "))),
        })
    }
}

/// Handlers are tasks; a block among them has no name to be notified by.
pub(super) fn as_handlers(items: &[Item], diagnostics: &mut Diagnostics) -> Vec<Arc<Task>> {
    let mut handlers = Vec::new();
    for task in items.iter().flat_map(Item::tasks) {
        if matches!(task.action, Action::IncludeRole(_)) {
            diagnostics.push(
                Diagnostic::error("include_role cannot be a handler")
                    .at(&task.place)
                    .without_gap(),
            );
        }
        if task.name.is_none() && task.listen.is_empty() {
            diagnostics.push(
                Diagnostic::error("a handler without `name` and `listen` can never be notified")
                    .at(&task.place)
                    .without_gap(),
            );
        }
        handlers.push(Arc::clone(task));
    }
    handlers
}

/// What is wrong with the file is said when it is read for the dependencies.
fn allows_duplicates(role: &Path) -> bool {
    let meta = main_file(role, "meta")
        .and_then(|file| crate::syntax::read(&file, "role's file").ok())
        .flatten();
    let value = meta
        .as_ref()
        .and_then(|node| node.get("allow_duplicates"))
        .map(Node::to_value);
    value == Some(serde_json::Value::Bool(true))
}

fn main_file(role: &Path, kind: &str) -> Option<PathBuf> {
    MAIN.iter()
        .map(|name| role.join(kind).join(name))
        .find(|path| path.is_file())
}

/// The names in a folder, as far as it can be read.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).into_iter().flatten();
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect()
}

fn candidates(folder: &Path, name: &str) -> Option<PathBuf> {
    ["", ".yml", ".yaml"]
        .iter()
        .map(|ending| folder.join(format!("{name}{ending}")))
        .find(|path| path.is_file())
}
