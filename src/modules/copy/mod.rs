mod options;
#[cfg(test)]
mod tests;
mod tree;

use std::os::unix::fs::PermissionsExt;

use super::args::Mode;
use super::remote_file::{Attributes, Content, FilePlan, Found, Query, Wanted, file_name, make_directories, octal};
use super::{ArgumentError, Context, Failure, Fuses, Module, Outcome, Pending, State};
pub use options::Copy;
use tree::{Tree, TreeFile};

/// What has to be done on the node.
pub enum Plan {
    /// One file.
    File(Box<FilePlan>),
    /// A directory.
    Tree {
        /// Where it is on the node.
        root: Found,
        /// Directories that are missing.
        directories: Vec<String>,
        /// Files that differ.
        files: Vec<FilePlan>,
    },
}

impl Module for Copy {
    const NAME: &'static str = "copy";
    const REFUSED_OPTIONS: &'static [(&'static str, &'static str)] = &[
        (
            "checksum",
            "krun compares what arrives by its SHA-256; for a file of known content compare with the `stat` module",
        ),
        (
            "decrypt",
            "files are sent as they are; keep secrets in vaulted variables and write them with `content` or a template",
        ),
        (
            "local_follow",
            "links on this machine always stand for what they point to",
        ),
    ];
    const FUSES: Fuses = Fuses::Whole;
    const EXAMPLE: &'static str = "\
- name: Load the modules that Kubernetes needs at every boot
  copy:
    content: |
      overlay
      br_netfilter
    dest: /etc/modules-load.d/kubernetes.conf
    mode: \"0644\"

- name: A directory with all that is in it
  copy:
    src: manifests/
    dest: /root/manifests/
    mode: preserve
";

    type Plan = Plan;

    fn validate(&self) -> Result<(), ArgumentError> {
        self.check_together()
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Plan>, Failure> {
        if let Some(text) = self.text() {
            return self.check_file(context, Content::Bytes(text), "the task's `content`", None);
        }
        let src = self.src.as_deref().unwrap_or_default();
        if *self.remote_src {
            return self.check_on_node(context, src);
        }
        let path = context.files.find_plain("files", src)?;
        let metadata = fs_err::metadata(&path).map_err(|error| Failure::new(error.to_string()))?;
        if metadata.is_dir() {
            let tree = Tree::here(&path)?;
            return self.check_tree(context, tree);
        }
        let mode = metadata.permissions().mode() & 0o7777;
        let source = path.display().to_string();
        self.check_file(context, Content::File(path), &source, Some(mode))
    }

    fn apply(&self, context: &mut Context<'_>, plan: Plan) -> Result<Outcome, Failure> {
        match plan {
            Plan::File(plan) => plan.apply(context),
            Plan::Tree {
                root,
                directories,
                files,
            } => {
                if !directories.is_empty() {
                    make_directories(context, &self.directory_attributes(), root.umask(), &directories)?;
                }
                for file in files {
                    file.apply(context)?;
                }
                Ok(Outcome {
                    changed: true,
                    ..self.tree_result(&root)
                })
            }
        }
    }
}

impl Copy {
    /// A file's owner, group and mode; `preserve` stands for the mode of its source.
    fn attributes(&self, source_mode: Option<u32>) -> Attributes {
        let mut attributes = Attributes::new(self.mode.as_ref(), self.owner.as_ref(), self.group.as_ref());
        if attributes.mode.as_ref().is_some_and(|mode| &**mode == "preserve") {
            attributes.mode = source_mode.map(|mode| Mode(octal(mode)));
        }
        attributes
    }

    /// What a directory that is made gets.
    fn directory_attributes(&self) -> Attributes {
        Attributes::new(self.directory_mode.as_ref(), None, None)
    }

    fn wanted(&self, content: Content, source: &str, source_mode: Option<u32>) -> Wanted {
        Wanted {
            content,
            attributes: self.attributes(source_mode),
            backup: *self.backup,
            validate: self.validate.clone(),
            force: *self.force,
            make_parent: self.dest.ends_with('/').then(|| self.directory_mode.clone()),
            source: source.to_owned(),
        }
    }

    fn check_file(
        &self,
        context: &mut Context<'_>,
        content: Content,
        source: &str,
        source_mode: Option<u32>,
    ) -> Result<State<Plan>, Failure> {
        let query = Query {
            name_in_directory: self.src.as_deref().map_or("", file_name),
            ..Wanted::query(context, *self.follow)
        };
        let found = query.ask(context, &self.dest)?;
        self.compare(context, found, content, source, source_mode)
    }

    fn compare(
        &self,
        context: &Context<'_>,
        found: Found,
        content: Content,
        source: &str,
        source_mode: Option<u32>,
    ) -> Result<State<Plan>, Failure> {
        let state = self.wanted(content, source, source_mode).compare(context, found)?;
        Ok(match state {
            State::Satisfied(outcome) => State::Satisfied(outcome),
            State::Unknown { plan, reason } => State::Unknown {
                plan: Plan::File(Box::new(plan)),
                reason,
            },
            State::Pending(pending) => State::Pending(Pending {
                plan: Plan::File(Box::new(pending.plan)),
                changes: pending.changes,
                diff: pending.diff,
                result: pending.result,
            }),
        })
    }

    fn check_on_node(&self, context: &mut Context<'_>, src: &str) -> Result<State<Plan>, Failure> {
        let query = Query {
            name_in_directory: file_name(src),
            ..Wanted::query(context, *self.follow)
        };
        let mut found = query.ask_all(context, &[&*self.dest, src])?.into_iter();
        let (dest, source) = (found.next().unwrap_or_default(), found.next().unwrap_or_default());
        if source.leads_to_directory() {
            let tree = Tree::on_node(context, &source.path)?;
            return self.check_tree(context, tree);
        }
        let Some(sha256) = source.checksum() else {
            return Err(Failure::new(format!("{src} is no file that can be read on the node"))
                .help("without `remote_src: true` it is looked for on this machine"));
        };
        let content = Content::OnNode {
            path: source.path.clone(),
            sha256: sha256.to_owned(),
            size: source.number("size"),
        };
        self.compare(context, dest, content, src, Some(source.mode()))
    }

    /// Compares a whole directory; one exchange.
    fn check_tree(&self, context: &mut Context<'_>, tree: Tree) -> Result<State<Plan>, Failure> {
        let src = self.src.as_deref().unwrap_or_default();
        let dest = self.dest.trim_end_matches('/');
        // The directory itself, and not what is in it, is to be in `dest`.
        let root = if src.ends_with('/') {
            dest.to_owned()
        } else {
            format!("{dest}/{}", file_name(src))
        };
        let mut paths = vec![root.clone()];
        paths.extend(tree.directories.iter().map(|name| format!("{root}/{name}")));
        paths.extend(tree.files.iter().map(|file| format!("{root}/{}", file.name)));
        let query = Query {
            follow: *self.follow,
            checksum: "sha256",
            ..Query::default()
        };
        let asked: Vec<&str> = paths.iter().map(String::as_str).collect();
        let mut found = query.ask_all(context, &asked)?;
        let found_files = found.split_off((1 + tree.directories.len()).min(found.len()));
        let mut directories = Vec::new();
        for directory in &found {
            if !directory.exists() {
                directories.push(directory.path.clone());
            } else if !directory.leads_to_directory() {
                return Err(Failure::new(format!(
                    "{} is there already and is no directory",
                    directory.path
                )));
            }
        }
        let mut changes: Vec<String> = directories.iter().map(|path| format!("new directory {path}")).collect();
        let mut files = Vec::new();
        let mut diffs = Vec::new();
        for (file, found) in tree.files.into_iter().zip(found_files) {
            let TreeFile { name, mode, content } = file;
            let path = found.path.clone();
            let wanted = Wanted {
                // Its directory is made before it.
                make_parent: Some(self.directory_mode.clone()),
                ..self.wanted(content, &format!("{}/{name}", src.trim_end_matches('/')), Some(mode))
            };
            if let State::Pending(pending) = wanted.compare(context, found)? {
                changes.extend(pending.changes.into_iter().map(|change| format!("{change} {path}")));
                diffs.extend(pending.diff);
                files.push(pending.plan);
            }
        }
        let root = found.into_iter().next().unwrap_or_default();
        let outcome = self.tree_result(&root);
        if changes.is_empty() {
            return Ok(State::Satisfied(outcome));
        }
        Ok(State::Pending(Pending {
            plan: Plan::Tree {
                root,
                directories,
                files,
            },
            changes,
            diff: diffs,
            result: outcome.result,
        }))
    }

    fn tree_result(&self, root: &Found) -> Outcome {
        Outcome::ok()
            .with("dest", root.path.clone())
            .with("src", self.src.as_ref().map_or_else(String::new, |src| src.0.clone()))
    }
}
