//! The `tempfile` module.

use schemars::JsonSchema;
use serde::Deserialize;

use super::args::Text;
use super::{Again, ArgumentError, Context, Failure, Fuses, Module, Outcome, State};
use crate::connection::Script;

const MAKE: Script = Script {
    name: "tempfile/make",
    text: include_str!("make.sh"),
};

/// Makes a file or a directory on the node that nobody else has and nobody else can read; the result's `path` names it.
/// Nothing removes it: see `file` with `state: absent`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tempfile {
    /// What is made. Default: `file`.
    #[serde(default)]
    state: Kind,
    /// The directory that it is made in. Default: the node's for temporary files.
    path: Option<Text>,
    /// How its name begins. Default: `ansible.`, as in Ansible.
    #[serde(default = "default_prefix")]
    #[schemars(default = "prefix")]
    prefix: Text,
    /// How its name ends. Default: with nothing.
    #[serde(default)]
    suffix: Text,
}

/// What is made.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// An empty file.
    #[default]
    File,
    /// A directory.
    Directory,
}

fn prefix() -> &'static str {
    "ansible."
}

fn default_prefix() -> Text {
    Text(prefix().to_owned())
}

impl Module for Tempfile {
    const NAME: &'static str = "tempfile";
    const FUSES: Fuses = Fuses::Never;
    const AGAIN: Again = Again::Once;
    const EXAMPLE: &'static str = "\
- name: A place to unpack things in
  tempfile:
    state: directory
    suffix: .upgrade
  register: place
";

    type Plan = ();

    fn validate(&self) -> Result<(), ArgumentError> {
        for (option, value) in [("prefix", &self.prefix), ("suffix", &self.suffix)] {
            Self::check_option(option, value)?;
        }
        Ok(())
    }

    fn check_option(name: &str, value: &str) -> Result<(), ArgumentError> {
        if matches!(name, "prefix" | "suffix") && value.contains(['/', '\n']) {
            return Err(ArgumentError::option(name, "it is part of a file's name, without `/`"));
        }
        Ok(())
    }

    fn check(&self, _: &mut Context<'_>) -> Result<State<()>, Failure> {
        Ok(State::Unknown {
            plan: (),
            reason: "krun would make a temporary file or directory".to_owned(),
        })
    }

    fn apply(&self, context: &mut Context<'_>, (): ()) -> Result<Outcome, Failure> {
        let (kind, change) = match self.state {
            Kind::File => ("file", "new file"),
            Kind::Directory => ("directory", "new directory"),
        };
        let folder = self.path.as_deref().unwrap_or_default();
        let output = context.run(MAKE, [kind, folder, &self.prefix, &self.suffix])?;
        if !output.success() {
            return Err(Failure::of_program(&format!("making a temporary {kind}"), &output));
        }
        let path = output.stdout_text();
        Ok(Outcome::changed([change]).with("path", path.trim_end_matches('\n')))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use rstest::rstest;
    use serde_json::json;

    use crate::modules::testing::{check_module, run_module, shells};

    #[rstest]
    fn made_for_one_user(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
        let mut node = shells(shell);
        let folder = tempfile::tempdir().unwrap();
        for (state, mode) in [("file", 0o600), ("directory", 0o700)] {
            let options = json!({"state": state, "path": folder.path(), "prefix": "a b.", "suffix": ".x"});
            let outcome = run_module("tempfile", options.clone(), node.connection()).unwrap();
            assert!(outcome.changed);
            let path = outcome.result["path"].as_str().unwrap();
            assert!(path.contains("/a b.") && path.ends_with(".x"), "{path}");
            let metadata = std::fs::metadata(path).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o7777, mode);
            assert_eq!(metadata.is_dir(), state == "directory");
            assert!(
                check_module("tempfile", options, node.connection())
                    .unwrap()
                    .skipped
                    .is_some()
            );
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        let options = json!({"path": folder.path().join("no")});
        let failure = run_module("tempfile", options, node.connection()).unwrap_err();
        assert!(failure.message.contains("does not exist"), "{failure:?}");
    }

    #[test]
    fn mistakes_are_found_before_the_run() {
        let module = crate::modules::find("tempfile").unwrap();
        assert!(module.validate(json!({"prefix": "../x"})).is_err());
        assert!(module.validate(json!({"state": "link"})).is_err());
    }
}
