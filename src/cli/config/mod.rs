//! Configuration: what krun.toml, ansible.cfg and the environment say about the options of the command line.
//!
//! A value that stands further up counts: the command line, `KRUN_*`, `ANSIBLE_*`, the project's krun.toml, ansible.cfg,
//! the user's krun.toml, the default.

mod ansible;
mod ansible_keys;
mod ini_file;
mod setting;
mod show;
mod toml_file;
mod value;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Command;
use clap::error::ErrorKind;
use indexmap::IndexMap;

use crate::syntax::{Diagnostic, Diagnostics};
use ansible::{Note, Said};
use setting::{Settings, with_defaults};
use value::{Found, Origin, from_text};

pub(super) use show::{ConfigArgs, run};

const FILE: &str = "krun.toml";

/// All that was found, and what is wrong with it.
#[derive(Default)]
pub(super) struct Configuration {
    settings: Settings,
    /// The values that count.
    values: IndexMap<String, Found>,
    /// Keys of Ansible's that have no meaning.
    notes: Vec<Note>,
    /// Files that were read, and what for.
    files: Vec<(&'static str, PathBuf)>,
    problems: Diagnostics,
}

impl Configuration {
    /// Reads the environment and the files for these arguments.
    pub(super) fn load(command: &Command, arguments: &[OsString]) -> Self {
        let settings = Settings::of(command);
        let mut problems = Diagnostics::default();
        let mut files = Vec::new();
        let own = from_environment(&settings, &mut problems);
        let environment = ansible::read_environment(&settings, &mut problems);
        let mut read = |what, path: Option<PathBuf>, problems: &mut Diagnostics| match path {
            None => IndexMap::new(),
            Some(path) => {
                let values = toml_file::read(&path, &settings, problems);
                files.push((what, path));
                values
            }
        };
        let project = project_file(&playbook_folder(command, arguments), &mut problems);
        let project = read("project", project, &mut problems);
        let user = read("user", user_file(), &mut problems);
        let of_ansible = ansible::find_file(&mut problems);
        let Said { values, notes } = match &of_ansible {
            Some(path) => ansible::read_file(path, &settings, &mut problems),
            None => Said::default(),
        };
        files.extend(of_ansible.map(|path| ("ansible", path)));
        let mut all = IndexMap::new();
        for layer in [own, environment.values, project, values, user] {
            for (name, found) in layer {
                match check(command, &settings, &name, &found) {
                    Ok(()) => {
                        all.entry(name).or_insert(found);
                    }
                    Err(message) => problems.push(found.error(&message)),
                }
            }
        }
        let mut configuration = Self {
            settings,
            values: all,
            notes: environment.notes,
            files,
            problems,
        };
        configuration.notes.extend(notes);
        configuration
    }

    /// What is wrong, with the warnings about keys that are not obeyed.
    pub(super) fn problems(&self) -> Diagnostics {
        let mut problems = self.problems.clone();
        for note in self.notes.iter().filter(|note| note.is_warning) {
            let text = format!("{} = {} is not obeyed", note.key, note.value);
            let warning = match &note.origin {
                Origin::Environment(name) => Diagnostic::warning(format!("{name}={} is not obeyed", note.value)),
                Origin::File(place) => Diagnostic::warning(text).at(place),
            };
            problems.push(warning.help(note.reason.clone()));
        }
        problems
    }

    /// The values of a setting; none where nothing says one.
    pub(super) fn values_of(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], |found| &found.texts)
    }

    /// The command with the values as defaults of its options.
    pub(super) fn apply(&self, command: Command) -> Command {
        with_defaults(command, &|name| self.values.get(name).map(|found| found.texts.clone()))
    }
}

/// The values of `KRUN_*`.
fn from_environment(settings: &Settings, problems: &mut Diagnostics) -> IndexMap<String, Found> {
    let mut found = IndexMap::new();
    for setting in settings.iter() {
        let variable = setting.variable();
        let Some(text) = std::env::var_os(&variable) else {
            continue;
        };
        let origin = Origin::Environment(variable);
        let texts = match text.to_str() {
            Some(text) => from_text(setting, text),
            None => Err("it is not UTF-8 text".to_owned()),
        };
        match texts {
            Ok(texts) => {
                found.insert(setting.name.clone(), Found { texts, origin });
            }
            Err(message) => problems.push(value::complaint(&origin, &message)),
        }
    }
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str().and_then(|name| name.strip_prefix("KRUN_")) else {
            continue;
        };
        let name = name.to_lowercase();
        if settings.get(&name).is_none()
            && name != "config"
            // What a schedule tells the hook for its failures.
            && name != "schedule_name"
            && let Some(near) = crate::syntax::closest(&name, settings.names())
        {
            let near = near.to_uppercase();
            problems.push(
                Diagnostic::warning(format!("KRUN_{} has no meaning", name.to_uppercase()))
                    .help(format!("did you mean `KRUN_{near}`?")),
            );
        }
    }
    found
}

/// Whether the option takes the value; the error is clap's.
fn check(command: &Command, settings: &Settings, name: &str, found: &Found) -> Result<(), String> {
    let Some(setting) = settings.get(name) else {
        return Ok(());
    };
    let Some(path) = setting.commands.first() else {
        return Ok(());
    };
    for text in &found.texts {
        if setting.kind != setting::Kind::One && setting.kind != setting::Kind::Many {
            continue;
        }
        let mut words = vec!["krun".to_owned()];
        words.extend(path.iter().cloned());
        words.push(format!("{}={text}", setting.option));
        if let Err(error) = command.clone().try_get_matches_from(words)
            && matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation)
        {
            let text = error.to_string();
            let lines = text.lines().map(str::trim).take_while(|line| !line.is_empty());
            let message = lines.collect::<Vec<_>>().join(" ");
            return Err(message.trim_start_matches("error: ").to_owned());
        }
    }
    Ok(())
}

/// The folder of the playbook that the arguments name; the current one without.
fn playbook_folder(command: &Command, arguments: &[OsString]) -> PathBuf {
    let command = command.clone().ignore_errors(true);
    let playbook = command.try_get_matches_from(arguments).ok().and_then(|matches| {
        // `krun lint` and `krun schedule add` have playbooks as well.
        let mut own = &matches;
        while let Some((_, inner)) = own.subcommand() {
            own = inner;
        }
        let mut playbooks = own.try_get_many::<PathBuf>("playbooks").ok()??;
        playbooks.next().cloned()
    });
    let folder = playbook.and_then(|path| path.parent().map(Path::to_owned));
    folder
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or_else(|| PathBuf::from("."))
}

/// krun.toml beside the playbook, one folder above it, or here; `KRUN_CONFIG` names another one, or none when it is empty.
fn project_file(folder: &Path, problems: &mut Diagnostics) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("KRUN_CONFIG") {
        return Some(PathBuf::from(path)).filter(|path| !path.as_os_str().is_empty());
    }
    let above = match folder.parent() {
        Some(parent) if folder.file_name().is_some() => parent.to_owned(),
        _ if folder == Path::new(".") => PathBuf::from(".."),
        _ => folder.join(".."),
    };
    let mut refused = None;
    for folder in [folder, &above, Path::new(".")] {
        let file = folder.join(FILE);
        let file = file.strip_prefix(".").map(Path::to_owned).unwrap_or(file);
        if !file.is_file() {
            continue;
        }
        let place = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        if !ansible::is_writable_for_all(place) {
            return Some(file);
        }
        refused.get_or_insert(file);
    }
    if let Some(file) = refused {
        problems.push(ansible::world_writable(file));
    }
    None
}

/// krun.toml in the user's configuration directory.
fn user_file() -> Option<PathBuf> {
    let folder = match std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from) {
        Some(folder) if folder.is_absolute() => folder,
        _ => std::env::home_dir()?.join(".config"),
    };
    Some(folder.join("krun").join(FILE)).filter(|file| file.is_file())
}

#[cfg(test)]
mod tests;
