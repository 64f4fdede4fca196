use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::args::{Flag, Mode, Text};
use super::remote_file::{Attributes, Content, FilePlan, Query, Wanted, check_validation, file_name, refuse_preserve};
use super::{ArgumentError, Context, Failure, Fuses, Module, Outcome, State};
use crate::template::render_handlebars;

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
}

fn yes() -> Flag {
    Flag(true)
}

impl Module for Template {
    const NAME: &'static str = "template";
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
        check_validation(self.validate.as_ref())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<FilePlan>, Failure> {
        let file = context.files.find("templates", &self.src)?;
        let text = render(context, &file)?;
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

fn render(context: &Context<'_>, file: &Path) -> Result<String, Failure> {
    let text = fs_err::read_to_string(file).map_err(|error| Failure::new(error.to_string()))?;
    let name = file.display().to_string();
    let rendered = if file.extension().is_some_and(|extension| extension == "hbs") {
        render_handlebars(&name, &text, &context.scope.root())
    } else {
        context.scope.render_text(&text)
    };
    rendered.map_err(|error| Failure::new(format!("{name}: {error}")))
}

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
}
