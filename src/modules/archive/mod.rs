//! The `archive` module.

mod options;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use super::remote_file::{Attributes, Found, mode_word, refuse_preserve, word};
use super::{ArgumentError, Context, Failure, Module, Outcome, Pending, State};
use crate::connection::{Output, Request, Script};
pub use options::Archive;

const COMPARE: Script = Script {
    name: "archive/compare",
    text: concat!(include_str!("common.sh"), include_str!("compare.sh")),
};

const MAKE: Script = Script {
    name: "archive/make",
    text: concat!(
        include_str!("settings.sh"),
        include_str!("common.sh"),
        include_str!("make.sh")
    ),
};

/// Permission bits of a new file before the umask.
const NEW_FILE: u32 = 0o666;

/// What is to be done.
pub struct Plan {
    packs: bool,
    mode: Option<u32>,
    result: Outcome,
}

impl Module for Archive {
    const NAME: &'static str = "archive";
    const EXAMPLE: &'static str = "\
- name: The certificates and manifests of the control plane, in one file
  archive:
    path:
      - /etc/kubernetes/pki
      - /etc/kubernetes/manifests
    dest: /root/kubernetes.tar.gz
    mode: \"0600\"
";

    type Plan = Plan;

    fn validate(&self) -> Result<(), ArgumentError> {
        self.check_together()?;
        refuse_preserve(self.mode.as_ref())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Plan>, Failure> {
        let output = self.request(context, COMPARE, Vec::new())?;
        if !output.success() {
            return Err(Failure::of_program("looking at what is to be packed", &output));
        }
        let answer = Answer::read(&output);
        let result = answer.outcome();
        if answer.paths.is_empty() {
            if !answer.is_there && !*self.remove {
                return Err(Failure::new("nothing of what is to be packed is there")
                    .help("look at `path`, `exclude_path` and `exclusion_patterns`")
                    .with("missing", json!(answer.missing)));
            }
            // It was packed and removed before.
            return Ok(State::Satisfied(result));
        }
        let attributes = Attributes::new(self.mode.as_ref(), self.owner.as_ref(), self.group.as_ref());
        let mut changes = Vec::new();
        let umask = answer.umask;
        let current = match &answer.entry {
            Some(found) => {
                changes = attributes.differences(found);
                if !answer.is_same {
                    changes.insert(0, "content".to_owned());
                }
                found.mode()
            }
            None => {
                changes.push("new archive".to_owned());
                NEW_FILE & !umask
            }
        };
        if *self.remove {
            changes.extend(answer.paths.iter().map(|path| format!("{path} removed")));
        }
        if changes.is_empty() {
            return Ok(State::Satisfied(result));
        }
        let shown = result.result.clone();
        let plan = Plan {
            packs: !answer.is_same,
            mode: attributes.mode_for(current, false, umask),
            result,
        };
        let mut pending = Pending::new(plan, changes);
        pending.result = shown;
        Ok(pending.into())
    }

    fn apply(&self, context: &mut Context<'_>, plan: Plan) -> Result<Outcome, Failure> {
        let flag = |flag: bool| if flag { "yes" } else { "no" }.to_owned();
        let settings = vec![
            flag(plan.packs),
            flag(*self.remove),
            word(self.owner.as_ref()),
            word(self.group.as_ref()),
            plan.mode.map_or_else(String::new, mode_word),
        ];
        let output = self.request(context, MAKE, settings)?;
        if !output.success() {
            return Err(Failure::of_program("packing", &output));
        }
        Ok(Outcome {
            changed: true,
            ..plan.result
        })
    }
}

impl Archive {
    /// One exchange.
    fn request(&self, context: &mut Context<'_>, script: Script, mut words: Vec<String>) -> Result<Output, Failure> {
        words.extend([
            word(self.dest.as_ref()),
            self.format.name().to_owned(),
            if *self.force_archive { "yes" } else { "no" }.to_owned(),
            self.path.len().to_string(),
            self.exclude_path.len().to_string(),
            self.exclusion_patterns.len().to_string(),
        ]);
        for list in [&self.path, &self.exclude_path, &self.exclusion_patterns] {
            words.extend(list.iter().cloned());
        }
        let limit = context.remaining()?;
        context.request(Request::new(script, words).with_timeout(limit))
    }
}

/// What compare.sh has found.
#[derive(Default)]
struct Answer {
    dest: String,
    root: String,
    umask: u32,
    is_there: bool,
    is_same: bool,
    is_single: bool,
    entry: Option<Found>,
    paths: Vec<String>,
    missing: Vec<String>,
}

impl Answer {
    fn read(output: &Output) -> Self {
        let mut answer = Self::default();
        for line in output.stdout_text().lines() {
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            match key {
                "dest" => value.clone_into(&mut answer.dest),
                "root" => value.clone_into(&mut answer.root),
                "umask" => answer.umask = u32::from_str_radix(value, 8).unwrap_or(0o022),
                "there" => answer.is_there = true,
                "same" => answer.is_same = value == "yes",
                "single" => answer.is_single = true,
                "entry" => answer.entry = Some(Found::of_entry(answer.umask, value)),
                "path" => answer.paths.push(value.to_owned()),
                "missing" => answer.missing.push(value.to_owned()),
                _ => {}
            }
        }
        answer
    }

    /// The result under Ansible's names.
    fn outcome(&self) -> Outcome {
        let state = match (self.paths.is_empty(), self.missing.is_empty(), self.is_single) {
            (true, ..) if !self.is_there => "absent",
            (false, false, _) => "incomplete",
            (_, _, true) => "compress",
            _ => "archive",
        };
        let archived = if self.is_single {
            Value::from(Vec::<String>::new())
        } else {
            json!(self.paths)
        };
        let mut outcome = Outcome::ok()
            .with("dest", self.dest.as_str())
            .with("arcroot", self.root.as_str())
            .with("archived", archived)
            .with("expanded_paths", json!(self.paths))
            .with("missing", json!(self.missing))
            .with("dest_state", state)
            .with("state", state);
        if state == "incomplete" {
            outcome = outcome.with_warning(format!("not packed, as it is not there: {}", self.missing.join(", ")));
        }
        outcome
    }
}
