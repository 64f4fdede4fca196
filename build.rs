//! `krun init` carries the playbooks and roles: a file that comes or goes there has krun built anew.

fn main() {
    for folder in ["playbooks", "roles", "inventory"] {
        println!("cargo:rerun-if-changed={folder}");
    }
}
