//! Tests over whole inventories; the parts are tested where they stand.

mod broken;
mod changing;
mod patterns;
mod precedence;
mod vault;

use super::Inventory;
use crate::syntax::Diagnostics;
use crate::vars::vault::VaultPasswords;

/// Writes files into a directory of its own and loads the first of them as the inventory.
fn load_files(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<(Inventory, Diagnostics), Diagnostics>) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let first = directory.path().join(files[0].0).to_string_lossy().into_owned();
    let loaded = Inventory::load(&[first], &VaultPasswords::default());
    (directory, loaded)
}

/// An inventory from the text of an INI file.
fn ini(text: &str) -> Inventory {
    load_files(&[("hosts", text)]).1.unwrap().0
}
