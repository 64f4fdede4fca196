use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::action::{IncludeRole, IncludeTasks};
use super::keywords::Keywords;
use super::looping;
use super::model::{Item, Play, Playbook, Repeated, Task};
use super::role::{Own, Role, RoleFiles, RoleRequest, Way};
use crate::syntax::{self, Diagnostic, Diagnostics, Fields, Kind, Node, Place};
use crate::vars::vault::VaultPasswords;
use crate::vars::{VarMap, files};

/// How deep imports, includes and roles may be nested.
const MAX_DEPTH: usize = 40;

/// Where things are looked for.
#[derive(Clone, Debug, Default)]
pub struct LoaderOptions {
    /// Folders with roles, beside those near the playbook.
    pub roles_path: Vec<PathBuf>,
    /// What a task is whose module, options or keys krun does not know.
    pub unsupported: Unsupported,
}

/// What a task is whose module, options or keys krun does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unsupported {
    /// An error before the run.
    #[default]
    Error,
    /// A task that fails when it is reached, for borrowed content that has it in branches that are never taken.
    WhenReached,
}

impl FromStr for Unsupported {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "error" => Ok(Unsupported::Error),
            "when-reached" => Ok(Unsupported::WhenReached),
            other => Err(format!("`{other}` is neither error nor when-reached")),
        }
    }
}

/// Reads playbooks and all that they name.
pub struct Loader<'a> {
    pub(super) options: &'a LoaderOptions,
    pub(super) passwords: &'a VaultPasswords,
}

/// Where a task list stands: what relative names in it refer to.
#[derive(Clone, Debug)]
pub struct Scoping {
    /// Folder of the playbook.
    pub playbook_folder: PathBuf,
    /// Role that it belongs to.
    pub role: Option<Arc<Role>>,
    /// Folder of the file that it stands in.
    pub folder: PathBuf,
    /// Folder of the role whose dependencies are read.
    pub(super) role_folder: Option<PathBuf>,
    depth: usize,
}

impl Scoping {
    /// A list in a playbook itself.
    pub fn of_playbook(folder: &Path) -> Self {
        Self {
            playbook_folder: folder.to_owned(),
            role: None,
            folder: folder.to_owned(),
            role_folder: None,
            depth: 0,
        }
    }

    /// A list that a task includes while the play runs.
    pub fn of_task(task: &Task, playbook_folder: &Path) -> Self {
        Self {
            playbook_folder: playbook_folder.to_owned(),
            role: task.role.clone(),
            folder: task.folder.clone(),
            role_folder: None,
            depth: 0,
        }
    }

    pub(super) fn deeper(&self) -> Option<Self> {
        (self.depth < MAX_DEPTH).then(|| Self {
            depth: self.depth + 1,
            ..self.clone()
        })
    }

    pub(super) fn in_role(&self, role: &Arc<Role>) -> Self {
        Self {
            role: Some(Arc::clone(role)),
            folder: role.path.join("tasks"),
            role_folder: None,
            ..self.clone()
        }
    }

    /// Where a task file named here is looked for.
    fn task_files(&self, name: &str) -> Vec<PathBuf> {
        let mut places = vec![self.folder.join(name)];
        if let Some(role) = &self.role {
            places.push(role.path.join("tasks").join(name));
        }
        places.push(self.playbook_folder.join(name));
        places.push(self.playbook_folder.join("tasks").join(name));
        places.dedup();
        places
    }
}

impl<'a> Loader<'a> {
    /// A loader; it reads files when it is asked to.
    pub fn new(options: &'a LoaderOptions, passwords: &'a VaultPasswords) -> Self {
        Self { options, passwords }
    }

    /// Loads a playbook with everything that it imports, and tells everything that is wrong with it and can be known
    /// from its files, at once. Even with errors there is a playbook, for further checks, unless parts of it could not
    /// be read that others depend on.
    pub fn load(&self, path: &Path) -> (Option<Playbook>, Diagnostics) {
        let mut diagnostics = Diagnostics::default();
        let plays = self.playbook_file(path, &Keywords::default(), 0, &mut diagnostics);
        let playbook = Playbook {
            path: path.to_owned(),
            plays,
        };
        ((!diagnostics.has_gaps()).then_some(playbook), diagnostics)
    }

    /// A playbook of one task that stands on the command line.
    ///
    /// # Errors
    /// What is wrong with the module or its options.
    pub fn single_task(&self, pattern: &str, module: &str, args: &str) -> Result<Playbook, Diagnostics> {
        let Some(definition) = crate::modules::find(module) else {
            return Err(Diagnostic::error(format!("there is no module `{module}`"))
                .did_you_mean(module, crate::modules::names())
                .help("`krun doc` lists the modules")
                .into());
        };
        let text = serde_json::Value::from(args);
        let options = match serde_json::from_str(args) {
            Ok(mapping @ serde_json::Value::Object(_)) => mapping,
            Err(error) if args.trim_start().starts_with('{') && definition.free_form.is_none() => {
                return Err(Diagnostic::error(format!("the module's options are no JSON: {error}"))
                    .help("write -a 'option=value …', or a whole JSON mapping")
                    .into());
            }
            _ => text,
        };
        // What stands on the command line, as the playbook that it means: the places in errors are those of this text.
        // A JSON value is a YAML value too.
        let (pattern, module) = (serde_json::Value::from(pattern), serde_json::Value::from(module));
        let play = format!(
            "- name: krun exec\n  hosts: {pattern}\n  gather_facts: false\n  tasks:\n    - {module}: {options}\n"
        );
        let source = syntax::SourceFile::new("krun exec", play);
        let mut diagnostics = Diagnostics::default();
        let node = syntax::parse(&source)?;
        let nodes = node.as_ref().and_then(Node::items).unwrap_or_default();
        let plays = nodes
            .iter()
            .filter_map(|node| self.play(node, Path::new("."), &Keywords::default(), &mut diagnostics))
            .map(Arc::new)
            .collect();
        diagnostics.into_result(Playbook {
            path: PathBuf::from("krun exec"),
            plays,
        })
    }

    fn playbook_file(
        &self,
        path: &Path,
        outer: &Keywords,
        depth: usize,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Arc<Play>> {
        let Some(document) = diagnostics.keep(syntax::read(path, "playbook")) else {
            return Vec::new();
        };
        let Some(document) = document else {
            diagnostics.push(Diagnostic::error("the playbook is empty").in_file(path));
            return Vec::new();
        };
        let Some(nodes) = document.items() else {
            diagnostics.push(
                Diagnostic::error(format!(
                    "a playbook is a list of plays, this is {}",
                    document.describe()
                ))
                .at(&document.place)
                .help("begin each play with `- hosts: …`"),
            );
            return Vec::new();
        };
        if nodes.is_empty() {
            diagnostics.push(Diagnostic::error("the playbook is empty: it has no play").at(&document.place));
        }
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let mut plays = Vec::new();
        for node in nodes {
            if node
                .get("import_playbook")
                .or(node.get("ansible.builtin.import_playbook"))
                .is_some()
            {
                plays.extend(self.import_playbook(node, folder, outer, depth, diagnostics));
            } else if let Some(play) = self.play(node, folder, outer, diagnostics) {
                plays.push(Arc::new(play));
            }
        }
        plays
    }

    fn import_playbook(
        &self,
        node: &Node,
        folder: &Path,
        outer: &Keywords,
        depth: usize,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Arc<Play>> {
        let Some(mut fields) = diagnostics.keep(Fields::of(node, "an import of a playbook")) else {
            return Vec::new();
        };
        let file = fields
            .take("import_playbook")
            .or(fields.take("ansible.builtin.import_playbook"));
        fields.take("name");
        let keywords = Keywords::read(outer, &mut fields, self, diagnostics);
        let over = looping::loop_over_plays(&mut fields, diagnostics).map(Arc::new);
        fields.finish(std::iter::empty(), diagnostics);
        let Some((name, place)) = file.and_then(|node| Some((node.text()?, &node.place))) else {
            diagnostics.push(Diagnostic::error("import_playbook takes the name of a file").at(&node.place));
            return Vec::new();
        };
        let path = folder.join(name);
        if !path.is_file() {
            diagnostics.push(Diagnostic::error(format!("there is no playbook `{}`", path.display())).at(place));
            return Vec::new();
        }
        if depth >= MAX_DEPTH {
            diagnostics.push(Diagnostic::error("playbooks are imported too deep; does one import itself?").at(place));
            return Vec::new();
        }
        let mut plays = self.playbook_file(&path, &keywords, depth + 1, diagnostics);
        let Some(over) = over else { return plays };
        for (index, play) in plays.iter_mut().enumerate() {
            // They were just read, and nobody else has them.
            if let Some(play) = Arc::get_mut(play) {
                let repeated = Repeated {
                    over: Arc::clone(&over),
                    is_first: index == 0,
                };
                play.repeated.insert(0, repeated);
            }
        }
        plays
    }

    /// Reads a task file at load time.
    pub(super) fn task_file(
        &self,
        path: &Path,
        outer: &Keywords,
        scoping: &Scoping,
        handlers: &mut Vec<Arc<Task>>,
        roles: &mut Vec<Arc<Role>>,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Item> {
        let Some(document) = diagnostics.keep(syntax::read(path, "task file")).flatten() else {
            return Vec::new();
        };
        let scoping = Scoping {
            folder: path.parent().map(Path::to_owned).unwrap_or_default(),
            ..scoping.clone()
        };
        self.task_list(&document, outer, &scoping, handlers, roles, diagnostics)
    }

    /// Finds a task file that is named in a list.
    pub(super) fn find_task_file(name: &str, place: &Place, scoping: &Scoping) -> Result<PathBuf, Diagnostic> {
        let places = scoping.task_files(name);
        places.iter().find(|path| path.is_file()).cloned().ok_or_else(|| {
            let looked: Vec<_> = places.iter().map(|path| path.display().to_string()).collect();
            Diagnostic::error(format!("there is no task file `{name}`"))
                .at(place)
                .help(format!("looked for {}", looked.join(", ")))
        })
    }

    /// Reads the tasks that an `include_tasks` names, while the play runs.
    ///
    /// # Errors
    /// The file is not there, or something in it is wrong.
    pub fn include_tasks(
        &self,
        include: &IncludeTasks,
        file: &str,
        inherited: &Keywords,
        scoping: &Scoping,
    ) -> Result<Included, Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let mut included = Included::default();
        let path = Self::find_task_file(file, &include.file.place, scoping)?;
        included.items = self.task_file(
            &path,
            &include.apply.on_top_of(inherited),
            scoping,
            &mut included.handlers,
            &mut included.roles,
            &mut diagnostics,
        );
        diagnostics.into_result(included)
    }

    /// Reads the role that an `include_role` names, while the play runs.
    ///
    /// # Errors
    /// The role is not there, or something in it is wrong.
    pub fn include_role(
        &self,
        include: &IncludeRole,
        names: &RoleNames,
        inherited: &Keywords,
        scoping: &Scoping,
    ) -> Result<Included, Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let keywords = include.apply.on_top_of(inherited);
        let request = RoleRequest {
            name: &names.role,
            place: &include.name.place,
            from: RoleFiles {
                tasks: names.tasks_from.as_deref(),
                vars: names.vars_from.as_deref(),
                defaults: names.defaults_from.as_deref(),
                handlers: names.handlers_from.as_deref(),
            },
            params: VarMap::new(),
            given: Arc::default(),
            keywords: &keywords,
            own: Own::default(),
            around: None,
            way: Way::Task(include.allows_duplicates),
            validates: include.validates,
        };
        let loaded = self.role(&request, scoping, &mut diagnostics).unwrap_or_default();
        diagnostics.into_result(Included {
            items: loaded.items,
            handlers: loaded.handlers,
            roles: loaded.roles,
        })
    }

    /// Reads a mapping of variables.
    pub(super) fn vars(&self, node: &Node, diagnostics: &mut Diagnostics) -> Option<VarMap> {
        // Ansible also takes a list of mappings.
        if let Kind::Sequence(items) = &node.kind {
            let mut all = VarMap::new();
            for item in items {
                all.extend(self.vars(item, diagnostics)?);
            }
            return Some(all);
        }
        super::setting::check_templates(node, diagnostics);
        files::read_mapping(node, "`vars`", self.passwords, diagnostics).map(|written| written.vars)
    }
}

/// What an `include_role` names, once its variables are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RoleNames {
    /// The role.
    pub role: String,
    /// Its file of tasks instead of `main`.
    pub tasks_from: Option<String>,
    /// Its file of variables instead of `main`.
    pub vars_from: Option<String>,
    /// Its file of defaults instead of `main`.
    pub defaults_from: Option<String>,
    /// Its file of handlers instead of `main`.
    pub handlers_from: Option<String>,
}

/// What an include brings while the play runs.
#[derive(Debug, Default)]
pub struct Included {
    /// Its tasks.
    pub items: Vec<Item>,
    /// Its handlers.
    pub handlers: Vec<Arc<Task>>,
    /// Its roles.
    pub roles: Vec<Arc<Role>>,
}
