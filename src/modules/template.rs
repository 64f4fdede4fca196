use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::args::{Flag, Mode, Text};
use super::remote_file::{Attributes, Content, FilePlan, Query, Wanted, check_validation, file_name, refuse_preserve};
use super::{ArgumentError, Context, Failure, Fuses, Module, Outcome, State};
use crate::template::{Syntax, render_file, render_handlebars};
use crate::vars::{Scope, VarMap, Variable};

/// Renders a template of this machine with the task's variables and puts the result on the node: `.hbs` files are
/// Handlebars, all others Jinja. A file that has this content already is not written; a new one is put in place in one
/// step, so that nobody ever sees half of it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// The template. Without a full path it is looked for in `templates/` of the role, beside the task's file and
    /// beside the playbook.
    src: Text,
    /// The file on the node; when it is a directory, or ends in `/`, the template's name in it, without `.j2` or `.hbs`.
    dest: Text,
    /// Keeps the file that is replaced under another name, with the time in it. Default: false.
    #[serde(default)]
    backup: Flag,
    /// Replaces a file that has another content. Default: true.
    #[serde(default = "yes")]
    force: Flag,
    /// When `dest` is a symbolic link, replaces the file that it points to. Default: false, replaces the link.
    #[serde(default)]
    follow: Flag,
    /// Mode of the file (`"0644"`, `u=rw,go=r`). Default: as it is; for a new file what the umask leaves of 0666.
    mode: Option<Mode>,
    /// Owner, as a name or a number. Default: as it is.
    owner: Option<Text>,
    /// Group, as a name or a number. Default: as it is.
    group: Option<Text>,
    /// A command on the node that has to accept the new file before it is put in place; `%s` stands for its path.
    validate: Option<Text>,
    /// How lines end. Default: `\n`.
    #[serde(default)]
    newline_sequence: LineEnd,
    /// Removes the line break behind a statement of Jinja (`{% … %}`). Default: true.
    #[serde(default = "yes")]
    trim_blocks: Flag,
    /// Removes blanks before a statement of Jinja. Default: false.
    #[serde(default)]
    lstrip_blocks: Flag,
    /// What begins a value. Default: `{{`.
    variable_start_string: Option<Text>,
    /// What ends a value. Default: `}}`.
    variable_end_string: Option<Text>,
    /// What begins a statement. Default: `{%`.
    block_start_string: Option<Text>,
    /// What ends a statement. Default: `%}`.
    block_end_string: Option<Text>,
    /// What begins a comment. Default: `{#`.
    comment_start_string: Option<Text>,
    /// What ends a comment. Default: `#}`.
    comment_end_string: Option<Text>,
}

/// How lines end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
enum LineEnd {
    /// As on Linux.
    #[default]
    #[serde(rename = "\n", alias = "\\n")]
    Feed,
    /// As on Macs of long ago.
    #[serde(rename = "\r", alias = "\\r")]
    Return,
    /// As on Windows.
    #[serde(rename = "\r\n", alias = "\\r\\n")]
    Both,
}

/// How the file of a task is written.
pub struct TemplateSyntax;

impl TemplateSyntax {
    /// By the options of a task; none when that is known in the run only.
    pub fn of_options(options: &Map<String, Value>) -> Option<Syntax> {
        let mut syntax = Syntax::default();
        let texts = [
            ("variable_start_string", &mut syntax.variable_start),
            ("variable_end_string", &mut syntax.variable_end),
            ("block_start_string", &mut syntax.block_start),
            ("block_end_string", &mut syntax.block_end),
            ("comment_start_string", &mut syntax.comment_start),
            ("comment_end_string", &mut syntax.comment_end),
        ];
        for (name, place) in texts {
            if let Some(text) = options.get(name).and_then(Value::as_str) {
                if crate::template::holds_template(text) {
                    return None;
                }
                text.clone_into(place);
            }
        }
        for (name, place) in [
            ("trim_blocks", &mut syntax.trim_blocks),
            ("lstrip_blocks", &mut syntax.lstrip_blocks),
        ] {
            match options.get(name) {
                None => {}
                Some(Value::Bool(flag)) => *place = *flag,
                Some(Value::String(text)) => *place = crate::syntax::parse_bool(text)?,
                Some(_) => return None,
            }
        }
        Some(syntax)
    }
}

fn yes() -> Flag {
    Flag(true)
}

impl Module for Template {
    const NAME: &'static str = "template";
    const REFUSED_OPTIONS: &'static [(&'static str, &'static str)] =
        &[("output_encoding", "krun writes UTF-8 and nothing else")];
    const FUSES: Fuses = Fuses::Whole;
    const EXAMPLE: &'static str = "\
- name: Configure the container runtime's client
  template:
    src: crictl.yaml.hbs
    dest: /etc/crictl.yaml
    mode: \"0644\"
    backup: true
";

    type Plan = FilePlan;

    fn validate(&self) -> Result<(), ArgumentError> {
        refuse_preserve(self.mode.as_ref())?;
        self.syntax()?;
        if self.src.ends_with(".hbs") && self.syntax()? != Syntax::default() {
            return Err(ArgumentError::option(
                "src",
                "blocks and delimiters can be set for Jinja's files only, and this one is Handlebars",
            ));
        }
        check_validation(self.validate.as_ref())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<FilePlan>, Failure> {
        let file = context.files.find_plain("templates", &self.src)?;
        let text = self.render(context, &file)?;
        let name = file_name(&self.src);
        let name = name.strip_suffix(".j2").or(name.strip_suffix(".hbs")).unwrap_or(name);
        let query = Query {
            name_in_directory: name,
            ..Wanted::query(context, *self.follow)
        };
        let found = query.ask(context, &self.dest)?;
        let wanted = Wanted {
            content: Content::Bytes(text.into_bytes()),
            attributes: Attributes::new(self.mode.as_ref(), self.owner.as_ref(), self.group.as_ref()),
            backup: *self.backup,
            validate: self.validate.clone(),
            force: *self.force,
            make_parent: None,
            source: file.display().to_string(),
        };
        wanted.compare(context, found)
    }

    fn apply(&self, context: &mut Context<'_>, plan: FilePlan) -> Result<Outcome, Failure> {
        plan.apply(context)
    }
}

impl Template {
    fn syntax(&self) -> Result<Syntax, ArgumentError> {
        let standard = Syntax::default();
        let or = |own: &Option<Text>, standard: String| own.as_ref().map_or(standard, |text| text.0.clone());
        let syntax = Syntax {
            trim_blocks: *self.trim_blocks,
            lstrip_blocks: *self.lstrip_blocks,
            variable_start: or(&self.variable_start_string, standard.variable_start),
            variable_end: or(&self.variable_end_string, standard.variable_end),
            block_start: or(&self.block_start_string, standard.block_start),
            block_end: or(&self.block_end_string, standard.block_end),
            comment_start: or(&self.comment_start_string, standard.comment_start),
            comment_end: or(&self.comment_end_string, standard.comment_end),
        };
        syntax
            .check()
            .map_err(|error| ArgumentError::option("", error.message))?;
        Ok(syntax)
    }

    fn render(&self, context: &Context<'_>, file: &Path) -> Result<String, Failure> {
        let text = fs_err::read_to_string(file).map_err(|error| Failure::new(error.to_string()))?;
        let name = file.display().to_string();
        let variables = self.variables(context, &name).root();
        let rendered = if name.ends_with(".hbs") {
            render_handlebars(&name, &text, &variables)
        } else {
            let syntax = self.syntax().map_err(ArgumentError::into_failure)?;
            render_file(&text, &syntax, &variables)
        };
        let text = rendered.map_err(|error| Failure::new(format!("{name}: {error}")))?;
        Ok(match self.newline_sequence {
            LineEnd::Feed => text,
            LineEnd::Return => text.replace('\n', "\r"),
            LineEnd::Both => text.replace("\r\n", "\n").replace('\n', "\r\n"),
        })
    }

    /// The task's variables, and what Ansible tells its templates about themselves.
    fn variables(&self, context: &Context<'_>, file: &str) -> Scope {
        let full = std::path::absolute(file).map_or_else(|_| file.to_owned(), |path| path.display().to_string());
        let mut layer = VarMap::new();
        let mut tell = |name: &str, value: String| layer.insert(name.to_owned(), Variable::data(value.into()));
        tell("template_path", file.to_owned());
        tell("template_fullpath", full);
        tell("template_destpath", self.dest.0.clone());
        if context.scope.raw(MANAGED).is_none() {
            tell(MANAGED, "Ansible managed".to_owned());
        }
        context.scope.with_layer(layer)
    }
}

/// What stands at the top of many files; a variable of this name wins.
const MANAGED: &str = "ansible_managed";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use crate::modules::testing::{Trial, local_shell};
    use crate::modules::{Failure, FileFinder, Outcome};

    fn template(folder: &Path, options: Value) -> Result<Outcome, Failure> {
        let files = FileFinder {
            playbook_folder: folder.to_owned(),
            ..FileFinder::default()
        };
        Trial::new("template", options)
            .on(local_shell().as_mut())
            .files(files)
            .variable("version", json!("1.28.2"))
            .run()
    }

    #[test]
    fn both_languages_render_and_a_second_run_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("templates")).unwrap();
        for name in ["a.conf.j2", "b.conf.hbs"] {
            std::fs::write(folder.path().join("templates").join(name), "v{{ version }}\n").unwrap();
            let options = json!({"src": name, "dest": folder.path(), "mode": "0600"});
            let outcome = template(folder.path(), options.clone()).unwrap();
            let dest = outcome.result["dest"].as_str().unwrap().to_owned();
            assert!(dest.ends_with(".conf"), "{dest}");
            assert_eq!(std::fs::read_to_string(&dest).unwrap(), "v1.28.2\n");
            assert_eq!(
                (outcome.changes, outcome.diff[0].after.as_str()),
                (vec!["new file".to_owned()], "v1.28.2\n")
            );
            assert!(!template(folder.path(), options).unwrap().changed);
        }
    }

    #[test]
    fn a_wrong_template_is_named_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.j2"), "{{ typo }}").unwrap();
        let dest = folder.path().join("out");
        let failure = template(folder.path(), json!({"src": "x.j2", "dest": dest})).unwrap_err();
        assert!(
            failure.message.contains("x.j2") && failure.message.contains("typo"),
            "{}",
            failure.message
        );
        assert!(!dest.exists());
    }

    #[test]
    fn files_may_have_delimiters_and_line_ends_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let write = |text: &str| std::fs::write(folder.path().join("x.j2"), text).unwrap();
        let dest = folder.path().join("out");
        let render = |mut options: Value| {
            options["src"] = json!("x.j2");
            options["dest"] = json!(dest);
            template(folder.path(), options).unwrap();
            std::fs::read_to_string(&dest).unwrap()
        };
        write("#jinja2: lstrip_blocks: true\n  {% if 1 %}\n{{ version }}\n  {% endif %}\n{{ 'a\\tb' }}\n");
        assert_eq!(render(json!({})), "1.28.2\na\tb\n");
        write("{{ [[ version ]] }}\n# {{\n");
        let own = json!({"variable_start_string": "[[", "variable_end_string": "]]", "newline_sequence": "\\r\\n"});
        assert_eq!(render(own), "{{ 1.28.2 }}\r\n# {{\r\n");
        write("{{ ansible_managed }} {{ template_path | basename }} {{ template_destpath | basename }}\n");
        assert_eq!(render(json!({})), "Ansible managed x.j2 out\n");
    }

    #[test]
    fn mistakes_are_found_before_the_run() {
        let module = crate::modules::find("template").unwrap();
        for options in [
            json!({"src": "x.hbs", "dest": "/x", "trim_blocks": false}),
            json!({"src": "x.j2", "dest": "/x", "variable_start_string": "{%"}),
            json!({"src": "x.j2", "dest": "/x", "newline_sequence": "x"}),
            json!({"src": "x.j2", "dest": "/x", "output_encoding": "latin-1"}),
        ] {
            assert!(module.validate(options.clone()).is_err(), "{options}");
        }
    }
}
