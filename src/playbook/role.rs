use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::action::Action;
use super::argument_specs::validation;
use super::keywords::Keywords;
use super::loader::{Loader, Scoping};
use super::model::{Item, RoleRun, Task};
use super::role_files::{self, main_file};
use super::role_meta::Meta;
use crate::syntax::{Diagnostic, Diagnostics, Fields, Kind, Node, Place};
use crate::template;
use crate::vars::{VarMap, files};

/// A role as one place of a play uses it.
#[derive(Debug)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// Its variables at their three levels, with those that it has from other roles.
    pub vars: RoleVars,
    /// Names of the roles that import or include it, outermost first.
    pub parents: Vec<String>,
    /// A role of the play depends on it.
    pub is_dependency: bool,
    /// The same for roles that are the same role, asked for in the same way: it is run once.
    pub identity: String,
}

/// The three levels of a role's variables. Each has below it what the roles around it and those that it depends on say.
#[derive(Clone, Debug, Default)]
pub struct RoleVars {
    /// `defaults/main.yml`
    pub defaults: Arc<VarMap>,
    /// `vars/main.yml`
    pub vars: Arc<VarMap>,
    /// `vars` where the role is named; for the role alone.
    pub given: Arc<VarMap>,
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
    /// Other files than `main`.
    pub(super) from: RoleFiles<'a>,
    pub(super) params: VarMap,
    /// `vars` where the role is named in a list.
    pub(super) given: Arc<VarMap>,
    pub(super) keywords: &'a Keywords,
    /// What of the keywords its user says, and not what stands around.
    pub(super) own: Own,
    pub(super) around: Option<Around>,
    pub(super) way: Way,
    /// Its arguments are checked.
    pub(super) validates: bool,
}

/// Names of files that are read instead of `main`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RoleFiles<'a> {
    pub(super) tasks: Option<&'a str>,
    pub(super) vars: Option<&'a str>,
    pub(super) defaults: Option<&'a str>,
    pub(super) handlers: Option<&'a str>,
}

/// Conditions and tags as written at a role.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    when: Vec<String>,
    tags: Vec<String>,
}

/// Where a role is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// In `roles`: it runs once, unless it allows duplicates.
    Listed,
    /// As a dependency: the same.
    Dependency,
    /// By an import or an include; `true`: each time.
    Task(bool),
}

/// What a role has from those that depend on it or include it.
#[derive(Clone, Debug)]
pub(super) struct Around {
    names: Vec<String>,
    vars: RoleVars,
}

impl Own {
    pub(super) fn of(keywords: &Keywords, outer: &Keywords) -> Self {
        let when = keywords.when.iter().skip(outer.when.len());
        Self {
            when: when.map(|condition| condition.text.clone()).collect(),
            tags: keywords.tags.iter().skip(outer.tags.len()).cloned().collect(),
        }
    }
}

impl Around {
    fn of(role: &Role) -> Self {
        Self {
            names: role.parents.iter().chain([&role.name]).cloned().collect(),
            vars: role.vars.clone(),
        }
    }
}

impl Loader<'_> {
    /// Reads an entry of `roles:`, or of a role's dependencies.
    pub(super) fn role_entry(
        &self,
        node: &Node,
        outer: &Keywords,
        scoping: &Scoping,
        around: Option<&Around>,
        diagnostics: &mut Diagnostics,
    ) -> Option<LoadedRole> {
        let way = if around.is_some() { Way::Dependency } else { Way::Listed };
        let request = |(name, place), keywords, own, params, given| RoleRequest {
            name,
            place,
            from: RoleFiles::default(),
            params,
            given,
            keywords,
            own,
            around: around.cloned(),
            way,
            validates: true,
        };
        if let Some(name) = node.text() {
            let request = request(
                (name, &node.place),
                outer,
                Own::default(),
                VarMap::new(),
                Arc::default(),
            );
            return self.role(&request, scoping, diagnostics);
        }
        let mut fields = diagnostics.keep(Fields::of(node, "a role entry"))?;
        let name = fields.take("role").or(fields.take("name"));
        let mut keywords = Keywords::read(outer, &mut fields, self, diagnostics);
        let Some(name) = name.and_then(|name| Some((name.text()?, &name.place))) else {
            let missing = Diagnostic::error("a role entry needs the role's name: `role: NAME`").at(&node.place);
            diagnostics.push(match node.get("src") {
                None => missing,
                Some(_) => missing.help("roles are not fetched: put the role into a `roles` folder"),
            });
            return None;
        };
        // Everything else is a parameter of the role; both are told to the role alone.
        let given = if keywords.vars.len() > outer.vars.len() {
            keywords.vars.pop().unwrap_or_default()
        } else {
            Arc::default()
        };
        let rest: Vec<_> = fields.rest().cloned().collect();
        let params_node = Node {
            kind: Kind::Mapping(rest),
            place: node.place.clone(),
            tag: None,
        };
        let params = self.vars(&params_node, diagnostics)?;
        let own = Own::of(&keywords, outer);
        self.role(&request(name, &keywords, own, params, given), scoping, diagnostics)
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
        if template::holds_template(request.name) && !matches!(request.way, Way::Task(_)) {
            diagnostics.push(
                Diagnostic::error("the name of a role in a list of roles cannot depend on variables")
                    .at(request.place)
                    .help("use include_role in a task"),
            );
            return None;
        }
        let path = diagnostics.keep(role_files::find_role(
            request.name,
            request.place,
            self.options,
            &scoping,
        ))?;
        let around = request.around.clone().or(scoping.role.as_deref().map(Around::of));
        let meta = Meta::read(&path, diagnostics);
        let mut vars = RoleVars {
            defaults: self.role_vars(&path, "defaults", request.from.defaults, request.place, diagnostics),
            vars: self.role_vars(&path, "vars", request.from.vars, request.place, diagnostics),
            given: Arc::clone(&request.given),
            params: Arc::new(request.params.clone()),
        };
        let parents = around.as_ref().map(|around| around.names.clone()).unwrap_or_default();
        if let Some(around) = &around {
            vars = vars.on_top_of(&around.vars);
        }
        let mut loaded = LoadedRole::default();
        let for_dependencies = Around {
            names: parents.clone(),
            vars: vars.clone(),
        };
        let mut beside = scoping.clone();
        beside.role_folder = path.parent().map(Path::to_owned);
        for dependency in &meta.dependencies {
            let role = self.role_entry(
                dependency,
                request.keywords,
                &beside,
                Some(&for_dependencies),
                diagnostics,
            );
            loaded.extend(role.unwrap_or_default());
        }
        for dependency in &loaded.roles {
            vars.take_from_dependency(&dependency.vars);
        }
        let role = Arc::new(Role {
            identity: identity(request, &path),
            name: request.name.to_owned(),
            vars,
            parents,
            is_dependency: request.way == Way::Dependency,
            path,
        });
        let scoping = scoping.in_role(&role);
        let mut items = Vec::new();
        let entry_point = request.from.tasks.unwrap_or("main");
        if request.validates
            && let Some(spec) = meta.argument_specs.as_ref().and_then(|specs| specs.get(entry_point))
        {
            items.extend(validation(spec, entry_point, &role, request.keywords, diagnostics));
        }
        if let Some(file) = self.role_file(&role, "tasks", request.from.tasks, request.place, diagnostics) {
            items.extend(self.task_file(
                &file,
                request.keywords,
                &scoping,
                &mut loaded.handlers,
                &mut loaded.roles,
                diagnostics,
            ));
        }
        if let Some(file) = self.role_file(&role, "handlers", request.from.handlers, request.place, diagnostics) {
            let (mut nested, mut roles) = (Vec::new(), Vec::new());
            let found = self.task_file(&file, request.keywords, &scoping, &mut nested, &mut roles, diagnostics);
            loaded.handlers.extend(nested);
            loaded.handlers.extend(as_handlers(&found, diagnostics));
            loaded.roles.extend(roles);
        }
        let runs_each_time = match request.way {
            Way::Listed | Way::Dependency => meta.allow_duplicates,
            Way::Task(each_time) => each_time,
        };
        if runs_each_time {
            loaded.items.extend(items);
        } else {
            loaded.items.push(Item::Role(Arc::new(RoleRun {
                role: Arc::clone(&role),
                items,
            })));
        }
        loaded.roles.push(role);
        Some(loaded)
    }

    fn role_vars(
        &self,
        path: &Path,
        kind: &str,
        from: Option<&str>,
        place: &Place,
        diagnostics: &mut Diagnostics,
    ) -> Arc<VarMap> {
        let mut all = VarMap::new();
        let found = diagnostics.keep(role_files::vars_files(path, kind, from, place));
        for file in found.into_iter().flatten() {
            let read = files::read_file(&file, self.passwords, diagnostics);
            all.extend(read.map(|written| written.vars).unwrap_or_default());
        }
        Arc::new(all)
    }

    /// A role's file of tasks or handlers; only one that is named must be there.
    #[expect(clippy::unused_self, reason = "as the other readers of a role")]
    fn role_file(
        &self,
        role: &Role,
        kind: &str,
        from: Option<&str>,
        place: &Place,
        diagnostics: &mut Diagnostics,
    ) -> Option<PathBuf> {
        match from {
            None => main_file(&role.path, kind),
            Some(name) => diagnostics.keep(role_files::named_file(&role.path, kind, name, place)),
        }
    }
}

impl RoleVars {
    fn on_top_of(&self, below: &RoleVars) -> Self {
        Self {
            defaults: merged(&below.defaults, &self.defaults),
            vars: merged(&below.vars, &self.vars),
            given: merged(&below.given, &self.given),
            params: merged(&below.params, &self.params),
        }
    }

    /// Variables of a dependency stand below those of the role itself; what is passed to it is for it alone.
    fn take_from_dependency(&mut self, dependency: &RoleVars) {
        self.defaults = merged(&dependency.defaults, &self.defaults);
        self.vars = merged(&dependency.vars, &self.vars);
    }
}

fn merged(below: &Arc<VarMap>, above: &Arc<VarMap>) -> Arc<VarMap> {
    if below.is_empty() {
        return Arc::clone(above);
    }
    let mut all = (**below).clone();
    all.extend(above.iter().map(|(name, value)| (name.clone(), Arc::clone(value))));
    Arc::new(all)
}

impl LoadedRole {
    fn extend(&mut self, more: LoadedRole) {
        self.items.extend(more.items);
        self.handlers.extend(more.handlers);
        self.roles.extend(more.roles);
    }
}

fn identity(request: &RoleRequest<'_>, path: &Path) -> String {
    let list = |vars: &VarMap| -> Vec<String> {
        let vars = vars.iter();
        vars.map(|(name, value)| format!("{name}={}", value.raw())).collect()
    };
    let (params, given) = (list(&request.params), list(&request.given));
    let by_task = matches!(request.way, Way::Task(_));
    let Own { when, tags } = &request.own;
    format!(
        "{} {:?} {params:?} {given:?} {when:?} {tags:?} {by_task}",
        path.display(),
        request.from
    )
}

/// Handlers are tasks; a block among them has no name to be notified by.
pub(super) fn as_handlers(items: &[Item], diagnostics: &mut Diagnostics) -> Vec<Arc<Task>> {
    let mut handlers = Vec::new();
    for block in items.iter().filter_map(|item| match item {
        Item::Block(block) => Some(block),
        Item::Task(_) | Item::Role(_) => None,
    }) {
        let first = block.items.iter().flat_map(Item::tasks).next();
        let finding = Diagnostic::error("a block cannot be a handler, as nothing could notify it")
            .help("make its tasks handlers that `listen` to one name");
        diagnostics.push(match first {
            Some(task) => finding.at(&task.place).without_gap(),
            None => finding.without_gap(),
        });
    }
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
