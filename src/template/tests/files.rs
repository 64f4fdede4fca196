use std::path::Path;

use crate::template::registry::Registry;

/// Tests of files on the controller, as in Ansible.
pub(super) fn register(registry: &mut Registry<'_>) {
    for name in ["exists", "link_exists"] {
        registry.test(name, move |path: String| {
            let path = Path::new(&path);
            path.exists() || (name == "link_exists" && path.is_symlink())
        });
    }
    for name in ["file", "is_file"] {
        registry.test(name, |path: String| Path::new(&path).is_file());
    }
    for name in ["directory", "is_dir"] {
        registry.test(name, |path: String| Path::new(&path).is_dir());
    }
    for name in ["link", "is_link"] {
        registry.test(name, |path: String| Path::new(&path).is_symlink());
    }
    for name in ["abs", "is_abs"] {
        registry.test(name, |path: String| Path::new(&path).is_absolute());
    }
    for name in ["mount", "is_mount"] {
        registry.test(name, |path: String| is_mount(Path::new(&path)));
    }
    for name in ["same_file", "is_same_file"] {
        registry.test(name, |one: String, other: String| {
            let real = |path: &str| Path::new(path).canonicalize().ok();
            real(&one).is_some_and(|one| Some(one) == real(&other))
        });
    }
}

/// A place that another file system is mounted at: it is on another device than the folder around it.
fn is_mount(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    if path.is_symlink() {
        return false;
    }
    let look = |path: &Path| fs_err::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    match (look(path), look(&path.join(".."))) {
        (Some((device, node)), Some((outer_device, outer_node))) => device != outer_device || node == outer_node,
        _ => false,
    }
}
