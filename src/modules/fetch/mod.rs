mod place;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use schemars::JsonSchema;
use serde::Deserialize;

use super::args::{Flag, Text};
use super::remote_file::{Content, Found, Query};
use super::{ArgumentError, Context, Failure, Module, Outcome, Pending, State};
use place::Place;

/// Gets a file from the node to this machine, the way back of `copy`. A file that is here already with the same content
/// is not sent; a new one is checked, and put in place in one step, readable by its owner only.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// The file on the node; no directory.
    src: Text,
    /// The folder of this machine that it goes to, from the playbook's folder on: as `DEST/HOST/SRC`, so that the files of
    /// several hosts do not get into each other's way.
    dest: Text,
    /// `dest` is the file itself, or, when it ends in `/`, the folder that the file is put into under its own name.
    /// Default: false.
    #[serde(default)]
    flat: Flag,
    /// A file that is missing or cannot be read is a failure. Default: true.
    #[serde(default = "yes")]
    fail_on_missing: Flag,
    /// Compares the checksums after the file was sent. Switch it off for files that change all the time. Default: true.
    #[serde(default = "yes")]
    validate_checksum: Flag,
}

fn yes() -> Flag {
    Flag(true)
}

/// What has to be sent.
pub struct Plan {
    /// Where it is on the node.
    path: String,
    /// Its checksum there.
    sha256: String,
    /// Where it goes on this machine.
    copy: PathBuf,
}

impl Module for Fetch {
    const NAME: &'static str = "fetch";
    const EXAMPLE: &'static str = "\
- name: kubeadm's configuration of every master, in one folder for each
  fetch:
    src: /etc/kubernetes/kubeadm-config.yaml
    dest: collected/
    fail_on_missing: false

- name: The administrator's kubeconfig
  fetch:
    src: /etc/kubernetes/admin.conf
    dest: cluster.kubeconfig
    flat: true
";

    type Plan = Plan;

    fn validate(&self) -> Result<(), ArgumentError> {
        if self.src.is_empty() || self.src.ends_with('/') {
            return Err(ArgumentError::option("src", "`fetch` gets one file, no directory"));
        }
        if self.dest.is_empty() {
            return Err(ArgumentError::option("dest", "say where the file goes on this machine"));
        }
        Ok(())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Plan>, Failure> {
        let query = Query {
            checksum: "sha256",
            ..Query::default()
        };
        let found = query.ask(context, &self.src)?;
        let Some(sha256) = found.checksum() else {
            return self.without(&found);
        };
        let place = Place {
            dest: &self.dest,
            flat: *self.flat,
            host: context.host,
            base: &context.files.playbook_folder,
        };
        let copy = place.of(&found.path)?;
        let result = Outcome::ok()
            .with("file", found.path.clone())
            .with("dest", copy.display().to_string());
        if copy.is_file() {
            let here = Content::File(copy.clone()).digests()?;
            if here.sha256 == sha256 {
                return Ok(State::Satisfied(with_checksum(result, here.sha1)));
            }
        }
        let change = if copy.exists() { "content" } else { "new file" };
        let plan = Plan {
            path: found.path.clone(),
            sha256: sha256.to_owned(),
            copy,
        };
        let mut pending = Pending::new(plan, [change]);
        pending.result = result.result;
        Ok(pending.into())
    }

    fn apply(&self, context: &mut Context<'_>, plan: Plan) -> Result<Outcome, Failure> {
        let target = Target::at(&plan.copy)?;
        let mut partial = target.begin()?;
        context.download(&plan.path, &mut partial)?;
        let got = Content::File(partial.path().to_owned()).digests()?;
        if *self.validate_checksum && got.sha256 != plan.sha256 {
            return Err(Failure::new(format!(
                "what arrived of {} is not what the node has: the checksums differ",
                plan.path
            ))
            .help("run this again; with a file that changes all the time set `validate_checksum: false`"));
        }
        target.finish(partial)?;
        let result = Outcome::changed([""; 0])
            .with("file", plan.path)
            .with("dest", plan.copy.display().to_string());
        Ok(with_checksum(result, got.sha1))
    }
}

/// Both names that Ansible's module gives to the checksum.
fn with_checksum(outcome: Outcome, sha1: Option<String>) -> Outcome {
    match sha1 {
        Some(sha1) => outcome.with("checksum", sha1.clone()).with("remote_checksum", sha1),
        None => outcome,
    }
}

impl Fetch {
    /// There is no such file to send.
    fn without(&self, found: &Found) -> Result<State<Plan>, Failure> {
        let why = if !found.exists() {
            "the remote file does not exist"
        } else if found.leads_to_directory() {
            "remote file is a directory, fetch cannot work on directories"
        } else if found.text("readable").is_none() {
            "the remote file is not readable"
        } else {
            "the remote file is no regular file"
        };
        if *self.fail_on_missing {
            let failure = Failure::new(format!("{}: {why}", found.path)).with("file", found.path.clone());
            return Err(failure.help("mend `src`, or set `fail_on_missing: false` where the file may be missing"));
        }
        let outcome = Outcome::ok()
            .with("msg", format!("{why}, not transferring, ignored"))
            .with("file", found.path.clone());
        Ok(State::Satisfied(outcome))
    }
}

/// A file of this machine that is written beside its place first.
struct Target<'p> {
    copy: &'p Path,
    folder: &'p Path,
}

impl<'p> Target<'p> {
    /// Makes the folder that it is in.
    fn at(copy: &'p Path) -> Result<Self, Failure> {
        let folder = copy.parent().filter(|folder| !folder.as_os_str().is_empty());
        let target = Self {
            copy,
            folder: folder.unwrap_or(Path::new(".")),
        };
        fs::create_dir_all(target.folder).map_err(|error| target.cannot(&error))?;
        Ok(target)
    }

    /// The file beside it: made with mode 0600, and gone by itself when anything fails.
    fn begin(&self) -> Result<tempfile::NamedTempFile, Failure> {
        tempfile::NamedTempFile::new_in(self.folder).map_err(|error| self.cannot(&error))
    }

    /// Puts it in place; a file that was there keeps its mode.
    fn finish(&self, partial: tempfile::NamedTempFile) -> Result<(), Failure> {
        if let Ok(before) = fs::metadata(self.copy) {
            partial
                .as_file()
                .set_permissions(before.permissions())
                .map_err(|error| self.cannot(&error))?;
        }
        partial.as_file().sync_all().map_err(|error| self.cannot(&error))?;
        partial.persist(self.copy).map_err(|error| self.cannot(&error.error))?;
        Ok(())
    }

    fn cannot(&self, error: &io::Error) -> Failure {
        Failure::new(format!("{} cannot be written here: {error}", self.copy.display()))
    }
}
