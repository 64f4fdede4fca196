use std::path::{Component, Path, PathBuf};

use crate::modules::Failure;

/// What decides where a fetched file goes.
pub struct Place<'a> {
    /// The task's `dest`.
    pub dest: &'a str,
    /// It is the file itself.
    pub flat: bool,
    /// Whose file it is.
    pub host: &'a str,
    /// The folder that a relative `dest` starts from.
    pub base: &'a Path,
}

impl Place<'_> {
    /// The place of a file of the node, with links on this machine resolved.
    pub fn of(&self, path: &str) -> Result<PathBuf, Failure> {
        let dest = self.base.join(home(self.dest));
        let copy = if !self.flat {
            dest.join(one_name(self.host)?).join(below_root(path)?)
        } else if self.dest.ends_with('/') {
            dest.join(below_root(path)?.file_name().unwrap_or_default())
        } else if dest.is_dir() {
            return Err(
                Failure::new(format!("{} is a directory of this machine", dest.display()))
                    .help("end `dest` with `/` to put the file into it"),
            );
        } else {
            dest
        };
        if copy.is_dir() {
            return Err(
                Failure::new(format!("{} is a directory of this machine", copy.display()))
                    .help("choose another `dest`"),
            );
        }
        Ok(std::fs::canonicalize(&copy).unwrap_or(copy))
    }
}

/// The folder that `~` stands for.
fn home(dest: &str) -> PathBuf {
    match (dest.strip_prefix('~'), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            Path::new(&home).join(rest.trim_start_matches('/'))
        }
        _ => PathBuf::from(dest),
    }
}

/// A host's name as the name of a folder.
fn one_name(host: &str) -> Result<&str, Failure> {
    let mut components = Path::new(host).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(_)), None) => Ok(host),
        _ => Err(
            Failure::new(format!("the host's name `{host}` is no name for a folder"))
                .help("set `flat: true` and give the file's full path in `dest`"),
        ),
    }
}

/// A path of the node below another folder, without `..`, so that no file ends up outside of that folder.
fn below_root(path: &str) -> Result<PathBuf, Failure> {
    let mut below = PathBuf::new();
    let is_absolute = path.starts_with('/');
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => below.push(name),
            Component::ParentDir if !below.pop() && !is_absolute => {
                return Err(
                    Failure::new(format!("`{path}` leads out of the folder that it starts from"))
                        .help("give the file's full path in `src`"),
                );
            }
            _ => {}
        }
    }
    Ok(below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("collected", false, "/etc/a.conf", "/play/collected/n1/etc/a.conf")]
    #[case("/x/", false, "/etc/../../b", "/x/n1/b")]
    #[case("/x", false, "a/./b", "/x/n1/a/b")]
    #[case("out/", true, "/etc/a.conf", "/play/out/a.conf")]
    #[case("/y/b.conf", true, "/etc/a.conf", "/y/b.conf")]
    fn layout(#[case] dest: &str, #[case] flat: bool, #[case] path: &str, #[case] expected: &str) {
        let place = Place {
            dest,
            flat,
            host: "n1",
            base: Path::new("/play"),
        };
        assert_eq!(place.of(path).unwrap(), Path::new(expected));
    }

    #[rstest]
    #[case("n1", "../secret")]
    #[case("..", "/etc/a")]
    #[case("a/b", "/etc/a")]
    fn nothing_leads_out_of_the_folder(#[case] host: &str, #[case] path: &str) {
        let place = Place {
            dest: "/x",
            flat: false,
            host,
            base: Path::new("/play"),
        };
        assert!(place.of(path).is_err());
    }
}
