use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// More files than a repository of playbooks has; beyond them nothing is compared.
const MOST_FILES: usize = 20_000;

/// The files that a run was made of, with their checksums.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources(BTreeMap<PathBuf, String>);

impl Sources {
    /// Files, and all that is in folders; hidden ones aside. What cannot be read is left out.
    pub fn of<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Self {
        let mut sources = Self::default();
        for path in paths {
            sources.add(path);
        }
        sources
    }

    fn add(&mut self, path: &Path) {
        if self.0.len() >= MOST_FILES || self.0.contains_key(path) {
            return;
        }
        if path.is_file() {
            if let Some(sum) = checksum(path) {
                self.0.insert(path.to_owned(), sum);
            }
            return;
        }
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        for entry in entries {
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            // A link to a folder may lead around in a circle.
            if !is_hidden && !(is_link && entry.path().is_dir()) {
                self.add(&entry.path());
            }
        }
    }

    /// The files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }

    /// What is different now: changed, gone and new files.
    pub fn compared_with(&self, now: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        for (path, sum) in &self.0 {
            match now.0.get(path) {
                None => differences.push(format!("{} is gone", path.display())),
                Some(other) if other != sum => differences.push(format!("{} was changed", path.display())),
                Some(_) => {}
            }
        }
        let is_new = |path: &&PathBuf| !self.0.contains_key(*path);
        let new = now.0.keys().filter(is_new);
        differences.extend(new.map(|path| format!("{} is new", path.display())));
        differences
    }
}

fn checksum(path: &Path) -> Option<String> {
    let mut file = std::fs::File::open(path).ok()?;
    let mut hasher = Sha256::new();
    std::io::copy(&mut file, &mut hasher).ok()?;
    Some(format!("{:x}", hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_different_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (name, text) in [("a.yml", "a"), ("b.yml", "b"), (".git", "x")] {
            std::fs::write(path(name), text).unwrap();
        }
        let before = Sources::of([folder.path()]);
        assert_eq!(before.compared_with(&before), Vec::<String>::new());
        std::fs::write(path("a.yml"), "other").unwrap();
        std::fs::remove_file(path("b.yml")).unwrap();
        std::fs::write(path("c.yml"), "").unwrap();
        std::fs::write(path(".git"), "y").unwrap();
        std::os::unix::fs::symlink(folder.path(), path("circle")).unwrap();
        let found = before.compared_with(&Sources::of([folder.path()]));
        let expected = [("a.yml", "was changed"), ("b.yml", "is gone"), ("c.yml", "is new")];
        assert_eq!(
            found,
            expected.map(|(name, how)| format!("{} {how}", path(name).display()))
        );
    }
}
