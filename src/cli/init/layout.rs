//! The files of a repository for clusters.

use std::path::PathBuf;

use include_dir::{Dir, include_dir};

static PLAYBOOKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/playbooks");
static ROLES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/roles");

/// Folders that are laid out as krun ships them.
pub(super) const FOLDERS: [&str; 2] = ["playbooks", "roles"];

/// A file of the layout.
pub(super) struct File {
    /// Where it belongs, from the repository on.
    pub(super) path: PathBuf,
    pub(super) content: &'static [u8],
}

/// All files.
pub(super) fn files() -> Vec<File> {
    let own: [(&str, &'static [u8]); 9] = [
        ("README.md", include_bytes!("files/README.md")),
        ("krun.toml", include_bytes!("files/krun.toml")),
        (".gitignore", include_bytes!("files/gitignore")),
        ("inventory/production/hosts.ini", include_bytes!("files/production.ini")),
        (
            "inventory/production/group_vars/all.yml",
            include_bytes!("../../../inventory/group_vars/all.yml"),
        ),
        (
            "inventory/production/group_vars/masters.yml",
            include_bytes!("../../../inventory/group_vars/masters.yml"),
        ),
        (
            "inventory/production/group_vars/workers.yml",
            include_bytes!("../../../inventory/group_vars/workers.yml"),
        ),
        ("inventory/staging/hosts.ini", include_bytes!("files/staging.ini")),
        (
            "inventory/staging/group_vars/all.yml",
            include_bytes!("files/staging.yml"),
        ),
    ];
    let mut files: Vec<_> = own
        .into_iter()
        .map(|(path, content)| File {
            path: path.into(),
            content,
        })
        .collect();
    for (folder, shipped) in FOLDERS.into_iter().zip([&PLAYBOOKS, &ROLES]) {
        add(folder, shipped, &mut files);
    }
    files
}

fn add(folder: &str, shipped: &'static Dir<'static>, files: &mut Vec<File>) {
    for file in shipped.files() {
        files.push(File {
            path: PathBuf::from(folder).join(file.path()),
            content: file.contents(),
        });
    }
    for inner in shipped.dirs() {
        add(folder, inner, files);
    }
}
