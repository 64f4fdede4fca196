mod options;
#[cfg(test)]
mod tests;

use serde_json::json;

use super::remote_file::{Attributes, Found, Query, mode_word, word};
use super::{ArgumentError, Context, Failure, Fuses, Module, Outcome, Pending, State};
use crate::connection::{Request, Script};
pub use options::File;
use options::{FileState, Time};

const MAKE: Script = Script {
    name: "file/make",
    text: include_str!("make.sh"),
};

const RECURSE: Script = Script {
    name: "file/recurse",
    text: include_str!("recurse.sh"),
};

/// What has to be done to a path.
pub struct Plan {
    found: Found,
    state: FileState,
    action: &'static str,
    src: String,
}

impl Module for File {
    const NAME: &'static str = "file";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[("dest", "path"), ("name", "path")];
    const REFUSED_OPTIONS: &'static [(&'static str, &'static str)] = &[
        ("access_time_format", "use the `command` module with touch"),
        ("modification_time_format", "use the `command` module with touch"),
    ];
    const FUSES: Fuses = Fuses::Whole;
    const EXAMPLE: &'static str = "\
- name: A place for backups that nobody else can read
  file:
    path: /var/backups/etcd
    state: directory
    owner: root
    group: root
    mode: \"0700\"

- name: No leftovers
  file:
    path: /etc/kubernetes/tmp
    state: absent
";

    type Plan = Plan;

    fn validate(&self) -> Result<(), ArgumentError> {
        self.check_together()
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Plan>, Failure> {
        let mut asked = vec![&*self.path];
        let source = self.source_path();
        asked.extend(source.as_deref());
        let query = Query {
            follow: self.follows_links(),
            entries: *self.recurse,
            ..Query::default()
        };
        let mut found = query.ask_all(context, &asked)?.into_iter();
        let path = found.next().unwrap_or_default();
        let source = found.next();
        let state = self.wanted_state(&path);
        let plan = |action, src: &str| Plan {
            found: path.clone(),
            state,
            action,
            src: src.to_owned(),
        };
        let pending = match state {
            FileState::Absent if !path.exists() => None,
            FileState::Absent => Some((plan("absent", ""), vec!["removed".to_owned()])),
            FileState::File if !path.exists() => {
                return Err(Failure::new(format!("{} does not exist on the node", path.path)).help(
                    "`state: file` only changes owner, group and mode; use `state: touch`, `copy` or `template` to make it",
                ));
            }
            FileState::File => {
                if path.is_directory() && self.state.is_some() {
                    return Err(Failure::new(format!("{} is a directory, not a file", path.path)));
                }
                self.attributes_pending(&path)
                    .map(|changes| (plan("attributes", ""), changes))
            }
            FileState::Directory if !path.exists() => Some((plan("directory", ""), vec!["new directory".to_owned()])),
            FileState::Directory if !path.leads_to_directory() => {
                return Err(
                    Failure::new(format!("{} is there already and is no directory", path.path))
                        .help("remove it first with `state: absent`"),
                );
            }
            FileState::Directory => self
                .attributes_pending(&path)
                .map(|changes| (plan("attributes", ""), changes)),
            FileState::Touch => self
                .touch_pending(&path)
                .map(|(src, changes)| (plan("touch", src), changes)),
            FileState::Link => self
                .link_pending(&path, source.as_ref())?
                .map(|(action, src, changes)| (plan(action, &src), changes)),
            FileState::Hard => self
                .hard_pending(&path, source.as_ref())?
                .map(|(action, src, changes)| (plan(action, &src), changes)),
        };
        let outcome = self.result(&path, state);
        Ok(match pending {
            None => State::Satisfied(outcome),
            Some((plan, changes)) => {
                let mut pending = Pending::new(plan, changes);
                pending.result = outcome.result;
                pending.into()
            }
        })
    }

    fn apply(&self, context: &mut Context<'_>, plan: Plan) -> Result<Outcome, Failure> {
        let Plan {
            found,
            state,
            action,
            src,
        } = plan;
        let wanted = self.attributes();
        let (script, words) = if *self.recurse && action == "attributes" {
            // As it was written: `X` depends on each file.
            let mode = wanted.mode.as_ref().map_or_else(String::new, |mode| {
                if mode.starts_with('0') {
                    format!("0{}", &**mode)
                } else {
                    mode.0.clone()
                }
            });
            let owner = word(wanted.owner.as_ref());
            (
                RECURSE,
                vec![found.path.clone(), owner, word(wanted.group.as_ref()), mode],
            )
        } else {
            let words = vec![
                action.to_owned(),
                found.path.clone(),
                src,
                word(wanted.owner.as_ref()),
                word(wanted.group.as_ref()),
                mode_for(&wanted, &found, state),
            ];
            (MAKE, words)
        };
        let limit = context.remaining()?;
        let output = context.request(Request::new(script, words).with_timeout(limit))?;
        if !output.success() {
            let what = format!("`state: {}` for {}", state.name(), found.path);
            return Err(Failure::of_program(&what, &output));
        }
        Ok(Outcome {
            changed: true,
            ..self.result(&found, state)
        })
    }
}

/// The mode that the script sets; empty when it does not matter.
fn mode_for(wanted: &Attributes, found: &Found, state: FileState) -> String {
    let umask = found.umask();
    let directory = matches!(state, FileState::Directory);
    let current = match (found.exists(), directory) {
        (true, _) => found.mode(),
        (false, true) => 0o777 & !umask,
        (false, false) => 0o666 & !umask,
    };
    wanted
        .mode_for(current, directory, umask)
        .map_or_else(String::new, mode_word)
}

impl File {
    fn attributes(&self) -> Attributes {
        Attributes::new(self.mode.as_ref(), self.owner.as_ref(), self.group.as_ref())
    }

    /// The state that is asked for, or else the one that the path has.
    fn wanted_state(&self, found: &Found) -> FileState {
        match self.state {
            Some(state) => state,
            None if *self.recurse || found.is_directory() => FileState::Directory,
            None => FileState::File,
        }
    }

    fn result(&self, found: &Found, state: FileState) -> Outcome {
        let outcome = Outcome::ok()
            .with("path", json!(found.path))
            .with("dest", json!(found.path))
            .with("state", state.name());
        match &self.src {
            Some(src) => outcome.with("src", src.0.clone()),
            None => outcome,
        }
    }

    /// What differs in owner, group and mode.
    fn attributes_pending(&self, found: &Found) -> Option<Vec<String>> {
        let wanted = self.attributes();
        let mut changes = wanted.differences(found);
        for entry in found.entries() {
            for change in wanted.differences(&entry) {
                let inside = format!("{change} of what is in it");
                if !changes.contains(&change) && !changes.contains(&inside) {
                    changes.push(inside);
                }
            }
        }
        (!changes.is_empty()).then_some(changes)
    }

    /// Which times are set, as an option of `touch`.
    fn touch_pending(&self, found: &Found) -> Option<(&'static str, Vec<String>)> {
        if !found.exists() {
            return Some(("", vec!["new file".to_owned()]));
        }
        let now = |time: Option<Time>| time.unwrap_or(Time::Now) == Time::Now;
        let (src, mut changes) = match (now(self.access_time), now(self.modification_time)) {
            (true, true) => ("", vec!["times".to_owned()]),
            (true, false) => ("-a", vec!["access time".to_owned()]),
            (false, true) => ("-m", vec!["modification time".to_owned()]),
            (false, false) => ("none", Vec::new()),
        };
        changes.extend(self.attributes().differences(found));
        (!changes.is_empty()).then_some((src, changes))
    }

    fn link_pending(
        &self,
        found: &Found,
        source: Option<&Found>,
    ) -> Result<Option<(&'static str, String, Vec<String>)>, Failure> {
        let Some(src) = &self.src else { return Ok(None) };
        if found.link() == Some(src) {
            let wanted = self.attributes();
            let changes = wanted.differences(found);
            return Ok((!changes.is_empty()).then(|| ("attributes", String::new(), changes)));
        }
        if !*self.force && source.is_none_or(|source| !source.exists()) {
            return Err(Failure::new(format!(
                "{src}, which the link is to point to, does not exist on the node"
            ))
            .help("`force: true` makes the link all the same"));
        }
        self.refuse_to_replace(found)?;
        let change = match found.link() {
            Some(old) => format!("link {old} → {src}"),
            None => "new link".to_owned(),
        };
        Ok(Some(("link", src.0.clone(), vec![change])))
    }

    fn hard_pending(
        &self,
        found: &Found,
        source: Option<&Found>,
    ) -> Result<Option<(&'static str, String, Vec<String>)>, Failure> {
        let Some(source) = source.filter(|source| source.exists()) else {
            let src = word(self.src.as_ref());
            return Err(Failure::new(format!(
                "{src}, which the hard link is to name, does not exist on the node"
            )));
        };
        let same = |key| found.text(key) == source.text(key);
        if found.exists() && same("inode") && same("device") {
            return Ok(self
                .attributes_pending(found)
                .map(|changes| ("attributes", String::new(), changes)));
        }
        self.refuse_to_replace(found)?;
        Ok(Some(("hard", source.path.clone(), vec!["new hard link".to_owned()])))
    }

    /// A link takes the place of something else only by force.
    fn refuse_to_replace(&self, found: &Found) -> Result<(), Failure> {
        if found.exists() && found.link().is_none() && !*self.force {
            return Err(Failure::new(format!("{} is there already and is no link", found.path))
                .help("`force: true` replaces a file or an empty directory"));
        }
        Ok(())
    }
}
