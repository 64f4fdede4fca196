//! The table of settings: every option of the command line, with its name in files and in the environment.

use clap::builder::Resettable;
use clap::{Arg, ArgAction, Command, ValueHint};
use indexmap::IndexMap;

const PREFIX: &str = "KRUN_";

/// What values an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Kind {
    /// Given or not.
    Flag,
    /// Given several times means more.
    Count,
    /// One value.
    One,
    /// Any number of values.
    Many,
}

/// An option of one or several commands.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Setting {
    /// Its key in krun.toml; in capitals and with `KRUN_` in front the environment variable.
    pub(super) name: String,
    /// The option with its hyphens.
    pub(super) option: String,
    pub(super) kind: Kind,
    /// The values are files or folders.
    pub(super) is_path: bool,
    /// What stands between several values in one text.
    pub(super) delimiter: Option<char>,
    /// What the help says, without the default.
    pub(super) help: String,
    /// The default in the help's words.
    pub(super) default: Option<String>,
    /// Subcommands that have it, as paths; the empty one is krun itself.
    pub(super) commands: Vec<Vec<String>>,
}

impl Setting {
    /// The environment variable.
    pub(super) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_uppercase())
    }

    fn of(name: &str, arg: &Arg) -> Option<Self> {
        let kind = match arg.get_action() {
            ArgAction::SetTrue => Kind::Flag,
            ArgAction::Count => Kind::Count,
            ArgAction::Set => Kind::One,
            ArgAction::Append => Kind::Many,
            _ => return None,
        };
        let text = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let (help, said) = match text.split_once(" [default: ") {
            Some((help, default)) => (help.to_owned(), Some(default.trim_end_matches(']').to_owned())),
            None => (text, None),
        };
        let given = arg.get_default_values().first();
        Some(Self {
            name: name.to_owned(),
            option: format!("--{}", arg.get_long()?),
            kind,
            is_path: matches!(
                arg.get_value_hint(),
                ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath
            ),
            delimiter: arg.get_value_delimiter(),
            help,
            default: said
                .or_else(|| given.map(|value| value.to_string_lossy().into_owned()))
                .or_else(|| match kind {
                    Kind::Flag => Some("false".to_owned()),
                    Kind::Count => Some("0".to_owned()),
                    Kind::One | Kind::Many => None,
                }),
            commands: Vec::new(),
        })
    }
}

/// All settings in the order of the help.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Settings(IndexMap<String, Setting>);

impl Settings {
    /// The settings that a command and its subcommands have as options.
    pub(in crate::cli) fn of(command: &Command) -> Self {
        let mut settings = Self::default();
        walk(command, &mut Vec::new(), &mut |path, arg| {
            let Some(name) = name_of(command, path, arg) else {
                return;
            };
            if let Some(setting) = Setting::of(&name, arg) {
                let known = settings.0.entry(name).or_insert(setting);
                known.commands.push(path.to_vec());
            }
        });
        settings
    }

    pub(super) fn get(&self, name: &str) -> Option<&Setting> {
        self.0.get(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Setting> {
        self.0.values()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// The command whose options have the given values as defaults; `values` answers for names of settings.
pub(in crate::cli) fn with_defaults(command: Command, values: &dyn Fn(&str) -> Option<Vec<String>>) -> Command {
    let root = command.clone();
    apply(command, &root, &mut Vec::new(), values)
}

fn apply(
    command: Command,
    root: &Command,
    path: &mut Vec<String>,
    values: &dyn Fn(&str) -> Option<Vec<String>>,
) -> Command {
    let mut set = Vec::new();
    let mut command = command.mut_args(|arg| {
        let given = name_of(root, path, &arg).and_then(|name| values(&name));
        // The environment is read with the files: clap would take every word for `true`.
        let arg = arg.env(Resettable::Reset);
        match given {
            None => arg,
            Some(texts) => {
                set.push(arg.get_id().clone());
                arg.required(false).default_values(texts)
            }
        }
    });
    let satisfied: Vec<_> = command
        .get_groups()
        .filter(|group| group.get_args().any(|id| set.contains(id)))
        .map(|group| group.get_id().clone())
        .collect();
    for group in satisfied {
        command = command.mut_group(group, |group| group.required(false));
    }
    let names: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        path.push(name.clone());
        command = command.mut_subcommand(name, |sub| apply(sub, root, path, values));
        path.pop();
    }
    command
}

/// The name of the setting that an option is: its own when it says one, that of krun's option of the same form, or one with
/// the subcommand in front.
fn name_of(root: &Command, path: &[String], arg: &Arg) -> Option<String> {
    let long = arg.get_long()?;
    if !matches!(
        arg.get_action(),
        ArgAction::SetTrue | ArgAction::Count | ArgAction::Set | ArgAction::Append
    ) {
        return None;
    }
    let own = |arg: &Arg| -> Option<String> {
        let variable = arg.get_env()?.to_str()?;
        Some(variable.strip_prefix(PREFIX)?.to_lowercase())
    };
    let plain = |long: &str| long.replace('-', "_");
    if let Some(name) = own(arg) {
        return Some(name);
    }
    if path.is_empty() {
        return Some(plain(long));
    }
    let shared = root
        .get_arguments()
        .find(|known| known.get_long() == Some(long) && known.get_value_names() == arg.get_value_names());
    Some(match shared {
        Some(known) => own(known).unwrap_or_else(|| plain(long)),
        None => plain(&format!("{}_{long}", path.join("_"))),
    })
}

fn walk(command: &Command, path: &mut Vec<String>, visit: &mut dyn FnMut(&[String], &Arg)) {
    for arg in command.get_arguments() {
        visit(path, arg);
    }
    for sub in command.get_subcommands() {
        path.push(sub.get_name().to_owned());
        walk(sub, path, visit);
        path.pop();
    }
}
