//! The files behind what was loaded: their comments and their keys count, too.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::steps::PlaySteps;
use crate::playbook::Playbook;
use crate::syntax::{Node, SourceFile, parse, read_text};
use crate::vars::vault;

/// Files, each once, under the names under which they were loaded.
#[derive(Default)]
pub(super) struct Files {
    files: Vec<(Arc<SourceFile>, Option<Node>)>,
    known: HashSet<PathBuf>,
}

impl Files {
    pub(super) fn of(playbooks: &[Playbook], plays: &[PlaySteps<'_>], sources: &[PathBuf]) -> Self {
        let mut files = Self::default();
        for playbook in playbooks {
            files.add_file(&playbook.path);
        }
        for steps in plays {
            files.add(&steps.play.place.source);
            let tasks = steps.steps.iter().map(|step| &step.task).chain(&steps.handlers);
            for task in tasks {
                files.add(&task.place.source);
                if let Some(role) = &task.role {
                    for kind in ["defaults", "vars"] {
                        files.add_folder(&role.path.join(kind), 0);
                    }
                }
            }
            for alternative in steps.play.vars_files.iter().flatten() {
                if let Some(name) = alternative.value.as_str() {
                    files.add_file(&steps.play.folder.join(name));
                }
            }
            for folder in ["group_vars", "host_vars"] {
                files.add_folder(&steps.play.folder.join(folder), 0);
            }
        }
        for source in sources {
            let beside = if source.is_dir() {
                files.add_folder(source, 0);
                continue;
            } else {
                source.parent().unwrap_or(Path::new(""))
            };
            files.add_file(source);
            for folder in ["group_vars", "host_vars"] {
                files.add_folder(&beside.join(folder), 0);
            }
        }
        files
    }

    /// All files.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Arc<SourceFile>> {
        self.files.iter().map(|(source, _)| source)
    }

    /// Those that are YAML, with what stands in them.
    pub(super) fn documents(&self) -> impl Iterator<Item = &Node> {
        self.files.iter().filter_map(|(_, node)| node.as_ref())
    }

    /// Those that are something else: inventories in INI's form.
    pub(super) fn others(&self) -> impl Iterator<Item = &Arc<SourceFile>> {
        self.files
            .iter()
            .filter(|(_, node)| node.is_none())
            .map(|(source, _)| source)
    }

    fn add(&mut self, source: &Arc<SourceFile>) {
        if self.known.insert(source.path().to_owned()) {
            let node = parse(source).ok().flatten();
            let node = node.filter(|node| node.entries().is_some() || node.items().is_some());
            self.files.push((Arc::clone(source), node));
        }
    }

    fn add_file(&mut self, path: &Path) {
        let path = path.strip_prefix(".").unwrap_or(path);
        // What cannot be read is an error of its own, and an encrypted file tells nothing.
        if self.known.contains(path) {
            return;
        }
        if let Ok(text) = read_text(path, "file")
            && !vault::is_encrypted(&text)
        {
            self.add(&SourceFile::new(path, text));
        }
    }

    fn add_folder(&mut self, path: &Path, depth: usize) {
        if depth > 5 {
            return;
        }
        let Ok(entries) = fs_err::read_dir(path) else { return };
        let mut entries: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        entries.sort();
        for entry in entries {
            let hidden = entry
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if hidden {
                continue;
            }
            if entry.is_dir() {
                self.add_folder(&entry, depth + 1);
            } else {
                self.add_file(&entry);
            }
        }
    }
}
