mod edit;
mod encoding;
mod options;
#[cfg(test)]
mod tests;

use super::remote_file::{FilePlan, Original};
use super::{ArgumentError, Context, Failure, Fuses, Module, Outcome, State};
use edit::Edited;
pub use options::Replace;

impl Module for Replace {
    const NAME: &'static str = "replace";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] =
        &[("dest", "path"), ("destfile", "path"), ("name", "path")];
    const FUSES: Fuses = Fuses::Whole;
    const EXAMPLE: &'static str = "\
- name: The registry that images come from
  replace:
    path: /etc/containerd/config.toml
    regexp: 'registry\\.k8s\\.io/pause:[\\d.]+'
    replace: registry.example/pause:3.9

- name: No swap after the next boot
  replace:
    path: /etc/fstab
    regexp: '^([^#\\n]+\\sswap\\s)'
    replace: '# \\1'
";

    type Plan = FilePlan;

    fn validate(&self) -> Result<(), ArgumentError> {
        self.check_together()
    }

    fn check_option(name: &str, value: &str) -> Result<(), ArgumentError> {
        options::check_pattern(name, value)
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<FilePlan>, Failure> {
        let original = Original::read(context, self.path())?;
        let Some(bytes) = original.content() else {
            return Err(original
                .missing()
                .help("`replace` works on a file that is there; mend the path"));
        };
        let edit = self.edit().map_err(ArgumentError::into_failure)?;
        let encoding = self.encoding().map_err(ArgumentError::into_failure)?;
        let (content, message) = match edit.apply(&encoding.decode(bytes, original.path())?) {
            Edited::Replaced(text, count) => (
                encoding.encode(text, original.path())?,
                format!("{count} replacements made"),
            ),
            Edited::Same => (bytes.to_vec(), String::new()),
            Edited::NoPiece => {
                let message = format!(
                    "Pattern for before/after params did not match the given file: {}",
                    self.piece_text().unwrap_or_default()
                );
                return Ok(State::Satisfied(Outcome::ok().with("msg", message)));
            }
        };
        original.compare(context, content, &message, self.installation())
    }

    fn apply(&self, context: &mut Context<'_>, plan: FilePlan) -> Result<Outcome, Failure> {
        plan.apply(context)
    }
}
