//! Files of schedules: written only where krun wrote them, or where nothing is.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::cannot;
use crate::modules::{Diff, Failure};
use crate::schedule::is_ours;

/// A file and what has to become of it.
pub(super) struct Change {
    pub(super) path: PathBuf,
    /// What is there now.
    pub(super) before: Option<String>,
    /// What is to be there; nothing, to remove it.
    pub(super) after: Option<String>,
    pub(super) mode: u32,
}

impl Change {
    /// Compares what is there with what is wanted; `None` when they are the same.
    pub(super) fn of(path: PathBuf, after: Option<String>, mode: u32) -> Result<Option<Self>, Failure> {
        let before = read(&path)?;
        if before == after {
            return Ok(None);
        }
        if before.as_deref().is_some_and(|text| !is_ours(text)) {
            return Err(
                Failure::new(format!("{} was not written by krun: it is left alone", path.display()))
                    .help("give the schedule another name with --name, or move that file away"),
            );
        }
        Ok(Some(Self {
            path,
            before,
            after,
            mode,
        }))
    }

    /// `made /etc/…`, or what would be done.
    pub(super) fn words(&self, would: bool) -> String {
        let (done, to_do) = match (&self.before, &self.after) {
            (None, _) => ("made", "would make"),
            (Some(_), Some(_)) => ("changed", "would change"),
            (Some(_), None) => ("removed", "would remove"),
        };
        format!("{} {}", if would { to_do } else { done }, self.path.display())
    }

    pub(super) fn diff(&self) -> Diff {
        let header = |text: &Option<String>| match text {
            Some(_) => self.path.display().to_string(),
            None => "/dev/null".to_owned(),
        };
        Diff {
            before_header: header(&self.before),
            after_header: header(&self.after),
            before: self.before.clone().unwrap_or_default(),
            after: self.after.clone().unwrap_or_default(),
        }
    }

    pub(super) fn apply(&self) -> Result<(), Failure> {
        match &self.after {
            Some(text) => write(&self.path, text, self.mode),
            None => std::fs::remove_file(&self.path).map_err(|error| cannot("remove", &self.path, &error)),
        }
    }
}

/// What is in a file; `None` where none is.
pub(super) fn read(path: &Path) -> Result<Option<String>, Failure> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        // A unit that is masked, or kept elsewhere: not krun's doing.
        Ok(about) if about.is_symlink() => {
            return Err(Failure::new(format!(
                "{} is a link, which krun did not make: it is left alone",
                path.display()
            ))
            .help("give the schedule another name with --name, or move that link away"));
        }
        _ => {}
    }
    let bytes = std::fs::read(path).map_err(|error| cannot("read", path, &error))?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// The file is whole or as it was, whatever happens in between.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let failed = |error: std::io::Error| cannot("write", path, &error);
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file()
        .set_permissions(Permissions::from_mode(mode))
        .map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
