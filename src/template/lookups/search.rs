use std::path::{Path, PathBuf};

use minijinja::Error;

use super::Query;

/// What files of ansible-vault begin with.
const VAULT: &str = "$ANSIBLE_VAULT;";

impl Query<'_, '_, '_> {
    /// A magic variable that names a folder.
    fn folder(&self, name: &str) -> Option<PathBuf> {
        let value = self.state.lookup(name)?;
        Some(PathBuf::from(value.as_str()?))
    }

    /// The folder of the playbook, which names without a full path are relative to.
    pub(super) fn playbook_folder(&self) -> PathBuf {
        self.folder("playbook_dir").unwrap_or_else(|| PathBuf::from("."))
    }

    /// A path of this machine; `~` is the home directory.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        match name.strip_prefix("~/").zip(std::env::var_os("HOME")) {
            Some((rest, home)) => Path::new(&home).join(rest),
            None => self.playbook_folder().join(name),
        }
    }

    /// Where a name may be: in the role and beside the playbook, there in folders of these kinds first.
    pub(super) fn places(&self, kinds: &[&str], name: &str) -> Vec<PathBuf> {
        let path = self.path(name);
        if path.is_absolute() && (name.starts_with('/') || name.starts_with("~/")) {
            return vec![path];
        }
        let mut places = Vec::new();
        let role = self.folder("role_path");
        let tasks = role.as_ref().map(|role| role.join("tasks"));
        for folder in [role, tasks, Some(self.playbook_folder())].into_iter().flatten() {
            places.extend(kinds.iter().map(|kind| folder.join(kind).join(name)));
            places.push(folder.join(name));
        }
        places
    }

    /// The first of them that is there.
    pub(super) fn find(&self, kinds: &[&str], name: &str) -> Result<PathBuf, Error> {
        let places = self.places(kinds, name);
        places.iter().find(|place| place.exists()).cloned().ok_or_else(|| {
            let list: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
            self.wrong(format!("`{name}` is not there; looked for {}", list.join(", ")))
        })
    }

    /// A file's text.
    pub(super) fn read(&self, path: &Path) -> Result<String, Error> {
        let text = fs_err::read_to_string(path).map_err(|error| self.wrong(error))?;
        if text.starts_with(VAULT) {
            return Err(self.wrong(format!(
                "{} is encrypted, and lookups do not decrypt: keep the secret as a variable in a vault",
                path.display()
            )));
        }
        Ok(text)
    }
}
