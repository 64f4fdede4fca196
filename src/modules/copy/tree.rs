use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::connection::Script;
use crate::modules::remote_file::Content;
use crate::modules::{Context, Failure};

const LIST: Script = Script {
    name: "copy/list",
    text: include_str!("list.sh"),
};

/// Links that lead in circles end here.
const MAX_DEPTH: usize = 64;

/// A directory to be copied: what is in it, by names relative to it.
#[derive(Default)]
pub(super) struct Tree {
    pub directories: Vec<String>,
    pub files: Vec<TreeFile>,
}

/// A file of a directory.
pub(super) struct TreeFile {
    pub name: String,
    pub mode: u32,
    pub content: Content,
}

impl Tree {
    /// A directory of this machine; links stand for what they point to.
    pub fn here(folder: &Path) -> Result<Self, Failure> {
        let mut tree = Self::default();
        tree.walk(folder, "", 0)?;
        Ok(tree)
    }

    fn walk(&mut self, folder: &Path, prefix: &str, depth: usize) -> Result<(), Failure> {
        let failed = |error: std::io::Error| Failure::new(error.to_string());
        if depth > MAX_DEPTH {
            return Err(Failure::new(format!("{} is nested too deeply", folder.display()))
                .help("does a link in it lead back to it?"));
        }
        let mut entries = fs_err::read_dir(folder)
            .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
            .map_err(failed)?;
        entries.sort_by_key(fs_err::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let Some(name) = entry.file_name().to_str().map(ToOwned::to_owned) else {
                return Err(Failure::new(format!("the name of {} is no UTF-8", path.display())));
            };
            let name = format!("{prefix}{name}");
            let metadata = fs_err::metadata(&path).map_err(failed)?;
            if metadata.is_dir() {
                self.directories.push(name.clone());
                self.walk(&path, &format!("{name}/"), depth + 1)?;
            } else {
                self.files.push(TreeFile {
                    name,
                    mode: metadata.permissions().mode() & 0o7777,
                    content: Content::File(path),
                });
            }
        }
        Ok(())
    }

    /// A directory of the node.
    pub fn on_node(context: &mut Context<'_>, folder: &str) -> Result<Self, Failure> {
        let output = context.run(LIST, [folder])?;
        if !output.success() {
            return Err(Failure::of_program(&format!("reading the directory {folder}"), &output));
        }
        let mut tree = Self::default();
        for line in output.stdout_text().lines() {
            match line.split_once('=') {
                Some(("directory", name)) => tree.directories.push(name.to_owned()),
                Some(("file", file)) => tree.files.push(
                    node_file(folder, file)
                        .ok_or_else(|| Failure::new(format!("{folder} holds a file whose name cannot be read")))?,
                ),
                _ => return Err(Failure::new(format!("{folder} holds a name with a line break"))),
            }
        }
        Ok(tree)
    }
}

fn node_file(folder: &str, line: &str) -> Option<TreeFile> {
    let mut words = line.splitn(4, ' ');
    let mode = u32::from_str_radix(words.next()?, 16).ok()? & 0o7777;
    let sha256 = words.next()?.to_owned();
    let size = words.next()?.parse().ok()?;
    let name = words.next()?.to_owned();
    Some(TreeFile {
        content: Content::OnNode {
            path: format!("{}/{name}", folder.trim_end_matches('/')),
            sha256,
            size,
        },
        name,
        mode,
    })
}
