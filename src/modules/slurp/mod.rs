//! The `slurp` module.

use schemars::JsonSchema;
use serde::Deserialize;

use super::args::Text;
use super::{Again, Context, Failure, Fuses, Module, Outcome, State};
use crate::connection::Script;

const READ: Script = Script {
    name: "slurp/read",
    text: include_str!("read.sh"),
};

/// Reads a file of the node into the result: `content` holds it in base64 (see the filter `b64decode`). Changes nothing,
/// so it also runs in check mode. For large files see `fetch`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slurp {
    /// The file.
    src: Text,
}

impl Module for Slurp {
    const NAME: &'static str = "slurp";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[("path", "src")];
    const FUSES: Fuses = Fuses::Looks;
    const AGAIN: Again = Again::Once;
    const EXAMPLE: &'static str = "\
- name: What does the administrator's kubeconfig say?
  slurp:
    src: /etc/kubernetes/admin.conf
  register: kubeconfig

- name: Which API server it names
  debug:
    msg: \"{{ (kubeconfig.content | b64decode | from_yaml).clusters[0].cluster.server }}\"
";

    type Plan = std::convert::Infallible;

    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let src = &*self.src;
        let output = context.run(READ, [src])?;
        match output.status {
            0 => Ok(State::Satisfied(
                Outcome::ok()
                    .with("content", openssl::base64::encode_block(&output.stdout))
                    .with("source", src)
                    .with("encoding", "base64"),
            )),
            3 => Err(Failure::new(format!("File not found: {src}"))),
            4 => Err(Failure::new(format!("Source is a directory and must be a file: {src}"))),
            5 => Err(Failure::new(format!("File is not readable: {src}"))
                .help("set `become: true` if it is readable for another user only")),
            _ => Err(Failure::of_program(&format!("reading {src}"), &output)),
        }
    }

    fn apply(&self, _: &mut Context<'_>, plan: Self::Plan) -> Result<Outcome, Failure> {
        match plan {}
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use crate::modules::testing::{check_module, shells};

    #[rstest]
    fn contents_are_read_as_they_are(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
        let mut node = shells(shell);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b").to_str().unwrap().to_owned();
        std::fs::write(&path, b"x\0\xff\n\n").unwrap();
        let outcome = check_module("ansible.builtin.slurp", json!({"src": path}), node.connection()).unwrap();
        assert!(!outcome.changed);
        assert_eq!(
            outcome.result,
            json!({"content": "eAD/Cgo=", "source": path, "encoding": "base64"})
                .as_object()
                .unwrap()
                .clone()
        );
        let missing = format!("{path}.no");
        let failure = check_module("slurp", json!({"src": missing}), node.connection()).unwrap_err();
        assert_eq!(failure.message, format!("File not found: {missing}"));
        let failure = check_module("slurp", json!({"src": folder.path()}), node.connection()).unwrap_err();
        assert!(failure.message.contains("is a directory"));
    }
}
