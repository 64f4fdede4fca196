//! Which files of a folder hold variables.

use std::path::{Path, PathBuf};

use super::ArgumentError;
use crate::modules::Failure;
use crate::regexp::{Pattern, Reading};

/// Endings of files with variables, unless others are named.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// A folder that links lead round in circles is not gone into deeper than this.
const MAX_DEPTH: u64 = 40;

/// A folder, and which of its files are meant.
pub(super) struct Folder {
    path: PathBuf,
    /// The role's own variables, which it has anyway.
    main: Option<PathBuf>,
    depth: u64,
    matching: Option<Pattern>,
    without: Vec<Pattern>,
    endings: Vec<String>,
    passes_over_others: bool,
}

impl Folder {
    pub(super) fn new(path: PathBuf, role: Option<&Path>) -> Self {
        Self {
            path,
            main: role.map(|role| role.join("vars/main.yml")),
            depth: MAX_DEPTH,
            matching: None,
            without: Vec::new(),
            endings: Vec::new(),
            passes_over_others: false,
        }
    }

    /// Levels of folders; none or 0 means all.
    pub(super) fn depth(mut self, depth: Option<u64>) -> Self {
        self.depth = depth.filter(|depth| *depth > 0).unwrap_or(MAX_DEPTH);
        self
    }

    pub(super) fn matching(mut self, text: Option<&str>) -> Result<Self, ArgumentError> {
        self.matching = text.map(|text| pattern("files_matching", text)).transpose()?;
        Ok(self)
    }

    pub(super) fn without(mut self, texts: &[String]) -> Result<Self, ArgumentError> {
        self.without = texts
            .iter()
            .map(|text| pattern("ignore_files", &format!("(?:{text})$")))
            .collect::<Result<_, _>>()?;
        Ok(self)
    }

    pub(super) fn endings(mut self, endings: &[String], passes_over_others: bool) -> Self {
        self.endings = endings
            .iter()
            .map(|ending| ending.trim_start_matches('.').to_owned())
            .collect();
        if self.endings.is_empty() {
            self.endings = ENDINGS.map(str::to_owned).to_vec();
        }
        self.passes_over_others = passes_over_others;
        self
    }

    /// The files in the order in which they are read: each folder's own before those of the folders in it.
    pub(super) fn files(&self) -> Result<Vec<PathBuf>, Failure> {
        if !self.path.is_dir() {
            return Err(Failure::new(format!("there is no folder `{}`", self.path.display())));
        }
        let mut files = Vec::new();
        self.collect(&self.path, 1, &mut files)?;
        Ok(files)
    }

    fn collect(&self, folder: &Path, level: u64, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
        let unreadable = |error: std::io::Error| Failure::new(format!("cannot read the folder: {error}"));
        let mut paths = Vec::new();
        for entry in fs_err::read_dir(folder).map_err(unreadable)? {
            paths.push(entry.map_err(unreadable)?.path());
        }
        paths.sort();
        let (folders, own): (Vec<PathBuf>, Vec<PathBuf>) = paths.into_iter().partition(|path| path.is_dir());
        for path in own {
            if self.is_meant(&path)? {
                files.push(path);
            }
        }
        if level < self.depth {
            for folder in folders {
                self.collect(&folder, level + 1, files)?;
            }
        }
        Ok(())
    }

    fn is_meant(&self, path: &Path) -> Result<bool, Failure> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let matches = |pattern: &Pattern| pattern.is_match(name.as_bytes());
        if self.main.as_deref() == Some(path)
            || self.matching.as_ref().is_some_and(|pattern| !matches(pattern))
            || self.without.iter().any(matches)
        {
            return Ok(false);
        }
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        if self.endings.iter().any(|known| *known == ending) {
            return Ok(true);
        }
        if self.passes_over_others {
            return Ok(false);
        }
        Err(Failure::new(format!(
            "`{}` does not end as a file of variables does: {}",
            path.display(),
            self.endings.join(", ")
        ))
        .help("leave it out with `ignore_files`, or pass over all others with `ignore_unknown_extensions: true`"))
    }
}

fn pattern(option: &str, text: &str) -> Result<Pattern, ArgumentError> {
    Pattern::new(text, Reading::Piece).map_err(|error| ArgumentError::option(option, error.to_string()))
}
