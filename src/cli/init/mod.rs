//! `krun init`: a repository for clusters, with the playbooks and roles that krun ships.

mod layout;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use indexmap::IndexMap;

use super::error::EXIT_ERROR;
use super::print::{print, print_findings};
use crate::syntax::Diagnostic;
use layout::{FOLDERS, File};

/// Lay out a repository for clusters: inventories, playbooks, roles
#[derive(Args, Debug)]
pub(super) struct InitArgs {
    /// The folder; it is made when it is not there
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
}

/// What became of a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Fate {
    Made,
    /// It was there, with this content.
    Same,
    /// It was there, with another content.
    Differs,
}

/// Runs the subcommand; gives its exit code.
pub(super) fn run(args: &InitArgs) -> i32 {
    let mut fates = Vec::new();
    for file in layout::files() {
        match put(&args.folder, &file) {
            Ok(fate) => fates.push((file, fate)),
            Err(error) => {
                let path = args.folder.join(&file.path);
                let error = Diagnostic::error(format!("cannot make it: {error}")).in_file(path);
                print_findings(
                    &error
                        .help("what was made before it stays; run the same command again")
                        .into(),
                );
                return EXIT_ERROR;
            }
        }
    }
    print(&report(&args.folder, &fates))
}

/// Writes the file where none is; whatever is there stays.
fn put(folder: &Path, file: &File) -> io::Result<Fate> {
    let path = folder.join(&file.path);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match OpenOptions::new().write(true).create_new(true).open(&path) {
        Ok(mut new) => new.write_all(file.content).map(|()| Fate::Made),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let same = std::fs::read(&path).is_ok_and(|there| there == file.content);
            Ok(if same { Fate::Same } else { Fate::Differs })
        }
        Err(error) => Err(error),
    }
}

fn report(folder: &Path, fates: &[(File, Fate)]) -> String {
    let mut lines = Vec::new();
    let mut in_folders: IndexMap<(&str, Fate), usize> = IndexMap::new();
    for (file, fate) in fates {
        match FOLDERS.iter().find(|folder| file.path.starts_with(folder)) {
            // One's own changes are to be seen one by one.
            Some(folder) if *fate != Fate::Differs => *in_folders.entry((folder, *fate)).or_default() += 1,
            _ => lines.push(line(*fate, &file.path.display().to_string())),
        }
    }
    for ((folder, fate), number) in in_folders {
        lines.push(line(fate, &format!("{folder}/ ({number} files)")));
    }
    let here = folder == Path::new(".");
    let enter = if here {
        String::new()
    } else {
        format!("  cd {}\n", folder.display())
    };
    lines.push(format!(
        "\nnext:\n{enter}  put the nodes into inventory/production/hosts.ini and inventory/staging/hosts.ini,\n  \
         and the version into group_vars/all.yml beside them; then\n  \
         krun playbooks/preflight.yml -i inventory/staging"
    ));
    lines.join("\n")
}

fn line(fate: Fate, what: &str) -> String {
    match fate {
        Fate::Made => format!("made  {what}"),
        Fate::Same => format!("kept  {what}"),
        Fate::Differs => format!("kept  {what}, which differs from what this krun lays out"),
    }
}
