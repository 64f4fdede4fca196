//! What the fuzz targets share: a folder in memory where possible, an inventory, passwords.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use krun::inventory::{Inventory, InventoryVariables};
use krun::vars::vault::VaultPasswords;

/// A folder for this process; it lies in memory where the system has such a place.
pub fn folder() -> &'static Path {
    static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let memory = Path::new("/dev/shm");
        let made = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        made.expect("a temporary folder can be made")
    });
    FOLDER.path()
}

/// Writes a file into the folder.
pub fn write(name: &str, text: &str) -> PathBuf {
    let path = folder().join(name);
    std::fs::write(&path, text).expect("a temporary file can be written");
    path
}

/// A small inventory: the groups `masters` and `workers`.
pub fn inventory() -> &'static (Inventory, InventoryVariables) {
    static INVENTORY: LazyLock<(Inventory, InventoryVariables)> = LazyLock::new(|| {
        let text =
            "[masters]\nm[1:3] node_name=m\n[workers]\nw[01:12] ansible_user=root\n[workers:vars]\nversion=1.28.2\n";
        load(&write("hosts", text)).expect("the inventory is sound")
    });
    &INVENTORY
}

/// Reads an inventory with its variables, when nothing is wrong with it.
pub fn load(path: &Path) -> Option<(Inventory, InventoryVariables)> {
    let passwords = VaultPasswords::default();
    let (inventory, _) = Inventory::load(&[path.display().to_string()], &passwords)
        .inspect_err(|errors| drop(errors.to_string()))
        .ok()?;
    let (variables, _) = InventoryVariables::load(&inventory, None, &passwords).ok()?;
    Some((inventory, variables))
}

/// Reads an inventory and asks all that can be asked about its first hosts; findings are written out, too.
pub fn inventory_file(name: &str, text: &str) {
    let path = write(name, text);
    if let Some((inventory, variables)) = load(&path) {
        let _ = variables.check_hosts(inventory.hosts()).to_string();
        for host in inventory.hosts().take(20) {
            let _ = variables.of(&inventory, host);
            let _ = variables.layers(&inventory, host);
        }
        for group in inventory.groups().take(20) {
            let _ = (inventory.group_hosts(group), inventory.group_children(group));
        }
    }
}
