//! Where schedules are kept.

use std::path::PathBuf;

use super::Scope;
use crate::modules::Failure;

/// Folder of the units.
pub(super) fn units(scope: Scope) -> Result<PathBuf, Failure> {
    match scope {
        Scope::System => Ok(PathBuf::from("/etc/systemd/system")),
        Scope::User => Ok(of_user("XDG_CONFIG_HOME", ".config")?.join("systemd/user")),
    }
}

/// Folder of the system's crontabs.
pub(super) fn crontabs() -> PathBuf {
    PathBuf::from("/etc/cron.d")
}

/// The script that cron runs.
pub(super) fn script(scope: Scope, name: &str) -> Result<PathBuf, Failure> {
    let folder = match scope {
        Scope::System => PathBuf::from("/etc"),
        Scope::User => of_user("XDG_CONFIG_HOME", ".config")?,
    };
    Ok(folder.join("krun/schedule").join(format!("{name}.sh")))
}

/// What the script says of its last run.
pub(super) fn state(scope: Scope, name: &str) -> Result<PathBuf, Failure> {
    let folder = match scope {
        Scope::System => PathBuf::from("/var/lib"),
        Scope::User => of_user("XDG_STATE_HOME", ".local/state")?,
    };
    Ok(folder.join("krun/schedule").join(name))
}

fn of_user(variable: &str, below_home: &str) -> Result<PathBuf, Failure> {
    let folder = std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute());
    folder
        .or_else(|| Some(std::env::home_dir()?.join(below_home)))
        .ok_or_else(|| {
            Failure::new(format!(
                "nobody knows where a user's schedules are: neither {variable} nor HOME is set"
            ))
        })
}
