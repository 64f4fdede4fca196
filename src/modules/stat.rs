use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::args::{Flag, Text};
use super::remote_file::{Algorithm, Found, Query, mode_flags, octal};
use super::{Again, Context, Failure, Fuses, Module, Outcome, State};

/// Looks at a file on the node. The result's `stat` says whether it exists, and if so what it is. Changes nothing, so
/// it also runs in check mode.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stat {
    /// The file, directory or link to look at.
    path: Text,
    /// Looks at what a symbolic link points to. Default: false, at the link itself.
    #[serde(default)]
    follow: Flag,
    /// Reads the file for its checksum (`stat.checksum`). Default: true.
    #[serde(default = "yes")]
    get_checksum: Flag,
    /// Which checksum. Default: `sha1`, as in Ansible.
    #[serde(default)]
    checksum_algorithm: Algorithm,
}

fn yes() -> Flag {
    Flag(true)
}

impl Module for Stat {
    const NAME: &'static str = "stat";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[
        ("dest", "path"),
        ("name", "path"),
        ("checksum", "checksum_algorithm"),
        ("checksum_algo", "checksum_algorithm"),
    ];
    const FUSES: Fuses = Fuses::Looks;
    const AGAIN: Again = Again::Once;
    const EXAMPLE: &'static str = "\
- name: Is this a control-plane node?
  stat:
    path: /etc/kubernetes/manifests/kube-apiserver.yaml
  register: manifest

- name: Say so
  debug:
    msg: a master
  when: manifest.stat.exists
";

    type Plan = ();

    fn check(&self, context: &mut Context<'_>) -> Result<State<()>, Failure> {
        let query = Query {
            follow: *self.follow,
            checksum: if *self.get_checksum {
                self.checksum_algorithm.name()
            } else {
                ""
            },
            accessed: true,
            ..Query::default()
        };
        let found = query.ask(context, &self.path)?;
        Ok(State::Satisfied(Outcome::ok().with("stat", describe(&found))))
    }

    fn apply(&self, _: &mut Context<'_>, (): ()) -> Result<Outcome, Failure> {
        Ok(Outcome::ok())
    }
}

/// A file under Ansible's names.
fn describe(found: &Found) -> Value {
    if !found.exists() {
        return json!({"exists": false});
    }
    let mut stat = Map::new();
    let mut set = |name: &str, value: Value| stat.insert(name.to_owned(), value);
    set("exists", json!(true));
    set("path", json!(found.path));
    set("mode", json!(octal(found.mode())));
    for (name, key) in [
        ("uid", "uid"),
        ("gid", "gid"),
        ("size", "size"),
        ("inode", "inode"),
        ("dev", "device"),
        ("nlink", "links"),
        ("atime", "accessed"),
        ("mtime", "modified"),
        ("ctime", "changed"),
    ] {
        set(name, json!(found.number(key)));
    }
    for (name, is_set) in mode_flags(found.raw_mode()) {
        set(name, json!(is_set));
    }
    for (name, key) in [
        ("readable", "readable"),
        ("writeable", "writable"),
        ("executable", "executable"),
    ] {
        set(name, json!(found.text(key).is_some()));
    }
    for (name, key) in [
        ("pw_name", "owner"),
        ("gr_name", "group"),
        ("checksum", "checksum"),
        ("lnk_target", "link"),
        ("lnk_source", "link_source"),
    ] {
        if let Some(text) = found.text(key) {
            set(name, json!(text));
        }
    }
    Value::Object(stat)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use crate::connection::scripted::Answer;
    use crate::modules::testing::{asked, check_module, run_module, scripted, shells};

    #[test]
    fn one_exchange_also_in_check_mode() {
        let (mut node, log) = scripted([Answer::stdout("umask=0022\npath=/etc/x\n")]);
        let outcome = check_module("stat", json!({"path": "/etc/x"}), &mut node).unwrap();
        assert_eq!(outcome.result["stat"], json!({"exists": false}));
        assert_eq!(asked(&log), ["remote_file/query no sha1 0  yes /etc/x"]);
    }

    #[rstest]
    fn files_directories_and_links(#[values("dash", "busybox sh", "bash --posix")] shell: &str) {
        let mut node = shells(shell);
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(path("a = b"), "x\n").unwrap();
        std::os::unix::fs::symlink("a = b", path("link")).unwrap();
        std::os::unix::fs::symlink("nowhere", path("dangling")).unwrap();
        let mut stat = |options| {
            let outcome = run_module("stat", options, node.connection()).unwrap();
            assert!(!outcome.changed);
            outcome.result["stat"].clone()
        };
        let file = stat(json!({"path": path("a = b"), "checksum_algorithm": "md5"}));
        assert_eq!(file["checksum"], "401b30e3b8b5d629635a5c613cdb7919");
        assert_eq!(
            (&file["size"], &file["isreg"], &file["mode"]),
            (&json!(2), &json!(true), &json!("0644"))
        );
        let link = stat(json!({"path": path("link")}));
        assert_eq!((&link["islnk"], &link["lnk_target"]), (&json!(true), &json!("a = b")));
        assert_eq!(link["lnk_source"], path("a = b"));
        let followed = stat(json!({"path": path("link"), "follow": true}));
        assert_eq!((&followed["islnk"], &followed["size"]), (&json!(false), &json!(2)));
        let dangling = stat(json!({"path": path("dangling")}));
        assert_eq!((&dangling["exists"], &dangling["islnk"]), (&json!(true), &json!(true)));
        assert_eq!(stat(json!({"path": path("")}))["isdir"], true);
        assert_eq!(stat(json!({"path": path("no")}))["exists"], false);
    }
}
