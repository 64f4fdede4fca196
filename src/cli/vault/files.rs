//! Files that hold secrets: replaced in one step, and never readable by more people than before.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use super::{failed, shown};
use crate::cli::error::Error;
use crate::syntax::Diagnostic;

/// The name of standard input and standard output.
pub(super) const STANDARD: &str = "-";

/// Who may read what is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Those who could read the file before.
    Kept,
    /// The owner: it is plain text.
    OwnerOnly,
}

/// The bytes of a file or of standard input.
pub(super) fn read(name: &str) -> Result<Vec<u8>, Error> {
    let read = if name == STANDARD {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(name)
    };
    read.map_err(|error| problem("cannot read it", name, &error))
}

/// Makes the bytes the content of a file, or prints them.
pub(super) fn write(name: &str, content: &[u8], access: Access) -> Result<(), Error> {
    let written = if name == STANDARD {
        let mut out = io::stdout().lock();
        out.write_all(content).and_then(|()| out.flush())
    } else {
        replace(Path::new(name), content, access)
    };
    match written {
        // Whoever reads has seen enough.
        Err(error) if name == STANDARD && error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| problem("cannot write it", name, &error)),
    }
}

/// Makes the folders that a new file needs.
pub(super) fn make_folder_of(file: &Path) -> Result<(), Error> {
    match file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        None => Ok(()),
        Some(folder) => std::fs::create_dir_all(folder)
            .map_err(|error| problem("cannot make the folder", &folder.to_string_lossy(), &error)),
    }
}

fn problem(what: &str, name: &str, error: &io::Error) -> Error {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    };
    failed(Diagnostic::error(format!("{what}: {reason}")).in_file(shown(name)))
}

/// The file is the old one or the new one at any time; links are followed, mode and owner stay.
fn replace(path: &Path, content: &[u8], access: Access) -> io::Result<()> {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let before = match path.metadata() {
        Ok(before) if before.is_dir() => return Err(io::Error::other("it is a directory")),
        // A pipe or a device, as in `--output /dev/stdout`.
        Ok(before) if !before.is_file() => return OpenOptions::new().write(true).open(&path)?.write_all(content),
        Ok(before) => Some(before),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut new = tempfile::Builder::new()
        .prefix(".krun-vault-")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    new.write_all(content)?;
    if let Some(before) = &before {
        let made = new.as_file().metadata()?;
        if (made.uid(), made.gid()) != (before.uid(), before.gid()) {
            fchown(new.as_file(), Some(before.uid()), Some(before.gid()))
                .map_err(|error| io::Error::new(error.kind(), format!("its owner cannot be kept: {error}")))?;
        }
        let allowed = match access {
            Access::Kept => 0o7777,
            Access::OwnerOnly => 0o700,
        };
        new.as_file()
            .set_permissions(Permissions::from_mode(before.mode() & allowed))?;
    }
    new.as_file().sync_all()?;
    // What has another name stays there as it is.
    let old = before
        .filter(|before| before.nlink() == 1)
        .and_then(|_| OpenOptions::new().write(true).open(&path).ok());
    new.persist(&path).map_err(|error| error.error)?;
    if let Some(old) = old {
        overwrite(&old);
    }
    Ok(())
}

/// Writes over what a file held that is gone, so that its blocks do not keep a secret. Not every disk obeys.
pub(super) fn overwrite(mut old: &File) {
    const CHUNK: usize = 1 << 16;
    let mut left = old.metadata().map_or(0, |old| old.len());
    let zeros = vec![0; CHUNK];
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        if old.write_all(&zeros[..part]).is_err() {
            return;
        }
        left -= part as u64;
    }
    // The new file is in place; a failure here has nobody to tell.
    let _ = old.sync_all();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mode_and_links_stay_and_plain_text_is_the_owners() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret.yml");
        let link = directory.path().join("link.yml");
        std::fs::write(&file, "before").unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();

        replace(&link, b"kept", Access::Kept).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"kept");
        assert_eq!(file.metadata().unwrap().mode() & 0o7777, 0o644);
        assert!(link.symlink_metadata().unwrap().is_symlink());

        replace(&link, b"plain", Access::OwnerOnly).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o7777, 0o600);

        let new = directory.path().join("new.yml");
        replace(&new, b"plain", Access::Kept).unwrap();
        assert_eq!(new.metadata().unwrap().mode() & 0o7777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 3);
    }

    #[test]
    fn the_old_content_is_written_over_and_another_name_keeps_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a");
        std::fs::write(&file, "secret").unwrap();
        let open = File::open(&file).unwrap();
        replace(&file, b"new", Access::Kept).unwrap();
        let mut old = Vec::new();
        (&open).read_to_end(&mut old).unwrap();
        assert_eq!(old, [0; 6]);

        let other = directory.path().join("b");
        std::fs::hard_link(&file, &other).unwrap();
        replace(&file, b"newer", Access::Kept).unwrap();
        assert_eq!(std::fs::read(&other).unwrap(), b"new");
    }
}
