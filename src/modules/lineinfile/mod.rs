mod edit;
mod options;
#[cfg(test)]
mod tests;

use super::args::Presence;
use super::remote_file::{FilePlan, Original};
use super::{ArgumentError, Context, Failure, Fuses, Module, Outcome, State};
pub use options::LineInFile;

impl Module for LineInFile {
    const NAME: &'static str = "lineinfile";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[
        ("dest", "path"),
        ("destfile", "path"),
        ("name", "path"),
        ("value", "line"),
        ("regex", "regexp"),
    ];
    const FUSES: Fuses = Fuses::Whole;
    const EXAMPLE: &'static str = "\
- name: No swap after the next boot
  lineinfile:
    path: /etc/fstab
    regexp: '^([^#].*\\sswap\\s.*)$'
    line: '# \\1'
    backrefs: true

- name: One line for a setting, whatever it was
  lineinfile:
    path: /etc/sysconfig/kubelet
    regexp: '^KUBELET_EXTRA_ARGS='
    line: KUBELET_EXTRA_ARGS=--node-ip=10.0.0.7
    create: true
    mode: \"0644\"
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
        match self.state {
            Presence::Present => self.check_present(context, original),
            Presence::Absent => self.check_absent(context, original),
        }
    }

    fn apply(&self, context: &mut Context<'_>, plan: FilePlan) -> Result<Outcome, Failure> {
        let outcome = plan.apply(context)?;
        // The name that Ansible's module gives to what the others call `backup_file`.
        let backup = outcome.result.get("backup_file").cloned();
        Ok(match backup {
            Some(backup) => outcome.with("backup", backup),
            None => outcome,
        })
    }
}

impl LineInFile {
    fn check_present(&self, context: &mut Context<'_>, original: Original) -> Result<State<FilePlan>, Failure> {
        if original.content().is_none() && !*self.create {
            return Err(original
                .missing()
                .help("set `create: true` to make it, or mend the path"));
        }
        let wanted = self.wanted().map_err(ArgumentError::into_failure)?;
        let text = original.content().unwrap_or_default();
        let (text, message) = match wanted.put_into(text) {
            Some(edited) => edited,
            // A new line is to come out of one that matches, and none does: there is nothing to make a file of.
            None if original.content().is_none() => return Ok(State::Satisfied(unchanged(""))),
            None => (text.to_vec(), ""),
        };
        let state = original.compare(context, text, message, self.installation())?;
        Ok(with(state, "backup", &"".into()))
    }

    fn check_absent(&self, context: &mut Context<'_>, original: Original) -> Result<State<FilePlan>, Failure> {
        let Some(text) = original.content() else {
            return Ok(State::Satisfied(unchanged("file not present").with("found", 0)));
        };
        let sought = self.sought().map_err(ArgumentError::into_failure)?;
        let (text, found) = edit::remove_from(text, &sought, self.line().as_bytes());
        let message = format!("{found} line(s) removed");
        let state = original.compare(context, text, &message, self.installation())?;
        Ok(with(with(state, "backup", &"".into()), "found", &found.into()))
    }
}

fn unchanged(message: &str) -> Outcome {
    Outcome::ok().with("msg", message).with("backup", "")
}

/// Adds a value to the result, whatever the state.
fn with(state: State<FilePlan>, name: &str, value: &serde_json::Value) -> State<FilePlan> {
    match state {
        State::Satisfied(outcome) => State::Satisfied(outcome.with(name, value.clone())),
        State::Pending(mut pending) => {
            pending.result.insert(name.to_owned(), value.clone());
            pending.plan = pending.plan.with(name, value.clone());
            State::Pending(pending)
        }
        unknown @ State::Unknown { .. } => unknown,
    }
}
