use super::found::Found;
use super::mode::resolve;
use crate::connection::Script;
use crate::modules::args::{Mode, Text};
use crate::modules::{Context, Failure};

const SET: Script = Script {
    name: "remote_file/attributes",
    text: include_str!("attributes.sh"),
};

/// Owner, group and mode that a file is to have; unset ones stay as they are.
#[derive(Clone, Default)]
pub struct Attributes {
    pub mode: Option<Mode>,
    pub owner: Option<Text>,
    pub group: Option<Text>,
}

impl Attributes {
    /// From a module's options.
    pub fn new(mode: Option<&Mode>, owner: Option<&Text>, group: Option<&Text>) -> Self {
        Self {
            mode: mode.cloned(),
            owner: owner.cloned(),
            group: group.cloned(),
        }
    }

    /// The permission bits wanted for a file that has `current` ones; `None` when they do not matter.
    pub fn mode_for(&self, current: u32, directory: bool, umask: u32) -> Option<u32> {
        self.mode
            .as_ref()
            .and_then(|mode| resolve(mode, current, directory, umask))
    }

    /// Names of what differs.
    pub fn differences(&self, found: &Found) -> Vec<String> {
        let mut names = Vec::new();
        // A link has no mode of its own.
        if !found.is_link() {
            let current = found.mode();
            if self
                .mode_for(current, found.is_directory(), found.umask())
                .is_some_and(|mode| mode != current)
            {
                names.push("mode".to_owned());
            }
        }
        for (wanted, name, number) in [(&self.owner, "owner", "uid"), (&self.group, "group", "gid")] {
            if let Some(wanted) = wanted.as_deref()
                && found.text(name) != Some(wanted)
                && found.text(number) != Some(wanted)
            {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// Sets what differs; one exchange.
    pub fn set(&self, context: &mut Context<'_>, found: &Found) -> Result<(), Failure> {
        let mode = self
            .mode_for(found.mode(), found.is_directory(), found.umask())
            .filter(|_| !found.is_link());
        let words = [
            found.path.clone(),
            word(self.owner.as_ref()),
            word(self.group.as_ref()),
            mode.map_or_else(String::new, mode_word),
        ];
        let output = context.run(SET, words)?;
        if output.success() {
            Ok(())
        } else {
            Err(Failure::of_program(
                &format!("setting owner, group and mode of {}", found.path),
                &output,
            ))
        }
    }
}

/// A mode as scripts take it: with less than five digits, GNU's chmod leaves a directory's set-group-ID bit alone.
pub(in crate::modules) fn mode_word(mode: u32) -> String {
    format!("{mode:05o}")
}

/// A mode as results show it.
pub(in crate::modules) fn octal(mode: u32) -> String {
    format!("{mode:04o}")
}

/// An owner or a group as scripts take it.
pub(in crate::modules) fn word(text: Option<&Text>) -> String {
    text.map_or_else(String::new, |text| text.0.clone())
}
