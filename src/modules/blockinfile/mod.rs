mod edit;
mod options;
#[cfg(test)]
mod tests;

use super::remote_file::{FilePlan, Original};
use super::{ArgumentError, Context, Failure, Fuses, Module, Outcome, State};
pub use options::BlockInFile;

impl Module for BlockInFile {
    const NAME: &'static str = "blockinfile";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[
        ("dest", "path"),
        ("destfile", "path"),
        ("name", "path"),
        ("content", "block"),
    ];
    const FUSES: Fuses = Fuses::Whole;
    const EXAMPLE: &'static str = "\
- name: The cluster's names, also when DNS is down
  blockinfile:
    path: /etc/hosts
    marker: '# {mark} the cluster'
    block: |
      10.0.0.5 api.cluster.example
      10.0.0.7 node1.cluster.example
";

    type Plan = FilePlan;

    fn validate(&self) -> Result<(), ArgumentError> {
        self.check_together()
    }

    fn check_option(name: &str, value: &str) -> Result<(), ArgumentError> {
        options::check_pattern(name, value)
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<FilePlan>, Failure> {
        let original = Original::read(context, &self.path)?;
        if original.content().is_none() {
            if self.is_absent() {
                let message = format!("File {} not present", original.path());
                return Ok(State::Satisfied(Outcome::ok().with("msg", message)));
            }
            if !*self.create {
                return Err(original
                    .missing()
                    .help("set `create: true` to make it, or mend the path"));
            }
        }
        let block = self.block().map_err(ArgumentError::into_failure)?;
        let text = block.put_into(original.content().unwrap_or_default());
        let message = match original.content() {
            None => "File created",
            Some(_) if block.text.is_empty() => "Block removed",
            Some(_) => "Block inserted",
        };
        original.compare(context, text, message, self.installation())
    }

    fn apply(&self, context: &mut Context<'_>, plan: FilePlan) -> Result<Outcome, Failure> {
        plan.apply(context)
    }
}
