//! The `find` module.

mod found;
mod options;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use super::{Again, ArgumentError, Context, Failure, Fuses, Module, Outcome, State};
use crate::connection::{Request, Script};
use found::Answer;
pub use options::Find;

const LIST: Script = Script {
    name: "find/list",
    text: include_str!("list.sh"),
};

impl Module for Find {
    const NAME: &'static str = "find";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[
        ("path", "paths"),
        ("name", "paths"),
        ("pattern", "patterns"),
        ("exclude", "excludes"),
        ("checksum", "checksum_algorithm"),
        ("checksum_algo", "checksum_algorithm"),
    ];
    const FUSES: Fuses = Fuses::Looks;
    const AGAIN: Again = Again::Once;
    const EXAMPLE: &'static str = "\
- name: Snapshots that are older than two weeks
  find:
    paths: /var/backups/etcd
    patterns: '*.db'
    age: 2w
  register: old

- name: Remove them
  file:
    path: \"{{ item.path }}\"
    state: absent
  loop: \"{{ old.files }}\"
";

    type Plan = std::convert::Infallible;

    fn validate(&self) -> Result<(), ArgumentError> {
        self.check_together()
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Self::Plan>, Failure> {
        let filter = self.filter().map_err(ArgumentError::into_failure)?;
        let depth = match (*self.recurse, self.depth) {
            (false, _) => "1".to_owned(),
            (true, None) => String::new(),
            (true, Some(depth)) => depth.0.to_string(),
        };
        let mut words = vec![
            depth,
            self.file_type.name().to_owned(),
            if *self.hidden { "yes" } else { "no" }.to_owned(),
            if *self.get_checksum {
                self.checksum_algorithm.name()
            } else {
                ""
            }
            .to_owned(),
        ];
        // As in Ansible: of the deepest directories the names are seen, though not looked at.
        words.push(match (*self.recurse, self.depth) {
            (false, _) => "1".to_owned(),
            (true, None) => String::new(),
            (true, Some(depth)) => (depth.0 + 1).to_string(),
        });
        words.extend(self.paths.iter().cloned());
        // The node sorts out what it can, so that less has to travel.
        let names = if *self.use_regex {
            String::new()
        } else {
            self.patterns.join("\n")
        };
        let limit = context.remaining()?;
        let request = Request::new(LIST, words)
            .with_stdin(names.into_bytes())
            .with_timeout(limit);
        let output = context.request(request)?;
        if !output.success() {
            return Err(Failure::of_program("looking for files", &output));
        }
        let answer = Answer::read(&output.stdout_text());
        let limit = self
            .limit
            .map_or(usize::MAX, |limit| usize::try_from(limit.0).unwrap_or(usize::MAX));
        let files: Vec<Value> = answer
            .entries
            .iter()
            .filter(|entry| self.is_wanted(entry, &filter, answer.now))
            .take(limit)
            .map(found::Entry::describe)
            .collect();
        let mut skipped = Map::new();
        let mut message = if files.len() == limit {
            "Limit of matches reached"
        } else {
            "All paths examined"
        };
        let mut outcome = Outcome::ok();
        for path in answer.skipped {
            let why = format!("'{path}' is not a directory");
            outcome = outcome.with_warning(format!("{path} was passed over: {why}"));
            message = "Not all paths examined, check warnings for details";
            skipped.insert(path, json!(why));
        }
        Ok(State::Satisfied(
            outcome
                .with("matched", files.len())
                .with("files", files)
                .with("msg", message)
                .with("examined", answer.examined)
                .with("skipped_paths", Value::Object(skipped)),
        ))
    }

    fn apply(&self, _: &mut Context<'_>, plan: Self::Plan) -> Result<Outcome, Failure> {
        match plan {}
    }
}
